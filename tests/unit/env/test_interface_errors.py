"""Environments and wrappers that break the interface: whose fault it is and what it is, single and side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze import GymMazeEnv, MazeEnv, ObservationWrapper, RewardWrapper, RunContext, Wrapper
from maze.env import TimeLimitWrapper, VectorEnv, make_vector_env
from maze.errors import EnvError
from maze.types import Observation


class Engine(gymnasium.Env[Any, Any]):
    """A right environment, but for what the test says that it returns."""

    def __init__(self, step: Any = None, reset: Any = None) -> None:
        self.observation_space, self.action_space = spaces.Box(-9.0, 9.0, (3,), np.float32), spaces.Discrete(2)
        self.seen = np.ones(3, np.float32)
        self.step_result = (self.seen, 1.0, False, False, {}) if step is None else step
        self.reset_result = (self.seen, {}) if reset is None else reset

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return self.reset_result

    def step(self, action: Any) -> Any:
        return self.step_result


def single(make: Callable[[], MazeEnv]) -> None:
    env = make()
    env.reset()
    env.step({"action": np.int64(0)})


def side_by_side(make: Callable[[], MazeEnv]) -> None:
    env: VectorEnv = make_vector_env(make, 2)
    env.reset([0, 1])
    env.step({"action": np.zeros(2, np.int64)})


def within_a_limit(make: Callable[[], MazeEnv]) -> None:
    side_by_side(lambda: TimeLimitWrapper.wrap(make(), max_episode_steps=5))


EVERYWHERE = pytest.mark.parametrize("play", [single, side_by_side, within_a_limit])
SEEN = np.ones(3, np.float32)


@EVERYWHERE
@pytest.mark.parametrize(
    ("step", "reset", "words"),
    [
        ((SEEN, 1.0, False, {}), None, r"step\(\) of GymMazeEnv\(.*Engine.* returned 4 values; expected are 5"),
        (3, None, r"step\(\) of .*Engine.* returned 3; expected are 5"),
        ((SEEN, 1.0, False, False, None), None, r"step\(\) of .*Engine.*info \(a dictionary\)"),
        (None, (SEEN,), r"reset\(\) of .*Engine.* returned 1 values; expected are 2: observation, info"),
        (None, SEEN, r"reset\(\) of .*Engine.* returned array\(.*expected are 2: observation, info"),
        (
            (SEEN, "x", False, False, {}),
            None,
            r"step\(\) of .*Engine.* returned the reward 'x'; expected is one number",
        ),
        ((SEEN, "1", False, False, {}), None, r"returned the reward '1'; expected is one number"),
        (({}, np.ones(2), False, False, {}), None, r"The environment returned object|returned the reward"),
        ((None, 1.0, False, False, {}), None, r"The environment returned object for 'observation'"),
    ],
)
def test_an_engine_is_told_what_it_returned(play: Any, step: Any, reset: Any, words: str) -> None:
    with pytest.raises(EnvError, match=words):
        play(lambda: GymMazeEnv(Engine(step, reset)))


@EVERYWHERE
@pytest.mark.parametrize("reward", [None, [], "high"])
def test_a_reward_is_one_number(play: Any, reward: Any) -> None:
    with pytest.raises(EnvError, match=r"returned the reward .*; expected is one number"):
        play(lambda: GymMazeEnv(Engine((SEEN, reward, False, False, {}))))


@pytest.mark.parametrize("reward", [2, np.float32(2.0), np.array([2.0]), np.array(2), 2.0])
def test_a_number_in_an_array_is_a_number(reward: Any) -> None:
    env = GymMazeEnv(Engine((SEEN, reward, False, False, {})))
    env.reset()
    paid = env.step({"action": np.int64(0)})[1]
    assert paid == 2.0
    assert type(paid) is float


def test_an_engine_has_spaces() -> None:
    class Bare(Engine):
        def __init__(self) -> None:
            super().__init__()
            del self.observation_space

    with pytest.raises(EnvError, match=r"Bare has no observation_space; set one of gymnasium.spaces"):
        GymMazeEnv(Bare())


class Seen(ObservationWrapper):
    """Shows what the test says."""

    shown: Any = None

    def observation(self, observation: Observation) -> Observation:
        shown: Observation = self.shown(observation)
        return shown


@EVERYWHERE
@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (
            lambda seen: {"observation": seen["observation"][..., :2]},
            r"returned shape .*2,?\) for 'observation'; .*3,?\)",
        ),
        (lambda seen: {"obs": seen["observation"]}, r"returned the keys \['obs'\]; its observation_space has"),
        (lambda seen: None, r"returned None; expected is a dictionary with the keys \['observation'\]"),
        (lambda seen: seen["observation"], r"returned array.*expected is a dictionary"),
    ],
)
def test_a_wrapper_of_observations_keeps_its_space(play: Any, shown: Any, words: str) -> None:
    kind = type("Shown", (Seen,), {"shown": staticmethod(shown)})
    with pytest.raises(EnvError, match=rf"(?s)observation\(\) of Shown\(GymMazeEnv.*{words}"):
        play(lambda: kind.wrap(GymMazeEnv(Engine())))


def test_an_observation_that_breaks_later_is_told_then() -> None:
    broken: list[bool] = []

    class Late(ObservationWrapper):
        batchable = True

        def observation(self, observation: Observation) -> Observation:
            return {"other": observation["observation"]} if broken else observation

    env = make_vector_env(lambda: Late.wrap(GymMazeEnv(Engine())), 2)
    env.reset([0, 1])
    broken.append(True)
    with pytest.raises(EnvError, match=r"observation\(\) of Late\(GymMazeEnv.*the keys \['other'\]"):
        env.step({"action": np.zeros(2, np.int64)})


@EVERYWHERE
@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda seen, info: (seen, 1.0, False), "returned 3 values; expected are 4: observation, reward, done, info"),
        (lambda seen, info: None, "returned None; expected are 4"),
        (lambda seen, info: (seen, "x", False, info), "returned the reward 'x'; expected is one number"),
        (lambda seen, info: (seen, None, False, info), "returned the reward None; expected is one number"),
        (lambda seen, info: (seen, 1.0, False, None), "returned the info None; expected is a dictionary"),
        (lambda seen, info: (seen, 1.0, False, {}), "left 'terminated' out of its info"),
        (lambda seen, info: ({"obs": 1}, 1.0, False, info), r"returned the keys \['obs'\]"),
    ],
)
def test_a_wrapper_with_a_step_of_its_own_keeps_the_interface(play: Any, result: Any, words: str) -> None:
    class Own(Wrapper):
        def step(self, action: Any) -> Any:
            observation, _, _, info = super().step(action)
            return result(observation, info)

    class Outer(RewardWrapper):
        def reward(self, reward: Any) -> Any:
            return 2.0 * reward

    if play is single:
        if "info" in words or "keys" in words:  # nobody in a single environment looks at these
            return
        with pytest.raises(EnvError, match=rf"step\(\) of Own\(GymMazeEnv.*{words}"):
            play(lambda: Outer.wrap(Own.wrap(GymMazeEnv(Engine()))))
        return
    with pytest.raises(EnvError, match=rf"step\(\) of Own\(GymMazeEnv.*{words}"):
        play(lambda: Own.wrap(GymMazeEnv(Engine())))


@EVERYWHERE
@pytest.mark.parametrize("paid", [None, "x", np.ones(7)])
def test_a_wrapper_of_rewards_returns_rewards(play: Any, paid: Any) -> None:
    class Paid(RewardWrapper):
        changes_reward = True

        def reward(self, reward: Any) -> Any:
            return paid

    with pytest.raises(EnvError, match=r"reward\(\) of Paid\(GymMazeEnv.*expected is an array of shape \("):
        play(lambda: Paid.wrap(GymMazeEnv(Engine())))


@pytest.mark.parametrize(
    ("play", "keeps_env"), [(single, False), (side_by_side, False), (within_a_limit, False), (single, True)]
)
def test_a_wrapper_calls_the_constructor_of_its_base(play: Any, keeps_env: bool) -> None:
    class Hasty(ObservationWrapper):
        def __init__(self, env: MazeEnv) -> None:
            if keeps_env:
                self.env = env

        def observation(self, observation: Observation) -> Observation:
            return observation

    with pytest.raises(EnvError, match=r"Hasty has no .*; its __init__ must call super\(\).__init__\(env\)"):
        play(lambda: Hasty(GymMazeEnv(Engine())))


def test_a_run_with_a_broken_wrapper_ends_in_the_same_error(tmp_path: Any) -> None:
    class Halved(ObservationWrapper):
        def observation(self, observation: Observation) -> Observation:
            return {"observation": observation["observation"][..., :2]}

    rc = RunContext(wrappers=[Halved], run_dir=tmp_path / "run", overrides={"tracking.mode": "off"}, silent=True)
    with pytest.raises(EnvError, match=r"observation\(\) of Halved\(GymMazeEnv.*for 'observation'"):
        rc.train(1)
