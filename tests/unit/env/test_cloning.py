"""A clone goes on exactly as the environment that it was cloned from, or there is an error that says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import (
    CoreMazeEnv,
    GymMazeEnv,
    LogStatsWrapper,
    MazeEnv,
    ObservationNormalizationWrapper,
    ObservationStackWrapper,
    RandomResetWrapper,
    TimeLimitWrapper,
    Wrapper,
    make_vector_env,
)
from maze.errors import ArtifactError, EnvError, InvalidSpecificationError, NoSnapshotError
from maze.state_files import read_state, write_state
from maze.statistics import Pubsub
from maze.types import Action, Observation
from tests.walking import Place, Steps, Walk, WalkEnv, WalkEvents


class Drifting(MazeEnv):
    """A MazeEnv without anything around it, whose attributes are its state."""

    def __init__(self) -> None:
        self.observation_space = spaces.Dict({"observation": spaces.Box(-np.inf, np.inf, (1,), np.float32)})
        self.action_space = spaces.Dict({"action": spaces.Discrete(2)})
        self.generator, self.place = np.random.default_rng(), 0.0

    def seed(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    def reset(self) -> Observation:
        self.place = 0.0
        return {"observation": np.zeros(1, np.float32)}

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        self.place += self.generator.normal() + action["action"]
        done = abs(self.place) > 5
        info = {"terminated": done, "truncated": False}
        return {"observation": np.array([self.place], np.float32)}, self.place, done, info


def wrapped_pole() -> MazeEnv:
    env: MazeEnv = RandomResetWrapper.wrap(GymMazeEnv("CartPole-v1"), max_skip_steps=3)
    stacks = [{"observation": "observation", "stack_steps": 3}]
    env = TimeLimitWrapper.wrap(ObservationStackWrapper.wrap(env, stack_config=stacks), max_episode_steps=30)
    return LogStatsWrapper.wrap(ObservationNormalizationWrapper.wrap(env))


class Telling(Wrapper):
    """Makes events of its own, of a number that it counts."""

    def __init__(self, env: MazeEnv) -> None:
        super().__init__(env)
        self.pubsub = Pubsub(self.context.event_service)
        self.events = self.pubsub.create_event_topic(WalkEvents)
        self.shared = self.context
        self.n_steps = 0

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        self.n_steps += 1
        self.context.register_post_step(lambda: self.events.walked(self.n_steps))
        observation, reward, done, info = super().step(action)
        return observation, reward + self.get_step_events()[-1].arguments["length"], done, info


def pong() -> MazeEnv:
    pytest.importorskip("ale_py")
    return GymMazeEnv("ale_py:ALE/Pong-v5", max_num_frames_per_episode=400)  # actions stick, by its own generator


CASES: dict[str, Callable[[], MazeEnv]] = {
    "CartPole": lambda: GymMazeEnv("CartPole-v1"),
    "Pendulum": lambda: GymMazeEnv("Pendulum-v1"),
    "MountainCar": lambda: GymMazeEnv("MountainCar-v0"),
    "Acrobot": lambda: GymMazeEnv("Acrobot-v1"),
    "FrozenLake": lambda: GymMazeEnv("FrozenLake-v1"),
    "Blackjack": lambda: GymMazeEnv("Blackjack-v1"),
    "walk": WalkEnv,
    "drifting": Drifting,
    "wrapped": wrapped_pole,
    "telling": lambda: Telling.wrap(GymMazeEnv("CartPole-v1")),
    "Pong": pong,
}


def play(env: MazeEnv, actions: list[Action]) -> list[Any]:
    """Return all that happens, episodes that follow included."""
    seen: list[Any] = []
    for action in actions:
        observation, reward, done, info = env.step(action)
        seen.append([{key: value.tolist() for key, value in observation.items()}, reward, done, info["truncated"]])
        if done:
            seen.append({key: value.tolist() for key, value in env.reset().items()})
    return seen


def draw(env: MazeEnv, n_actions: int, seed: int = 0) -> list[Action]:
    env.action_space.seed(seed)
    return [env.action_space.sample() for _ in range(n_actions)]


@pytest.mark.parametrize("name", CASES)
def test_a_clone_goes_on_exactly(name: str) -> None:
    env, clone = CASES[name](), CASES[name]()
    before, after = draw(env, 3), draw(env, 150, seed=1)
    env.seed(3)
    env.reset()
    play(env, before)
    clone.seed(99)
    clone.reset()
    play(clone, before[:1])
    clone.clone_from(env)
    clone.training = False
    assert play(clone, after) == play(env, after)


def test_a_clone_knows_what_the_other_one_knew() -> None:
    env, clone = WalkEnv(), LogStatsWrapper.wrap(WalkEnv())
    env.seed(5)
    env.reset()
    env.step({"steps": 1})
    clone.env.clone_from(env)
    assert clone.get_maze_state() == env.get_maze_state()
    assert (clone.get_env_time(), clone.get_episode_id()) == (1, "5-1")
    assert [call.arguments for call in clone.get_step_events()] == [{"length": 1}, {"value": 1.0}]
    pole, other = GymMazeEnv("CartPole-v1"), GymMazeEnv("CartPole-v1")
    pole.seed(1)
    pole.reset()
    other.clone_from(pole)
    assert other.get_maze_state().tolist() == pole.get_maze_state().tolist()


def test_a_snapshot_is_gone_back_to_as_often_as_one_likes() -> None:
    env = wrapped_pole()
    actions = draw(env, 60)
    env.seed(3)
    env.reset()
    snapshot = env.snapshot_state()
    played = [play(env, actions)]
    for _ in range(2):
        env.load_snapshot_state(snapshot)
        played.append(play(env, actions))
    assert played[0] == played[1] == played[2]


class Shelf(Walk):
    """Keeps its state in a list that changes in place, and tells that very list."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[int] = []

    def step(self, maze_action: int) -> tuple[int, float, bool, dict[str, Any]]:
        self.items.append(maze_action)
        return super().step(maze_action)

    def state_dict(self) -> dict[str, Any]:
        return {"place": self.place, "items": self.items}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.place, self.items = state["place"], state["items"]


