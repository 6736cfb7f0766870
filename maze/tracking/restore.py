"""Turning the files of a stage back into what it had logged, for stages that DVC restored from its cache."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from maze.errors import ArtifactError

__all__ = ["read_curve", "read_key", "read_metrics", "read_origin"]

_STEP = "step"


def read_origin(record: Path) -> str:
    """Return the id of the run that really did a stage's work, or ``"unknown"`` where it was not tracked.

    Args:
        record: JSON file with ``run_id``.

    Raises:
        ArtifactError: the file is missing or no JSON object.
    """
    return str(_read_object(record).get("run_id") or "unknown")


def read_key(record: Path) -> str | None:
    """Return the key of the run in which a stage really did its work; None where it had none.

    Args:
        record: JSON file with ``key``.

    Raises:
        ArtifactError: the file is missing or no JSON object.
    """
    key = _read_object(record).get("key")
    return None if key is None else str(key)


def read_metrics(path: Path, prefix: str = "") -> dict[str, float]:
    """Return the numbers of a JSON file, nested keys joined by slashes; text, lists and nulls are left out.

    Raises:
        ArtifactError: the file is missing or no JSON object.
    """
    return {f"{prefix}{name}": value for name, value in _numbers(_read_object(path), "")}


def read_curve(path: Path, prefix: str = "") -> list[tuple[int, dict[str, float]]]:
    """Return (step, metrics) for every row of a CSV file with a column ``step``; empty cells are left out.

    Raises:
        ArtifactError: the file is missing, or has no column ``step``, or holds text.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [_row(row, prefix) for row in csv.DictReader(stream)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"The learning curve {path} cannot be read: {error!r}. Run the stage again.") from error


def _row(row: Mapping[str, str], prefix: str) -> tuple[int, dict[str, float]]:
    """Return one row's step and numbers."""
    step = int(float(row[_STEP]))
    return step, {f"{prefix}{name}": float(text) for name, text in row.items() if name != _STEP and text}


def _read_object(path: Path) -> dict[str, Any]:
    """Return a JSON object from a file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"The record {path} cannot be read: {error}. Run the stage again.") from error
    if not isinstance(content, dict):
        raise ArtifactError(
            f"The record {path} holds a {type(content).__name__}; expected an object. Run the stage again."
        )
    return content


def _numbers(content: Mapping[str, Any], path: str) -> Iterator[tuple[str, float]]:
    """Yield every number below a mapping with its path."""
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{path}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and not math.isinf(value):
            yield f"{path}{name}", float(value)
