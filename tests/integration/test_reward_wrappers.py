"""Runs whose rewards are normalised by what moves count their returns in what does not, wherever returns are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maze import RewardWrapper, RunContext
from maze.artifacts import read_csv
from tests.scripted import CountingEnv, tiny_context

# Every episode pays 1, 2, 3, halved to 0.5, 1, 1.5 and cut off to 0.5, 1, 1.25: in sum 2.75.
WRAPPERS = [
    {"_target_": "maze.RewardScalingWrapper", "scale": 0.5},
    {"_target_": "maze.RewardClippingWrapper", "max_val": 1.25},
    {"_target_": "maze.ReturnNormalizationRewardWrapper", "gamma": 0.5},
]
MONITORED = {"_target_": "maze.MazeEnvMonitoringWrapper"}
RETURN, ORIGINAL = 2.75, 6.0


def make_env() -> Any:
    return CountingEnv([3])


def context(run_dir: Path, *, monitored: int = 3, **arguments: Any) -> RunContext:
    wrappers = [*WRAPPERS[:monitored], MONITORED, *WRAPPERS[monitored:]]
    overrides = {"algorithm.n_epochs": 9, "algorithm.patience": 2, **arguments.pop("overrides", {})}
    return tiny_context(run_dir, overrides, env=make_env, wrappers=wrappers, **arguments)


def column(run_dir: Path, name: str) -> list[float]:
    return [row[name] for row in read_csv(run_dir / "curve.csv")]


@pytest.mark.parametrize(("runner", "monitored"), [("dev", 0), ("dev", 3), ("local", 3)])
def test_returns_are_those_without_moving_normalisation(runner: str, monitored: int, tmp_path: Path) -> None:
    with context(tmp_path, monitored=monitored, runner=runner) as rc:
        rc.train()
        trainer = rc.trainer
        # the first epoch is the best, no later one is better: patience ends training after the third
        assert (trainer.best_return, trainer.epoch) == (RETURN, 3)
        assert trainer.collector.env.statistics_state()["ReturnNormalizationRewardWrapper.0.count"] > 0
        assert column(tmp_path, "eval/mean_return") == column(tmp_path, "train/mean_return") == [RETURN] * 3
        assert column(tmp_path, "train/RewardEvents/reward_original/mean") == [ORIGINAL] * 3
        assert rc.evaluate().returns.tolist() == [RETURN] * 2
        played = rc.rollout(n_episodes=2, record_trajectory=True)
        assert played.returns.tolist() == [RETURN] * 2
        assert played.steps["reward"].tolist() == [0.5, 1.0, 1.25] * 2
    with RunContext.load(tmp_path, allow_code=True) as loaded:
        assert loaded.evaluate(n_episodes=3).returns.tolist() == [RETURN] * 3


def test_learning_sees_the_normalised_rewards(tmp_path: Path) -> None:
    with context(tmp_path) as rc:
        rc.train(2)
        rollout = rc.trainer.collector.collect()
        statistics = rc.trainer.collector.env.statistics_state()
    name = "ReturnNormalizationRewardWrapper.0"
    # running returns are 0.5, 0.5 * 0.5 + 1 = 1.25 and 0.5 * 1.25 + 1.25 = 1.875, mean about 1.2, variance about 0.3
    variance = statistics[f"{name}.squared_deviations"] / statistics[f"{name}.count"]
    assert 0.25 < variance < 0.37
    ratio = rollout.reward.max() / rollout.reward.min()
    assert ratio == pytest.approx(1.25 / 0.5)
    assert rollout.reward.min() == pytest.approx(0.5 / variance**0.5, rel=0.05)


class Bonus(RewardWrapper):
    learning_only = True

    def reward(self, reward: Any) -> Any:
        return reward + 100


def test_a_wrapper_of_ones_own_for_learning_alone_is_not_counted(tmp_path: Path) -> None:
    with tiny_context(tmp_path, env=make_env, wrappers=[Bonus]) as rc:
        rc.train()
        assert rc.trainer.collector.collect().reward.min() == 101.0
        assert rc.trainer.best_return == rc.evaluate().mean_return == ORIGINAL
    for name in ("eval/mean_return", "train/mean_return"):
        assert column(tmp_path, name) == [ORIGINAL] * 2


def test_es_and_impala_count_them_alike(tmp_path: Path) -> None:
    es = {"algorithm.n_rollouts_per_update": 4}
    for algorithm, own in (("es", es), ("impala", {}), ("sac", {})):
        directory = tmp_path / algorithm

        with context(directory, algorithm=algorithm, overrides=own) as rc:
            rc.train(2)
        for name in ("eval/mean_return", "train/mean_return"):
            assert column(directory, name) == [RETURN] * 2, (algorithm, name)
