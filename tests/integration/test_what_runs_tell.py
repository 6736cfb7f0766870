"""What a run with the usual wrappers tells: numbers and distributions in TensorBoard, networks and events in MLflow."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from maze import RunContext
from tests.integration.tracked import query


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a run of two epochs."""
    directory = tmp_path_factory.mktemp("told") / "run"
    store = f"sqlite:///{directory.parent}/mlflow.db"
    with RunContext(
        algorithm="a2c",
        wrappers="vector_obs",
        model="vector_obs",
        critic="template_state",
        configuration="test",
        overrides={
            "algorithm.n_epochs": 2,
            "algorithm.n_rollout_steps": 64,
            "algorithm.rollout_evaluator.n_episodes": 4,
            "tracking.mode": "required",
            "tracking.uri": store,
            "tracking.writers": ["tensorboard"],
        },
        run_dir=directory,
        seed=1,
        silent=True,
    ) as rc:
        rc.train()
    return directory


def test_tensorboard_has_the_numbers_and_how_actions_are_spread(run: Path) -> None:
    told = EventAccumulator(str(run / "tensorboard"), size_guidance={"histograms": 0})
    told.Reload()
    for tag in (
        "train_BaseEnvEvents/reward/mean",
        "eval_BaseEnvEvents/reward/mean",
        "train_RewardEvents/reward_original/mean",
        "train_ActorCriticEvents/policy_loss",
    ):
        assert len(told.Scalars(tag)) == 2, tag
    assert [scalar.value for scalar in told.Scalars("eval_BaseEnvEvents/reward/total_episode_count")] == [4, 8]
    ended = [scalar.value for scalar in told.Scalars("train_BaseEnvEvents/reward/episode_count")]
    totals = [scalar.value for scalar in told.Scalars("train_BaseEnvEvents/reward/total_episode_count")]
    assert totals == [ended[0], sum(ended)]
    assert all(scalar.value > 0 for scalar in told.Scalars("train_ActorCriticEvents/time_epoch"))
    (tag,) = [tag for tag in told.Tags()["histograms"] if "discrete_action" in tag]
    first, second = told.Histograms(tag)
    assert first.histogram_value.num == second.histogram_value.num > 0
    assert (first.histogram_value.min, first.histogram_value.max) == (0, 1)


def test_tensorboard_has_one_drawing_of_each_network(run: Path) -> None:
    told = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0})
    told.Reload()
    drawn = [tag for tag in told.Tags()["images"] if tag.startswith("networks/")]
    assert sorted(drawn) == ["networks/critic_0", "networks/policy_0"]
    assert [image.width > 100 for tag in drawn for image in told.Images(tag)] == [True, True]


def test_mlflow_shows_the_networks_and_the_numbers_of_events(run: Path) -> None:
    (told,) = query(f"sqlite:///{run.parent}/mlflow.db")
    assert len(told.history["train_RewardEvents/reward_original/mean"]) == 2
    assert told.last("train_BaseEnvEvents/reward/mean") > 0
    assert told.last("eval_BaseEnvEvents/reward/total_episode_count") == 8
    assert {"figures/policy_0.png", "figures/critic_0.png", "config/model_summary.txt"} <= {*told.files}
