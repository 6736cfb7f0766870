"""Every error that maze raises on purpose, in one tree.

A message says the value that was given, what is accepted, the nearest match and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ArtifactError",
    "EnvError",
    "InvalidSpecificationError",
    "MazeError",
    "RunContextError",
    "TrackingError",
    "TrainingError",
    "suggest",
]


class MazeError(Exception):
    """Base class of all errors that maze raises on purpose."""


class RunContextError(MazeError):
    """A RunContext was used in a way that it does not support; the message says what to call instead."""


class InvalidSpecificationError(RunContextError):
    """Something in the specification of an experiment is wrong: a name, a path, a type or a value."""


class EnvError(MazeError):
    """An environment could not be made, or broke its own interface while it ran."""


class ArtifactError(MazeError):
    """Files of a run are missing, unreadable, or do not belong together."""


class TrackingError(MazeError):
    """The tracking store cannot be used and the run was told to require it."""


class TrainingError(MazeError):
    """Training cannot go on, for example because a loss is not a number."""


def suggest(value: object, accepted: Iterable[object]) -> str:
    """Return the tail of an error message: the nearest match, if any, and everything that is accepted.

    Args:
        value: what the user gave.
        accepted: all values that would have been understood.

    Returns:
        For example ``"did you mean 'lr'? Accepted: gamma, lr."``, or ``"Nothing is accepted here."``.
    """
    names = sorted({str(name) for name in accepted})
    if not names:
        return "Nothing is accepted here."
    matches = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    hint = f"did you mean {matches[0]!r}? " if matches else ""
    return f"{hint}Accepted: {', '.join(names)}."
