"""Jobs that left no result: whoever reads a comparison has to know that the numbers are those of the survivors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["MissingJob", "notes_on_missing"]

_SEEDS = ("seed", "seeding.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingJob:
    """A job, or a run beside others, without a result.

    Attributes:
        source: under which it was looked for, for example the directory of the multi-run.
        name: of the job or its directory.
        reason: why there is no result, in one line.
        values: its values on the axes of the multi-run, in words; empty where they are not known.
        n_siblings: how many jobs of the same setting there are, those with a result included.
    """

    source: str
    name: str
    reason: str
    values: Mapping[str, str] = field(default_factory=dict)
    n_siblings: int = 1

    @property
    def setting(self) -> str:
        """What was varied besides seeds, in words; "" where that is nothing, or not known."""
        return setting_of(self.values)


def setting_of(values: Mapping[str, str]) -> str:
    """Return values on the axes of a multi-run in words, without those of seeds."""
    return ", ".join(f"{path}={word}" for path, word in values.items() if not path.startswith(_SEEDS))


def notes_on_missing(jobs: Sequence[MissingJob]) -> list[str]:
    """Return a line for each setting that lacks jobs: how many, and the first reason.

    Args:
        jobs: without a result.
    """
    groups: dict[tuple[str, str], list[MissingJob]] = {}
    for job in jobs:
        groups.setdefault((job.source, job.setting), []).append(job)
    notes = []
    for (source, setting), missing in groups.items():
        first, n_jobs = missing[0], missing[0].n_siblings
        whole = "all jobs are" if len(missing) == n_jobs and n_jobs > 1 else f"{len(missing)} of {n_jobs} jobs "
        whole += "" if whole.startswith("all") else ("is" if len(missing) == 1 else "are")
        counts = "none of it is shown" if len(missing) == n_jobs else "the numbers are those of the others alone"
        name = f"{source} {setting}".strip()
        notes.append(f"{name}: {whole} missing, {counts}: {first.name}: {first.reason}")
    return notes
