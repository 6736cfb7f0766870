"""The process that fetches an agent: ``python -m maze.tracking.mlflow_download REFERENCE URI TARGET``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import mlflow
import mlflow.artifacts
from mlflow import MlflowClient

from maze.errors import TrackingError
from maze.tracking.missing import lacking
from maze.tracking.mlflow_database import STORE_ERRORS, open_client
from maze.tracking.mlflow_lookup import check_version, run_by_id, run_of_model, split_model
from maze.tracking.store import StoreLocation

__all__ = ["fetch", "main", "model_uri"]


def fetch(reference: str, uri: str, target: Path) -> Path:
    """Download the model below ``target`` and return the folder of its agent.

    Raises:
        TrackingError: the run has no agent, or the database is unusable.
        mlflow.exceptions.MlflowException: there is no such run or model.
    """
    client = open_client(StoreLocation(uri, target.parent.parent, "directory"))
    mlflow.set_tracking_uri(uri)  # this process does nothing else
    model = Path(mlflow.artifacts.download_artifacts(artifact_uri=model_uri(client, reference), dst_path=str(target)))
    if not (model / "artifacts" / "agent").is_dir():
        raise TrackingError("the model holds no agent of this package.")
    return model / "artifacts" / "agent"


def model_uri(client: MlflowClient, reference: str) -> str:
    """Return the model that a reference names: the reference itself, or the agent of a run.

    Raises:
        TrackingError: the run has no agent, or there is no such model.
    """
    if reference.startswith("models:/"):
        name, version = split_model(reference)
        if version:
            check_version(client, name, version)  # MLflow's own error names nothing that is there
        return reference
    tags = run_by_id(client, reference).data.tags
    model = tags.get("maze.model")
    if model is None:
        reason = lacking(tags) or "it was not trained to its end, or the agent was not tracked."
        raise TrackingError(f"the run has no agent; {reason}")
    return str(model)


def _origin(client: MlflowClient, reference: str, uri: str) -> dict[str, Any] | None:
    """Return what is known of the run that made an agent: where it is, and how far its training went.

    Raises:
        TrackingError: there is no such model.
        mlflow.exceptions.MlflowException: there is no such run or model.
    """
    run_id = run_of_model(client, reference) if reference.startswith("models:/") else reference
    if run_id is None:
        return None
    run = run_by_id(client, run_id)
    tags = run.data.tags
    best = client.get_metric_history(run.info.run_id, "best/return")
    return {
        "store": uri,
        "run_id": run.info.run_id,
        "key": tags.get("maze.key"),
        "run_dir": tags.get("maze.run_dir"),
        "is_staged": any(name.startswith("stage.") for name in tags),
        "experiment_name": client.get_experiment(run.info.experiment_id).name,
        "step": max((point.step for point in best), default=0),
    }


def main(arguments: list[str]) -> None:
    """Fetch, and write the outcome to ``answer.json`` in the target."""
    reference, uri, target = arguments[0], arguments[1], Path(arguments[2])
    try:
        folder = fetch(reference, uri, target)
        answer: dict[str, Any] = {"path": str(folder.resolve().relative_to(target.resolve()))}
        answer["origin"] = _origin(open_client(StoreLocation(uri, target.parent.parent, "directory")), reference, uri)
    except (TrackingError, *STORE_ERRORS) as error:
        answer = {"error": str(error).strip().split("\n")[0]}
    (target / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(sys.orig_argv[-3:])
