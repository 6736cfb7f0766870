"""An agent as an MLflow model: models-from-code, a signature, safetensors; no pickle and no fluent globals."""

from __future__ import annotations

import contextlib
import importlib.metadata
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlflow.models
import mlflow.pyfunc
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput
from mlflow.entities.model_registry import ModelVersion
from mlflow.models.signature import ModelSignature
from mlflow.types.schema import ParamSchema, ParamSpec, Schema, TensorSpec

from maze.tracking.description import AgentModel

__all__ = ["installed", "log_agent", "model_signature", "prepare", "register_model"]

_NEEDED_TO_ACT = ("gymnasium", "hydra-core", "mlflow", "numpy", "omegaconf", "safetensors", "torch")
_MODEL_CODE = Path(__file__).parents[1] / "api" / "served_policy.py"


def log_agent(client: MlflowClient, run_id: str, agent_dir: Path, model: AgentModel) -> str:
    """Store the agent as a model of the run and return the model's id, for ``models:/<id>``.

    Args:
        client: client of the store.
        run_id: the run that made the agent.
        agent_dir: folder with configuration, weights, spaces and statistics.
        model: the model's interface.
    """
    run = client.get_run(run_id)
    logged = client.create_logged_model(
        run.info.experiment_id,
        name="agent",
        source_run_id=run_id,
        model_type="agent",
        params=dict(run.data.params),
        tags={"maze.schema": "1"},
    )
    with tempfile.TemporaryDirectory(prefix="maze-agent-") as scratch:
        named = Path(scratch) / "agent"
        shutil.copytree(agent_dir, named)
        target = Path(scratch) / "model"
        description = mlflow.models.Model(
            artifact_path=logged.artifact_location, model_uuid=logged.model_id, run_id=run_id, model_id=logged.model_id
        )
        mlflow.pyfunc.save_model(
            path=str(target),
            python_model=str(_MODEL_CODE),
            artifacts={"agent": str(named)},
            signature=model_signature(model),
            input_example=_example(model),
            pip_requirements=list(model.requirements or installed(_NEEDED_TO_ACT)),
            mlflow_model=description,
        )
        for cache in target.rglob("__pycache__"):
            shutil.rmtree(cache, ignore_errors=True)
        client.log_model_artifacts(logged.model_id, str(target))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    if model.registered_name:
        version = register_model(client, run_id, str(logged.model_id), model.registered_name)
        if model.alias:
            client.set_registered_model_alias(model.registered_name, model.alias, version.version)
    return str(logged.model_id)


def register_model(client: MlflowClient, run_id: str, model_id: str, name: str) -> ModelVersion:
    """Make a run's model a version of a registered name, which is made if need be, and return it.

    Args:
        client: client of the store.
        run_id: the run that made the model.
        model_id: of the model.
        name: to register it under.
    """
    # MLflow looks models:/<id> up in its global store; a file's own address needs no looking up.
    location = str(client.get_logged_model(model_id).artifact_location)
    source = location if location.startswith(("file:", "/")) else f"models:/{model_id}"
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    return client.create_model_version(name, source=source, run_id=run_id)


def prepare() -> None:
    """Do early what MLflow does with its first model: look through all installed packages, which takes half a second.

    Without it, a training that is over waits for that.
    """
    with tempfile.TemporaryDirectory(prefix="maze-agent-") as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has no signature, of which the agent's model will have one
        path = str(Path(scratch) / "model")
        mlflow.pyfunc.save_model(path=path, python_model=str(_MODEL_CODE), pip_requirements=installed(("numpy",)))


def installed(names: Sequence[str]) -> list[str]:
    """Return ``name==version`` of the packages that are installed, without local labels such as ``+cpu``."""
    found = []
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name}=={importlib.metadata.version(name).split('+')[0]}")
    return found


def model_signature(model: AgentModel) -> ModelSignature:
    """Return MLflow's signature, with the parameters ``deterministic`` and ``new_episode``.

    The observation of a flat environment is one unnamed tensor, so that a plain array can be sent; others have names.
    """
    return ModelSignature(
        inputs=_schema(model.inputs),
        outputs=_schema(model.outputs),
        params=ParamSchema([ParamSpec(name, "boolean", True) for name in ("deterministic", "new_episode")]),
    )


def _schema(tensors: tuple[tuple[str, str, tuple[int, ...]], ...]) -> Schema:
    """Return the schema of tensors with a leading batch axis."""
    flat = _is_flat(tensors)
    return Schema(
        [TensorSpec(np.dtype(dtype), (-1, *shape), name=None if flat else name) for name, dtype, shape in tensors]
    )


def _is_flat(tensors: tuple[tuple[str, str, tuple[int, ...]], ...]) -> bool:
    """Return whether the tensors are the single observation or action of a flat environment."""
    return [name for name, _, _ in tensors] in (["observation"], ["action"])


def _example(model: AgentModel) -> Any:
    """Return the input example in the form that the signature asks for."""
    arrays = {name: np.asarray(model.example[name], dtype=dtype) for name, dtype, _ in model.inputs}
    return next(iter(arrays.values())) if _is_flat(model.inputs) else arrays
