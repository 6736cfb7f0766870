"""Sessions on a real store, and what has arrived there."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from gymnasium import spaces

from maze.tracking.description import AgentModel, RunDescription
from maze.tracking.mlflow_completion import CompletingSession
from maze.tracking.mlflow_database import open_client
from maze.tracking.store import StoreLocation

__all__ = ["MODEL", "SEED", "Runs", "metrics"]

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
