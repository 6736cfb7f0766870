"""Finding runs by what people call them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import mlflow.exceptions
from mlflow import MlflowClient
from mlflow.entities import Run

from maze.errors import TrackingError, suggest

__all__ = [
    "REBUILT_FROM",
    "agents_of",
    "all_runs",
    "check_version",
    "find_run",
    "run_by_id",
    "run_of_model",
    "seed_of",
    "split_model",
]

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
            return runs.get(str(run_of_model(client, reference)))
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


def run_of_model(client: MlflowClient, reference: str) -> str | None:
    """Return the id of the run that made a registered or logged model; None where the model tells none.

    Args:
        client: of the store.
        reference: ``models:/<name>/<version>``, ``models:/<name>@<alias>`` or ``models:/<model id>``.

    Raises:
        TrackingError: there is no such name, version or alias; says which there are.
        mlflow.exceptions.MlflowException: there is no such logged model, or the store is away.
    """
    name, version = split_model(reference)
    if not version:
        return client.get_logged_model(name).source_run_id
    check_version(client, name, version)
    if "@" in reference:
        return client.get_model_version_by_alias(name, version).run_id
    if version == "latest":
        return max(client.search_model_versions(f"name = '{name}'"), key=lambda found: int(found.version)).run_id
    return client.get_model_version(name, version).run_id


def split_model(reference: str) -> tuple[str, str]:
    """Return the name, and the version or alias, of ``models:/...``; the latter is "" for a logged model.

    Raises:
        TrackingError: it has another form.
    """
    name, *rest = re.split("[/@]", reference.removeprefix("models:/"))
    version = rest[0] if rest else ""
    if len(rest) > 1 or not name or (rest and not version) or not (rest or name.startswith("m-")):
        raise TrackingError(
            f"{reference!r} names no model; accepted: models:/NAME@champion, or another alias, and models:/NAME/VERSION"
        )
    return name, version


def check_version(client: MlflowClient, name: str, version: str) -> None:
    """Refuse a registered policy that is not there.

    Args:
        client: of the store.
        name: of the policy.
        version: its number, or an alias.

    Raises:
        TrackingError: there is none; says which there are.
    """
    numbers = [str(found.version) for found in client.search_model_versions(f"name = '{name}'")]
    if not numbers:
        known = [model.name for model in client.search_registered_models() if model.name != name]
        nearest = suggest(name, known) if known else "there are none yet."
        raise TrackingError(f"{name!r} is no registered policy; {nearest} maze-run promote RUN makes one.")
    accepted = [*client.get_registered_model(name).aliases, *sorted(numbers, key=int)]
    if version not in (*accepted, "latest"):
        raise TrackingError(
            f"{name!r} has no version or alias {version!r}; {suggest(version, accepted)} "
            "maze-run promote RUN gives an alias."
        )


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
