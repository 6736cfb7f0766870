"""What the store will not have of a past result, after all that is at hand of it was told."""

from __future__ import annotations

from dataclasses import dataclass

from maze.api.past_results import PastResult
from maze.tracking.contents import StoreContents, StoredRun
from maze.tracking.missing import AGENTS, missing_text, stage_part

__all__ = ["Lack"]


@dataclass(frozen=True, slots=True)
class Lack:
    """What is neither at hand of a result nor in the store.

    Attributes:
        files: in the project.
        is_told: the store has everything else already, and its runs say what they lack.
    """

    files: tuple[str, ...]
    is_told: bool

    @classmethod
    def of(cls, result: PastResult, contents: StoreContents) -> Lack:
        """Compare a result with what the store has of it.

        Args:
            result: with its gaps.
            contents: of the store.
        """
        parts = {seed: _parts(result, seed, contents.run(run)) for seed, run in result.runs.items()}
        lacking = any(parts.values())
        parent = result.record["run_id"]
        own = {} if "report" in contents.run(parent).complete else result.gaps.of_report()
        agents_say = all(contents.says(run, missing_text([*parts[seed]])) for seed, run in result.runs.items())
        parent_says = contents.says(parent, missing_text([*own, AGENTS])) or (
            not lacking and contents.says(parent, missing_text([*own]))  # else other results with this parent lack some
        )
        found = [*own.values(), *(files for told in parts.values() for files in told.values())]
        return cls(files=tuple(sorted(file for files in found for file in files)), is_told=agents_say and parent_says)


def _parts(result: PastResult, seed: int, stored: StoredRun) -> dict[str, list[str]]:
    """Return what the run of an agent will lack in words, with the files."""
    gaps = result.gaps.of_agent(seed)
    return {
        stage_part(stage, parts): [file for files in parts.values() for file in files]
        for stage, parts in gaps.items()
        if stage not in stored.complete
    }
