"""Comparing what two runs left, to the last bit: the first place in which they differ, with both values."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from maze.api.record.calls import file_digest
from maze.artifacts import read_arrays, read_json
from maze.errors import ArtifactError
from maze.types import Array

__all__ = ["Difference", "compare_files", "compare_values"]

_ABSENT = "nothing"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """One place in which a repetition is not what was recorded.

    Attributes:
        part: stage of the pipeline, or ``run``.
        call: number of the call, from 0.
        method: of the call.
        file: name of the file, or ``result`` for what the call returned.
        metric: column, tensor, array or key, with the position in it.
        recorded: value in the run.
        replayed: value in the repetition.
        epoch: of the curve, or None.
        note: what else helps to understand it.
    """

    file: str
    metric: str
    recorded: Any
    replayed: Any
    part: str = "run"
    call: int = 0
    method: str = ""
    epoch: int | None = None
    note: str = ""

    def __str__(self) -> str:
        """Return the difference in one line."""
        place = f"{self.part}, call {self.call} ({self.method}), {self.file}"
        epoch = f", epoch {self.epoch}" if self.epoch is not None else ""
        note = f" ({self.note})" if self.note else ""
        return f"{place}{epoch}: {self.metric} was {self.recorded!r} and is {self.replayed!r}{note}"


def compare_files(name: str, recorded: Path, replayed: Path) -> Difference | None:
    """Return the first difference between two files of a run, or None where their contents are the same.

    Tables, arrays and JSON are compared by content, so that another version of a library that writes the same values in
    other bytes makes no difference.

    Args:
        name: what to call the file.
        recorded: of the run.
        replayed: of its repetition.

    Raises:
        ArtifactError: a file is damaged.
    """
    if not replayed.is_file():
        return Difference(file=name, metric="the file", recorded="written", replayed=_ABSENT)
    if file_digest(recorded) == file_digest(replayed):
        return None
    compare = _COMPARISONS.get(recorded.suffix)
    if compare is None:
        return Difference(file=name, metric="sha256", recorded=file_digest(recorded), replayed=file_digest(replayed))
    try:
        found = compare(recorded, replayed)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{recorded}: cannot be compared ({error}); restore the run.") from error
    return None if found is None else dataclasses.replace(found, file=name)


def compare_values(name: str, recorded: Any, replayed: Any) -> Difference | None:
    """Return the first difference between two nested values, or None; what JSON cannot hold counts as null.

    Args:
        name: what to call the place.
        recorded: of the run.
        replayed: of its repetition.
    """
    before, now = _flat(recorded), _flat(replayed)
    for key in dict.fromkeys([*before, *now]):
        first, second = before.get(key, _ABSENT), now.get(key, _ABSENT)
        if type(first) is not type(second) or repr(first) != repr(second):
            return Difference(file=name, metric=key or "value", recorded=first, replayed=second)
    return None


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    pairs: list[tuple[Any, Any]]
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, list | tuple):
        pairs = list(enumerate(value))
    else:
        plain = value.item() if isinstance(value, np.generic) else value
        return {prefix: None if isinstance(plain, float) and not math.isfinite(plain) else plain}
    flat: dict[str, Any] = {}
    for key, item in pairs:
        flat |= _flat(item, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _compare_json(recorded: Path, replayed: Path) -> Difference | None:
    return compare_values("", read_json(recorded), read_json(replayed))


def _compare_tables(recorded: Path, replayed: Path) -> Difference | None:
    """Compare CSV cell by cell, row after row, as text, which writes every number exactly."""
    before, now = _read_rows(recorded), _read_rows(replayed)
    for first, second in zip(before, now, strict=False):
        for column in dict.fromkeys([*first, *second]):
            if first.get(column) != second.get(column):
                return Difference(
                    file="",
                    metric=column,
                    recorded=_number(first.get(column)),
                    replayed=_number(second.get(column)),
                    epoch=int(first["epoch"]) if first.get("epoch", "").isdecimal() else None,
                )
    if len(before) != len(now):
        return Difference(file="", metric="number of rows", recorded=len(before), replayed=len(now))
    return None


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [{str(name): str(text) for name, text in row.items()} for row in csv.DictReader(stream)]


def _number(text: str | None) -> Any:
    """Return a cell as the number that it is, for the message."""
    try:
        return float(text) if text else _ABSENT
    except ValueError:
        return text


def _compare_npz(recorded: Path, replayed: Path) -> Difference | None:
    return _compare_arrays(read_arrays(recorded), read_arrays(replayed))


def _compare_weights(recorded: Path, replayed: Path) -> Difference | None:
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import load_file  # noqa: PLC0415

    try:
        return _compare_arrays(load_file(recorded), load_file(replayed))
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _compare_parquet(recorded: Path, replayed: Path) -> Difference | None:
    import pyarrow.parquet as pq  # noqa: PLC0415

    tables = [pq.read_table(path).to_pydict() for path in (recorded, replayed)]
    before, now = ({name: np.asarray(values) for name, values in table.items()} for table in tables)
    return _compare_arrays(before, now)


def _compare_arrays(recorded: Mapping[str, Array], replayed: Mapping[str, Array]) -> Difference | None:
    """Compare arrays bit by bit, one after the other."""
    for name in dict.fromkeys([*recorded, *replayed]):
        if name not in recorded or name not in replayed:
            kinds = [_kind(arrays[name]) if name in arrays else _ABSENT for arrays in (recorded, replayed)]
            return Difference(file="", metric=name, recorded=kinds[0], replayed=kinds[1])
        first, second = np.ascontiguousarray(recorded[name]), np.ascontiguousarray(replayed[name])
        if _kind(first) != _kind(second):
            return Difference(file="", metric=name, recorded=_kind(first), replayed=_kind(second))
        if first.tobytes() != second.tobytes():
            return _first_element(name, first, second)
    return None


def _kind(array: Array) -> str:
    return f"{array.dtype} {list(array.shape)}"


def _first_element(name: str, first: Array, second: Array) -> Difference:
    if first.dtype == object:
        differing = np.array([a != b for a, b in zip(first.ravel(), second.ravel(), strict=True)])
    else:
        bytes_of = [array.reshape(-1, 1).view(np.uint8) for array in (first, second)]
        differing = (bytes_of[0] != bytes_of[1]).any(axis=1)
    place = int(np.argmax(differing))
    index = ", ".join(str(int(part)) for part in np.unravel_index(place, first.shape))
    return Difference(
        file="",
        metric=f"{name}[{index}]" if first.shape else name,
        recorded=first.ravel()[place].item() if first.dtype != object else first.ravel()[place],
        replayed=second.ravel()[place].item() if second.dtype != object else second.ravel()[place],
        note=f"{int(differing.sum())} of {first.size} values of {name} differ",
    )


_COMPARISONS: Mapping[str, Callable[[Path, Path], Difference | None]] = {
    ".csv": _compare_tables,
    ".json": _compare_json,
    ".npz": _compare_npz,
    ".parquet": _compare_parquet,
    ".safetensors": _compare_weights,
}