def test_a_clone_shares_nothing() -> None:
    env, clone = (CoreMazeEnv(Shelf(), {0: Steps()}, {0: Place()}) for _ in range(2))
    env.reset()
    env.step({"steps": 0})
    snapshot = env.snapshot_state()
    clone.clone_from(env)
    env.step({"steps": 1})
    clone.step({"steps": 2})
    assert (env.core_env.items, clone.core_env.items) == ([0, 1], [0, 2])
    clone.load_snapshot_state(snapshot)
    assert clone.core_env.items == [0]


@pytest.mark.parametrize("state", [{"foo": 1}, {}, {"layers": 3}, {"layers": [{"attributes": {}}]}, {"layers": [4]}])
def test_what_is_no_snapshot_is_told(state: Any) -> None:
    with pytest.raises(
        ArtifactError, match=r"^\{.*\} is not the state of an environment; accepted: what snapshot_state"
    ):
        wrapped_pole().load_snapshot_state(state)


def test_simulations_are_cloned_by_themselves() -> None:
    core, clone = Shelf(), Shelf()
    core.seed(4)
    core.context.begin_episode(4)
    core.reset()
    core.step(1)
    clone.clone_from(core)
    assert (clone.place, clone.items, clone.context.episode_id) == (core.place, [1], "4-1")
    assert clone.items is not core.items
    assert clone.generator.random() == core.generator.random()


class Unsaid(Walk):
    def state_dict(self) -> None:  # type: ignore[override]
        return None


def test_what_cannot_be_cloned_is_told() -> None:
    class Engine(gymnasium.Env[Any, Any]):
        observation_space, action_space = spaces.Box(0, 1), spaces.Discrete(2)

        def __init__(self) -> None:
            self.world = iter(())

    with pytest.raises(NoSnapshotError, match=r"state of Engine .* attribute 'world': builtins.tuple_iterator .* seed"):
        GymMazeEnv(Engine()).clone_from(GymMazeEnv(Engine()))
    env = CoreMazeEnv(Unsaid(), {0: Steps()}, {0: Place()})
    with pytest.raises(NoSnapshotError, match=r"Unsaid does not say what it depends on; give it state_dict\(\)"):
        env.snapshot_state()
    assert not make_vector_env(lambda: CoreMazeEnv(Unsaid(), {0: Steps()}, {0: Place()}), 2).exact_resume
    walk = WalkEnv()
    walk.context.register_post_step(print)
    with pytest.raises(EnvError, match=r"print.* waits for the end of the next step"):
        WalkEnv().clone_from(walk)
    with pytest.raises(
        ArtifactError, match=r"consists of \['WalkEnv'\], this one of \['TimeLimitWrapper', 'WalkEnv'\]"
    ):
        TimeLimitWrapper.wrap(WalkEnv(), max_episode_steps=3).clone_from(WalkEnv())
    with pytest.raises(InvalidSpecificationError, match="give a MazeEnv with the same wrappers"):
        GymMazeEnv("CartPole-v1").clone_from(gymnasium.make("CartPole-v1"))  # type: ignore[arg-type]


def test_atari_is_continued_from_a_file(tmp_path: Path) -> None:
    vector, other = (make_vector_env(pong, 2) for _ in range(2))
    actions = np.random.default_rng(1).integers(6, size=(150, 2))
    vector.reset([1, 2])
    for action in actions[:20]:
        vector.step({"action": action})
    assert vector.exact_resume
    write_state(tmp_path / "state", vector.state_dict())
    other.load_state_dict(read_state(tmp_path / "state"))
    for action in actions:
        first, second = vector.step({"action": action}), other.step({"action": action})
        assert (first.observation["observation"] == second.observation["observation"]).all()
        assert first.reward.tolist() == second.reward.tolist()


def test_environments_are_cloned_after_they_were_drawn() -> None:
    env, clone = (GymMazeEnv("CartPole-v1", render_mode="rgb_array") for _ in range(2))
    for one in (env, clone):
        one.reset()
        assert one.render().ndim == 3
    clone.clone_from(env)
    assert (clone.render() == env.render()).all()
