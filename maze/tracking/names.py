"""What a store accepts as names and values, so that odd metric names never cost a run its numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

__all__ = [
    "MAX_DIGEST",
    "MAX_PARAMETER",
    "MAX_TAG",
    "REASON_TAG",
    "clean_name",
    "cut",
    "is_clocked",
    "same",
    "split_finite",
]

MAX_NAME = 250
MAX_PARAMETER = 6000
MAX_TAG = 8000
MAX_DIGEST = 36
REASON_TAG = "maze.reason"

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_\-. /:]")

_CLOCKED = re.compile(r"system/|[^/]+_ActorCriticEvents/time_")


def clean_name(name: str) -> str:
    """Return a name of letters, digits and ``_ - . / :`` space that reads like the one given.

    Everything else becomes ``_``; the parts between slashes are neither empty nor ``.`` nor ``..``, since names are
    paths to MLflow. At most 250 characters are kept.
    """
    parts = [part for part in _FORBIDDEN.sub("_", str(name)).split("/") if part.strip()]
    parts = ["_" * len(part) if part in (".", "..") else part for part in parts]
    return "/".join(parts)[:MAX_NAME].rstrip("/") or "_"


def cut(text: str, limit: int) -> str:
    """Return the text with at most ``limit`` characters, the last three of a longer one being dots."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def split_finite(metrics: Mapping[str, float]) -> tuple[dict[str, float], dict[str, str]]:
    """Return the metrics that can be stored as numbers (NaN too), and the infinite ones as text, by clean name."""
    numbers: dict[str, float] = {}
    infinities: dict[str, str] = {}
    for name, value in metrics.items():
        if math.isinf(value):
            infinities[clean_name(name)] = "inf" if value > 0 else "-inf"
        else:
            numbers[clean_name(name)] = value
    return numbers, infinities


def is_clocked(name: str) -> bool:
    """Return whether a metric is of a clock or a machine, so that work which is repeated gives another value.

    These are all below ``system/``, and the learner's times among its events as :mod:`maze.statistics.tags` names them.

    Args:
        name: under which the store has it.
    """
    return _CLOCKED.match(name) is not None


def same(first: float, second: float) -> bool:
    """Return whether two numbers are equal, NaN being equal to itself."""
    return first == second or (first != first and second != second)  # noqa: PLR0124 - only NaN differs from itself
