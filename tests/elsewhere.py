"""Environments, wrappers and workers for worker processes, which import this file and nothing of the tests."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from maze.env import (
    ActionConversionInterface,
    CoreEnv,
    CoreMazeEnv,
    GymMazeEnv,
    LogStatsWrapper,
    MazeEnv,
    MazeEnvMonitoringWrapper,
    ObservationConversionInterface,
    ObservationNormalizationWrapper,
    ObservationStackWrapper,
    RandomResetWrapper,
    ReturnNormalizationRewardWrapper,
    StepSkipWrapper,
    TimeLimitWrapper,
    Wrapper,
)
from maze.statistics import Pubsub, define_episode_stats, define_epoch_stats, define_step_stats
from maze.types import Action, Array, Observation


class Looped(Wrapper):
    """A wrapper as a user writes one: it overrides step, so each of its environments is stepped by itself."""

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        observation, reward, done, info = super().step(action)
        return observation, reward + 0.5, done, info


class Rich(gymnasium.Env[Any, Any]):
    """Every kind of space, keys with dots, nested ones; random episodes with both kinds of ends."""

    def __init__(self) -> None:
        self.observation_space = spaces.Dict(
            {
                "a.b": spaces.Box(-np.inf, np.inf, (2, 3), np.float64),
                "image": spaces.Box(0, 255, (4, 4, 1), np.uint8),
                "kind": spaces.Discrete(3, start=-1),
                "kinds": spaces.MultiDiscrete([3, 4]),
                "bits": spaces.MultiBinary(3),
                "scalar": spaces.Box(-9, 9, (), np.float32),
                "nested": spaces.Dict({"deep": spaces.Tuple([spaces.Discrete(5), spaces.Box(0, 1, (1,), np.float32)])}),
            }
        )
        self.action_space = spaces.Dict(
            {
                "go.to": spaces.Discrete(3),
                "force": spaces.Box(-1, 1, (2,), np.float32),
                "levers": spaces.MultiDiscrete([2, 3]),
                "switches": spaces.MultiBinary(2),
            }
        )
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self.drawn(0.0), {}

    def drawn(self, shift: float) -> dict[str, Any]:
        rng = self.np_random
        return {
            "a.b": rng.normal(size=(2, 3)) + shift,
            "image": rng.integers(0, 256, (4, 4, 1), np.uint8),
            "kind": int(rng.integers(-1, 2)),
            "kinds": rng.integers(0, 3, 2),
            "bits": rng.integers(0, 2, 3, np.int8),
            "scalar": np.float32(rng.normal()),
            "nested": {"deep": (int(rng.integers(5)), rng.random(1, np.float32))},
        }

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        total = sum(float(np.sum(value)) for value in action.values())
        ends = self.np_random.random(2) < 0.15
        return self.drawn(total), total, bool(ends[0]), bool(ends[1]), {}


class Unsaveable(Rich):
    """Holds something that only pickle could save."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = object()


class WalkEvents(ABC):
    @define_epoch_stats(np.mean, input_name="distance", output_name="mean_distance")
    @define_episode_stats(np.sum, input_name="length", output_name="distance")
    @define_step_stats(np.sum, input_name="length", output_name="length")
    @abstractmethod
    def walked(self, length: int) -> None: ...


class WalkCore(CoreEnv):
    """Walks as far as told, five steps long, and tells of it."""

    def __init__(self) -> None:
        super().__init__()
        self.events = Pubsub(self.context.event_service).create_event_topic(WalkEvents)
        self.place = 0

    def reset(self) -> int:
        self.place = int(self.generator.integers(3))
        return self.place

    def step(self, maze_action: int) -> tuple[int, float, bool, dict[str, Any]]:
        self.place += maze_action
        self.events.walked(maze_action)
        return self.place, float(maze_action), self.context.step_id == 4, {}

    def get_maze_state(self) -> int:
        return self.place

    def state_dict(self) -> dict[str, Any]:
        return {"place": self.place}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.place = state["place"]


