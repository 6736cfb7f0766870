"""What doing nothing means where steps are skipped: what the simulation says, through wrappers that change actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from maze.env import (
    ActionConversionInterface,
    ActionWrapper,
    CoreEnv,
    CoreMazeEnv,
    DiscretizeActionsWrapper,
    MazeEnv,
    MazeEnvMonitoringWrapper,
    ObservationConversionInterface,
    SplitActionsWrapper,
    StepSkipWrapper,
    make_vector_env,
)
from maze.errors import InvalidSpecificationError

FORCE = np.array([0.5, 1.0], np.float32)
GEAR = 2


class Machine(CoreEnv):
    """Pays forces, and ten times the gear."""

    def reset(self) -> float:
        return 0.0

    def step(self, maze_action: Any) -> tuple[float, float, bool, dict[str, Any]]:
        return 0.0, float(maze_action["force"].sum() + 10 * maze_action["gear"]), False, {}

    def get_maze_state(self) -> float:
        return 0.0


class Pedals(ActionConversionInterface):
    def space(self) -> spaces.Dict:
        return spaces.Dict({"force": spaces.Box(-1.0, 3.0, (2,)), "gear": spaces.Discrete(4)})

    def space_to_maze(self, action: dict[str, Any], maze_state: float) -> dict[str, Any]:
        return action


class Idle(Pedals):
    """Doing nothing is not what is nearest to zero."""

    def noop_action(self) -> dict[str, Any]:
        return {"force": FORCE, "gear": GEAR}


class Wrong(Pedals):
    def noop_action(self) -> dict[str, Any]:
        return {"force": FORCE, "gear": 4}


class Blind(ObservationConversionInterface):
    def space(self) -> spaces.Dict:
        return spaces.Dict({"observation": spaces.Box(0.0, 1.0, (1,))})

    def maze_to_space(self, maze_state: float) -> dict[str, Any]:
        return {"observation": np.array([maze_state], np.float32)}


class Doubling(ActionWrapper):
    def action(self, action: Any) -> Any:
        return {**action, "force": np.clip(2 * action["force"], -1.0, 3.0)}


class Halving(Doubling):
    """Says how it is turned back."""

    def reverse_action(self, action: Any) -> Any:
        return {**action, "force": action["force"] / np.float32(2)}


def machine(pedals: type[Pedals], *wraps: Callable[[MazeEnv], MazeEnv]) -> MazeEnv:
    env: MazeEnv = CoreMazeEnv(Machine(), {0: pedals()}, {0: Blind()})
    for wrap in wraps:
        env = wrap(env)
    return env


def split(env: MazeEnv) -> MazeEnv:
    return SplitActionsWrapper.wrap(env, split_config={"force": {"left": [0], "right": [1]}})


def discretize(env: MazeEnv, bins: int = 9) -> MazeEnv:
    return DiscretizeActionsWrapper.wrap(env, discretization_config={"force": {"num_bins": bins}})


ZERO_FORCE = {"force": np.zeros(2, np.float32), "gear": np.int64(0)}
PARTS = {"left": np.zeros(1, np.float32), "right": np.zeros(1, np.float32), "gear": np.int64(0)}
LEAST = {"force": np.zeros(2, np.int64), "gear": np.int64(0)}
LEAST_PARTS = {"left": np.int64(0), "right": np.zeros(1, np.float32), "gear": np.int64(0)}


def discretize_left(env: MazeEnv) -> MazeEnv:
    return DiscretizeActionsWrapper.wrap(env, discretization_config={"left": {"num_bins": 9}})


@pytest.mark.parametrize(
    ("wraps", "action", "first"),
    [
        ([], ZERO_FORCE, 0.0),
        ([MazeEnvMonitoringWrapper.wrap], ZERO_FORCE, 0.0),
        ([split], PARTS, 0.0),
        ([discretize], LEAST, -2.0),
        ([split, discretize_left], LEAST_PARTS, -1.0),
        ([Halving.wrap], ZERO_FORCE, 0.0),
    ],
)
def test_skipped_steps_get_the_no_op_of_the_simulation(wraps: Any, action: Any, first: float) -> None:
    def make() -> MazeEnv:
        return StepSkipWrapper.wrap(machine(Idle, *wraps), n_steps=3, skip_mode="noop")

    paid = first + 2 * (0.5 + 1.0 + 10 * GEAR)
    env = make()
    env.reset()
    assert env.step(action)[1] == paid
    vector = make_vector_env(make, 2)
    vector.reset([0, 1])
    assert vector.step({head: np.stack([value] * 2) for head, value in action.items()}).reward.tolist() == [paid] * 2


def test_a_no_op_of_ones_own_goes_first() -> None:
    own = {"force": [0.0, 1.0], "gear": 1}
    for pedals in (Idle, Pedals):
        env = StepSkipWrapper.wrap(machine(pedals), n_steps=2, skip_mode="noop", noop_action=own)
        env.reset()
        assert env.step(ZERO_FORCE)[1] == 11.0


def test_what_cannot_be_said_is_refused_with_what_to_do() -> None:
    def refused(env: MazeEnv, message: str) -> None:
        with pytest.raises(InvalidSpecificationError, match=message):
            StepSkipWrapper.wrap(env, n_steps=2, skip_mode="noop")
        StepSkipWrapper.wrap(env, n_steps=2)  # who repeats the action needs none

    remedy = r".* Or give noop_action, or skip_mode: sticky\.$"
    refused(machine(Pedals), "^noop_action: Pedals has no action that does nothing; give it noop_action" + remedy)
    refused(machine(Wrong), "^noop_action: The action for 'gear' is not in its space" + remedy)
    one_way = r"^noop_action: Doubling does not turn actions back .*; give it reverse_action\(\)"
    refused(machine(Idle, Doubling.wrap), one_way + remedy)
    coarse = machine(Idle, lambda env: discretize(env, bins=2))
    refused(coarse, "^noop_action: DiscretizeActionsWrapper has no action that becomes .* nothing inside" + remedy)
