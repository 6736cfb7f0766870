"""One environment of any registry behaves by the same interface, and says clearly what is wrong."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import GymMazeEnv, MazeEnv, as_gymnasium, make_gym_maze_env
from maze.errors import ArtifactError, EnvError, InvalidSpecificationError


def test_four_values_and_both_flags() -> None:
    env = GymMazeEnv("CartPole-v0")
    env.seed(3)
    observation = env.reset()
    expected, _ = gymnasium.make(gymnasium.spec("CartPole-v0"), disable_env_checker=True).reset(seed=3)
    assert observation["observation"].tolist() == expected.tolist()
    assert observation["observation"].dtype == np.float32
    _, reward, done, info = env.step({"action": 0})
    assert (reward, done) == (1.0, False)
    assert (info["terminated"], info["truncated"]) == (False, False)
    assert env.observation_spaces_dict == {0: env.observation_space}
    assert env.action_spaces_dict == {0: spaces.Dict({"action": spaces.Discrete(2)})}
    assert env.agent_counts_dict == {0: 1}
    assert env.actor_id() == (0, 0)
    env.close()


def test_seed_counts_once_at_the_next_reset() -> None:
    env = GymMazeEnv("CartPole-v1")
    env.seed(7)
    first, second = env.reset()["observation"], env.reset()["observation"]
    env.seed(7)
    assert env.reset()["observation"].tolist() == first.tolist()
    assert env.reset()["observation"].tolist() == second.tolist()
    assert first.tolist() != second.tolist()


def test_time_limit_truncates_and_is_told_apart() -> None:
    env = make_gym_maze_env("CartPole-v1", max_episode_steps=3)
    env.reset()
    results = [env.step({"action": t % 2}) for t in range(3)]
    assert [done for _, _, done, _ in results] == [False, False, True]
    assert (results[-1][3]["terminated"], results[-1][3]["truncated"]) == (False, True)


def test_after_the_end_it_stays_there_until_reset() -> None:
    env = make_gym_maze_env("CartPole-v1", max_episode_steps=1)
    env.reset()
    last, _, _, _ = env.step({"action": 0})
    last["observation"][:] = 9.0  # the caller's array, not the environment's
    again, reward, done, info = env.step({"action": 1})
    assert (reward, done, info["truncated"]) == (0.0, True, True)
    assert again["observation"].max() < 9.0
    env.reset()
    assert env.step({"action": 1})[1] == 1.0


class Recorder(gymnasium.Env[Any, Any]):
    """Gives out its own buffer, in another dtype, and keeps what it gets."""

    def __init__(self, scale: float = 1.0) -> None:
        self.observation_space = spaces.Box(-10.0, 10.0, (2,), np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float64)
        self.buffer = np.zeros(2)
        self.scale = scale

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        self.buffer[:] = 0.0
        return self.buffer, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self.action = action
        action *= 0.5
        self.buffer += 1.0
        return self.buffer, np.float64(self.scale), np.bool_(False), np.bool_(False), {"k": 1}


def test_neither_side_sees_the_others_arrays() -> None:
    env = GymMazeEnv(Recorder())
    first = env.reset()
    action = {"action": np.ones(2, dtype=np.float32)}
    second, reward, done, info = env.step(action)
    assert first["observation"].tolist() == [0.0, 0.0]
    assert second["observation"].dtype == np.float32
    assert action["action"].tolist() == [1.0, 1.0]
    assert env.env.unwrapped.action.dtype == np.float64
    assert type(reward) is float
    assert type(done) is bool
    assert info == {"k": 1, "terminated": False, "truncated": False}


def test_step_before_reset() -> None:
    with pytest.raises(EnvError, match=r"before reset\(\). Call reset\(\)"):
        GymMazeEnv("CartPole-v1").step({"action": 0})


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"actoin": 0}, r"exactly the heads 'action'; given \['actoin'\].*did you mean 'action'"),
        ({}, r"given \[\]"),
        (0, "dictionary with the heads 'action'; given 0"),
        ({"action": 2}, r"expected Discrete\(2\), given 2"),
        ({"action": np.zeros(2, int)}, r"shape \(2,\)"),
    ],
)
def test_wrong_actions_name_expected_and_given(action: Any, message: str) -> None:
    env = GymMazeEnv("CartPole-v1")
    env.reset()
    with pytest.raises(EnvError, match=message):
        env.step(action)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CartPol-v1", "'CartPol-v1': did you mean 'CartPole-v1'"),
        ("cartpole-v1", "did you mean 'CartPole-v1'"),
        ("Pendulum-v0", "deprecated, use 'Pendulum-v1'"),
        ("CartPole-v9", "the newest is 'CartPole-v1'"),
        ("CartPole", "did you mean 'CartPole-v1'"),
        ("qqqqqqqq", "no id is similar. Remedy: gymnasium.pprint_registry"),
        ("no_such_module:Thing-v0", "No module named 'no_such_module'"),
    ],
)
def test_unknown_ids_say_what_to_do(name: str, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message) as caught:
        GymMazeEnv(name)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("words", "extra"), [("Box2D is not installed", "box2d"), ("MuJoCo is missing", "mujoco"), ("no ale_py", "atari")]
)
def test_missing_dependency_names_the_extra(words: str, extra: str) -> None:
    def creator(**_: Any) -> Any:
        raise gymnasium.error.DependencyNotInstalled(words)

    gymnasium.register("NeedsPackages-v0", entry_point=creator)
    try:
        with pytest.raises(InvalidSpecificationError, match=rf'pip install "maze\[{extra}\]"'):
            GymMazeEnv("NeedsPackages-v0")
    finally:
        del gymnasium.registry["NeedsPackages-v0"]


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"'CartPole-v1' cannot be made with \{'gravitas': 1\}"):
        GymMazeEnv("CartPole-v1", gravitas=1)
    with pytest.raises(InvalidSpecificationError, match="render_mode can be given only with an id"):
        GymMazeEnv(Recorder(), render_mode="human")
    with pytest.raises(InvalidSpecificationError, match="must be called first"):
        GymMazeEnv(Recorder)
    with pytest.raises(ArtifactError, match="no wrapper that uses them"):
        GymMazeEnv("CartPole-v1").load_statistics({"mean": np.zeros(1)})


def test_gymnasium_is_asked_first_and_gym_stays_unimported() -> None:
    code = (
        "import sys; from maze.env import GymMazeEnv; GymMazeEnv('CartPole-v0').reset(); "
        "print([name for name in ('gym', 'torch') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


def test_legacy_ids_are_found_without_a_sound() -> None:
    code = (
        "import sys, builtins; import gymnasium; del gymnasium.registry['MountainCar-v0']; "
        "from maze.env import GymMazeEnv; env = GymMazeEnv('MountainCar-v0'); env.seed(1); "
        "a = env.reset()['observation']; env.seed(1); assert (env.reset()['observation'] == a).all(); "
        "print(env.step({'action': 2})[2], env)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.startswith("False GymMazeEnv(<LegacyEngine")
    assert result.stderr == ""


def _legacy_class() -> Any:
    """Return a class in the manner of gym before 0.26, without importing gym."""

    class Env:
        unwrapped: Any = property(lambda self: self)

    Env.__module__ = "gym.core"

    class Box:
        low, high, dtype = np.full(1, -1.0), np.ones(1), np.dtype(np.float64)

    class Discrete:
        n = 2

    class Old(Env):
        observation_space, action_space, metadata = Box(), Discrete(), None

        def seed(self, seed: int) -> None:
            self.seeded = seed

        def reset(self) -> Any:
            return np.array([0.5])

        def step(self, action: int) -> Any:
            return np.array([0.25]), 2, True, {"TimeLimit.truncated": action == 1}

        def close(self) -> None:
            self.closed = True

    return Old


def test_legacy_objects_play_although_gyms_own_checker_fails() -> None:
    class PassiveEnvChecker:  # as gym.make puts it around an environment; gym 0.26 breaks in it under NumPy 2
        checked_reset = checked_step = checked_render = False

        def __init__(self, env: Any) -> None:
            self.env = env

        def reset(self) -> Any:
            assert self.checked_reset
            return self.env.reset()

        def step(self, action: Any) -> Any:
            assert self.checked_step
            return self.env.step(action)

    engine = _legacy_class()()
    checker = PassiveEnvChecker(engine)
    outer = _legacy_class()()
    outer.env, outer.reset, outer.step = checker, checker.reset, checker.step
    env = GymMazeEnv(outer)
    env.reset()
    assert len(env.step({"action": 0})) == 4


def test_legacy_objects_of_the_four_value_interface() -> None:
    engine = _legacy_class()()
    with GymMazeEnv(engine) as env:
        env.seed(5)
        assert env.reset()["observation"].tolist() == [0.5]
        assert engine.seeded == 5
        observation, reward, done, info = env.step({"action": 1})
        assert (observation["observation"].tolist(), reward, done) == ([0.25], 2.0, True)
        assert (info["terminated"], info["truncated"]) == (False, True)
        env.reset()
        assert env.step({"action": 0})[3]["terminated"]
    assert engine.closed


def test_tuple_observations_and_image_dtypes() -> None:
    env = GymMazeEnv("Blackjack-v1")
    env.seed(1)
    observation = env.reset()
    assert list(observation) == ["observation_0", "observation_1", "observation_2"]
    assert env.observation_space.contains(observation)


def test_rendering() -> None:
    env = GymMazeEnv("FrozenLake-v1", render_mode="ansi")
    env.reset()
    assert "FFF" in env.render()


def test_drawing_without_the_packages_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    env = GymMazeEnv("CartPole-v1", render_mode="rgb_array")
    env.reset()
    with pytest.raises(EnvError, match="cannot be drawn: pygame is not installed"):
        env.render()


def test_other_libraries_get_five_values() -> None:
    maze_env: MazeEnv = make_gym_maze_env("CartPole-v1", max_episode_steps=2)
    view = as_gymnasium(maze_env)
    observation, info = view.reset(seed=3)
    assert info == {}
    assert view.observation_space.contains(observation)
    view.step({"action": 0})
    _, reward, terminated, truncated, _ = view.step({"action": 1})
    assert (reward, terminated, truncated) == (1.0, False, True)
    view.close()


@pytest.mark.parametrize("given", [5, "CartPole-v1", None])
def test_other_libraries_are_given_environments_of_maze_only(given: Any) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^env: .* is not accepted; accepted: a MazeEnv"):
        as_gymnasium(given)
