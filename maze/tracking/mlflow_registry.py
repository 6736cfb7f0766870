"""The process that looks after registered policies: ``python -m maze.tracking.mlflow_registry FOLDER URI``.

Asked to ``look`` it says which run is meant and who holds an alias, and fetches both agents; asked to ``register`` it
makes the run's agent a version of a name and gives it the alias, unless somebody else has got it meanwhile. Asked to
``find`` it says whether a name has a version or an alias, and asked to ``restore`` it registers what files tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

from maze.errors import TrackingError
from maze.tracking.asking import Request, answer_request
from maze.tracking.missing import lacking
from maze.tracking.mlflow_agent import register_model
from maze.tracking.mlflow_database import STORE_ERRORS, open_client, store_lock
from maze.tracking.mlflow_download import fetch
from maze.tracking.mlflow_lookup import agents_of, all_runs, check_version, find_run
from maze.tracking.mlflow_restoring import alias_holder, describe_registry, restore_registry
from maze.tracking.names import MAX_TAG, clean_name, cut

__all__ = ["answer"]


def answer(request: Request) -> dict[str, Any]:
    """Do what was asked, see the module.

    Raises:
        TrackingError: what was named cannot be promoted, or the alias has moved meanwhile.
        mlflow.exceptions.MlflowException: the store refuses, or is away.
    """
    client = open_client(request.store)
    if request.values["action"] == "look":
        return _look(client, request)
    if request.values["action"] == "find":
        check_version(client, request.values["name"], request.values["version"])
        return {}
    with store_lock(request.store):
        if request.values["action"] == "restore":
            return {"models": [restore_registry(client, content) for content in request.values["models"]]}
        return _register(client, request.values)


def _look(client: MlflowClient, request: Request) -> dict[str, Any]:
    values = request.values
    runs = {run.info.run_id: run for run in all_runs(client)}
    run = find_run(client, runs, values["reference"])
    if run is None:
        names = list(dict.fromkeys(one.info.run_name for one in runs.values()))
        return {"run": None, "names": names[:200]}
    _refuse_without_agent(run, agents_of(runs, run))
    name = values["name"] or _default_name(run)
    holder = alias_holder(client, name, values["alias"])
    is_holder = holder is not None and holder.run_id == run.info.run_id
    found: dict[str, Any] = {"run": {"id": run.info.run_id}, "model": name, "holder": None, "is_holder": is_holder}
    if holder is not None:
        found["holder"] = {"version": str(holder.version), "run_id": holder.run_id}
    if is_holder:
        found["registry"] = describe_registry(client, name)
    else:
        found["run"]["agent"] = _fetch(run.info.run_id, request, "agent")
        if holder is not None:
            found["holder"]["agent"] = _fetch(f"models:/{name}/{holder.version}", request, "holder")
    return found


def _fetch(reference: str, request: Request, folder: str) -> str:
    """Download an agent and return its place in the request's folder."""
    place = fetch(reference, request.store.uri, request.folder / folder)
    return place.resolve().relative_to(request.folder.resolve()).as_posix()


def _refuse_without_agent(run: Run, agents: list[Run]) -> None:
    """Say which run to name instead of one that is no agent."""
    if agents != [run]:
        known = sorted(
            agents, key=lambda one: one.data.metrics.get("evaluate/mean_return", float("-inf")), reverse=True
        )
        shown = ", ".join(f"{one.info.run_name} {one.info.run_id} ({_told(one)})" for one in known[:4])
        raise TrackingError(f"{run.info.run_name!r} is the parent of {len(agents)} agents; name one, the best: {shown}")
    if "maze.model" not in run.data.tags:
        advice = lacking(run.data.tags) or "wait until its training has ended, or train with tracking.mode=best_effort"
        raise TrackingError(f"{run.info.run_name!r} ({run.info.status}) has no agent in MLflow; {advice}")


def _told(run: Run) -> str:
    mean = run.data.metrics.get("evaluate/mean_return")
    return "not evaluated" if mean is None else f"mean return {mean:.1f}"


def _default_name(run: Run) -> str:
    """Return the name that the configuration gives, else the environment's."""
    configured = run.data.params.get("tracking.registered_model", "None")
    name = configured if configured != "None" else run.data.params.get("env.name", run.info.run_name)
    return clean_name(name).replace("/", "-").replace(":", "-")


def _register(client: MlflowClient, values: Mapping[str, Any]) -> dict[str, Any]:
    name, alias = values["model"], values["alias"]
    holder = alias_holder(client, name, alias)
    present = None if holder is None else str(holder.version)
    if present != values["expected"]:
        raise TrackingError(
            f"the {alias} of {name!r} became version {present} meanwhile; compare with that one: promote again"
        )
    run = client.get_run(values["run_id"])
    model_id = str(run.data.tags["maze.model"]).removeprefix("models:/")
    earlier = [
        version
        for version in client.search_model_versions(f"name = '{name}'")
        if version.run_id == run.info.run_id and model_id in str(version.source)
    ]
    version = earlier[0] if earlier else register_model(client, run.info.run_id, model_id, name)
    client.set_registered_model_alias(name, alias, version.version)
    for key, value in values["tags"].items():
        client.set_model_version_tag(name, version.version, clean_name(key), cut(str(value), MAX_TAG))
    client.update_model_version(name, version.version, description=values["description"])
    client.set_tag(run.info.run_id, f"maze.{alias}", f"models:/{name}/{version.version}")
    return {"version": str(version.version), "registry": describe_registry(client, name)}


if __name__ == "__main__":
    answer_request(answer, (TrackingError, *STORE_ERRORS))
