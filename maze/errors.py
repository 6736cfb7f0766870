"""Every error that maze raises on purpose, in one tree.

A message says the value that was given, what is accepted, the nearest match and what to do next.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "ArtifactError",
    "EnvError",
    "InvalidSpecificationError",
    "MazeError",
    "NoSnapshotError",
    "RunContextError",
    "TrackingError",
    "TrainingError",
    "nearest_path",
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


class NoSnapshotError(EnvError):
    """The state of an environment cannot be saved or cloned as a whole; the message says what is in the way."""


class ArtifactError(MazeError):
    """Files of a run are missing, unreadable, or do not belong together."""


class TrackingError(MazeError):
    """The tracking store cannot be used and the run was told to require it."""


class TrainingError(MazeError):
    """Training cannot go on, for example because a loss is not a number."""


_MOST_NAMES = 40

_SYNONYMS = {
    "batch": "batch_size",
    "clip": "clip_range",
    "discount": "gamma",
    "discount_factor": "gamma",
    "ent_coef": "entropy_coef",
    "epochs": "n_epochs",
    "environment": "env",
    "learning_rate": "lr",
    "max_epochs": "n_epochs",
    "minibatch_size": "batch_size",
    "n_steps": "n_rollout_steps",
    "net_arch": "hidden_units",
    "num_envs": "n_envs",
    "seed": "env_base_seed",
    "vf_coef": "value_loss_coef",
}
"""What other libraries call a setting of this one; looks alike often find another."""


def suggest(value: object, accepted: Iterable[object], *, at_most: int = _MOST_NAMES) -> str:
    """Return the tail of an error message: the nearest match, if any, and what is accepted.

    Args:
        value: what the user gave.
        accepted: all values that would have been understood.
        at_most: of more names the nearest few are listed, and how many there are besides.

    Returns:
        For example ``"did you mean 'lr'? Accepted: gamma, lr."``, ``"accepted: gamma, lr."``, or ``"nothing is accepted
        here."``: what follows a semicolon or a colon. Of very many names the nearest ones are listed.
    """
    names = sorted({str(name) for name in accepted})
    if not names:
        return "nothing is accepted here."
    nearest = _nearest(str(value), names)
    lead = f"did you mean {nearest[0]!r}? Accepted" if nearest else "accepted"
    if len(names) <= at_most:
        return f"{lead}: {', '.join(names)}."
    shown = (nearest or names)[: min(at_most, 10)]
    return f"{lead}: {', '.join(shown)} and {len(names) - len(shown)} more."


def _nearest(value: str, names: list[str]) -> list[str]:
    """Return up to ten names: what is meant elsewhere by the value, then similar ones, the most similar first."""
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(name.lower(), []).append(name)
    matches = difflib.get_close_matches(value.lower(), folded, n=10, cutoff=0.5)
    found = [name for match in matches for name in folded[match]]
    first = [name for name in (value, _SYNONYMS.get(value.lower(), value)) if name in names][:1]
    return [*first, *(name for name in found if name not in first)]


def nearest_path(given: str | os.PathLike[str]) -> str:
    """Return a question for the middle of a message, such as ``"did you mean 'out/train/0'? "``.

    The first part that does not exist is compared with what lies in its place, and so is every part after it.

    Args:
        given: a path that does not exist.

    Returns:
        The question with a space behind it, or "" where nothing is similar.
    """
    path = Path(given)
    found, changed = Path(path.anchor), False
    for part in path.parts[1:] if path.anchor else path.parts:
        exists = (found / part).exists()
        name = part if exists else _nearest_entry(found, part)
        if not name:
            return ""
        found, changed = found / name, changed or not exists
    return f"did you mean {str(found)!r}? " if changed else ""


def _nearest_entry(directory: Path, name: str) -> str:
    """Return the most similar name in a directory; "" where none is similar, or nothing can be read."""
    try:
        entries = sorted(entry.name for entry in directory.iterdir())
    except OSError:
        return ""
    return next(iter(difflib.get_close_matches(name, entries, n=1, cutoff=0.6)), "")
