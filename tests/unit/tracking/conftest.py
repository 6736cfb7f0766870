"""Stores of runs for the tests of tracking."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from maze.tracking.sender import stop_senders
from maze.tracking.store import StoreLocation
from tests.databases import copy_database

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow and what it uses warn about each other while they are imported
    import mlflow.pyfunc
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def location(folder: Path) -> StoreLocation:
    return StoreLocation(uri=f"sqlite:///{folder / 'mlflow.db'}", directory=folder, origin="directory")


@pytest.fixture
def store(tmp_path: Path, database: Path) -> StoreLocation:
    folder = tmp_path / ".maze"
    copy_database(database, folder)
    return location(folder)


@pytest.fixture
def _processes() -> Iterator[None]:
    """End the sending processes that a test has started."""
    yield
    stop_senders()
