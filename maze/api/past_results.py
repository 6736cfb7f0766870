"""The results of the pipeline that the project's history holds, and how much of each is at hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maze.api.gaps import Gaps, is_shown
from maze.api.repository.outputs import LOCK, OutputReader
from maze.api.repository.revisions import Repository, Revision
from maze.artifacts import read_json
from maze.errors import ArtifactError

__all__ = ["RECORD", "NoResult", "PastResult", "past_results"]

RECORD = Path("out") / "report" / "record.json"

_WORKSPACE = "workspace"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastResult:
    """A result of the pipeline.

    Attributes:
        name: of the experiment, or the beginning of the commit's hash, or ``workspace``.
        revision: where it is; None for the working tree.
        root: directory of its own in which it stands as in the project, as far as git, or the working tree, holds it.
        record: what the report wrote down: ``run_id``, ``agents``, ``seeds``.
        gaps: what is neither in git nor in DVC's cache.
    """

    name: str
    revision: Revision | None
    root: Path
    record: Mapping[str, Any]
    gaps: Gaps

    @property
    def seeds(self) -> list[int]:
        """Seeds of its agents."""
        return list(self.record["seeds"])

    @property
    def runs(self) -> dict[int, str | None]:
        """Id that each agent's run had, by seed; None where it had none."""
        agents = self.record.get("agents") or {}
        return {seed: agents.get(str(seed)) for seed in self.seeds}

    def restore(self, reader: OutputReader) -> None:
        """Bring back from DVC's cache what is there."""
        reader.restore(self.root, lambda path: is_shown(path, self.seeds))


@dataclass(frozen=True, slots=True)
class NoResult:
    """What could hold a result and holds none.

    Attributes:
        name: as that of a result.
        reason: what is wrong, or missing.
        is_fault: there was a result, but it cannot be read.
    """

    name: str
    reason: str
    is_fault: bool


def past_results(repository: Repository, reader: OutputReader, scratch: Path) -> list[PastResult | NoResult]:
    """Return the results in the commits of all branches and tags, in DVC's experiments and in the working tree.

    Args:
        repository: with the pipeline.
        reader: of its outputs.
        scratch: an empty directory, in which what git holds of each result comes to stand.

    Returns:
        From the oldest to the youngest. What several revisions hold is there once, from where the most is at hand.
    """
    found: dict[Any, PastResult | NoResult] = {}
    for number, (name, revision) in enumerate(_revisions(repository)):
        root = scratch / str(number)
        result = _read(name, revision, root, repository, reader)
        identity = _identity(result) if isinstance(result, PastResult) else number
        if result is None or (identity in found and not _has_more(result, found[identity])):
            shutil.rmtree(root, ignore_errors=True)
        else:
            found[identity] = result
    return list(found.values())


def _revisions(repository: Repository) -> Iterator[tuple[str, Revision | None]]:
    """Yield everything that can hold results by name, from the oldest to the youngest; the working tree is None."""
    revisions = [*repository.commits_with(LOCK), *repository.experiments()]
    for revision in sorted(revisions, key=lambda one: one.time):
        yield revision.name, revision
    if (repository.root / RECORD).is_file():
        yield _WORKSPACE, None


def _read(
    name: str, revision: Revision | None, root: Path, repository: Repository, reader: OutputReader
) -> PastResult | NoResult | None:
    """Return what a revision, or the working tree, holds; None where the pipeline has never run."""
    root.mkdir()
    try:
        if revision is None:
            _copy(repository.root, root)
        elif not reader.extract(revision, root):  # the commit took the results away
            return None
        if not (root / RECORD).is_file():
            return NoResult(
                name, f"{RECORD.as_posix()} is not in git there: `dvc repro` had not come to its end", False
            )
        record = _record(root / RECORD)
        if record["run_id"] is None:
            return NoResult(name, f"{RECORD.as_posix()} names no run: it was not tracked when it was made", False)
        seeds = list(record["seeds"])
        named = {}
        if (root / LOCK).is_file():
            named = reader.at_hand(root, lambda path: is_shown(path, seeds))
        return PastResult(name=name, revision=revision, root=root, record=record, gaps=Gaps.of(root, seeds, named))
    except ArtifactError as error:
        return NoResult(name, str(error).replace(f"{root}/", "").replace(f"{repository.root}/", ""), True)


def _copy(project: Path, target: Path) -> None:
    """Copy what a working tree holds of its result; DVC's cache can have what it lacks."""
    seeds = _record(project / RECORD)["seeds"]
    names = [path.relative_to(project).as_posix() for path in (project / "out").rglob("*")]
    shown = [name for name in names if is_shown(name, seeds)]
    for name in (RECORD.as_posix(), "build/config.yaml", "params.yaml", LOCK, *shown):
        source, copy = project / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():  # also an empty one is there
            copy.mkdir(exist_ok=True)
        elif source.is_file():
            shutil.copyfile(source, copy)


def _record(path: Path) -> dict[str, Any]:
    record = read_json(path)
    seeds = record.get("seeds") if isinstance(record, dict) else None
    if (
        not isinstance(record, dict)
        or not isinstance(seeds, list)
        or not all(isinstance(seed, int) for seed in seeds)
        or "run_id" not in record
    ):
        raise ArtifactError(f"{path}: is no record of a report (run_id, agents, seeds); resolve conflicts in it.")
    return record


def _identity(result: PastResult) -> tuple[str, tuple[tuple[int, str | None], ...]]:
    """Return what tells results apart: seeds that were added later belong to the same run of the pipeline."""
    return str(result.record["run_id"]), tuple(sorted(result.runs.items()))


def _has_more(result: PastResult | NoResult, other: PastResult | NoResult) -> bool:
    """Return whether more is at hand of a result than of the same one elsewhere."""
    if not isinstance(result, PastResult) or not isinstance(other, PastResult):
        return False
    return len(result.gaps.files) < len(other.gaps.files)
