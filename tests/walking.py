"""A walk as a simulation of its own, with events, rewards of them, a KPI and conversions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from maze.env import (
    ActionConversionInterface,
    CoreEnv,
    CoreMazeEnv,
    ObservationConversionInterface,
    RewardAggregatorInterface,
)
from maze.statistics import (
    BaseEnvEvents,
    EpisodeEvents,
    KpiCalculator,
    Pubsub,
    define_episode_stats,
    define_step_stats,
)

__all__ = ["Distance", "Place", "Speed", "Steps", "Walk", "WalkEnv", "WalkEvents", "seed_that_begins_at"]


class WalkEvents(ABC):
    @define_episode_stats(np.sum, input_name="length", output_name="distance")
    @define_step_stats(np.sum, input_name="length", output_name="length")
    @abstractmethod
    def walked(self, length: int) -> None: ...


class Distance(RewardAggregatorInterface):
    def get_interfaces(self) -> Sequence[type]:
        return [WalkEvents]

    def summarize_reward(self, maze_state: int) -> float:
        return float(sum(call.arguments["length"] for call in self.query_events(WalkEvents.walked)))


class Speed(KpiCalculator):
    def calculate_kpis(self, episode_event_log: EpisodeEvents, last_maze_state: int) -> dict[str, float]:
        lengths = [call.arguments["length"] for call in episode_event_log.query_events(WalkEvents.walked)]
        rewards = episode_event_log.query_events(BaseEnvEvents.reward)
        return {"speed": sum(lengths) / len(rewards), "end": float(last_maze_state)}


class Walk(CoreEnv):
    """Walk to 6, beginning at 0, 1 or 2; after five steps it is dark."""

    def __init__(self) -> None:
        super().__init__()
        pubsub = Pubsub(self.context.event_service)
        self.events = pubsub.create_event_topic(WalkEvents)
        self.reward_aggregator = Distance()
        pubsub.register_subscriber(self.reward_aggregator)
        self.place = 0

    def reset(self) -> int:
        self.place = int(self.generator.integers(3))
        self.events.walked(100)  # belongs to no step
        return self.place

    def step(self, maze_action: int) -> tuple[int, float, bool, dict[str, Any]]:
        self.place += maze_action
        for _ in range(maze_action):
            self.events.walked(1)
        arrived, dark = self.place >= 6, self.context.step_id == 4
        info = {"truncated": dark and not arrived, "note": "walking"}
        return self.place, self.reward_aggregator.summarize_reward(self.place), arrived or dark, info

    def get_maze_state(self) -> int:
        return self.place

    def get_kpi_calculator(self) -> Speed:
        return Speed()

    def state_dict(self) -> dict[str, Any]:
        return {"place": self.place}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.place = state["place"]


class Steps(ActionConversionInterface):
    def space(self) -> spaces.Dict:
        return spaces.Dict({"steps": spaces.Discrete(3)})

    def space_to_maze(self, action: dict[str, Any], maze_state: int) -> int:
        return int(action["steps"])

    def maze_to_space(self, maze_action: int) -> dict[str, Any]:
        return {"steps": maze_action}


class Place(ObservationConversionInterface):
    def space(self) -> spaces.Dict:
        return spaces.Dict({"place": spaces.Box(0, 10, shape=(1,), dtype=np.float32)})

    def maze_to_space(self, maze_state: int) -> dict[str, Any]:
        return {"place": np.array([maze_state], np.float64)}


class WalkEnv(CoreMazeEnv[Walk]):
    def __init__(self) -> None:
        super().__init__(Walk(), {0: Steps()}, {0: Place()})


def seed_that_begins_at(place: int) -> int:
    """Return a seed of which the first walk begins at a place."""
    return next(seed for seed in range(100) if np.random.default_rng(seed).integers(3) == place)
