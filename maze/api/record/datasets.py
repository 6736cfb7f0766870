"""The data that a training learns from, as inputs of its run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from maze.api.record.calls import file_digest
from maze.config import RunConfig
from maze.errors import MazeError
from maze.tracking import LoggedDataset

__all__ = ["training_data"]

_FIELDS = ("demonstrations", "initial_demonstrations")
"""Fields of algorithms that name recorded trajectories."""


def training_data(config: RunConfig) -> list[LoggedDataset]:
    """Return the recorded trajectories that an algorithm learns from; none where they are not there."""
    algorithm = config.section("algorithm")
    sources = [algorithm[name] for name in _FIELDS if algorithm.get(name)] if isinstance(algorithm, dict) else []
    return [found for source in sources if (found := _describe(source)) is not None]


def _describe(source: Any) -> LoggedDataset | None:
    from maze.rollout.dataset import recorded_files  # noqa: PLC0415  (is loaded by now)

    try:
        files = recorded_files(source)
    except MazeError:  # training itself says what is wrong with them
        return None
    digests = [_digest(path) for path in files]
    shown = source if isinstance(source, str | Path) else ", ".join(map(str, source))
    return LoggedDataset(
        name=f"trajectories of {shown}"[:400],
        digest=digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest(),
        source=", ".join(str(path.absolute()) for path in files),
        profile={"files": len(files), "steps": sum(_n_steps(path) for path in files)},
    )


def _digest(path: Path) -> str:
    """Return the hash of a file of recorded steps, or of everything beside the metadata of Minari's data."""
    if path.suffix != ".json":
        return file_digest(path)
    parts = [
        (file.relative_to(path.parent).as_posix(), file_digest(file))
        for file in path.parent.rglob("*")
        if file.is_file()
    ]
    return hashlib.sha256(json.dumps(sorted(parts)).encode()).hexdigest()


def _n_steps(path: Path) -> int:
    try:
        if path.suffix == ".json":  # Minari's metadata
            return int(json.loads(path.read_text(encoding="utf-8"))["total_steps"])
        with np.load(path, allow_pickle=False) as arrays:
            return len(arrays["reward"])
    except (OSError, ValueError, KeyError):  # training itself says what is wrong with them
        return 0