class Steps(ActionConversionInterface):
    def space(self) -> spaces.Dict:
        return spaces.Dict({"steps": spaces.Discrete(3)})

    def space_to_maze(self, action: dict[str, Any], maze_state: int) -> int:
        return int(action["steps"])


class Place(ObservationConversionInterface):
    def space(self) -> spaces.Dict:
        return spaces.Dict({"place": spaces.Box(0, 20, shape=(1,), dtype=np.float32)})

    def maze_to_space(self, maze_state: int) -> dict[str, Any]:
        return {"place": np.array([maze_state], np.float64)}


def walk() -> MazeEnv:
    return CoreMazeEnv(WalkCore(), {0: Steps()}, {0: Place()})


class Speaking(gymnasium.Wrapper):  # type: ignore[type-arg]
    """Prints when it begins and acts, and warns."""

    def reset(self, **arguments: Any) -> Any:
        sys.stdout.write("begins\n")
        sys.stdout.flush()
        sys.stderr.write("complains\n")
        warnings.warn("is old", stacklevel=1)
        return super().reset(**arguments)


class OddError(ValueError):
    """Keeps other arguments than it takes."""

    def __init__(self, code: int, *, where: str) -> None:
        super().__init__(f"odd {code} in {where}")
        self.code = code


class HeldError(Exception):
    """Cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("held", threading.Lock())

    def __str__(self) -> str:
        return "holds a lock"


class Failing(gymnasium.Env[Any, Any]):
    """Does what action 1 stands for."""

    observation_space = spaces.Box(-1.0, 1e9, (2,), np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self, what: str = "") -> None:
        self.what = what

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.seen(), {}

    def seen(self) -> Array:
        """Return the number of this process, and whether torch is there."""
        return np.array([os.getpid(), "torch" in sys.modules], np.float64)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if action == 1:
            self.fail()
        return self.seen(), 1.0, False, False, {}

    def fail(self) -> None:
        if self.what == "odd":
            raise OddError(7, where="here")
        if self.what == "held":
            raise HeldError
        if self.what == "exit":
            os._exit(3)
        if self.what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "sleep":
            time.sleep(60)


def failing(what: str) -> Callable[[], MazeEnv]:
    return lambda: GymMazeEnv(Failing(what))


def wrapped(make: Callable[[], Any], *kinds: Any) -> Callable[[], MazeEnv]:
    """Return a factory of wrapped environments, kinds from inside to outside."""

    def factory() -> MazeEnv:
        made = make()
        env = made if isinstance(made, MazeEnv) else GymMazeEnv(made)
        for kind in kinds:
            env = kind(env)
        return env

    return factory


def acrobot() -> MazeEnv:
    return GymMazeEnv("Acrobot-v1", max_episode_steps=30)


def normalize(env: MazeEnv) -> MazeEnv:
    return ObservationNormalizationWrapper(env, default_strategy_config={"clip_range": [-3, 3]})


def log(env: MazeEnv) -> MazeEnv:
    return LogStatsWrapper(env)


COURSE = (
    lambda env: RandomResetWrapper(env, min_skip_steps=0, max_skip_steps=4),
    lambda env: StepSkipWrapper(env, n_steps=2),
    lambda env: ObservationStackWrapper(env, stack_config=[{"observation": "observation", "stack_steps": 3}]),
    lambda env: TimeLimitWrapper(env, max_episode_steps=11),
)
STATISTICS = (normalize, ReturnNormalizationRewardWrapper, MazeEnvMonitoringWrapper, log)


class Adder:
    """A worker."""

    def __init__(self, index: int) -> None:
        self.index, self.total = index, 0.0

    def forget(self) -> None:
        self.total = 0.0

    def add(self, numbers: Sequence[float] | Array) -> Any:
        self.total += float(np.sum(numbers))
        return self.total

    def twice(self, arrays: dict[str, Array]) -> dict[str, Array]:
        return {key: 2 * value for key, value in arrays.items()}

    def where(self) -> tuple[int, int, bool]:
        return self.index, os.getpid(), "torch" in sys.modules

    def rest(self, seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    def fail(self, what: str) -> None:
        Failing(what).fail()
