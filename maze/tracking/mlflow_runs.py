"""Which run a description means: a new one, or the one that another stage of the same agent has begun."""

from __future__ import annotations

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from maze.tracking.description import FIRST_STAGE, RunDescription
from maze.tracking.mlflow_lookup import REBUILT_FROM
from maze.tracking.names import MAX_TAG, cut

__all__ = ["PROCESS_TAG", "children_of", "find_or_create_run", "find_runs", "parent_status"]

PROCESS_TAG = "maze.process"
"""Of a parent: how the process is, or has ended, that runs the whole; absent where stages come one after the other."""


def find_or_create_run(
    client: MlflowClient, experiment: str, description: RunDescription, parent_id: str | None
) -> Run:
    """Return the run that a description means; call it under the store's lock.

    A description without a key always gets a run of its own. With a key, it is the latest attempt with that key; the
    first stage begins a new attempt where the latest one has already been trained. A run that is made again is the
    attempt that it was, or a new one where all that are there were others. Where a person deleted the run, a new one
    says so in the tag ``recreated``.

    Args:
        client: client of the store.
        experiment: id of the experiment.
        description: what the run says about itself.
        parent_id: id of the parent run, or None.
    """
    if description.key is None:
        return _create(client, experiment, description, parent_id, {})
    attempts = find_runs(client, experiment, description.key, description.kind)
    if not attempts:
        deleted = find_runs(client, experiment, description.key, description.kind, deleted=True)
        return _create(
            client, experiment, description, parent_id, {"recreated": deleted[0].info.run_id} if deleted else {}
        )
    latest = attempts[0]
    origin = description.tags.get(REBUILT_FROM)
    if origin is not None:
        latest = next((run for run in attempts if _is_again(run, origin)), latest)
        if latest.data.tags.get(REBUILT_FROM, origin) != origin:
            return _create(client, experiment, description, parent_id, {"maze.attempt": str(_attempt(attempts[0]) + 1)})
    trained = latest.data.tags.get(f"stage.{FIRST_STAGE}", "")
    if description.stage == FIRST_STAGE and (trained == "ran" or trained.startswith("reused:")):
        return _create(client, experiment, description, parent_id, {"maze.attempt": str(_attempt(latest) + 1)})
    return latest


def find_runs(
    client: MlflowClient, experiment: str, key: str, kind: str = "agent", *, deleted: bool = False
) -> list[Run]:
    """Return the runs with a key, the latest attempt first."""
    view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
    found = client.search_runs(
        [experiment], f"tags.`maze.key` = '{key}' and tags.`maze.kind` = '{kind}'", run_view_type=view
    )
    return sorted(found, key=lambda run: (_attempt(run), run.info.start_time), reverse=True)


def children_of(client: MlflowClient, parent: Run) -> list[Run]:
    """Return the runs whose parent a run is."""
    return list(client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"))


def parent_status(parent: Run) -> str:
    """Return the status of a parent: it runs as long as its process or one of its agents does; then the agents' worst.

    Args:
        parent: with the tags ``agent.<seed>``.
    """
    outcomes = {value for name, value in parent.data.tags.items() if name.startswith("agent.")}
    if "RUNNING" in outcomes or parent.data.tags.get(PROCESS_TAG) == "RUNNING":
        return "RUNNING"
    return next((status for status in ("FAILED", "KILLED") if status in outcomes), "FINISHED")


def _create(
    client: MlflowClient, experiment: str, description: RunDescription, parent_id: str | None, tags: dict[str, str]
) -> Run:
    """Make the run with the tags by which it is found and shown."""
    source = "maze" if description.stage is None else f"stages.{description.stage}"
    every = {
        "maze.attempt": "1",
        "maze.kind": description.kind,
        "maze.schema": "1",
        "mlflow.source.name": source,
        "mlflow.source.type": "LOCAL",
        **tags,
    }
    if description.key is not None:
        every["maze.key"] = description.key
    if description.seed is not None:
        every["seed"] = str(description.seed)
    if parent_id is not None:
        every["mlflow.parentRunId"] = parent_id
    if commit := description.tags.get("git.commit"):
        every["mlflow.source.git.commit"] = commit
    every = {name: cut(value, MAX_TAG) for name, value in every.items()}
    return client.create_run(experiment, start_time=description.started, run_name=description.name, tags=every)


def _is_again(run: Run, origin: str) -> bool:
    """Return whether a run is the one that had an id first, or was made again for it."""
    return origin in (run.info.run_id, run.data.tags.get(REBUILT_FROM))


def _attempt(run: Run) -> int:
    """Return the number of an attempt."""
    text = run.data.tags.get("maze.attempt", "1")
    return int(text) if text.isdigit() else 1
