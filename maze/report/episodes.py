"""Tables of evaluated episodes: what a histogram, an interval or another program needs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maze.errors import ArtifactError

__all__ = ["EpisodeTable", "columns_as_csv", "episodes_as_csv", "read_episodes"]

COLUMNS = ("episode", "seed", "return", "length", "terminated", "truncated")


@dataclass(frozen=True, slots=True)
class EpisodeTable:
    """Evaluation episodes of one seed.

    Args:
        returns: float64 [E].
        lengths: in steps, int64 [E].
    """

    returns: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.int64]


def read_episodes(path: Path) -> EpisodeTable:
    """Return the returns and lengths of a table of episodes, parquet or CSV.

    Args:
        path: a file with the columns return and length.

    Raises:
        ArtifactError: it cannot be read.
    """
    try:
        columns = _read_csv(path) if path.suffix == ".csv" else _read_parquet(path, ("return", "length"))
        returns, lengths = (np.asarray(columns[name], np.float64) for name in ("return", "length"))
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(f"{path}: cannot be read as an episode table ({error}); evaluate again.") from error
    return EpisodeTable(returns=returns, lengths=lengths.astype(np.int64))


def episodes_as_csv(path: Path) -> str:
    """Return a table of episodes that is kept as parquet as CSV, which browsers show.

    Raises:
        ArtifactError: it cannot be read.
    """
    try:
        columns = _read_parquet(path, COLUMNS)
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(f"{path}: cannot be read as an episode table ({error}); evaluate again.") from error
    return columns_as_csv(columns)


def columns_as_csv(columns: Mapping[str, Iterable[Any]]) -> str:
    """Return equally long columns as the text of a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _read_parquet(path: Path, names: Iterable[str]) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq  # noqa: PLC0415  (a tenth of a second)

    with pq.ParquetFile(path) as file:  # read_table() would import pandas
        table = file.read(columns=list(names))
    return {name: table.column(name).to_pylist() for name in names}


def _read_csv(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    return {name: [row[name] for row in rows] for name in reader.fieldnames or ()}
