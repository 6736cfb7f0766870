"""All ways to step many environments give the same trajectories and the same errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import (
    ActionWrapper,
    GymMazeEnv,
    LogStatsWrapper,
    MazeEnv,
    NativeCartPoleVectorEnv,
    ObservationNormalizationWrapper,
    RewardWrapper,
    SyncVectorEnv,
    VectorEnv,
    VectorStep,
    WrappedVectorEnv,
    Wrapper,
    make_vector_env,
)
from maze.errors import ArtifactError, EnvError, InvalidSpecificationError
from maze.types import Action, Array, Observation
from tests.probes import DelayedRewardProbe, ObservationRewardProbe


class Flipped(ActionWrapper):
    batchable = True

    def action(self, action: Action) -> Action:
        return {"action": 1 - action["action"]}


class Scaled(RewardWrapper):
    batchable = True

    def reward(self, reward: Array) -> Array:
        return reward * 0.1


class Looped(Wrapper):
    """Not batchable, changes nothing."""

    def reset(self) -> Observation:
        return super().reset()


def frames(vector: VectorEnv, n_steps: int, seed: int = 0) -> list[tuple]:
    """Return everything that random steps gave, as bytes."""
    rng = np.random.default_rng(seed)
    key = next(iter(vector.observation_space))
    result = []
    for _ in range(n_steps):
        high = int(vector.action_space["action"].n)  # type: ignore[attr-defined]
        step = vector.step({"action": rng.integers(0, high, vector.n_envs)})
        done = step.terminated | step.truncated
        final = None if step.final_observation is None else step.final_observation[key][done].tobytes()
        parts = (step.observation[key], step.reward, step.terminated, step.truncated)
        result.append((*(part.tobytes() for part in parts), final))
    return result


def chain(*kinds: Any) -> Callable[[], MazeEnv]:
    """Return a factory of a wrapped CartPole, kinds from inside to outside."""

    def factory() -> MazeEnv:
        env: MazeEnv = GymMazeEnv("CartPole-v1")
        for kind in kinds:
            env = kind.wrap(env)
        return env

    return factory


def normalizing(env: MazeEnv) -> MazeEnv:
    wrapped = ObservationNormalizationWrapper.wrap(env, default_strategy_config={"clip_range": [-2, 2]})
    wrapped.load_statistics(
        {
            "ObservationNormalizationWrapper.0.observation.count": np.array(9.0),
            "ObservationNormalizationWrapper.0.observation.mean": np.full(4, 0.3),
            "ObservationNormalizationWrapper.0.observation.squared_deviations": np.full(4, 0.7),
        }
    )
    return wrapped


class Normalizing:
    wrap = staticmethod(normalizing)


@pytest.mark.parametrize("kinds", [(), (Flipped,), (Scaled, Normalizing, LogStatsWrapper, Flipped)])
def test_native_batched_and_single_stepping_agree_to_the_last_bit(kinds: tuple) -> None:
    vectors = [
        make_vector_env(chain(*kinds), 5),
        make_vector_env(chain(*kinds), 5, native=False),
        make_vector_env(chain(*kinds, Looped), 5),
        SyncVectorEnv([chain(*kinds)() for _ in range(5)]),
    ]
    assert type(vectors[0]) is (WrappedVectorEnv if kinds else NativeCartPoleVectorEnv)
    assert type(vectors[2]) is SyncVectorEnv
    first = [vector.reset([3, 1, 4, 1, 5])["observation"].tobytes() for vector in vectors]
    assert first == [first[0]] * 4
    results = [frames(vector, 300) for vector in vectors]
    assert any(frame[-1] is not None for frame in results[0])
    for result in results[1:]:
        assert result == results[0]


def test_outer_batchable_wrappers_stay_batched_around_one_that_is_not() -> None:
    vector = make_vector_env(chain(Looped, Scaled), 2)
    assert isinstance(vector, WrappedVectorEnv)
    assert isinstance(vector.env, SyncVectorEnv)
    vector.reset([0, 1])
    assert vector.step({"action": np.array([0, 1])}).reward.tolist() == [np.float32(0.1)] * 2


def test_same_step_reset_on_a_known_environment() -> None:
    vector = make_vector_env(lambda: GymMazeEnv(DelayedRewardProbe()), 2)
    assert vector.reset([0, 1])["observation"].tolist() == [[0.0], [0.0]]
    action = {"action": np.zeros(2, np.int64)}
    for _ in range(3):
        step = vector.step(action)
        assert (step.observation["observation"].tolist(), step.reward.tolist()) == ([[1.0], [1.0]], [0.0, 0.0])
        assert step.final_observation is None
        step = vector.step(action)
        assert (step.observation["observation"].tolist(), step.reward.tolist()) == ([[0.0], [0.0]], [1.0, 1.0])
        assert step.final_observation is not None
        assert step.final_observation["observation"].tolist() == [[1.0], [1.0]]
        assert step.terminated.all()
        assert not step.truncated.any()


def test_types_of_a_step() -> None:
    for native in (True, False):
        vector = make_vector_env(chain(LogStatsWrapper), 3, native=native)
        vector.reset([0, 1, 2])
        step = vector.step({"action": np.zeros(3, np.int64)})
        assert isinstance(step, VectorStep)
        assert (step.reward.dtype, step.terminated.dtype, step.truncated.dtype) == (np.float32, bool, bool)
        assert step.observation["observation"].dtype == np.float32
        assert vector.observation is step.observation


class Unsaveable(ObservationRewardProbe):
    """Holds something that only pickle could save."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = object()


