"""States and actions of a simulation, recorded without wrappers, become what an agent behind wrappers sees and does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import (
    ActionConversionInterface,
    ActionMaskWrapper,
    ActionWrapper,
    CoreMazeEnv,
    DictActionWrapper,
    DictObservationWrapper,
    DiscretizeActionsWrapper,
    GymMazeEnv,
    LogStatsWrapper,
    MazeEnv,
    MazeEnvMonitoringWrapper,
    NoDictSpacesWrapper,
    ObservationClippingWrapper,
    ObservationNormalizationWrapper,
    ObservationStackWrapper,
    PreProcessingWrapper,
    RandomResetWrapper,
    ReturnNormalizationRewardWrapper,
    RewardScalingWrapper,
    SplitActionsWrapper,
    StatefulWrapper,
    StepSkipWrapper,
    TimeLimitWrapper,
    TrajectoryRecordingWrapper,
    VectorStep,
    Wrapper,
)
from maze.env.snapshot import layers_within
from maze.errors import EnvError
from maze.types import Action, Array, Observation
from tests.walking import Place, Steps, Walk, WalkEnv


class Reaching(gymnasium.Env[Any, Any]):
    """Continuous actions of three elements; keeps what was done in it."""

    observation_space = spaces.Box(-10.0, 10.0, (3,), np.float64)
    action_space = spaces.Box(np.array([-1, -2, 0], np.float32), np.array([1, 2, 3], np.float32))

    def __init__(self) -> None:
        self.place = np.zeros(3)
        self.states: list[Array] = []
        self.actions: list[Array] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self.place = self.np_random.normal(size=3)
        self.states.clear()
        self.actions.clear()
        self.states.append(self.place.copy())
        return self.place, {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        self.place = self.place + action
        self.states.append(self.place.copy())
        self.actions.append(action.copy())
        return self.place, 1.0, False, len(self.actions) == 6, {}


class LastAction(StatefulWrapper):
    """Shows the agent what it did last."""

    def __init__(self, env: MazeEnv) -> None:
        super().__init__(env)
        parts = dict(env.observation_space.spaces)
        self.observation_space = spaces.Dict({**parts, "last": spaces.Box(-2.0, 3.0, (3,), np.float32)})

    def step_rows(self, inner: Any, action: Action, rows: Array) -> VectorStep:
        step = inner.step_rows(action, rows)
        seen = {**step.observation, "last": np.asarray(action["action"])}
        return VectorStep(seen, step.reward, step.terminated, step.truncated)

    def reset_rows(self, inner: Any, rows: Array) -> Observation:
        return {**inner.reset_rows(rows), "last": np.zeros((len(rows), 3), np.float32)}


BINS: dict[str, Any] = {"discretization_config": {"action": {"num_bins": [3, 5, 4]}}}
PARTS: dict[str, Any] = {"split_config": {"action": {"first": [0], "others": [2, 1]}}}
STACK: dict[str, Any] = {"stack_config": [{"observation": "observation", "stack_steps": 3, "delta": True}]}
KNOWN: dict[str, Any] = {"default_statistics": {"mean": 1.0, "std": 2.0}}
FLAT: dict[str, Any] = {
    "pre_processor_mapping": [
        {"observation": "observation", "_target_": "maze.preprocessors.UnSqueezePreProcessor", "config": {"dim": -2}}
    ]
}

CASES: dict[str, list[tuple[Any, dict[str, Any]]]] = {
    "none": [],
    "observations": [
        (ObservationNormalizationWrapper, KNOWN),
        (ObservationClippingWrapper, {"min_val": -1.0, "max_val": 1.0}),
        (PreProcessingWrapper, FLAT),
    ],
    "discretised": [(DiscretizeActionsWrapper, BINS)],
    "split": [(SplitActionsWrapper, PARTS)],
    "split and discretised": [(DiscretizeActionsWrapper, BINS), (SplitActionsWrapper, PARTS)],
    "stacked": [(ObservationStackWrapper, STACK)],
    "stacked within": [
        (LastAction, {}),
        (ObservationStackWrapper, STACK),
        (TimeLimitWrapper, {"max_episode_steps": 5}),
        (ObservationNormalizationWrapper, KNOWN),
    ],
    "watched": [
        (LogStatsWrapper, {}),
        (MazeEnvMonitoringWrapper, {}),
        (RewardScalingWrapper, {"scale": 0.1}),
        (ReturnNormalizationRewardWrapper, {}),
        (TrajectoryRecordingWrapper, {}),
    ],
    "bare": [(NoDictSpacesWrapper, {})],
    "bare and back": [(NoDictSpacesWrapper, {}), (DictActionWrapper, {}), (DictObservationWrapper, {})],
    "skipping nothing": [(StepSkipWrapper, {"n_steps": 1}), (RandomResetWrapper, {"max_skip_steps": 0})],
}


def make(name: str) -> MazeEnv:
    env: MazeEnv = GymMazeEnv(Reaching())
    for kind, arguments in CASES[name]:
        env = kind.wrap(env, **arguments)
    env.training = True
    return env


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    left, right = np.asarray(left), np.asarray(right)
    return left.dtype == right.dtype and left.shape == right.shape and bool((left == right).all())


@pytest.mark.parametrize("name", CASES)
def test_recorded_steps_look_as_they_did_behind_the_wrappers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env, other = make(name), make(name)
    engine = list(layers_within(env))[-1]
    env.action_space.seed(1)
    other.seed(8)
    other.reset()
    for seed in (1, 2):  # two episodes, so that what is remembered begins anew
        env.seed(seed)
        seen, done, acted = [env.reset()], False, []
        while not done:
            acted.append(env.action_space.sample())
            observation, _, done, _ = env.step(acted[-1])
            seen.append(observation)
        for t, action in enumerate(acted):
            observations, actions = other.get_observation_and_action_dicts(engine.states[t], engine.actions[t], t == 0)
            assert observations is not None
            assert actions is not None
            assert equal(observations[0], seen[t]), t
            assert equal(actions[0], action), t
        observations, actions = other.get_observation_and_action_dicts(engine.states[-1], None, False)
        assert observations is not None
        assert equal(observations[0], seen[-1])
        assert actions is None


def test_the_running_episode_stays_as_it_is() -> None:
    env, other = make("stacked within"), make("stacked within")
    statistics = [one.statistics_state() for one in (env, other)]
    for one in (env, other):
        one.seed(1)
        one.reset()
    for t in range(4):
        action = {"action": np.full(3, 0.25, np.float32)}
        assert equal(env.step(action)[0], other.step(action)[0])
        other.get_observation_and_action_dicts(np.full(3, 9.0), np.ones(3, np.float32), t == 0)
    assert equal(*statistics)
    watched, unwatched = make("watched"), make("watched")
    watched.reset()
    watched.get_observation_and_action_dicts(np.zeros(3), np.zeros(3, np.float32), True)
    watched.get_observation_and_action_dicts(np.zeros(3), np.zeros(3, np.float32), False)
    unwatched.reset()
    for one in (watched, unwatched):
        one.update_statistics()
    assert equal(watched.statistics_state(), unwatched.statistics_state()), "nothing was gathered"


def test_choices_are_the_nearest_values() -> None:
    env = make("discretised")  # -1 0 1; -2 -1 0 1 2; 0 1 2 3
    _, actions = env.get_observation_and_action_dicts(None, np.array([0.4, -1.6, 2.9], np.float32), True)
    assert actions is not None
    assert actions[0]["action"].tolist() == [1, 0, 3]


def test_actions_are_turned_back_on_whole_batches() -> None:
    for name in ("discretised", "split", "split and discretised"):
        env = make(name)
        assert isinstance(env, Wrapper)
        env.action_space.seed(1)
        draws = [[env.action_space.sample() for _ in range(3)] for _ in range(2)]
        batch = {
            head: np.array([[draw[head] for draw in row] for row in draws], space.dtype)
            for head, space in env.action_space.spaces.items()
        }
        assert equal(env.reverse_action(env.action(batch)), batch)


def test_simulations_convert_by_their_conversions() -> None:
    env = LogStatsWrapper.wrap(WalkEnv())
    observations, actions = env.get_observation_and_action_dicts(4, 2, True)
    assert observations is not None
    assert actions is not None
    assert observations[0]["place"].tolist() == [4.0]
    assert {head: int(value) for head, value in actions[0].items()} == {"steps": 2}
    assert env.get_observation_and_action_dicts(None, None, False) == (None, None)
    with pytest.raises(EnvError, match="not in its space"):
        env.get_observation_and_action_dicts(4, 3, True)


class OneWay(Steps):
    maze_to_space = ActionConversionInterface.maze_to_space


class Flipped(ActionWrapper):
    def action(self, action: Action) -> Action:
        return {"action": -action["action"]}


class Turning(StatefulWrapper):
    def step_rows(self, inner: Any, action: Action, rows: Array) -> VectorStep:
        return inner.step_rows({"action": -np.asarray(action["action"])}, rows)


class Own(Wrapper):
    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        return super().step(action)


CHANGED = r"changes the course of episodes.*leave it out, or give it get_observation_and_action_dicts\(\)"
REFUSED: dict[str, tuple[Callable[[], MazeEnv], str]] = {
    "one way": (
        lambda: Flipped.wrap(make("none")),
        r"Flipped does not turn actions back .* give it reverse_action\(\)",
    ),
    "own step": (lambda: Own.wrap(make("none")), f"Own {CHANGED}"),
    "skipping": (lambda: StepSkipWrapper.wrap(make("none"), n_steps=2), f"StepSkipWrapper {CHANGED}"),
    "turning": (lambda: Turning.wrap(make("none")), f"Turning {CHANGED}"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrappers_that_cannot_be_passed_say_so(name: str) -> None:
    factory, message = REFUSED[name]
    env = factory()
    with pytest.raises(EnvError, match=message):  # noqa: PT012 - some know it at the second step only
        for t in range(2):
            env.get_observation_and_action_dicts(np.zeros(3), np.full(3, 0.5, np.float32), t == 0)


def test_what_is_missing_is_told() -> None:
    with pytest.raises(EnvError, match="begin within an episode; begin with first_step_in_episode=True"):
        make("stacked").get_observation_and_action_dicts(np.zeros(3), None, False)
    with pytest.raises(EnvError, match=r"OneWay does not convert 2 back; give it maze_to_space\(\)"):
        CoreMazeEnv(Walk(), {0: OneWay()}, {0: Place()}).get_observation_and_action_dicts(1, 2, True)
    masked = ActionMaskWrapper.wrap(GymMazeEnv("CartPole-v1"))
    with pytest.raises(EnvError, match=f"ActionMaskWrapper {CHANGED}"):
        masked.get_observation_and_action_dicts(np.zeros(4), 1, True)
