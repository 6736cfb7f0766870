"""Which option wins, and what cannot be chosen."""

from __future__ import annotations

import pytest

from maze.config.compose import compose
from maze.errors import InvalidSpecificationError

EXPERIMENT = """# @package _global_
defaults:
{include}
  - override /algorithm: a2c
{values}
"""


def test_the_configuration_follows_the_experiments_algorithm():
    config = compose({"experiment": "cartpole", "configuration": "test"})
    assert config.choices["algorithm"] == "a2c"
    assert config.algorithm.n_epochs == 2
    assert config.runner.concurrency == 2


def test_cartpole_experiment_leaves_the_algorithm_open():
    a2c = compose({"experiment": "cartpole"})
    ppo = compose({"experiment": "cartpole", "algorithm": "ppo"})
    assert [config.choices["algorithm"] for config in (a2c, ppo)] == ["a2c", "ppo"]
    assert a2c.algorithm == compose({"algorithm": "a2c"}).algorithm
    assert a2c.model == ppo.model
    assert a2c.model.critic is not None
    assert a2c.wrappers[0]._target_.endswith("ObservationNormalizationWrapper")


def test_explicit_choices_win_over_the_experiments():
    config = compose({"experiment": "cartpole", "wrappers": "no_wrappers", "critic": "null", "env": None})
    assert len(config.wrappers) == 0
    assert config.model.critic is None
    assert config.choices["critic"] is None


def test_a_model_of_ones_own_comes_without_the_experiments_critic():
    own = compose({"experiment": "cartpole", "model": "flatten_concat"})
    assert own.model == compose({"model": "flatten_concat"}).model
    same = compose({"experiment": "cartpole", "model": "vector_obs"})
    assert same.model == compose({"experiment": "cartpole"}).model


@pytest.mark.parametrize(
    ("name", "include", "values"),
    [
        ("tuned_a2c", "", ""),
        ("plain", "", "algorithm:\n  lr: 0.3"),
        ("outer", "  - /experiment/inner@_global_", ""),
    ],
)
def test_experiments_that_tune_an_algorithm_refuse_another(user_tree, name, include, values):
    tree = user_tree(
        **{f"experiment__{name}": EXPERIMENT.format(include=include, values=values)},
        experiment__inner="# @package _global_\nalgorithm:\n  lr: 0.3\n",
    )
    assert compose({"experiment": name, "algorithm": "a2c"}, config_dir=tree).choices["algorithm"] == "a2c"
    with pytest.raises(InvalidSpecificationError, match=rf"experiment '{name}' tunes the algorithm 'a2c'.*'ppo'"):
        compose({"experiment": name, "algorithm": "ppo"}, config_dir=tree)


def test_a_critic_replaces_that_of_the_model_whole(user_tree):
    tree = user_tree(
        model__mine="_target_: maze.M\npolicy: {a: 1}\ncritic: {_target_: maze.A, networks: [1], args: {x: 1, y: 2}}\n",
        critic__mine="# @package model\ncritic: {_target_: maze.B, args: {y: 3}}\n",
        experiment__mine="# @package _global_\ndefaults:\n  - override /critic: mine\nmodel: {critic: {extra: 1}}\n",
    )
    config = compose({"model": "mine", "critic": "mine"}, config_dir=tree)
    assert config.section("model")["critic"] == {"_target_": "maze.B", "args": {"y": 3}}
    config = compose({"model": "mine", "critic": "mine", "experiment": "mine"}, config_dir=tree)
    assert config.section("model")["critic"] == {"_target_": "maze.B", "args": {"y": 3}, "extra": 1}


def test_a_named_critic_joins_a_model_given_as_a_mapping():
    model = {"_target_": "maze.M", "policy": {"_target_": "maze.P"}, "critic": None}
    config = compose({"critic": "template_state"}, {"model": model})
    assert config.model.policy._target_ == "maze.P"
    assert config.model.critic == compose({"model": "vector_obs", "critic": "template_state"}).model.critic
    assert (config.choices["model"], config.choices["critic"]) == (None, "template_state")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"algorithm": "nope"}, r"^algorithm: 'nope' not found; accepted: a2c, bc, es, impala, ppo, sac, sacfd"),
        ({"algorithm": "ppoo"}, r"^algorithm: 'ppoo' not found; did you mean 'ppo'"),
        ({"algorithm": ""}, r"^algorithm: '' not found"),
        ({"algorithm": "null"}, r"^algorithm: a run needs one"),
        ({"experiment": "cartpol"}, r"^experiment: 'cartpol' not found; did you mean 'cartpole'"),
        ({"configuration": "run"}, r"^configuration: 'run' not found; accepted: test"),
        ({"algoritm": "ppo"}, r"^algoritm: no such group; did you mean 'algorithm'"),
        ({"env": "CartPole-v1"}, r"^env: 'CartPole-v1' not found;.*env\.name"),
        ({"launcher": "ray"}, r"^launcher: 'ray' is not available yet; it comes in a later release"),
        ({"launcher": "submitit_slurm"}, r"later release"),
        ({"algorithm": "rllib/ppo"}, r"later release"),
        ({"policy": "random_policy"}, r"^policy: 'random_policy' is a policy for rollouts only"),
        ({"env": 3}, r"^env: 3 is not the name"),
    ],
)
def test_unknown_names_are_one_line_with_the_options(choices, message):
    with pytest.raises(InvalidSpecificationError, match=message) as caught:
        compose(choices)
    assert "\n" not in str(caught.value)


def test_rollout_policies_of_ones_own_are_refused_too(user_tree):
    tree = user_tree(policy__mine="_target_: maze.RandomPolicy\n")
    with pytest.raises(InvalidSpecificationError, match=r"'mine' is a policy for rollouts only"):
        compose({"policy": "mine"}, config_dir=tree)
