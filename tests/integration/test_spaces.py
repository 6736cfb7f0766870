"""Every common space, as observation and as action, trained for some updates; every action lies in its space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze import InvalidSpecificationError, RunContext
from maze.errors import EnvError

INFINITY = np.inf
SPACES: dict[str, spaces.Space[Any]] = {
    "discrete": spaces.Discrete(3),
    "discrete from 5": spaces.Discrete(3, start=5),
    "discrete from -1": spaces.Discrete(3, start=-1),
    "one option": spaces.Discrete(1),
    "choices": spaces.MultiDiscrete([2, 3]),
    "choices in a grid": spaces.MultiDiscrete(np.array([[2, 3], [4, 2]])),
    "choices with starts": spaces.MultiDiscrete([2, 3], start=[1, -4]),
    "coins": spaces.MultiBinary(3),
    "coins in a grid": spaces.MultiBinary([2, 2]),
    "bounded": spaces.Box(-1, 1, (2,), np.float32),
    "scalar": spaces.Box(-2, 1, (), np.float32),
    "double precision": spaces.Box(-0.1, 0.3, (2,), np.float64),
    "three axes": spaces.Box(0, 1, (2, 3, 2), np.float32),
    "unbounded": spaces.Box(-INFINITY, INFINITY, (2,), np.float32),
    "mixed": spaces.Box(np.float32([-1, -INFINITY, 0]), np.float32([1, INFINITY, INFINITY])),
    "bounded above": spaces.Box(-INFINITY, 0, (1,), np.float32),
    "one fixed element": spaces.Box(np.float32([0, 1]), np.float32([1, 1])),
    "whole numbers": spaces.Box(-3, 3, (2, 2), np.int16),
    "image": spaces.Box(0, 255, (4, 4, 3), np.uint8),
    "dictionary": spaces.Dict(a=spaces.Discrete(2), b=spaces.Box(-1, 1, (2,), np.float32)),
    "tuple": spaces.Tuple((spaces.Discrete(2), spaces.Box(-1, 1, (2,), np.float32))),
    "nested": spaces.Dict(
        a=spaces.Dict(
            x=spaces.Discrete(2, start=1), y=spaces.Tuple((spaces.MultiBinary(2), spaces.MultiDiscrete([2, 2])))
        ),
        b=spaces.Box(-1, 1, (2,), np.float32),
    ),
}
UNSUPPORTED: dict[str, spaces.Space[Any]] = {
    "Text": spaces.Text(5),
    "Sequence": spaces.Sequence(spaces.Discrete(3)),
    "Graph": spaces.Graph(spaces.Box(-1, 1, (2,)), None),
}
UPDATES = {
    "algorithm.n_epochs": 1,
    "algorithm.epoch_length": 3,
    "algorithm.n_rollout_steps": 16,
    "tracking.mode": "off",
}


class Demanding(gymnasium.Env[Any, Any]):
    """Shows anything that may be observed, and raises where an action is not in its space. Episodes of 7 steps."""

    def __init__(self, observed: spaces.Space[Any], acted: spaces.Space[Any]) -> None:
        self.observation_space, self.action_space = observed, acted
        self.time = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.time = 0
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if not self.action_space.contains(action):
            raise ValueError(f"{action!r} is not in {self.action_space}")
        self.time += 1
        return self.observation_space.sample(), 1.0, self.time >= 7, False, {}


@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
@pytest.mark.parametrize("role", ["observation", "action"])
@pytest.mark.parametrize("name", SPACES)
def test_agents_learn_with_every_space(name: str, role: str, algorithm: str, tmp_path: Path) -> None:
    observed = SPACES[name] if role == "observation" else SPACES["bounded"]
    acted = SPACES[name] if role == "action" else SPACES["discrete"]
    with RunContext(
        env=lambda: Demanding(observed, acted),
        algorithm=algorithm,
        overrides=UPDATES,
        run_dir=tmp_path / "run",
        seed=1,
        silent=True,
    ) as rc:
        rc.train()
        env = rc.env_factory()
        observation = env.reset()
        assert env.observation_space.contains(observation)
        for deterministic in (False, True, False):
            action = rc.compute_action(observation, deterministic=deterministic)
            assert env.action_space.contains(action)
            observation, _, _, _ = env.step(action)


@pytest.mark.parametrize("role", ["observation", "action"])
@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_spaces_without_arrays_say_what_to_do(kind: str, role: str, tmp_path: Path) -> None:
    observed = UNSUPPORTED[kind] if role == "observation" else SPACES["bounded"]
    acted = UNSUPPORTED[kind] if role == "action" else SPACES["discrete"]
    wrapper = "TransformObservation" if role == "observation" else "TransformAction"
    rc = RunContext(env=lambda: Demanding(observed, acted), overrides=UPDATES, run_dir=tmp_path / "run", silent=True)
    with pytest.raises(EnvError, match=rf"The {role} '{role}' has the space {kind}.*is not supported.*{wrapper}"):
        rc.train()


def test_a_box_with_too_many_whole_numbers_says_what_to_do(tmp_path: Path) -> None:
    space = spaces.Box(0, 2**31 - 1, (2,), np.int64)
    rc = RunContext(
        env=lambda: Demanding(SPACES["bounded"], space), overrides=UPDATES, run_dir=tmp_path / "run", silent=True
    )
    with pytest.raises(InvalidSpecificationError, match=r"more than 100000 options.*Bound its numbers"):
        rc.train()


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (spaces.Dict({"a.b": spaces.Box(0, 1, (2,)), "a": spaces.Dict(b=spaces.Discrete(2))}), r"both called 'a\.b'"),
        (spaces.Box(0, 1, (0,)), r"'observation' has the space .*holds nothing"),
    ],
)
def test_spaces_that_cannot_be_meant_are_refused(space: spaces.Space[Any], message: str, tmp_path: Path) -> None:
    rc = RunContext(
        env=lambda: Demanding(space, SPACES["discrete"]), overrides=UPDATES, run_dir=tmp_path / "run", silent=True
    )
    with pytest.raises(EnvError, match=message):
        rc.train()