@pytest.mark.parametrize("name", ["CartPole-v1", "Acrobot-v1", "FrozenLake-v1", "Taxi-v4", "Blackjack-v1"])
@pytest.mark.parametrize("kinds", [(), (LogStatsWrapper,), (Looped,)])
def test_pure_python_environments_continue_exactly(name: str, kinds: tuple) -> None:
    def factory() -> MazeEnv:
        env: MazeEnv = GymMazeEnv(name)
        for kind in kinds:
            env = kind.wrap(env)
        return env

    vector, other = (make_vector_env(factory, 2, native=False) for _ in range(2))
    vector.reset([8, 9])
    frames(vector, 60)
    assert vector.exact_resume
    state = vector.state_dict()
    other.load_state_dict(state)
    for key, value in vector.observation.items():
        assert (other.observation[key] == value).all()
    assert frames(vector, 120, seed=1) == frames(other, 120, seed=1)


def test_wrapped_state_holds_statistics_and_what_is_gathered() -> None:
    vector, other = (make_vector_env(chain(ObservationNormalizationWrapper, LogStatsWrapper), 3) for _ in range(2))
    vector.training = other.training = True
    vector.reset([1, 2, 3])
    frames(vector, 40)
    vector.update_statistics()
    frames(vector, 10)
    other.load_state_dict(vector.state_dict())
    assert other.observation["observation"].tobytes() == vector.observation["observation"].tobytes()
    assert frames(vector, 40, seed=1) == frames(other, 40, seed=1)
    vector.update_statistics()
    other.update_statistics()
    assert frames(vector, 40, seed=2) == frames(other, 40, seed=2)


@pytest.mark.parametrize("kinds", [(), (LogStatsWrapper,)])
def test_otherwise_fresh_episodes_begin_with_derived_seeds(kinds: tuple) -> None:
    def factory() -> MazeEnv:
        env: MazeEnv = GymMazeEnv(Unsaveable())
        for kind in kinds:
            env = kind.wrap(env)
        return env

    vector = make_vector_env(factory, 4)
    vector.reset([1, 2, 3, 4])
    frames(vector, 7)
    assert not vector.exact_resume
    state = vector.state_dict()
    resumed = []
    for _ in range(2):
        other = make_vector_env(factory, 4)
        other.load_state_dict(state)
        resumed.append([other.observation["observation"].tobytes(), *frames(other, 20)])
    assert resumed[0] == resumed[1]


