"""Finding runs by what people call them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import mlflow.exceptions
from mlflow import MlflowClient
from mlflow.entities import Run

from maze.errors import TrackingError

__all__ = ["REBUILT_FROM", "agents_of", "all_runs", "find_run", "run_by_id", "seed_of"]

REBUILT_FROM = "maze.rebuilt_from"
"""Tag of a run that was made again from git and DVC: the id that it had before, which records name."""

_PAGE = 500


def all_runs(client: MlflowClient) -> Iterator[Run]:
    """Yield the runs of all experiments that nobody has deleted."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    token: str | None = None
    while experiments:
        page = client.search_runs(experiments, max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def run_by_id(client: MlflowClient, run_id: str) -> Run:
    """Return a run by its id, or by the id that it had before the store was rebuilt.

    Raises:
        mlflow.exceptions.MlflowException: there is no such run.
    """
    try:
        return client.get_run(run_id)
    except mlflow.exceptions.MlflowException:
        found = [run for run in all_runs(client) if run.data.tags.get(REBUILT_FROM) == run_id]
        if not found:
            raise
        return found[-1]


def find_run(client: MlflowClient, runs: Mapping[str, Run], reference: str) -> Run | None:
    """Return the run that a reference means.

    Raises:
        TrackingError: it means several.
    """
    if reference.startswith("models:/"):
        try:
            return runs.get(str(_source_of(client, reference)))
        except mlflow.exceptions.MlflowException as error:
            raise TrackingError(f"{reference}: {error}") from error
    if reference in runs:
        return runs[reference]
    renamed = [run for run in runs.values() if run.data.tags.get(REBUILT_FROM) == reference]
    named = renamed or [run for run in runs.values() if run.info.run_name == reference]
    if not named and len(reference) > 3:
        named = [run for identity, run in runs.items() if identity.startswith(reference)]
    if len(named) > 1:
        latest = sorted(named, key=lambda run: run.info.start_time, reverse=True)[:4]
        shown = ", ".join(run.info.run_id for run in latest)
        raise TrackingError(f"{reference!r} means {len(named)} runs; give an id, the latest first: {shown}")
    return named[0] if named else None


def _source_of(client: MlflowClient, reference: str) -> str | None:
    """Return the run of a registered or logged model."""
    name, _, rest = reference.removeprefix("models:/").rpartition("/")
    if not name:
        name, _, alias = rest.partition("@")
        if alias:
            return client.get_model_version_by_alias(name, alias).run_id
        return client.get_logged_model(name).source_run_id
    return client.get_model_version(name, rest).run_id


def agents_of(runs: Mapping[str, Run], run: Run) -> list[Run]:
    """Return the children of a parent in the order of their seeds, or the run itself."""
    children = [one for one in runs.values() if one.data.tags.get("mlflow.parentRunId") == run.info.run_id]
    latest: dict[str, Run] = {}
    for child in sorted(children, key=lambda one: one.info.start_time):
        latest[child.data.tags.get("maze.key", child.info.run_id)] = (
            child  # a repeated attempt replaces the earlier one
        )
    return sorted(latest.values(), key=lambda one: (seed_of(one) or 0, one.info.run_name)) or [run]


def seed_of(run: Run) -> int | None:
    """Return the seed of an agent's run; None where it tells none."""
    text = run.data.tags.get("seed", "")
    return int(text) if text.isdigit() else None
