"""Episode statistics count every episode once, over and over."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from maze.env import GymMazeEnv, LogStatsWrapper, MazeEnvMonitoringWrapper, make_gym_maze_env, make_vector_env
from maze.errors import EnvError, InvalidSpecificationError
from maze.statistics import ActionEvents, BaseEnvEvents, LogStatsLevel, LogStatsWriter, RewardEvents, StatsValue
from tests.probes import DelayedRewardProbe


def test_returns_and_lengths_of_single_episodes() -> None:
    env = LogStatsWrapper.wrap(GymMazeEnv(DelayedRewardProbe()), logging_prefix="eval")
    for _ in range(3):
        env.reset()
        env.step({"action": 0})
        env.step({"action": 0})
        env.step({"action": 0})  # beyond the end: not an episode
    assert env.episode_returns == [1.0] * 3
    assert env.episode_lengths == [2] * 3
    assert env.last_episode_statistics() == {"return": 1.0, "length": 2}
    env.clear_statistics()
    with pytest.raises(EnvError, match="No episode has ended"):
        env.last_episode_statistics()


def test_an_unfinished_episode_is_forgotten_at_reset() -> None:
    env = LogStatsWrapper.wrap(make_gym_maze_env("CartPole-v1", max_episode_steps=4))
    env.reset()
    env.step({"action": 0})
    env.reset()
    for t in range(4):
        env.step({"action": t % 2})
    assert env.episode_lengths == [4]


def test_batches_are_counted_in_order_of_the_environments() -> None:
    log = LogStatsWrapper.wrap(GymMazeEnv("CartPole-v1"))
    log.episode_start((3,))
    log.episode_step(np.array([1, 2, 3], np.float32), np.array([False, True, False]))
    log.episode_step(np.array([1, 2, 3], np.float32), np.array([True, False, True]))
    log.episode_step(np.array([1, 2, 3], np.float32), np.array([False, True, False]))
    assert log.episode_returns == [2.0, 2.0, 6.0, 4.0]
    assert log.episode_lengths == [1, 2, 2, 2]


@pytest.mark.parametrize("native", [True, False])
def test_within_a_vector_environment(native: bool) -> None:
    made: list[LogStatsWrapper] = []

    def factory() -> LogStatsWrapper:
        made.append(LogStatsWrapper.wrap(GymMazeEnv("CartPole-v1")))
        return made[-1]

    vector = make_vector_env(factory, 4, native=native)
    vector.reset([0, 1, 2, 3])
    ends = 0
    for _ in range(100):
        step = vector.step({"action": np.ones(4, dtype=np.int64)})
        ends += int((step.terminated | step.truncated).sum())
    assert ends > 20
    assert len(made[0].episode_returns) == ends
    assert made[0].episode_returns == [float(length) for length in made[0].episode_lengths]


def test_the_statistics_of_an_epoch_are_there_once_it_is_written() -> None:
    env = LogStatsWrapper.wrap(GymMazeEnv(DelayedRewardProbe()), logging_prefix="eval")
    epoch = env.get_stats(LogStatsLevel.EPOCH)
    assert epoch.last_stats is None
    for n_episodes in (3, 2):
        for _ in range(n_episodes):
            env.reset()
            env.step({"action": 0})
            env.step({"action": 0})
        env.write_epoch_stats()
        assert env.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPOCH, "mean") == 1.0
        assert env.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPOCH, "mean_step_count") == 2.0
        assert env.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPOCH, "episode_count") == n_episodes
    assert epoch is env.get_stats(LogStatsLevel.EPOCH)
    assert epoch.value(BaseEnvEvents.reward, "total_episode_count") == 5
    assert env.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPISODE, "sum") == 1.0
    assert env.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPISODE, "count") == 2.0
    with pytest.raises(InvalidSpecificationError, match=r"LogStatsLevel\.EPISODE"):
        env.get_stats("epoch")  # type: ignore[arg-type]


def test_cleared_episodes_are_left_out_of_the_epoch_and_a_state_goes_on() -> None:
    env = LogStatsWrapper.wrap(GymMazeEnv("CartPole-v1"))
    env.episode_start((2,))
    env.episode_step(np.array([50, 50], np.float32), np.array([True, True]))
    env.clear_epoch_stats()
    env.episode_step(np.array([1, 2], np.float32), np.array([False, True]))
    other = LogStatsWrapper.wrap(GymMazeEnv("CartPole-v1"))
    other.load_own_state(env.own_state())
    other.episode_step(np.array([3, 0], np.float32), np.array([True, False]))
    other.write_epoch_stats()
    assert other.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPOCH, "mean") == 3.0  # of 2 and 4
    assert other.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPOCH, "episode_count") == 2


def test_some_environments_act_and_begin_while_others_wait() -> None:
    log = LogStatsWrapper.wrap(GymMazeEnv("CartPole-v1"))
    log.episode_start_rows(np.ones(3, bool))
    log.episode_step_rows(np.array([1, 2, 9], np.float32), np.zeros(3, bool), np.array([True, True, False]))
    log.episode_start_rows(np.array([True, False, False]))
    log.episode_step_rows(np.array([3, 4, 5], np.float32), np.ones(3, bool), np.array([True, True, False]))
    log.episode_step_rows(np.array([0, 0, 5], np.float32), np.ones(3, bool), np.array([False, False, True]))
    assert (log.episode_returns, log.episode_lengths) == ([3.0, 6.0, 5.0], [1, 2, 1])


class Table(LogStatsWriter):
    """Keeps the last table."""

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        self.path, self.stats, self.step = path, dict(stats), step


def test_the_events_of_the_last_step() -> None:
    inner = MazeEnvMonitoringWrapper.wrap(GymMazeEnv(DelayedRewardProbe()), observation_logging=False)
    env = LogStatsWrapper.wrap(inner)
    assert env.get_last_step_events() == []
    for _ in range(2):
        env.reset()
        assert env.get_last_step_events() == [], "what happened before belongs to another episode"
        env.step({"action": 1})
        env.step({"action": 0})
    told = [(call.event, call.arguments["value"]) for call in env.get_last_step_events()]
    assert told == [
        (ActionEvents.discrete_action, 0),
        (RewardEvents.reward_original, 1.0),
        (BaseEnvEvents.reward, 1.0),
    ]
    (reward,) = env.get_last_step_events(BaseEnvEvents.reward)
    assert reward.arguments == {"value": 1.0}
    several = env.get_last_step_events([BaseEnvEvents.reward, RewardEvents.reward_original])
    assert [call.event for call in several] == [RewardEvents.reward_original, BaseEnvEvents.reward]


def test_statistics_are_shown_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    env = LogStatsWrapper.wrap(GymMazeEnv(DelayedRewardProbe()), logging_prefix="eval")
    with pytest.raises(EnvError, match="no episode statistics to show"):
        env.render_stats()
    for _ in range(3):
        env.reset()
        env.step({"action": 0})
        env.step({"action": 0})
    table = Table()
    env.render_stats(writer=table)
    assert (table.path, table.step) == ("eval", 6)
    assert table.stats == {"BaseEnvEvents/reward/sum": 1.0, "BaseEnvEvents/reward/count": 2.0}
    env.write_epoch_stats()
    env.render_stats("BaseEnvEvents.reward")
    out, err = capsys.readouterr()
    assert out == ""
    (row,) = [line for line in err.splitlines() if "eval/BaseEnvEvents/reward/episode_count" in line]
    assert row.split()[1::2] == ["6", "eval/BaseEnvEvents/reward/episode_count", "3"]
    env.render_stats(level=LogStatsLevel.EPISODE, writer=table)
    assert set(table.stats) == {"BaseEnvEvents/reward/sum", "BaseEnvEvents/reward/count"}
    with pytest.raises(InvalidSpecificationError, match=r"did you mean 'BaseEnvEvents\.reward'"):
        env.render_stats("BaseEnvEvents.rewards")
