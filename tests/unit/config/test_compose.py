"""Composition: the order of the layers, and values that stay what they are."""

from __future__ import annotations

import pytest

from maze.config.compose import compose, option_with_target
from maze.errors import InvalidSpecificationError


def test_the_defaults_are_the_documented_ones():
    config = compose({})
    chosen = {group: config.choices[group] for group in ("algorithm", "model", "wrappers", "env", "critic")}
    assert chosen == {
        "algorithm": "ppo",
        "model": "flatten_concat",
        "wrappers": "no_wrappers",
        "env": "gym_env",
        "critic": None,
    }
    assert config.env.name == "CartPole-v1"
    assert config.algorithm._target_ == "maze.trainers.ppo.PPOAlgorithmConfig"
    assert len(config.wrappers) == 0


def test_later_layers_win(user_tree):
    tree = user_tree(
        experiment__mine="# @package _global_\nalgorithm:\n  n_epochs: 11\n  epoch_length: 12\n  n_rollout_steps: 13\n",
        algorithm_configuration__unused="{}",
    )
    default = compose({}).algorithm
    layers = {"experiment": "mine", "configuration": "test"}
    config = compose(layers, {"algorithm.epoch_length": 99}, config_dir=tree)
    experiment = compose({"experiment": "mine"}, config_dir=tree).algorithm
    assert default.n_epochs not in (11, 2)
    assert (experiment.n_epochs, experiment.epoch_length, experiment.n_rollout_steps) == (11, 12, 13)
    assert (config.algorithm.n_epochs, config.algorithm.epoch_length) == (2, 99)


def test_the_pages_policy_mapping_replaces_the_node():
    policy = {
        "_target_": "maze.perception.models.policies.ProbabilisticPolicyComposer",
        "networks": [
            {
                "_target_": "maze.perception.models.built_in.flatten_concat.FlattenConcatPolicyNet",
                "non_lin": "torch.nn.Tanh",
                "hidden_units": [256, 256],
            }
        ],
        "substeps_with_separate_agent_nets": [],
        "agent_counts_dict": {0: 1},
    }
    config = compose({}, {"model.policy": policy})
    assert config.section("model")["policy"] == policy
    assert config.model.policy.agent_counts_dict[0] == 1


@pytest.mark.parametrize("text", ["${env.name}", "\\${env.name}", "a,b=c", "null", "${unknown", "'x'"])
def test_values_stay_literal(text):
    assert compose({}, {"env.name": text}).env.name == text


@pytest.mark.parametrize(
    "values",
    [
        {"algorithm.lr": "${x}"},
        {"algorithm": {"_target_": "maze.A2CAlgorithmConfig", "lr": "${x}"}},
    ],
    ids=str,
)
def test_a_literal_that_is_refused_is_shown_as_it_was_given(values):
    with pytest.raises(
        InvalidSpecificationError, match=r"^algorithm\.lr: '\$\{x\}' is not accepted; accepted: number > 0"
    ):
        compose({}, values)


def test_a_whole_section_of_literals_stays_literal():
    env = {"_target_": "maze.GymMazeEnv", "env": "${x}", "_": {"x": "${y}"}}
    assert compose({}, {"env": env}).section("env") == env


def test_interpolations_of_files_see_the_final_values(user_tree):
    tree = user_tree(env__mine="_target_: maze.E\nname: x\ntitle: the ${env.name} of ${runner.concurrency}\n")
    config = compose({"env": "mine"}, {"env.name": "${y}", "runner.concurrency": 3}, config_dir=tree)
    assert config.env.title == "the ${y} of 3"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"algorithm": "es"}, r"^algorithm: names .* not resolved here; choose the module with algorithm='es'"),
        ({"model.critic": "template_state"}, r"choose the module with critic='template_state'"),
        ({"algorithm.lr": "fast"}, r"^algorithm\.lr: 'fast' is not accepted; accepted: number > 0"),
        ({"evaluation.n_episodes": 0}, r"^evaluation\.n_episodes: 0"),
        ({"nothing": 1}, r"^nothing: no such key in the configuration"),
    ],
)
def test_wrong_values(values, message):
    with pytest.raises(InvalidSpecificationError, match=message):
        compose({}, values)


def test_objects_leave_their_names(user_tree):
    config = compose({}, objects={"env": test_objects_leave_their_names, "critic": object()})
    assert config.section("env")["_object_"] == f"{__name__}.test_objects_leave_their_names"
    assert config.section("model")["critic"] == {"_object_": "builtins.object"}
    assert (config.choices["env"], config.choices["critic"]) == (None, None)


def test_users_own_algorithm_is_completed_and_found_by_its_class(user_tree, user_module):
    target = "somebodys_project.OwnConfig"
    tree = user_tree(
        algorithm__own=f"# @package _global_\nalgorithm: {{_target_: {target}}}\nallowed_modules: [somebodys_project]\n"
    )
    assert compose({"algorithm": "own"}, config_dir=tree).algorithm.n_epochs == 3
    assert option_with_target("algorithm", "maze.trainers.a2c.A2CAlgorithmConfig") == "a2c"
    assert option_with_target("algorithm", target) is None


def test_the_same_values_by_choice_and_by_mapping_have_one_hash():
    named = compose({"algorithm": "a2c"})
    mapped = compose({}, {"algorithm": {"_target_": "maze.trainers.a2c.A2CAlgorithmConfig"}})
    assert named.digest() == mapped.digest()
    assert named.digest() != compose({}).digest()
