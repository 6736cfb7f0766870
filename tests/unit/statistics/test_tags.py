"""Numbers of a run by the events that they come from."""

from __future__ import annotations

import pytest

from maze.statistics import event_tags
from maze.statistics.tags import event_tag
from maze.tracking.names import is_clocked


@pytest.mark.parametrize(
    ("path", "name", "tag"),
    [
        ("train", "BaseEnvEvents/kpi/mean/served", "train_BaseEnvEvents/kpi/mean/served"),
        ("eval", "mean_return", "eval_BaseEnvEvents/reward/mean"),
        ("train", "mean_length", "train_BaseEnvEvents/reward/mean_step_count"),
        ("train", "loss/policy", "train_ActorCriticEvents/policy_loss"),
        ("train", "loss/own", "train_loss/own"),
        ("train", "actions", "train/actions"),
    ],
)
def test_a_tag_names_path_event_and_statistic(path: str, name: str, tag: str) -> None:
    assert event_tag(path, name) == tag


def test_only_what_has_an_event_is_told_twice() -> None:
    metrics = {"train/mean_return": 1.0, "eval/n_episodes": 8.0, "loss/value": 2.0, "loss/own": 3.0}
    metrics |= {"train/Ev/sold/mean/bread": 4.0, "eval/total_episodes": 9.0, "validation/loss": 5.0, "train/own": 6.0}
    assert event_tags(metrics) == {
        "train_Ev/sold/mean/bread": 4.0,
        "eval_BaseEnvEvents/reward/total_episode_count": 9.0,
        "train_BaseEnvEvents/reward/mean": 1.0,
        "eval_BaseEnvEvents/reward/episode_count": 8.0,
        "train_ActorCriticEvents/critic_value_loss": 2.0,
    }


@pytest.mark.parametrize(
    "name", ["time/epoch", "loss/policy", "policy/learning_rate", "mean_return", "Ev/time_alive/mean"]
)
def test_a_store_knows_what_is_of_a_clock(name: str) -> None:
    assert is_clocked(event_tag("train", name)) == name.startswith("time/")
