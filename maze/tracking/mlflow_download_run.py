"""The process that fetches a run's record: ``python -m maze.tracking.mlflow_download_run REFERENCE URI TARGET``."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import mlflow
import mlflow.artifacts
from mlflow import MlflowClient

from maze.errors import TrackingError
from maze.tracking.missing import lacking
from maze.tracking.mlflow_database import STORE_ERRORS, open_client
from maze.tracking.mlflow_download import fetch
from maze.tracking.mlflow_lookup import run_by_id, run_of_model
from maze.tracking.mlflow_runs import children_of
from maze.tracking.store import StoreLocation

__all__ = ["fetch_run", "main"]


def fetch_run(reference: str, uri: str, target: Path) -> Path:
    """Download the record of a run with its agent below ``target``, and return the folder, which is like a run.

    Args:
        reference: id of the run, or ``models:/<name>/<version>``, ``models:/<name>@<alias>`` for the run that made it.
        uri: of the store.
        target: an empty directory.

    Raises:
        TrackingError: the run has no record, there is no such model, or the database is unusable.
        mlflow.exceptions.MlflowException: there is no such run.
    """
    client = open_client(StoreLocation(uri, target.parent.parent, "directory"))
    mlflow.set_tracking_uri(uri)  # this process does nothing else
    run = run_by_id(client, _run_id(client, reference))
    run_id = run.info.run_id
    if not any(entry.path == "record" for entry in client.list_artifacts(run_id)):
        raise TrackingError(_without_record(client, run_id))
    record = Path(client.download_artifacts(run_id, "record", str(target)))
    if lacking(run.data.tags) and not (record / "train" / "record.json").is_file():
        raise TrackingError(_without_record(client, run_id))
    if "maze.model" in run.data.tags:
        agent = fetch(run_id, uri, target / "model")
        place = record if (record / "record.json").is_file() else record / "train"
        shutil.copytree(agent, place / "agent", dirs_exist_ok=True)
    return record


def _run_id(client: MlflowClient, reference: str) -> str:
    """Return the id of the run that is meant."""
    if not reference.startswith("models:/"):
        return reference
    run_id = run_of_model(client, reference)
    if not run_id:
        raise TrackingError(
            "the model does not say which run made it, so that nothing can be repeated; promote a run: maze-run "
            "promote RUN, or name the run itself."
        )
    return run_id


def _without_record(client: MlflowClient, run_id: str) -> str:
    """Return why a run cannot be repeated, and which can."""
    run = client.get_run(run_id)
    children = children_of(client, run)
    if children:
        named = ", ".join(f"{child.info.run_name} {child.info.run_id}" for child in children[:4])
        return f"it is the parent of other runs; name one of them: {named}."
    reason = lacking(run.data.tags) or "it is still running, or it was tracked by an earlier version of maze."
    return f"the run has no record; {reason}"


def main(arguments: list[str]) -> None:
    """Fetch, and write the outcome to ``answer.json`` in the target."""
    reference, uri, target = arguments[0], arguments[1], Path(arguments[2])
    try:
        answer = {"path": str(fetch_run(reference, uri, target).resolve().relative_to(target.resolve()))}
    except (TrackingError, *STORE_ERRORS) as error:
        answer = {"error": str(error).strip().split("\n")[0]}
    (target / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(sys.orig_argv[-3:])
