"""Names of experiments tell them apart by what was varied, and stay short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from maze import report
from maze.api.comparison.naming import numbered, split, tell_apart
from maze.api.pipeline import varied_values

A2C = {
    "algorithm._target_": "maze.trainers.a2c.A2CAlgorithmConfig",
    "algorithm.gae_lambda": "1.0",
    "choices.algorithm": "a2c",
}
PPO = {
    "algorithm._target_": "maze.trainers.ppo.PPOAlgorithmConfig",
    "algorithm.gae_lambda": "0.95",
    "algorithm.clip_range": "0.2",
    "choices.algorithm": "ppo",
}


def agent(config: Mapping[str, str], number: int = 0, **varied: str) -> report.MeasuredAgent:
    named = {name.replace("__", "."): word for name, word in varied.items()}
    return report.MeasuredAgent(
        name=f"seed {number}",
        seed=number,
        config={**config, "seeding.env_base_seed": str(number)},
        mean_return=0.0,
        basis="training",
        n_episodes=0,
        varied=named,
    )


def names(*agents: report.MeasuredAgent) -> list[str]:
    return [one.name for one in split("x", agents)]


def test_seeds_of_one_configuration_are_one_experiment_with_the_plain_name() -> None:
    assert names(agent(A2C, 0), agent(A2C, 1)) == ["x"]


def test_what_was_varied_names_jobs_and_what_follows_from_it_does_not() -> None:
    grid = [
        agent({**config, "algorithm.lr": lr}, seed, algorithm=algorithm, algorithm__lr=lr, seed=str(seed))
        for algorithm, config in (("a2c", A2C), ("ppo", PPO))
        for lr in ("0.001", "0.01")
        for seed in (0, 1)
    ]
    expected = [f"x algorithm={algorithm}, lr={lr}" for algorithm in ("a2c", "ppo") for lr in ("0.001", "0.01")]
    assert names(*grid) == expected
    assert names(*grid[:-1]) == expected  # one job has failed: its seed is missing, and no name says so


def test_every_axis_is_told_also_where_fewer_would_do() -> None:
    """Two jobs are left of a grid: that the other axis differs as well must not be hidden."""
    left = [
        agent({"algorithm.lr": lr, "algorithm.gamma": gamma}, algorithm__lr=lr, algorithm__gamma=gamma)
        for lr, gamma in (("0.001", "0.9"), ("0.01", "0.99"))
    ]
    assert names(*left) == ["x lr=0.001, gamma=0.9", "x lr=0.01, gamma=0.99"]


def test_four_values_tell_apart_what_three_do_not() -> None:
    rows = [{"a.a": "1", "a.b": "1", "a.c": "1", "a.d": "1"}]
    rows += [{**rows[0], key: "2"} for key in rows[0]]
    found = names(*(agent(row) for row in rows))
    assert len(set(found)) == 5
    assert found[0] == "x a=1, b=1, c=1, d=1"


def test_options_of_groups_come_before_what_follows_from_them() -> None:
    assert names(agent(A2C), agent(PPO)) == ["x algorithm=a2c", "x algorithm=ppo"]


def test_no_value_is_told_that_another_one_makes_needless() -> None:
    rows = [{"a.clip": "on", "a.lr": "1"}, {"a.clip": "on", "a.lr": "2"}, {"a.clip": "off", "a.lr": "3"}]
    assert names(*map(agent, rows)) == ["x lr=1", "x lr=2", "x lr=3"]


def test_keys_have_as_many_parts_as_tell_them_apart() -> None:
    rows = [
        {"model.policy.lr": one, "model.critic.lr": other, "model.hidden_units.0": "64"}
        for one, other in (("1", "1"), ("1", "2"), ("2", "1"))
    ]
    assert names(*map(agent, rows))[1] == "x critic.lr=2, policy.lr=1"
    units = [{"model.hidden_units.0": size} for size in ("32", "64")]
    assert names(*map(agent, units)) == ["x hidden_units.0=32", "x hidden_units.0=64"]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("0.0012951259010454432", "0.1"), ("0.001295", "0.1")),
        (("0.0012951259010454432", "0.0012951999010454432"), ("0.0012951259", "0.0012951999")),
        (("100000", "100000000"), ("100000", "100000000")),
        (("torch.nn.Tanh", "torch.nn.ReLU"), ("Tanh", "ReLU")),
        (("mine.Net", "yours.Net"), ("mine.Net", "yours.Net")),
        (("a" * 30, "b" * 30), ("a" * 11 + "…" + "a" * 12, "b" * 11 + "…" + "b" * 12)),
        (("None", "-0.5"), ("None", "-0.5")),
    ],
)
def test_long_values_are_shortened_as_far_as_they_stay_distinct(words: tuple[str, str], shown: tuple[str, str]) -> None:
    assert names(*(agent({"a.b": word}) for word in words)) == [f"x b={word}" for word in shown]


def test_a_value_that_one_of_them_does_not_have_is_a_dash() -> None:
    assert names(agent({"a.b": "1"}), agent({"c": "1"})) == ["x b=1", "x b=-"]


def test_the_last_resort_is_a_number() -> None:
    keys = [f"algorithm.a_rather_long_name_{index}" for index in range(8)]
    base = dict.fromkeys(keys, "1")
    rows = [base, *({**base, key: "2"} for key in keys)]
    found = names(*(agent(row) for row in rows))
    assert len(set(found)) == len(rows)
    assert all(len(name) < 75 and name.endswith(f", … #{index}") for index, name in enumerate(found, start=1))


def test_too_many_axes_are_told_as_far_as_they_are_needed() -> None:
    jobs = []
    for index in range(3):
        varied: dict[str, Any] = {f"an_axis_with_a_long_name_{axis}": f"{index}" for axis in range(4)}
        jobs.append(agent(varied, **varied))
    assert names(*jobs) == [f"x an_axis_with_a_long_name_0={index}" for index in range(3)]


def test_what_was_named_twice_is_numbered() -> None:
    experiments = [report.Measured(name=name, agents=(agent(A2C),)) for name in ("a", "b", "a", "a", "a (2)")]
    assert [one.name for one in numbered(experiments)] == ["a", "b", "a (2)", "a (3)", "a (2) (2)"]


def test_words_of_tags_that_a_store_has_cut_off_are_forgotten() -> None:
    assert varied_values({"maze.values": '{"algorithm.lr": "0.1"}'}) == {"algorithm.lr": "0.1"}
    assert varied_values({"maze.values": '{"algorithm.lr": "0.'}) == {}
    assert varied_values({}) == {}


def test_at_least_two_are_told_apart() -> None:
    experiments = [report.Measured(name="x", agents=(agent(config),)) for config in (A2C, PPO)]
    assert tell_apart(experiments) == ["algorithm=a2c", "algorithm=ppo"]
