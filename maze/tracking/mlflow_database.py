"""Opening MLflow's store: made once under a lock, checked, and explained when it is broken."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import mlflow.exceptions
import requests
import sqlalchemy.exc
from alembic.util import CommandError
from filelock import FileLock
from mlflow import MlflowClient

from maze.errors import TrackingError
from maze.tracking.names import clean_name
from maze.tracking.store import StoreLocation
from maze.tracking.view import VIEW_TAG, shared_view

__all__ = ["LOCK_SECONDS", "STORE_ERRORS", "experiment_id", "is_permanent", "open_client", "store_lock"]

LOCK_SECONDS = 120.0
"""Longest wait for another process that makes the database, which takes seconds."""

STORE_ERRORS = (
    mlflow.exceptions.MlflowException,
    requests.RequestException,
    sqlalchemy.exc.SQLAlchemyError,
    CommandError,
    sqlite3.Error,
    OSError,
)
"""What a store raises when it is away, full, locked or broken."""

_PERMANENT_CODES = frozenset(
    {
        "INVALID_PARAMETER_VALUE",
        "BAD_REQUEST",
        "RESOURCE_DOES_NOT_EXIST",
        "RESOURCE_ALREADY_EXISTS",
        "PERMISSION_DENIED",
    }
)


_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development", VIEW_TAG: shared_view()}
"""Makes the user interface show runs with metrics and models first, rather than traces of language models."""


def is_permanent(error: BaseException) -> bool:
    """Return whether the store refused what it was told, rather than being away."""
    return isinstance(error, mlflow.exceptions.MlflowException) and error.error_code in _PERMANENT_CODES


def store_lock(store: StoreLocation) -> FileLock:
    """Return the lock under which databases, experiments and runs with a key are made; one object, so it nests."""
    store.prepare()
    return FileLock(store.directory / "mlflow.lock", timeout=LOCK_SECONDS, is_singleton=True)


def open_client(store: StoreLocation) -> MlflowClient:
    """Return a client of the store, whose database exists and has the schema of this MLflow.

    Several processes on a cold SQLite database would each create its tables and leave it broken for all, so the first
    does it under a lock while the others wait.

    Raises:
        TrackingError: the database is broken or of another MLflow; the message says how to recover.
        OSError: the folder cannot be written.
    """
    database = store.database
    if database is None:
        return MlflowClient(store.uri)
    with store_lock(store):
        _check(database)
        try:
            client = MlflowClient(store.uri)
            client.get_experiment("0")
        except STORE_ERRORS as error:
            raise TrackingError(_advice(database, str(error))) from error
    return client


def experiment_id(client: MlflowClient, store: StoreLocation, name: str) -> str:
    """Return the id of an experiment, made if need be with an absolute place for its artifacts.

    The place is fixed when the experiment is made, and a relative one would be lost with a temporary workspace. A
    deleted experiment keeps its name in MLflow; a new one then gets the name with a number.
    """
    for number in range(1, 1000):
        candidate = name if number == 1 else f"{name} ({number})"
        found = client.get_experiment_by_name(candidate)
        if found is None:
            root = store.artifact_root
            folder = None if root is None else (root / clean_name(candidate).replace("/", "_")).absolute().as_uri()
            return str(client.create_experiment(candidate, artifact_location=folder, tags=_EXPERIMENT_TAGS))
        if found.lifecycle_stage == "active":
            if found.tags.get(VIEW_TAG) != shared_view():  # somebody else has made the experiment
                client.set_experiment_tag(found.experiment_id, VIEW_TAG, shared_view())
            return str(found.experiment_id)
    raise TrackingError(f"Experiment {name!r}: a thousand deleted experiments have this name. Run: mlflow gc")


def _check(database: Path) -> None:
    """Raise where MLflow would fail in a way that people cannot read, or make things worse."""
    database.parent.mkdir(parents=True, exist_ok=True)
    if not database.exists() or database.stat().st_size == 0:
        return
    try:
        with sqlite3.connect(database, timeout=20.0) as connection:
            tables = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.close()
    except sqlite3.Error as error:
        raise TrackingError(_advice(database, str(error))) from error
    half_made = sorted(table for table in tables if table.startswith("_alembic_tmp_"))
    if half_made or (tables and "alembic_version" not in tables):
        reason = f"it is half-made (table {half_made[0]})" if half_made else "it is not MLflow's"
        raise TrackingError(_advice(database, reason))


def _advice(database: Path, reason: str) -> str:
    """Return a message that says what is wrong with a database and how to go on."""
    first_line = reason.strip().splitlines()[0] if reason.strip() else "unknown reason"
    if "out-of-date database schema" in reason or "locate revision" in reason:
        remedy = f"Copy it as a backup, then run: mlflow db upgrade sqlite:///{database}"
    elif "locked" in reason:
        remedy = "Another program holds it; close that program and run: maze-run tracking flush"
    else:
        remedy = f"Move it away (mv {database} {database}.broken) and run: maze-run tracking flush"
    return f"The run database {database} cannot be used: {first_line}. {remedy}"
