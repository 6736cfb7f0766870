"""Code and data of a user's own in a pipeline: no stage may use them without depending on them."""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from maze.api.pipeline import pipeline_code
from maze.config import RunConfig
from maze.errors import InvalidSpecificationError

__all__ = ["check_code", "check_inputs"]

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


def check_inputs(config: RunConfig, inputs: Any, project: Path | None = None) -> None:
    """Refuse data and agents that training begins with and the pipeline does not depend on.

    Args:
        config: a composed configuration.
        inputs: what params.yaml says under this name.
        project: where dvc.yaml is; the working directory when None.

    Raises:
        InvalidSpecificationError: names the place, and what to write into params.yaml.
    """
    root = (Path.cwd() if project is None else project).resolve()
    given = config.algorithm.get("demonstrations")
    places = {"algorithm.demonstrations": [given] if isinstance(given, str) else list(given or ())}
    places["input_dir"] = [config.input_dir] if config.input_dir is not None else []
    watched = (root / inputs).resolve() if isinstance(inputs, str) else None
    for name, found in places.items():
        for place in found:
            if watched is None or not (root / place).resolve().is_relative_to(watched):
                raise InvalidSpecificationError(
                    f"set.{name}: no stage depends on {place!r}, so that a change of it would re-run nothing; write "
                    f"inputs: {place} into params.yaml, or a folder that holds everything that training begins with."
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
