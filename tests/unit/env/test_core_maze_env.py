"""A simulation with conversions is an environment like any other: its course, its events and its state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from maze.env import (
    CoreMazeEnv,
    LogStatsWrapper,
    TimeLimitWrapper,
    as_gymnasium,
    make_vector_env,
)
from maze.errors import EnvError, InvalidSpecificationError
from maze.rollout import RolloutEvaluator
from maze.statistics import (
    BaseEnvEvents,
    EpochStatistics,
    LogStatsLevel,
)
from maze.types import ActorID
from tests.walking import Place, Steps, Walk, WalkEnv, WalkEvents, seed_that_begins_at


class AlwaysTwo:
    def act(self, observation: Any, rng: Any, deterministic: bool = False) -> dict[str, Any]:
        return {"steps": np.full(len(observation["place"]), 2)}


def test_an_episode_by_hand() -> None:
    env = WalkEnv()
    with pytest.raises(EnvError, match="before reset"):
        env.step({"steps": 1})
    env.seed(seed_that_begins_at(2))
    observation = env.reset()
    assert observation["place"].tolist() == [2.0]
    assert observation["place"].dtype == np.float32
    assert env.context.episode_id == f"{seed_that_begins_at(2)}-1"
    observation, reward, done, info = env.step({"steps": 2})
    assert (observation["place"].tolist(), reward, done) == ([4.0], 2.0, False)
    assert info == {"terminated": False, "truncated": False, "note": "walking"}
    assert [call.event for call in env.get_step_events()] == [WalkEvents.walked] * 2 + [BaseEnvEvents.reward]
    observation, reward, done, info = env.step({"steps": 2})
    assert (reward, done, info["terminated"], info["truncated"]) == (2.0, True, True, False)
    assert env.step({"steps": 1})[1:3] == (0.0, True), "the end stays"
    assert env.get_maze_state() == 6
    assert env.actor_id() == ActorID(0, 0)
    assert env.agent_counts_dict == {0: 1}
    assert EpochStatistics().reduce(env.drain_event_stats()) == {
        "BaseEnvEvents/kpi/mean/speed": 2.0,
        "BaseEnvEvents/kpi/std/speed": 0.0,
        "BaseEnvEvents/kpi/min/speed": 2.0,
        "BaseEnvEvents/kpi/max/speed": 2.0,
        **{f"BaseEnvEvents/kpi/{name}/end": 0.0 if name == "std" else 6.0 for name in ("mean", "std", "min", "max")},
    }
    assert not env.drain_event_stats().episodes


def test_an_episode_that_is_cut_off_did_not_terminate() -> None:
    env = WalkEnv()
    env.reset()
    ends = [env.step({"steps": 0})[2:] for _ in range(5)]
    assert [done for done, _ in ends] == [False] * 4 + [True]
    assert ends[-1][1]["truncated"] is True
    assert ends[-1][1]["terminated"] is False


def test_log_stats_know_steps_episodes_and_epochs_of_events() -> None:
    env = LogStatsWrapper.wrap(WalkEnv())
    for place in (2, 0):  # two steps of two; three steps of two
        env.seed(seed_that_begins_at(place))
        env.reset()
        done = False
        while not done:
            done = env.step({"steps": 2})[2]
    assert env.get_stats_value(WalkEvents.walked, LogStatsLevel.STEP, "length") == 2.0
    assert env.get_stats_value(WalkEvents.walked, LogStatsLevel.EPISODE, "distance") == 6.0
    assert env.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPISODE, "sum") == 6.0
    env.write_epoch_stats()
    assert env.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPOCH, "mean") == 5.0
    assert env.get_stats_value(BaseEnvEvents.kpi, LogStatsLevel.EPOCH, "mean", "speed") == 2.0
    with pytest.raises(InvalidSpecificationError, match=r"no group 'sped' .*speed"):
        env.get_stats_value(BaseEnvEvents.kpi, LogStatsLevel.EPOCH, "mean", "sped")


@pytest.mark.parametrize("wrapped", [False, True])
def test_gymnasium_accepts_the_environment(wrapped: bool) -> None:
    inner = LogStatsWrapper.wrap(TimeLimitWrapper.wrap(WalkEnv(), max_episode_steps=3)) if wrapped else WalkEnv()
    env = as_gymnasium(inner)
    check_env(env, skip_render_check=True)
    _, info = env.reset(seed=3)
    assert info == {}
    assert len(env.step({"steps": 1})) == 5


def test_evaluation_counts_exactly_the_episodes_that_it_plays() -> None:
    evaluator = RolloutEvaluator(lambda n_envs: make_vector_env(WalkEnv, n_envs), n_episodes=7, n_envs=3, seed=1)
    episodes = evaluator.evaluate(AlwaysTwo())
    assert [stats for stats in episodes.event_stats if not stats] == []
    assert len(episodes.event_stats) == 7
    assert episodes.statistics["BaseEnvEvents/kpi/mean/speed"] == 2.0
    assert episodes.statistics["n_episodes"] == 7
    ends = {4.0: 6.0, 6.0: 6.0}  # from 2 in two steps and from 0 in three; from 1 in three, to 7
    told = [next(value for key, value in stats.items() if key.group == ("end",)) for stats in episodes.event_stats]
    assert all(end in {ends[walked], 7.0} for walked, end in zip(episodes.returns.tolist(), told, strict=True))
    cut = RolloutEvaluator(make_vector_env(WalkEnv, 2), n_episodes=2, max_episode_steps=1).evaluate(AlwaysTwo())
    assert cut.event_stats == ({}, {})
    assert "BaseEnvEvents/kpi/mean/speed" not in cut.statistics


def test_a_vector_goes_on_to_the_last_bit_in_the_middle_of_an_episode() -> None:
    one, other = make_vector_env(WalkEnv, 2), make_vector_env(WalkEnv, 2)
    one.reset([3, 4])
    for steps in ([2, 0], [1, 0], [2, 1], [2, 1]):
        one.step({"steps": np.array(steps)})
    assert one.exact_resume
    other.load_state_dict(one.state_dict())
    for _ in range(9):
        action = {"steps": np.array([1, 2])}
        first, second = one.step(action), other.step(action)
        assert first.observation["place"].tolist() == second.observation["place"].tolist()
        assert first.reward.tolist() == second.reward.tolist()
    assert one.drain_event_stats() == other.drain_event_stats()


def test_wrong_parts_are_told() -> None:
    class Wrong(Place):
        def maze_to_space(self, maze_state: int) -> dict[str, Any]:
            return {"position": np.zeros(1)}

    class Flat(Place):
        def space(self) -> Any:
            return spaces.Box(0, 1)

    with pytest.raises(EnvError, match=r"gave the keys \['position'\]; its space\(\) has \['place'\]"):
        CoreMazeEnv(Walk(), {0: Steps()}, {0: Wrong()}).reset()
    with pytest.raises(EnvError, match="accepted is a gymnasium Dict space"):
        CoreMazeEnv(Walk(), {0: Steps()}, {0: Flat()})
    with pytest.raises(InvalidSpecificationError, match=r"step keys \[0, 1\]; accepted is \[0\]"):
        CoreMazeEnv(Walk(), {0: Steps(), 1: Steps()}, {0: Place()})
    swapped: Any = {0: Place()}
    for given in (swapped, {0: Steps}, Steps()):
        with pytest.raises(InvalidSpecificationError, match=r"^action_conversion_dict: .*ActionConversionInterface"):
            CoreMazeEnv(Walk(), given, {0: Place()})
    with pytest.raises(
        InvalidSpecificationError, match=r"^observation_conversion_dict: .*Steps.*maze\.ObservationConv"
    ):
        CoreMazeEnv(Walk(), {0: Steps()}, {0: Steps()})  # type: ignore[dict-item]
    with pytest.raises(EnvError, match="no action that does nothing"):
        Steps().noop_action()
    env = WalkEnv()
    env.reset()
    with pytest.raises(EnvError, match="Unknown head 'step'"):
        env.step({"step": 1})
