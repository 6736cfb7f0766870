"""Data as inputs of a run in MLflow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag

from maze.tracking.names import MAX_DIGEST

__all__ = ["log_dataset"]


def log_dataset(client: MlflowClient, run_id: str, record: Mapping[str, Any]) -> None:
    """Record data as an input of a run; the same data is one input, however often it is told.

    Args:
        client: client of the store.
        run_id: the run that used it.
        record: what :meth:`maze.tracking.LoggedDataset.as_record` gave.
    """
    dataset = Dataset(
        name=str(record["name"]),
        digest=str(record["digest"])[:MAX_DIGEST],
        source_type="local",
        source=json.dumps({"uri": record["source"]}),
        profile=json.dumps(record["profile"]),
    )
    tags = [InputTag("mlflow.data.context", str(record["context"]))]
    client.log_inputs(run_id, [DatasetInput(dataset, tags)])
