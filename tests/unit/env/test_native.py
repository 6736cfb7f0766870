"""The native CartPole is gymnasium's single CartPole, many times."""

from __future__ import annotations

import json

import gymnasium
import numpy as np
import pytest

from maze.env import GymMazeEnv, NativeCartPoleVectorEnv, SyncVectorEnv, make_gym_maze_env, make_vector_env
from maze.env.native import RESETS_DRAWN_AT_ONCE
from maze.errors import ArtifactError, EnvError

N = 6


def actions_for(observation: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a mixture of balancing, for long episodes, and of chance, for short ones."""
    balancing = observation @ np.array([0.1, 0.1, 1.0, 0.5]) > 0
    chance = np.arange(len(observation)) % 2 == 0
    return np.where(chance, rng.integers(0, 2, len(observation)), balancing).astype(np.int64)


def test_observations_equal_those_of_single_environments_for_thousands_of_steps() -> None:
    vector = NativeCartPoleVectorEnv(N)
    singles = [gymnasium.make("CartPole-v1", disable_env_checker=True) for _ in range(N)]
    observation = vector.reset([10 * i for i in range(N)])["observation"]
    assert (observation == np.stack([env.reset(seed=10 * i)[0] for i, env in enumerate(singles)])).all()
    rng = np.random.default_rng(0)
    ended, truncated = np.zeros(N, int), 0
    for _ in range(3000):
        actions = actions_for(vector.observation["observation"], rng)
        step = vector.step({"action": actions})
        assert step.reward.tolist() == [1.0] * N
        for i, env in enumerate(singles):
            expected, _, end, cut, _ = env.step(int(actions[i]))
            assert (step.terminated[i], step.truncated[i]) == (end, cut)
            if end or cut:
                assert step.final_observation is not None
                assert (step.final_observation["observation"][i] == expected).all()
                expected, _ = env.reset()
                ended[i] += 1
                truncated += cut
            assert (step.observation["observation"][i] == expected).all()
    assert truncated >= 3
    assert ended.max() > 2 * RESETS_DRAWN_AT_ONCE


def test_an_environment_does_not_depend_on_its_neighbours() -> None:
    pair, alone = NativeCartPoleVectorEnv(2), NativeCartPoleVectorEnv(1)
    pair.reset([1, 2])
    alone.reset([2])
    for t in range(300):
        step, one = pair.step({"action": np.array([t % 2, 1])}), alone.step({"action": np.array([1])})
        assert (step.observation["observation"][1] == one.observation["observation"][0]).all()


@pytest.mark.parametrize("native", [True, False])
def test_truncation_gives_the_true_last_observation_and_goes_on_in_the_same_step(native: bool) -> None:
    vector = make_vector_env(lambda: GymMazeEnv("CartPole-v0"), 1, native=native)
    single = GymMazeEnv("CartPole-v0")
    single.seed(0)
    observation = vector.reset([0])["observation"][0]
    single.reset()
    for t in range(1, 201):
        action = int(observation @ np.array([0.1, 0.1, 1.0, 0.5]) > 0)
        step, (last, _, done, info) = vector.step({"action": np.array([action])}), single.step({"action": action})
        observation = step.observation["observation"][0].copy()
        assert (step.final_observation is None) == (t < 200)
    assert (done, info["truncated"], info["terminated"]) == (True, True, False)
    assert (step.truncated.tolist(), step.terminated.tolist()) == ([True], [False])
    assert step.final_observation is not None
    assert (step.final_observation["observation"][0] == last["observation"]).all()
    assert (observation == single.reset()["observation"]).all()
    assert (observation != last["observation"]).all()
    assert abs(observation).max() <= 0.05


def test_native_only_for_cart_pole_as_registered() -> None:
    def kind(env: object) -> type:
        return type(make_vector_env(lambda: env, 1))  # type: ignore[arg-type,return-value]

    class Own(GymMazeEnv):
        pass

    assert kind(GymMazeEnv("CartPole-v0")) is NativeCartPoleVectorEnv
    assert kind(GymMazeEnv("CartPole-v1")) is NativeCartPoleVectorEnv
    for other in (
        Own("CartPole-v1"),
        GymMazeEnv("Acrobot-v1"),
        GymMazeEnv("CartPole-v1", sutton_barto_reward=True),
        make_gym_maze_env("CartPole-v1", max_episode_steps=10),
        make_gym_maze_env("CartPole-v1", render_mode="rgb_array"),
        GymMazeEnv(gymnasium.make("CartPole-v1")),
    ):
        assert kind(other) is SyncVectorEnv


def test_changed_physics_are_respected() -> None:
    def factory() -> GymMazeEnv:
        env = GymMazeEnv("CartPole-v1")
        env.env.unwrapped.gravity = 20.0  # type: ignore[attr-defined]
        return env

    vectors = [make_vector_env(factory, 2, native=native) for native in (True, False)]
    assert type(vectors[0]) is NativeCartPoleVectorEnv
    for vector in vectors:
        vector.reset([1, 2])
    for _ in range(30):
        first, second = (vector.step({"action": np.array([0, 1])}) for vector in vectors)
        assert (first.observation["observation"] == second.observation["observation"]).all()


@pytest.mark.parametrize(
    "action",
    [
        {"action": np.array([0, 2])},
        {"action": np.array([0, -1])},
        {"action": np.array([0.0, 1.0])},
        {"action": np.array([0])},
        {"action": [0, 1]},
        {"actoin": np.array([0, 1])},
    ],
)
def test_wrong_actions(action: dict) -> None:
    vector = NativeCartPoleVectorEnv(2)
    with pytest.raises(EnvError, match="before reset"):
        vector.step({"action": np.array([0, 1])})
    vector.reset([0, 1])
    with pytest.raises(EnvError, match=r"expected .*0 or 1 of shape \(2,\).*given"):
        vector.step(action)
    with pytest.raises(EnvError, match="1 seeds were given for 2"):
        vector.reset([1])


def test_actions_are_not_changed_and_any_integer_dtype_will_do() -> None:
    vector = NativeCartPoleVectorEnv(2)
    results = []
    for dtype in (np.int64, np.int32, np.uint8):
        vector.reset([0, 1])
        actions = np.array([0, 1], dtype=dtype)
        results.append(vector.step({"action": actions}).observation["observation"].tolist())
        assert actions.tolist() == [0, 1]
    assert results[0] == results[1] == results[2]


def test_reset_without_seeds_goes_on_with_the_generators() -> None:
    vector, single = NativeCartPoleVectorEnv(1), GymMazeEnv("CartPole-v1")
    single.seed(4)
    first = vector.reset([4])["observation"].copy()
    assert (first[0] == single.reset()["observation"]).all()
    assert (vector.reset()["observation"][0] == single.reset()["observation"]).all()
    assert abs(NativeCartPoleVectorEnv(1).reset()["observation"]).max() <= 0.05


def test_state_continues_exactly() -> None:
    vector, other = NativeCartPoleVectorEnv(N), NativeCartPoleVectorEnv(N)
    vector.reset(range(N))
    rng = np.random.default_rng(0)
    for _ in range(700):
        vector.step({"action": actions_for(vector.observation["observation"], rng)})
    state = vector.state_dict()
    json.dumps(state["generators"])
    assert vector.exact_resume
    other.load_state_dict(state)
    assert (other.observation["observation"] == vector.observation["observation"]).all()
    for _ in range(700):
        actions = {"action": actions_for(vector.observation["observation"], rng)}
        first, second = vector.step(actions), other.step(actions)
        assert (first.observation["observation"] == second.observation["observation"]).all()
        assert (first.terminated == second.terminated).all()
        assert (first.truncated == second.truncated).all()
    with pytest.raises(ArtifactError, match="is of 6 environments of kind 'cart_pole'; these are 2"):
        NativeCartPoleVectorEnv(2).load_state_dict(state)
