"""What was promoted, as text that git keeps beside the code: the registry of a lost MLflow store comes back from it.

``promoted/NAME.json`` lists the versions of a registered policy with the run that made each, and who holds which alias.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from maze.artifacts import read_json, write_json
from maze.errors import ArtifactError
from maze.tracking import find_project_root, project_store
from maze.tracking.asking import asking

__all__ = ["RestoredModel", "keep_promotion", "kept_holder", "restore_promotions"]

_FOLDER = "promoted"


@dataclass(frozen=True, slots=True)
class RestoredModel:
    """What became of one registered policy.

    Attributes:
        name: of the policy.
        aliases: version by alias that holds it now.
        missing: run by alias that could not be given, since its run, or its policy, is not in the store.
        without_policy: those of these runs that are in the store and lack their policy.
    """

    name: str
    aliases: Mapping[str, str]
    missing: Mapping[str, str]
    without_policy: frozenset[str] = frozenset()


def keep_promotion(directory: Path, name: str, registry: Mapping[str, Any]) -> Path | None:
    """Write down what the registry says of a policy; what an earlier file tells besides stays.

    Args:
        directory: in the project.
        name: of the policy.
        registry: ``versions``, each with ``version`` and ``run_id``, and ``aliases``, run id by alias.

    Returns:
        The file, relative to the project; None where there is no project around.

    Raises:
        ArtifactError: the file cannot be written, or an earlier one cannot be read.
    """
    path = _path(directory, name)
    if path is None:
        return None
    earlier = _read(path) if path.is_file() else {"versions": [], "aliases": {}}
    now = {(entry["version"], entry["run_id"]): entry for entry in registry["versions"]}
    before = {(entry["version"], entry["run_id"]): entry for entry in earlier["versions"]}
    merged = {**before, **now}  # versions of somebody else's store may have the same numbers
    content = {
        "model": name,
        "aliases": {**earlier["aliases"], **registry["aliases"]},
        "versions": [merged[key] for key in sorted(merged)],
    }
    try:
        write_json(path, content)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written ({error})") from error
    return path.relative_to(path.parents[1])


def kept_holder(directory: Path, name: str, alias: str) -> str | None:
    """Return the run that holds an alias according to the file; None where it tells of none.

    Raises:
        ArtifactError: the file cannot be read.
    """
    path = _path(directory, name)
    if path is None or not path.is_file():
        return None
    holder = _read(path)["aliases"].get(alias)
    return None if holder is None else str(holder)


def restore_promotions(directory: Path) -> list[RestoredModel]:
    """Give the registry the versions and aliases that the project's files tell of, as far as it has lost them.

    Args:
        directory: in the project.

    Raises:
        ArtifactError: a file cannot be read; then nothing is changed.
        TrackingError: the store cannot be used.
    """
    root, _ = find_project_root(directory)
    models = [] if root is None else [_read(path) for path in sorted((root / _FOLDER).glob("*.json"))]
    if not models:
        return []
    values, store = {"action": "restore", "models": models}, project_store(directory)
    with asking("maze.tracking.mlflow_registry", values, store) as (told, _):
        return [
            RestoredModel(one["model"], one["aliases"], one["missing"], frozenset(one["without_policy"]))
            for one in told["models"]
        ]


def _path(directory: Path, name: str) -> Path | None:
    root, _ = find_project_root(directory)
    return None if root is None else root / _FOLDER / f"{quote(name, safe=' ')}.json"


def _read(path: Path) -> dict[str, Any]:
    content = read_json(path)
    known = isinstance(content, dict) and isinstance(content.get("aliases"), dict)
    entries = content.get("versions") if known else None
    if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
        raise ArtifactError(
            f"{path}: does not tell what was promoted (model, aliases, and versions with version and run_id); resolve "
            "conflicts in it, or restore it from git."
        )
    return {"model": str(content.get("model")), "aliases": dict(content["aliases"]), "versions": entries}


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("version"), int) and isinstance(entry.get("run_id"), str)
