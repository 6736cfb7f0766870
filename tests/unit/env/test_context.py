"""Environments know their time, tell their events, and let one agent act."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maze.api.run_context import RunContext
from maze.env import (
    CoreMazeEnv,
    EnvironmentContext,
    GymMazeEnv,
    LogStatsWrapper,
    MazeEnv,
    ObservationClippingWrapper,
    TimeLimitWrapper,
    Wrapper,
    make_vector_env,
)
from maze.errors import EnvError, InvalidSpecificationError
from maze.statistics import BaseEnvEvents, EpochStatistics, LogStatsLevel, define_episode_stats, define_epoch_stats
from maze.types import ActorID
from tests.probes import DelayedRewardProbe
from tests.walking import Place, Steps, Walk, WalkEnv, WalkEvents, seed_that_begins_at


class Crowd(Walk):
    def __init__(self, counts: dict[Any, int]) -> None:
        super().__init__()
        self._counts = counts

    @property
    def agent_counts_dict(self) -> dict[Any, int]:
        return self._counts


class CrowdEnv(GymMazeEnv):
    @property
    def agent_counts_dict(self) -> dict[Any, int]:
        return {0: 2}


@pytest.mark.parametrize("counts", [{0: 2}, {0: -1}, {0: 1, 1: 1}, {"walk": 1}, {}])
def test_several_agents_or_steps_are_refused_at_construction(counts: dict[Any, int]) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"Crowd.agent_counts_dict: is .*; accepted is \{0: 1\}.*later"):
        CoreMazeEnv(Crowd(counts), {0: Steps()}, {0: Place()})


def test_no_door_lets_several_agents_in(tmp_path: Path) -> None:
    def crowd() -> MazeEnv:
        return TimeLimitWrapper.wrap(CrowdEnv(DelayedRewardProbe()), max_episode_steps=3)

    with pytest.raises(InvalidSpecificationError, match=r"agent_counts_dict: is \{0: 2\}; accepted is \{0: 1\}"):
        make_vector_env(crowd, 2)
    with pytest.raises(InvalidSpecificationError, match=r"agent_counts_dict: is \{0: 2\}; accepted is \{0: 1\}"):
        RunContext(env=crowd, run_dir=tmp_path / "run", overrides={"tracking.mode": "off"}, silent=True).train(1)


@pytest.mark.parametrize("make", [WalkEnv, lambda: GymMazeEnv("CartPole-v1")], ids=["core", "gym"])
def test_time_and_names_of_episodes_are_known_through_wrappers(make: Any) -> None:
    env = LogStatsWrapper.wrap(TimeLimitWrapper.wrap(make(), max_episode_steps=4))
    head = next(iter(env.action_space.spaces))
    names = []
    for seed in (7, None):
        if seed is not None:
            env.seed(seed)
        env.reset()
        assert (env.get_env_time(), env.context.step_is_initial) == (0, True)
        for _ in range(3):
            env.step({head: 0})
        assert (env.get_env_time(), env.context.step_is_initial, env.context.is_stepping) == (3, False, False)
        names.append(env.get_episode_id())
    assert names == ["7-1", "7-2"]
    assert env.actor_id() == ActorID(0, 0)
    assert (env.is_actor_done(), env.get_actor_rewards(), env.agent_counts_dict) == (False, None, {0: 1})
    assert (env.get_renderer(), env.get_serializable_components()) == (None, {})


def test_a_simulation_tells_its_own_parts() -> None:
    class Painted(Walk):
        def get_renderer(self) -> Any:
            return "brush"

        def get_serializable_components(self) -> dict[str, Any]:
            return {"place": self.place}

        def get_actor_rewards(self) -> Any:
            return np.array([0.5], np.float32)

        def is_actor_done(self) -> bool:
            return True

    env = LogStatsWrapper.wrap(CoreMazeEnv(Painted(), {0: Steps()}, {0: Place()}))
    env.seed(seed_that_begins_at(2))
    env.reset()
    assert (env.get_renderer(), env.get_serializable_components(), env.is_actor_done()) == (
        "brush",
        {"place": 2},
        True,
    )
    rewards = env.get_actor_rewards()
    assert rewards is not None
    assert rewards.tolist() == [0.5]
    assert type(env.get_kpi_calculator()).__name__ == "Speed"


class Resting(Walk):
    """Says at the end of every step, by itself, whether somebody walked."""

    def step(self, maze_action: int) -> tuple[int, float, bool, dict[str, Any]]:
        self.context.register_post_step(lambda: self.events.walked(1))
        self.seen = (self.context.is_reset, self.context.is_stepping, self.context.step_id)
        return super().step(maze_action)


def test_callbacks_run_once_after_the_step_and_their_events_are_the_steps() -> None:
    core = Resting()
    env = CoreMazeEnv(core, {0: Steps()}, {0: Place()})
    assert not env.context.is_reset
    env.seed(seed_that_begins_at(2))
    env.reset()
    calls: list[Any] = []
    env.context.register_post_step(lambda: calls.append((env.get_env_time(), env.context.is_stepping, core.place)))
    env.context.register_post_step(lambda: env.context.register_post_step(lambda: calls.append("the next one")))
    _, reward, _, _ = env.step({"steps": 2})
    assert reward == 2.0, "the reward was made before"
    assert core.seen == (True, True, 0)
    assert calls == [(1, True, 4)]
    assert [call.event for call in env.get_step_events()] == [WalkEvents.walked] * 3 + [BaseEnvEvents.reward]
    assert env.step({"steps": 2})[2]
    assert calls == [(1, True, 4), "the next one"]
    stats = EpochStatistics().reduce(env.drain_event_stats())
    assert stats["BaseEnvEvents/kpi/mean/speed"] == 3.0, "four steps and two events of callbacks, in two steps"


def test_callbacks_of_an_episode_without_a_further_step_are_forgotten() -> None:
    context, calls = EnvironmentContext(), []
    context.register_post_step(lambda: calls.append("before"))
    context.begin_episode()
    context.begin_step()
    context.end_step()
    assert calls == []
    with pytest.raises(InvalidSpecificationError, match=r"callback: 3 cannot be called"):
        context.register_post_step(3)  # type: ignore[arg-type]


class PoleEvents(ABC):
    @define_epoch_stats(np.max, input_name="largest", output_name="largest")
    @define_episode_stats(np.max, input_name="angle", output_name="largest")
    @abstractmethod
    def tilted(self, angle: float) -> None: ...


class PoleWatch(Wrapper):
    """Makes an event of every step of a gymnasium environment."""

    def __init__(self, env: MazeEnv) -> None:
        super().__init__(env)
        self.events = self.context.event_service.create_event_topic(PoleEvents)

    def step(self, action: Any) -> Any:
        self.context.register_post_step(lambda: self.events.tilted(abs(float(self.get_maze_state()[2]))))
        return super().step(action)


def test_events_of_wrappers_around_gymnasium_environments_become_statistics() -> None:
    env = LogStatsWrapper.wrap(PoleWatch.wrap(GymMazeEnv("CartPole-v1")))
    env.seed(3)
    env.reset()
    angles, done = [], False
    while not done:
        observation, _, done, _ = env.step({"action": 1})
        angles.append(abs(float(observation["observation"][2])))
    assert len(env.get_step_events()) == 1
    assert env.get_stats_value(PoleEvents.tilted, LogStatsLevel.EPISODE, "largest") == max(angles)
    env.write_epoch_stats()
    assert env.get_stats_value(PoleEvents.tilted, LogStatsLevel.EPOCH, "largest") == max(angles)
    vector = make_vector_env(lambda: PoleWatch.wrap(GymMazeEnv("CartPole-v1")), 2)
    vector.reset([3, 3])
    for _ in angles:
        vector.step({"action": np.ones(2, np.int64)})
    assert [max(stats.values()) for _, stats in vector.drain_event_stats().episodes] == [max(angles)] * 2


def test_nothing_is_counted_where_nobody_makes_events() -> None:
    env = GymMazeEnv("CartPole-v1")
    env.reset()
    env.step({"action": 1})
    assert (env.get_step_events(), env.last_step_stats(), env.drain_event_stats().episodes) == ([], {}, [])


def test_environments_without_a_context_say_what_is_missing() -> None:
    class Bare(MazeEnv):
        observation_space = action_space = None  # type: ignore[assignment]

        def seed(self, seed: int) -> None: ...

        def reset(self) -> Any: ...

        def step(self, action: Any) -> Any: ...

    env = Wrapper.wrap(Bare())
    for name in ("get_maze_state", "get_env_time", "get_episode_id"):
        with pytest.raises(EnvError, match=rf"Bare has no {name}\(\); write one, or use a GymMazeEnv or a CoreMazeEnv"):
            getattr(env, name)()
    assert (env.get_renderer(), env.get_serializable_components(), env.get_kpi_calculator()) == (None, {}, None)


def test_the_state_that_an_engine_shows_is_its_own_observation() -> None:
    env = ObservationClippingWrapper.wrap(GymMazeEnv("Blackjack-v1"), min_val=0, max_val=1, observations=[])
    with pytest.raises(EnvError, match=r"get_maze_state\(\) was called before reset"):
        env.get_maze_state()
    env.seed(1)
    seen = env.reset()
    assert env.get_maze_state() == tuple(int(value) for value in seen.values())
