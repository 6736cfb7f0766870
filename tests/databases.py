"""Databases of runs that cost no two seconds each to make: MLflow makes one, and tests get copies of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

__all__ = ["copy_database", "make_database"]

_MAKE = """
import sys
from mlflow import MlflowClient
MlflowClient(f"sqlite:///{sys.argv[1]}").get_experiment("0")
"""


def make_database(folder: Path) -> Path:
    """Return an empty database of runs in a folder that test processes share; the first of them makes it."""
    database = folder / f"mlflow-{version('mlflow')}.db"
    with FileLock(f"{database}.lock"):
        if not database.is_file():
            half_made = database.with_suffix(f".{os.getpid()}")
            subprocess.run([sys.executable, "-c", _MAKE, str(half_made)], check=True, capture_output=True, cwd=folder)
            half_made.rename(database)
    return database


def copy_database(database: Path, folder: Path) -> Path:
    """Put a copy of a database where a store has it, in a folder that is there or not."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(database, folder / "mlflow.db"))