def test_state_before_the_first_reset_and_of_others() -> None:
    vector = make_vector_env(chain(), 2, native=False)
    other = make_vector_env(chain(), 2, native=False)
    other.load_state_dict(vector.state_dict())
    assert other.reset([0, 1])["observation"].shape == (2, 4)
    with pytest.raises(ArtifactError, match="kind 'sync'; these are 2 environments of kind 'cart_pole'"):
        make_vector_env(chain(), 2).load_state_dict(vector.state_dict())
    acrobot = make_vector_env(lambda: GymMazeEnv("Acrobot-v1"), 2)
    acrobot.reset([0, 1])
    with pytest.raises(ArtifactError, match=r"AcrobotEnv.*CartPoleEnv"):
        make_vector_env(lambda: GymMazeEnv("CartPole-v1"), 2, native=False).load_state_dict(
            {**acrobot.state_dict(), "observation": {"observation": np.zeros((2, 4))}}
        )


def test_wrong_use_is_explained() -> None:
    with pytest.raises(InvalidSpecificationError, match="n_envs is 0"):
        make_vector_env(chain(), 0)
    with pytest.raises(InvalidSpecificationError, match="not a MazeEnv"):
        make_vector_env(lambda: gymnasium.make("CartPole-v1"), 1)  # type: ignore[arg-type,return-value]
    with pytest.raises(EnvError, match="at least one"):
        SyncVectorEnv([])
    with pytest.raises(EnvError, match="different spaces"):
        SyncVectorEnv([GymMazeEnv("CartPole-v1"), GymMazeEnv("Acrobot-v1")])
    with pytest.raises(EnvError, match="different wrappers"):
        SyncVectorEnv([GymMazeEnv("CartPole-v1"), Scaled.wrap(GymMazeEnv("CartPole-v1"))])
    made = iter([Looped.wrap(GymMazeEnv("CartPole-v1")), GymMazeEnv("CartPole-v1")])
    with pytest.raises(EnvError, match="made different environments"):
        make_vector_env(lambda: next(made), 2)
    engine = gymnasium.make("Acrobot-v1")
    with pytest.raises(EnvError, match="one and the same"):
        make_vector_env(lambda: Scaled.wrap(GymMazeEnv(engine)), 2)
    with pytest.raises(EnvError, match="exactly the heads 'action'"):
        make_vector_env(chain(Flipped), 2).step({"actoin": np.zeros(2, int)})
    vector = make_vector_env(chain(), 2, native=False)
    with pytest.raises(EnvError, match="before reset"):
        vector.step({"action": np.zeros(2, int)})
    with pytest.raises(EnvError, match="2 environments"):
        vector.reset([1, 2, 3])
    vector.reset([0, 1])
    with pytest.raises(EnvError, match=r"shape \(3,\); expected \(2, ...\)"):
        vector.step({"action": np.zeros(3, int)})
    with pytest.raises(ArtifactError, match="no wrapper"):
        make_vector_env(chain(), 1).load_statistics({"x": np.zeros(1)})


class Forgetful(MazeEnv):
    """Leaves the flags out of its info."""

    observation_space = spaces.Dict({"observation": spaces.Box(-1, 1, (1,), np.float32)})
    action_space = spaces.Dict({"action": spaces.Discrete(2)})

    def seed(self, seed: int) -> None:
        self.closed = False

    def reset(self) -> Observation:
        return {"observation": np.zeros(1, np.float32)}

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        return self.reset(), 0.0, False, {}

    def close(self) -> None:
        self.closed = True


def test_own_environments_need_both_flags() -> None:
    env = Forgetful()
    vector = make_vector_env(lambda: Scaled.wrap(env), 1)
    vector.reset([0])
    with pytest.raises(EnvError, match="left 'terminated' out of its info"):
        vector.step({"action": np.zeros(1, int)})
    vector.close()
    assert env.closed
