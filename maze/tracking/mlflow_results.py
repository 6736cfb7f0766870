"""The process that reads results of runs: ``python -m maze.tracking.mlflow_results FOLDER URI``.

Asked for ``references`` (run ids or beginnings of them, names of runs, ``models:/name/version``) it answers ``found``:
by reference a list of agents, those of all children where a parent is meant; and ``names``, what could have been meant.
``with_agents`` fetches their agents, too.
"""

from __future__ import annotations

import shutil
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

from maze.errors import TrackingError
from maze.tracking.asking import Request, answer_request
from maze.tracking.mlflow_database import STORE_ERRORS, open_client
from maze.tracking.mlflow_download import fetch
from maze.tracking.mlflow_lookup import agents_of, all_runs, find_run, seed_of

__all__ = ["read_results"]

EPISODES = "tables/evaluate_episodes.csv"
_CURVES = ("eval/mean_return", "train/mean_return", "return")
_MOST_NAMES = 200


def read_results(request: Request) -> dict[str, Any]:
    """Return what was found, see the module.

    Raises:
        TrackingError: a reference means several runs, or the database is unusable.
        mlflow.exceptions.MlflowException: the store is away.
    """
    client = open_client(request.store)
    runs = {run.info.run_id: run for run in all_runs(client)}
    found = {}
    for reference in request.values["references"]:
        run = find_run(client, runs, reference)
        if run is not None:
            found[reference] = {
                "name": run.info.run_name,
                "id": run.info.run_id,
                "agents": [_agent(client, one, request) for one in agents_of(runs, run)],
            }
    names = dict.fromkeys(run.info.run_name for run in runs.values())
    return {"found": found, "names": list(names)[:_MOST_NAMES]}


def _agent(client: MlflowClient, run: Run, request: Request) -> dict[str, Any]:
    """Return one agent's configuration, numbers, curve and, where they are kept, the returns of its episodes."""
    identity = run.info.run_id
    metric = next((name for name in _CURVES if name in run.data.metrics), None)
    history = client.get_metric_history(identity, metric) if metric else []
    return {
        "id": identity,
        "name": run.info.run_name,
        "status": run.info.status,
        "seed": seed_of(run),
        "params": dict(run.data.params),
        "tags": dict(run.data.tags),
        "metrics": dict(run.data.metrics),
        "curve": sorted({point.step: point.value for point in history}.items()),
        "agent": _fetch_agent(run, request),
        "episodes": _episodes(client, identity, request),
    }


def _fetch_agent(run: Run, request: Request) -> str | None:
    """Download the agent if that was asked for, and return its place in the request's folder; None where it is not."""
    if not request.values.get("with_agents") or "maze.model" not in run.data.tags:
        return None
    place = fetch(run.info.run_id, request.store.uri, request.folder / f"agent-{run.info.run_id}")
    return place.resolve().relative_to(request.folder.resolve()).as_posix()


def _episodes(client: MlflowClient, run_id: str, request: Request) -> str | None:
    """Download the table of evaluated episodes; return its name in the request's folder, None where there is none."""
    folder, _, _ = EPISODES.rpartition("/")
    if not any(entry.path == EPISODES for entry in client.list_artifacts(run_id, folder)):
        return None
    scratch = request.folder / f"{run_id}.d"
    scratch.mkdir(exist_ok=True)
    name = f"{run_id}.csv"
    shutil.move(client.download_artifacts(run_id, EPISODES, str(scratch)), request.folder / name)
    return name


if __name__ == "__main__":
    answer_request(read_results, (TrackingError, *STORE_ERRORS))
