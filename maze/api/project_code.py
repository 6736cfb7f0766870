"""Code of a user's own in a pipeline: no stage may run it without depending on it."""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from maze.api.pipeline import pipeline_code
from maze.errors import InvalidSpecificationError

__all__ = ["check_code"]

_INSTALLED = ("purelib", "platlib")


def check_code(modules: Iterable[str], project: Path | None = None) -> None:
    """Refuse modules of the project on which no stage of its pipeline depends, so that no result can be stale.

    Installed packages, which DVC does not watch, are accepted: the environment's lock tells of them.

    Args:
        modules: modules of the user's own that a configuration names; none is imported.
        project: where dvc.yaml is; the working directory when None.

    Raises:
        InvalidSpecificationError: names the module, and what to write into params.yaml.
    """
    root = (Path.cwd() if project is None else project).resolve()
    places = {name: place for name in modules for place in [_place(name)] if place is not None}
    own = {name: place for name, place in places.items() if place.is_relative_to(root) and not _is_installed(place)}
    if not own:
        return
    watched = [(root / path).resolve() for path in pipeline_code(root / "dvc.yaml")]
    for name, place in own.items():
        if not any(place.is_relative_to(path) for path in watched):
            code = place.relative_to(root).as_posix()
            raise InvalidSpecificationError(
                f"allowed_modules: {name!r} is code of this project on which no stage depends, so that an edit of it "
                f"would re-run nothing; write code: {code} into params.yaml (or add it to the deps in dvc.yaml)."
            )


def _place(name: str) -> Path | None:
    """Return the file of a module's top level, or the folder of a package; None where there is none yet."""
    try:
        spec = importlib.util.find_spec(name.partition(".")[0])
    except (ImportError, ValueError):  # a loaded module may have no specification
        return None
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    if folders:
        return Path(folders[0]).resolve()
    return Path(spec.origin).resolve() if spec.has_location and spec.origin is not None else None


def _is_installed(place: Path) -> bool:
    return any(place.is_relative_to(Path(sysconfig.get_path(name)).resolve()) for name in _INSTALLED)
