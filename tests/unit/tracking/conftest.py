"""A store of runs that costs no three seconds to make: one database is made once and copied."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from maze.tracking.sender import stop_senders
from maze.tracking.store import StoreLocation

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow and what it uses warn about each other while they are imported
    import mlflow.pyfunc
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def location(folder: Path) -> StoreLocation:
    return StoreLocation(uri=f"sqlite:///{folder / 'mlflow.db'}", directory=folder, origin="directory")


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from maze.tracking.mlflow_database import open_client

    folder = tmp_path_factory.mktemp("database") / ".maze"
    open_client(location(folder))
    return folder / "mlflow.db"


@pytest.fixture
def store(tmp_path: Path, database: Path) -> StoreLocation:
    folder = tmp_path / ".maze"
    folder.mkdir()
    shutil.copyfile(database, folder / "mlflow.db")
    return location(folder)


@pytest.fixture
def _processes() -> Iterator[None]:
    """End the sending processes that a test has started."""
    yield
    stop_senders()
