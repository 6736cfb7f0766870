"""Reading what a project's runs left in MLflow, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.integration.project import Project

__all__ = ["TrackedRun", "agents", "query", "store_uri", "tracked_runs"]

_QUERY = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
def files(run, folder=None):
    for entry in client.list_artifacts(run, folder):
        yield from files(run, entry.path) if entry.is_dir else [entry.path]
found = []
for experiment in client.search_experiments():
    for run in client.search_runs([experiment.experiment_id]):
        identity = run.info.run_id
        points = {name: client.get_metric_history(identity, name) for name in run.data.metrics}
        history = {name: [(point.step, point.value) for point in series] for name, series in points.items()}
        found.append({
            "id": identity, "name": run.info.run_name, "status": run.info.status, "experiment": experiment.name,
            "tags": run.data.tags, "params": run.data.params, "history": history, "files": sorted(files(identity)),
        })
print(json.dumps(found))
"""


@dataclass(frozen=True)
class TrackedRun:
    """One run as MLflow shows it; ``history`` is (step, value) by metric."""

    id: str
    name: str
    status: str
    experiment: str
    tags: dict[str, str]
    params: dict[str, str]
    history: dict[str, list[list[float]]]
    files: list[str]

    @property
    def stages(self) -> dict[str, str]:
        """Return how each stage ended."""
        prefix = "stage."
        return {name.removeprefix(prefix): text for name, text in self.tags.items() if name.startswith(prefix)}

    def last(self, metric: str) -> float:
        """Return a metric's last value."""
        return self.history[metric][-1][1]


def store_uri(project: Project) -> str:
    """Return the address of the store that a project has by default."""
    return f"sqlite:///{(project.root / '.maze' / 'mlflow.db').as_posix()}"


def tracked_runs(project: Project) -> list[TrackedRun]:
    """Return every run of a project's store, the latest first."""
    outcome = project.python("-c", _QUERY, store_uri(project))
    assert outcome.status == 0, outcome.text
    entries: list[dict[str, Any]] = json.loads(outcome.stdout.splitlines()[-1])
    return [TrackedRun(**entry) for entry in entries]


def query(uri: str) -> list[TrackedRun]:
    """Return every run of a store, the latest first."""
    done = subprocess.run([sys.executable, "-c", _QUERY, uri], capture_output=True, text=True, check=True)
    return [TrackedRun(**entry) for entry in json.loads(done.stdout.splitlines()[-1])]


def agents(runs: list[TrackedRun], **tags: str) -> list[TrackedRun]:
    """Return the runs of agents that have all these tags; a dot is written as two underscores."""
    wanted = {name.replace("__", "."): value for name, value in tags.items()}
    return [run for run in runs if run.tags["maze.kind"] == "agent" and wanted.items() <= run.tags.items()]
