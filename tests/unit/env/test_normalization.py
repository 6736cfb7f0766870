"""Normalisation agrees with hand-computed statistics, however the observations arrive."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import GymMazeEnv, ObservationNormalizationWrapper, Wrapper, make_vector_env
from maze.env import running_statistics as module
from maze.env.running_statistics import MeanZeroStdOne, RangeZeroOne
from maze.errors import ArtifactError, InvalidSpecificationError


class Mixed(gymnasium.Env[Any, Any]):
    """An image, a vector and a class, each a function of time."""

    def __init__(self) -> None:
        self.observation_space = spaces.Dict(
            {
                "image": spaces.Box(0, 255, (2, 2, 1), np.uint8),
                "vector": spaces.Box(-np.inf, np.inf, (2,), np.float32),
                "scalar": spaces.Box(-np.inf, np.inf, (), np.float32),
                "kind": spaces.Discrete(3),
            }
        )
        self.action_space = spaces.Discrete(2)
        self.time = 0

    def _now(self) -> dict[str, Any]:
        image = np.full((2, 2, 1), self.time, np.uint8)
        vector = np.array([self.time, 10.0 * self.time], np.float32)
        return {"image": image, "vector": vector, "scalar": np.float32(self.time), "kind": self.time % 3}

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        self.time = 0
        return self._now(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self.time += 1
        return self._now(), 0.0, False, False, {}


def test_identity_before_any_data() -> None:
    env = ObservationNormalizationWrapper.wrap(GymMazeEnv(Mixed()))
    env.reset()
    observation = env.step({"action": 0})[0]
    assert observation["vector"].tolist() == [1.0, 10.0]
    assert observation["image"].dtype == np.float32
    assert observation["kind"].dtype == np.int64
    assert env.observation_space.contains(observation)


def test_gathered_only_while_training_and_used_only_after_an_update() -> None:
    env = ObservationNormalizationWrapper.wrap(GymMazeEnv(Mixed()))
    env.reset()
    env.step({"action": 0})
    env.training = True
    env.step({"action": 0})  # time 2
    assert env.step({"action": 0})[0]["vector"].tolist() == [3.0, 30.0]  # time 3
    env.training = False
    env.update_statistics()
    state = env.statistics_state()
    name = "ObservationNormalizationWrapper.0.vector"
    assert state[f"{name}.count"] == 2
    assert state[f"{name}.mean"].tolist() == [2.5, 25.0]
    assert state[f"{name}.squared_deviations"].tolist() == [0.5, 50.0]
    # deviations 0.5 and 5: at time 4 the result is (4 - 2.5) / 0.5
    observation = env.step({"action": 0})[0]
    assert observation["vector"].tolist() == [3.0, 3.0]
    assert observation["scalar"] == 3.0
    assert observation["scalar"].shape == ()
    assert observation["image"].ravel().tolist() == [3.0] * 4


def test_estimate_range_and_clipping() -> None:
    env = ObservationNormalizationWrapper.wrap(
        GymMazeEnv(Mixed()),
        default_strategy="range_zero_one",
        default_strategy_config={"clip_range": [0, 1], "axis": None},
        exclude=["image"],
        manual_config={"scalar": {"strategy": "mean_zero_std_one", "strategy_config": {}}},
        online=False,
    )
    env.training = True
    raw = [env.env.reset(), *(env.env.step({"action": 0})[0] for _ in range(4))]
    env.estimate(raw)
    # one range 0 .. 40 for both elements
    assert env.observation(
        {"vector": np.array([[10, 20], [80, -1]], np.float32), **{k: raw[1][k] for k in ("image", "scalar", "kind")}}
    )["vector"].tolist() == [[0.25, 0.5], [1.0, 0.0]]
    assert env.observation(raw[2])["scalar"] == 0.0
    assert env.observation(raw[2])["image"] is raw[2]["image"]
    assert env.observation_space["vector"] == spaces.Box(0.0, 1.0, (2,), np.float32)
    before = env.statistics_state()
    env.reset()
    env.update_statistics()
    assert all((before[name] == value).all() for name, value in env.statistics_state().items())


@pytest.mark.parametrize("axis", [0, [0], [0, 1], [1, 3], None])
@pytest.mark.parametrize("chunk", [1, 50, 10**6])
def test_merged_moments_are_those_of_all_samples(axis: Any, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ELEMENTS", chunk)
    samples = np.random.default_rng(0).normal(1000.0, 3.0, (40, 3, 2, 4))
    statistics = MeanZeroStdOne((3, 2, 4), None, axis)
    statistics.add([samples[0], samples[1:9].reshape(2, 4, 3, 2, 4)])
    statistics.add([])
    statistics.add([samples[9:]])
    statistics.publish()
    axes = (0, 1, 2, 3) if axis is None else tuple({0, *([axis] if isinstance(axis, int) else axis)})
    mean, deviation = samples.mean(axes, keepdims=True), samples.std(axes, keepdims=True)
    state = statistics.state()
    assert state["count"] == samples.size / mean.size
    assert np.allclose(state["mean"], mean[0], rtol=1e-13)
    assert np.allclose(np.sqrt(state["squared_deviations"] / state["count"]), deviation[0], rtol=1e-9)
    assert np.allclose(statistics.normalize(samples), (samples - mean) / deviation, atol=1e-3)


def test_constant_quantities_are_shifted_only() -> None:
    for statistics in (MeanZeroStdOne((1,), None, 0), RangeZeroOne((1,), None, 0)):
        statistics.add([np.full((5, 1), 7.0)])
        statistics.publish()
        assert statistics.normalize(np.array([7.5])).tolist() == [0.5]


def test_state_is_an_exact_round_trip_and_gathering_goes_on_from_it() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 30, 2))
    whole, part, rest = (MeanZeroStdOne((2,), None, 0) for _ in range(3))
    for statistics, batches in ((whole, [first]), (part, [first])):
        statistics.add(batches)
        statistics.publish()
    rest.load(part.state())
    for statistics in (whole, rest):
        statistics.add([second])
        statistics.publish()
    assert {k: v.tobytes() for k, v in whole.state().items()} == {k: v.tobytes() for k, v in rest.state().items()}
    with pytest.raises(ArtifactError, match=r"has shape \(2,\), these observations need \(3,\)"):
        MeanZeroStdOne((3,), None, 0).load(part.state())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"default_strategy": "mean_zero"}, r"default_strategy: .*'mean_zero'; did you mean 'mean_zero_std_one'"),
        ({"exclude": ["observatoin"]}, "did you mean 'observation'"),
        ({"default_strategy_config": {"clip": 1}}, r"default_strategy_config\.clip: .*did you mean 'clip_range'"),
        (
            {"default_strategy_config": {"clip_range": [1, -1]}},
            r"clip_range\.0: 1\.0 must be smaller than clip_range\.1 -1\.0",
        ),
        (
            {"default_strategy_config": {"clip_range": 3}},
            r"config\.clip_range: 3 is not accepted; accepted: list of 2 numbers",
        ),
        ({"exclude": "observation"}, r"exclude: 'observation' is not accepted; accepted: list of texts or null"),
        ({"default_strategy_config": {"axis": 2}}, "0 to 1"),
    ],
)
def test_wrong_configuration(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        ObservationNormalizationWrapper.wrap(GymMazeEnv("CartPole-v1"), **arguments)


def test_vector_paths_gather_the_same_to_the_last_bit_and_final_observations_not_at_all() -> None:
    def factory() -> Any:
        return ObservationNormalizationWrapper.wrap(
            GymMazeEnv("CartPole-v1"), default_strategy_config={"clip_range": [-3, 3]}
        )

    states = []
    for native in (True, False):
        vector = make_vector_env(factory, 3, native=native)
        vector.training = True
        vector.reset([5, 6, 7])
        rng = np.random.default_rng(0)
        collected = []
        for t in range(200):
            step = vector.step({"action": rng.integers(0, 2, 3)})
            collected.append(step.observation["observation"].tobytes())
            if t % 50 == 49:
                vector.update_statistics()
        states.append((collected, {key: value.tobytes() for key, value in vector.statistics_state().items()}))
        # one reset and 200 steps of 3; the last observations of episodes are not among them
        assert vector.statistics_state()["ObservationNormalizationWrapper.0.observation.count"] == 603
    assert states[0] == states[1]


def test_environments_stepped_one_by_one_share_their_statistics() -> None:
    class Outer(Wrapper):
        def reset(self) -> Any:
            return super().reset()

    vector = make_vector_env(lambda: Outer.wrap(ObservationNormalizationWrapper.wrap(GymMazeEnv(Mixed()))), 3)
    vector.training = True
    vector.reset([1, 2, 3])
    vector.step({"action": np.zeros(3, int)})
    vector.update_statistics()
    state = vector.statistics_state()
    assert state["ObservationNormalizationWrapper.0.vector.count"] == 6
    assert state["ObservationNormalizationWrapper.0.vector.mean"].tolist() == [0.5, 5.0]
    # mean 0.5, deviation 0.5: at time 2 the result is 3 in every environment
    assert vector.step({"action": np.zeros(3, int)}).observation["vector"].tolist() == [[3.0, 3.0]] * 3


def test_known_statistics_are_used_and_never_change() -> None:
    env = ObservationNormalizationWrapper.wrap(
        GymMazeEnv(Mixed()),
        exclude=["image"],
        default_statistics={"mean": 1.0, "std": 2.0},
        manual_config={
            "vector": {
                "strategy": "maze.normalization_strategies.RangeZeroOneObservationNormalizationStrategy",
                "statistics": {"min": [0.0, 10.0], "max": [4.0, 20.0]},
            }
        },
    )
    env.training = True
    env.reset()
    env.step({"action": 0})
    env.update_statistics()
    env.estimate([env.env.reset()])
    env.step({"action": 0})
    observation = env.step({"action": 0})[0]  # time 2
    assert observation["vector"].tolist() == [0.5, 1.0]
    assert observation["scalar"] == 0.5
    other = ObservationNormalizationWrapper.wrap(
        GymMazeEnv(Mixed()), exclude=["image"], manual_config={"vector": {"strategy": "range_zero_one"}}
    )
    other.load_statistics(env.statistics_state())
    other.load_own_state(env.own_state())
    assert other.observation(env.env.step({"action": 0})[0])["vector"].tolist() == [0.75, 2.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"default_statistics": {"mean": 0.0}}, r"default_statistics: .* accepted: a mapping with mean and std"),
        ({"default_statistics": {"mean": 0.0, "std": 0.0}}, r"default_statistics\.std: 0\.0 .*accepted: numbers > 0"),
        ({"default_statistics": {"mean": 0.0, "std": [1, 1, 1, 0]}}, r"statistics\.std: .*accepted: numbers > 0"),
        ({"default_statistics": {"mean": "a", "std": 1.0}}, r"default_statistics\.mean: 'a' is not accepted"),
        (
            {"default_strategy": "range_zero_one", "default_statistics": {"min": 1, "max": 1}},
            r"default_statistics\.min: 1\.0 must be smaller than max 1\.0",
        ),
        (
            {"manual_config": {"observation": {"statistics": {"mean": 0, "std": -1}}}},
            r"manual_config\.observation\.statistics\.std: -1\.0",
        ),
        ({"default_statistics": {"mean": [0.0, 1.0], "std": 1.0}}, r"has not the shape \(4,\)"),
        ({"manual_config": {"observation": {"stategy": "range_zero_one"}}}, "did you mean 'strategy'"),
    ],
)
def test_wrong_known_statistics(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        ObservationNormalizationWrapper.wrap(GymMazeEnv("CartPole-v1"), **arguments)
