"""Reading results from MLflow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from maze import report
from maze.api.pipeline import varied_values
from maze.errors import ArtifactError, TrackingError
from maze.tracking import project_store
from maze.tracking.asking import asking

__all__ = ["TrackedResults", "read_tracked"]

_UNFINISHED = {"KILLED": "interrupted", "FAILED": "failed", "RUNNING": "still running, or its process was killed"}


class TrackedResults:
    """What MLflow knows of some names.

    Attributes:
        agents: by name, those of all children where a parent was meant; names that MLflow does not know are left out.
        labels: by name, what people call it.
        names: runs that could have been meant instead.
    """

    def __init__(self) -> None:
        self.agents: dict[str, list[report.MeasuredAgent]] = {}
        self.labels: dict[str, str] = {}
        self.names: list[str] = []


def read_tracked(references: Sequence[str], stack: ExitStack, *, with_agents: bool) -> TrackedResults:
    """Return what MLflow has of runs.

    Args:
        references: run ids or unique beginnings of them, names of runs, or ``models:/name/version``.
        stack: downloaded agents are there until it is closed.
        with_agents: download the agents as well.

    Raises:
        ArtifactError: a run has no results, or a name means several runs.
    """
    results = TrackedResults()
    store = project_store()
    if store.database is not None and not store.database.is_file():
        return results
    values = {"references": list(references), "with_agents": with_agents}
    try:
        answer, folder = stack.enter_context(asking("maze.tracking.mlflow_results", values, store))
    except TrackingError as error:
        raise ArtifactError(f"MLflow at {store.uri}: {error}") from error
    results.names = list(answer["names"])
    for reference, found in answer["found"].items():
        results.labels[reference] = f"{found['name']} {found['id'][:7]}"
        results.agents[reference] = [_read_agent(agent, folder) for agent in found["agents"]]
    return results


def _read_agent(agent: Mapping[str, Any], folder: Path) -> report.MeasuredAgent:
    metrics = agent["metrics"]
    curve = np.array(agent["curve"], dtype=np.float64).reshape(-1, 2)
    curve = curve[np.isfinite(curve[:, 1])]
    common: dict[str, Any] = {
        "name": agent["name"],
        "seed": agent["seed"],
        "config": agent["params"],
        "curve": report.Curve(steps=curve[:, 0], values=curve[:, 1]),
        "source": "" if agent["agent"] is None else str(folder / agent["agent"]),
        "varied": varied_values(agent["tags"]),
        "unfinished": _UNFINISHED.get(agent["status"], ""),
    }
    if _is_number(metrics.get("evaluate/mean_return")):
        n_episodes = int(metrics.get("evaluate/n_episodes", 0))
        table = None if agent["episodes"] is None else report.read_episodes(folder / agent["episodes"])
        if table is not None and len(table.returns) != n_episodes:
            table = None  # of another evaluation
        return report.MeasuredAgent(
            **common,
            mean_return=float(metrics["evaluate/mean_return"]),
            basis="evaluation",
            n_episodes=n_episodes,
            returns=None if table is None else table.returns,
            lengths=None if table is None else table.lengths,
        )
    best = metrics.get("best/return", float(curve[:, 1].max()) if len(curve) else None)
    mean_return = float(best) if _is_number(best) else math.nan
    return report.MeasuredAgent(**common, mean_return=mean_return, basis="training", n_episodes=0)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
