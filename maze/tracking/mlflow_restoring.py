"""Giving a registry the versions and aliases back that promotions had left, for runs that were made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlflow.exceptions
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from maze.tracking.mlflow_agent import register_model
from maze.tracking.mlflow_lookup import REBUILT_FROM, all_runs
from maze.tracking.names import MAX_TAG, clean_name, cut

__all__ = ["alias_holder", "describe_registry", "restore_registry"]

_MOST_SKIPPED = 1000


def alias_holder(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """Return the version that holds an alias; None where there is none."""
    try:
        return client.get_model_version_by_alias(name, alias)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def describe_registry(client: MlflowClient, name: str) -> dict[str, Any]:
    """Return the versions of a policy and who holds its aliases, in plain values.

    Runs are named by the id that they had first, which records in git and DVC tell.
    """
    versions = {}
    for found in client.search_model_versions(f"name = '{name}'"):
        if found.run_id:
            entry = {"version": int(found.version), "run_id": _first_id(client, found.run_id)}
            versions[str(found.version)] = {
                **entry,
                "description": found.description or "",
                "tags": {key: value for key, value in sorted(found.tags.items()) if key.startswith("maze.")},
            }
    holders = {alias: str(version) for alias, version in client.get_registered_model(name).aliases.items()}
    return {
        "versions": [versions[number] for number in sorted(versions, key=int)],
        "aliases": {alias: versions[number]["run_id"] for alias, number in holders.items() if number in versions},
    }


def _first_id(client: MlflowClient, run_id: str) -> str:
    try:
        return str(client.get_run(run_id).data.tags.get(REBUILT_FROM, run_id))
    except mlflow.exceptions.MlflowException:  # somebody has deleted the run for good
        return run_id


def restore_registry(client: MlflowClient, content: Mapping[str, Any]) -> dict[str, Any]:
    """Register what a file of promotions names, as far as its runs are in the store; what is there stays as it is.

    Args:
        client: of the store; call this under its lock.
        content: ``model``, ``versions`` and ``aliases`` as :func:`describe_registry` gives them.

    Returns:
        ``aliases``: version by alias that holds it now; ``missing``: run by alias that could not be given;
        ``without_policy``: those of these runs that are in the store and lack their policy; ``versions``: number now by
        number before, of those that are there.
    """
    name = content["model"]
    runs = {run.data.tags.get(REBUILT_FROM, run.info.run_id): run for run in reversed(list(all_runs(client)))}
    numbers: dict[str, str] = {}
    now: dict[str, str] = {}
    for entry in sorted(content["versions"], key=lambda one: int(one["version"])):
        run = runs.get(entry["run_id"])
        if run is None or "maze.model" not in run.data.tags:
            continue
        version = _version_of(client, name, run) or _register(client, name, run, entry)
        numbers[entry["run_id"]] = now[str(entry["version"])] = str(version.version)
    aliases: dict[str, str] = {}
    missing: dict[str, str] = {}
    for alias, run_id in content["aliases"].items():
        holder = alias_holder(client, name, alias)
        if holder is not None:
            aliases[alias] = str(holder.version)
        elif run_id in numbers:
            client.set_registered_model_alias(name, alias, numbers[run_id])
            client.set_tag(runs[run_id].info.run_id, f"maze.{alias}", f"models:/{name}/{numbers[run_id]}")
            aliases[alias] = numbers[run_id]
        else:
            missing[alias] = run_id
    bare = sorted({run_id for run_id in missing.values() if run_id in runs})
    return {"model": name, "aliases": aliases, "missing": missing, "without_policy": bare, "versions": now}


def _version_of(client: MlflowClient, name: str, run: Run) -> ModelVersion | None:
    """Return the version that a run is already; None where it is none."""
    found = [one for one in client.search_model_versions(f"name = '{name}'") if one.run_id == run.info.run_id]
    return max(found, key=lambda one: int(one.version), default=None)


def _register(client: MlflowClient, name: str, run: Run, entry: Mapping[str, Any]) -> ModelVersion:
    """Make a run's agent a version, with the number that it had where that is still free."""
    model_id = str(run.data.tags["maze.model"]).removeprefix("models:/")
    version = register_model(client, run.info.run_id, model_id, name)
    for _ in range(_MOST_SKIPPED):
        if int(version.version) >= int(entry["version"]):
            break
        client.delete_model_version(name, version.version)  # its run is gone; no number is given twice
        version = register_model(client, run.info.run_id, model_id, name)
    for key, value in dict(entry.get("tags") or {}).items():
        client.set_model_version_tag(name, version.version, clean_name(key), cut(str(value), MAX_TAG))
    if entry.get("description"):
        client.update_model_version(name, version.version, description=str(entry["description"]))
    return version
