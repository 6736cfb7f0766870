"""Scripts write statistics without a run and without anything global."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from maze import (
    BaseEnvEvents,
    EnvError,
    GymMazeEnv,
    InvalidSpecificationError,
    JsonLinesWriter,
    LogStatsLevel,
    LogStatsWrapper,
    LogStatsWriter,
    RewardScalingWrapper,
    SimpleStatsLoggingSetup,
)
from maze.statistics import StatsValue
from tests.probes import DelayedRewardProbe


class Notes(LogStatsWriter):
    """Keeps what it is told, and whether that was all."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.closed = False

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        self.steps.append(step)

    def close(self) -> None:
        self.closed = True


def play(env: LogStatsWrapper, n_episodes: int) -> None:
    for _ in range(n_episodes):
        env.reset()
        env.step({"action": 0})
        env.step({"action": 0})


def play_and_break(env: LogStatsWrapper, n_episodes: int) -> None:
    play(env, n_episodes)
    GymMazeEnv(DelayedRewardProbe()).step({"action": 0})


def test_a_block_writes_the_statistics_of_its_episodes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env = LogStatsWrapper.wrap(GymMazeEnv(DelayedRewardProbe()), logging_prefix="test")
    other = LogStatsWrapper.wrap(GymMazeEnv(DelayedRewardProbe()))
    play(env, 1)
    notes = Notes()
    with SimpleStatsLoggingSetup(env, tmp_path / "logs", writers=[notes]) as inside, SimpleStatsLoggingSetup(other):
        assert inside is env
        play(env, 3)
        play(other, 2)
        assert capsys.readouterr().err == ""
    assert (notes.steps, notes.closed) == ([8], True)
    assert env.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPOCH, "episode_count") == 3
    rows = [line.split()[3::2] for line in capsys.readouterr().err.splitlines() if "/episode_count" in line]
    assert rows == [["env/BaseEnvEvents/reward/episode_count", "2"], ["test/BaseEnvEvents/reward/episode_count", "3"]]
    (line,) = (tmp_path / "logs" / "statistics.jsonl").read_text().splitlines()
    told = json.loads(line)
    assert (told["path"], told["step"], told["BaseEnvEvents/reward/mean"]) == ("test", 8, 1.0)
    read = EventAccumulator(str(tmp_path / "logs"))
    read.Reload()
    assert read.Scalars("test_BaseEnvEvents/reward/episode_count")[0].value == 3


def test_a_second_block_goes_on_and_one_that_breaks_off_writes_as_well(tmp_path: Path) -> None:
    env = LogStatsWrapper.wrap(GymMazeEnv(DelayedRewardProbe()))
    outside = RewardScalingWrapper.wrap(env, scale=2.0)
    with SimpleStatsLoggingSetup(env, tmp_path):
        play(env, 1)
    with pytest.raises(EnvError, match="before reset"), SimpleStatsLoggingSetup(outside, tmp_path):
        play_and_break(env, 2)
    lines = [json.loads(line) for line in (tmp_path / "statistics.jsonl").read_text().splitlines()]
    assert [line["BaseEnvEvents/reward/episode_count"] for line in lines] == [1, 2]
    assert [line["BaseEnvEvents/reward/total_episode_count"] for line in lines] == [1, 3]


def test_an_environment_that_keeps_no_statistics_is_refused() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"accepted: .*LogStatsWrapper\.wrap\(env\)"):
        SimpleStatsLoggingSetup(GymMazeEnv("CartPole-v1"))


def test_a_loop_ends_its_epochs_itself(tmp_path: Path) -> None:
    """What took ``increment_log_step`` and a registered writer before."""
    env = LogStatsWrapper.wrap(GymMazeEnv(DelayedRewardProbe()), logging_prefix="train")
    writer = JsonLinesWriter(tmp_path / "statistics.jsonl")
    for epoch in range(2):
        play(env, epoch + 1)
        env.write_epoch_stats(writer, step=epoch)
    lines = [json.loads(line) for line in (tmp_path / "statistics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["BaseEnvEvents/reward/episode_count"]) for line in lines] == [(0, 1), (1, 2)]
    writer.close()


@pytest.mark.parametrize("writers", [["consol"], "console", [Notes], [None], Notes(), None])
def test_what_is_no_writer_is_refused_at_once(writers: Any) -> None:
    env = LogStatsWrapper.wrap(GymMazeEnv(DelayedRewardProbe()))
    with pytest.raises(
        InvalidSpecificationError, match=r"^writers: .* is not accepted; accepted: a list of maze.LogSt"
    ):
        SimpleStatsLoggingSetup(env, writers=writers)
