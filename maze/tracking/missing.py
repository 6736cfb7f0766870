"""What runs lack that were made again without some of their files: the words for it, and the tags that tell of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["AGENTS", "INCOMPLETE", "MISSING", "is_complete", "lacking", "missing_text", "stage_part"]

MISSING = "maze.missing"
"""Tag of a run that lacks something: what, and how it is completed."""

INCOMPLETE = "incomplete"
"""Outcome of a stage, in the tag ``stage.<name>``, of which the run does not have everything."""

AGENTS = "files of its agents, see their runs"
"""What a parent lacks whose agents lack something."""

_REMEDY = (
    "To complete this run, get its files (dvc fetch --all-commits; of an experiment: dvc exp pull origin NAME), then: "
    "maze-run tracking rebuild"
)


def missing_text(parts: Sequence[str]) -> str:
    """Return what people read in a run that lacks something; "" where nothing is missing.

    Args:
        parts: what is missing, in words.
    """
    return f"Neither git nor DVC's cache had: {'; '.join(parts)}. {_REMEDY}" if parts else ""


def stage_part(stage: str, missing: Iterable[str]) -> str:
    """Return the words of an agent's run for a stage that lacks something."""
    return f"{stage}: {', '.join(missing)}"


def lacking(tags: Mapping[str, str]) -> str:
    """Return what the tags of a run say about what it lacks, to be told where that is asked for; "" where nothing."""
    text = tags.get(MISSING, "")
    return f"the run was made again without some of its files. {text}" if text else ""


def is_complete(outcome: str) -> bool:
    """Return whether the tag of a stage says that its results are in the run."""
    return outcome == "ran" or outcome.startswith("reused:")
