"""Files of a run: their names, and writing that leaves either the old file or the whole new one.

Nothing here is pickled: weights are safetensors, statistics npz, everything else JSON, YAML or CSV.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from maze.errors import ArtifactError
from maze.types import Array

__all__ = [
    "AgentFiles",
    "RunFiles",
    "atomic_path",
    "is_running",
    "read_arrays",
    "read_csv",
    "read_json",
    "this_process",
    "write_arrays",
    "write_csv",
    "write_json",
    "write_text",
]


class AgentFiles:
    """Names of the files of an agent's directory.

    Attributes:
        root: the directory.
        config: the part of the resolved configuration that made the agent.
        weights: parameters of the best state, safetensors.
        spaces: observation and action spaces.
        statistics: normalisation statistics, npz.
        objects: directory of the live objects that the configuration names, as code; only there when there are any.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config.yaml"
        self.weights = root / "weights.safetensors"
        self.spaces = root / "spaces.json"
        self.statistics = root / "statistics.npz"
        self.objects = root / "objects"

    def require(self) -> AgentFiles:
        """Return self if all files exist.

        Raises:
            ArtifactError: one is missing; names it and what to do.
        """
        for path in (self.config, self.weights, self.spaces, self.statistics):
            if not path.is_file():
                raise ArtifactError(
                    f"{self.root}: no agent can be loaded, {path.name} is missing; accepted is the directory of a "
                    f"trained run (it holds agent/{path.name}); train first, or run `dvc checkout` if DVC keeps it."
                )
        return self


class RunFiles:
    """Names of the files of a run's directory.

    Attributes:
        root: the directory.
        agent: the trained agent.
        curve: one row for each epoch, CSV.
        metrics: the numbers of the run's end, JSON.
        record: what was run, with what, when and where, JSON.
        metrics_log: one JSON object for each epoch, written while training runs.
        checkpoint: directory of the last state, from which training goes on exactly.
        evaluation: the episodes of the last evaluation, parquet.
        shown: directory of pictures and texts for people: networks, figures of events, videos.
        sweep: how the jobs ended, JSON; only in the directory of a multi-run, which holds none of the others.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.agent = AgentFiles(root / "agent")
        self.curve = root / "curve.csv"
        self.metrics = root / "metrics.json"
        self.record = root / "record.json"
        self.metrics_log = root / "metrics.jsonl"
        self.checkpoint = root / "checkpoint"
        self.evaluation = root / "evaluate" / "episodes.parquet"
        self.shown = root / "shown"
        self.sweep = root / "sweep.json"

    def is_used(self) -> bool:
        """Return whether an earlier run left its agent or its record here."""
        return any(
            path.exists() for path in (self.agent.root, self.record, self.metrics_log, self.curve, self.checkpoint)
        )

    def broke_off(self) -> bool:
        """Return whether a training was killed here before it left its first agent."""
        if self.agent.weights.exists() or not self.record.is_file():
            return False
        return read_json(self.record).get("status") == "RUNNING" and self.owner() is None

    def owner(self) -> int | None:
        """Return the id of another process that is at work here, or None where there is none."""
        if not self.record.is_file():
            return None
        record = read_json(self.record)
        process = record.get("process") if record.get("status") == "RUNNING" else None
        if process is None or not is_running(process) or process["pid"] == os.getpid():
            return None
        return int(process["pid"])

    def clear(self) -> None:
        """Remove what a training left that was killed before it left its first agent, so that it can begin anew."""
        for directory in (self.agent.root, self.checkpoint, self.shown):
            shutil.rmtree(directory, ignore_errors=True)
        for path in (self.curve, self.record, self.metrics, self.metrics_log):
            path.unlink(missing_ok=True)


def this_process() -> dict[str, Any]:
    """Return what tells this process from every other one, of this machine or another."""
    return {"host": platform.node(), "pid": os.getpid(), "start": _start_of(os.getpid())}


def is_running(process: Any) -> bool:
    """Return whether a process that :func:`this_process` described goes on, on this machine."""
    if not isinstance(process, Mapping) or process.get("host") != platform.node():
        return False
    pid = process.get("pid")
    return isinstance(pid, int) and process.get("start") is not None and _start_of(pid) == process["start"]


def _start_of(pid: int) -> int | None:
    """Return when a process began, in clock ticks since the machine did, or None where that cannot be known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary file beside ``path`` and move it there once the block has succeeded.

    Raises:
        ArtifactError: the disk is full or the place not writable; the old file is still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written ({error}); name a directory in which you may write.") from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ArtifactError(f"{path}: was not written ({error}); the previous file, if any, is intact.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write JSON with sorted keys; a number that JSON cannot hold (NaN, infinity) becomes null."""
    text = json.dumps(_finite(value), indent=2, sort_keys=True, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        ArtifactError: the file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: does not exist; run the step that writes it first.") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: cannot be read as JSON ({error}); restore it or run its step again.") from error


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write named arrays as npz; the same arrays give the same bytes."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **{name: arrays[name] for name in sorted(arrays)})


def read_arrays(path: Path) -> dict[str, Array]:
    """Return the arrays of an npz file; pickled content is refused.

    Raises:
        ArtifactError: the file is missing, damaged or holds pickled objects.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ArtifactError(f"{path}: cannot be read as arrays ({error}); restore it or train again.") from error


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV; the header is the union of the rows' keys in order of appearance."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict[str, Any]]:
    """Return the rows that :func:`write_csv` wrote, numbers as numbers and empty cells left out.

    Raises:
        ArtifactError: the file is missing or holds something else than numbers.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [
                {
                    name: float(text) if set(text) - set("-0123456789") else int(text)
                    for name, text in row.items()
                    if text
                }
                for row in csv.DictReader(stream)
            ]
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError(f"{path}: cannot be read as a table of numbers ({error}); restore it.") from error


def _finite(value: Any) -> Any:
    """Return a copy in which numbers that JSON cannot hold are None and NumPy scalars are plain."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
