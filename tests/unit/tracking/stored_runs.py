"""Sessions on a real store, and what has arrived there."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from gymnasium import spaces

from maze.tracking.description import AgentModel, RestoredStage, RunDescription
from maze.tracking.journal import JournalWriter
from maze.tracking.mlflow_completion import CompletingSession
from maze.tracking.mlflow_database import open_client
from maze.tracking.records import complete_record
from maze.tracking.store import StoreLocation

__all__ = ["MODEL", "PARENT", "REBUILT", "SEED", "Rebuilding", "Runs", "metrics", "restored", "without_files"]

SEED = RunDescription(
    name="a2c seed 0",
    experiment_name="cartpole",
    parameters={"algorithm.lr": 0.001},
    seed=0,
    tags={"git.commit": "c0ffee"},
    key="k" * 64,
    stage="train",
    parent_key="p" * 64,
    parent_name="a2c",
)
MODEL = AgentModel.from_spaces(
    spaces.Dict({"observation": spaces.Box(-1, 1, (4,))}), spaces.Dict({"action": spaces.Discrete(2)})
)

PARENT = dataclasses.replace(
    SEED, name="a2c", key="p" * 64, parent_key=None, kind="pipeline", stage="report", seed=None
)
REBUILT = dataclasses.replace(SEED, stage="report", tags={"maze.rebuilt_from": "f" * 32})


class Runs:
    """Opens sessions on one store, and asks the store what has arrived."""

    def __init__(self, store: StoreLocation) -> None:
        self.store = store
        self.client = open_client(store)

    def session(
        self, description: RunDescription, *records: dict[str, Any], finish: str = "FINISHED"
    ) -> CompletingSession:
        session = CompletingSession(self.store, self.store.directory)
        closing = [{"op": "finish", "status": finish}] if finish else []
        session.apply([{"op": "start", "description": self.travel(description)}, *records, *closing])
        return session

    @staticmethod
    def travel(description: RunDescription) -> dict[str, Any]:
        return json.loads(json.dumps(description.as_record()))

    def stage(self, name: str, *records: dict[str, Any], finish: str = "FINISHED") -> CompletingSession:
        return self.session(dataclasses.replace(SEED, stage=name), *records, finish=finish)

    def get(self, session: CompletingSession) -> Any:
        return self.client.get_run(session.run_id)

    def history(self, session: CompletingSession, key: str) -> list[tuple[int, float]]:
        return [(point.step, point.value) for point in self.client.get_metric_history(session.run_id, key)]


def metrics(step: int, **values: float) -> dict[str, Any]:
    return {"op": "metrics", "values": values, "step": step, "time": 1000 + step}


def restored(tmp_path: Path, origin: str) -> list[RestoredStage]:
    agent = tmp_path / "agent"
    agent.mkdir(exist_ok=True)
    (agent / "config.yaml").write_text("a: 1\n")
    (tmp_path / "curve.csv").write_text("step,return\n10,1.0\n20,2.0\n")
    (tmp_path / "metrics.json").write_text('{"best_return": 2.0}')
    (tmp_path / "evaluation.json").write_text('{"mean_return": 2.5}')
    (tmp_path / "record.json").write_text(json.dumps({"run_id": origin}))
    return [
        RestoredStage(
            name="train",
            record=tmp_path / "record.json",
            metrics=tmp_path / "metrics.json",
            curve=tmp_path / "curve.csv",
            files={"train/curve.csv": tmp_path / "curve.csv"},
            agent_dir=agent,
            agent=MODEL,
        ),
        RestoredStage(
            name="evaluate", record=tmp_path / "record.json", metrics=tmp_path / "evaluation.json", prefix="evaluate/"
        ),
    ]


def without_files(stages: list[RestoredStage]) -> list[RestoredStage]:
    """Return what git alone holds of stages: numbers."""
    train, evaluate = stages
    return [
        dataclasses.replace(train, record=None, agent_dir=None, agent=None, missing=("policy", "record")),
        dataclasses.replace(evaluate, record=None, missing=("record",)),
    ]


class Rebuilding:
    """Tells a store again and again what is at hand of one result.

    Args:
        runs: in the store.
        folder: for files.
    """

    def __init__(self, runs: Runs, folder: Path) -> None:
        self.runs, self.folder = runs, folder

    def tell(
        self,
        stages: list[RestoredStage],
        *parts: str,
        whole: RunDescription = REBUILT,
        parent: RunDescription = PARENT,
    ) -> CompletingSession:
        """Tell a parent and its agent, and what the parent itself lacks."""
        writer = JournalWriter(self.folder / "spool", self.runs.store.uri)
        told = json.loads(json.dumps(complete_record(writer, whole, stages)))
        writer.close()
        session = CompletingSession(self.runs.store, writer.directory)
        records = [told, {"op": "missing", "parts": list(parts)}, {"op": "finish", "status": "FINISHED", "time": 5}]
        session.apply([{"op": "start", "description": parent.as_record()}, *records])
        assert session.notes == []
        return session

    def tags(self, session: CompletingSession) -> tuple[dict[str, str], dict[str, str]]:
        """Return the tags of the parent and of its agent."""
        child = self.runs.client.get_run(session.children["a2c seed 0"])
        return self.runs.get(session).data.tags, child.data.tags
