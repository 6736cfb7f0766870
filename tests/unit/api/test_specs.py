"""Arguments and params.yaml become configurations, whatever form their components have."""

from __future__ import annotations

import copy
import functools
import sys
import types
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from omegaconf import OmegaConf

from maze.api.run_context import RunContext
from maze.api.specs import check_seeds, compose_arguments, from_params, split
from maze.config.describe import with_objects
from maze.config.schema import RunnerConfig
from maze.env import GymMazeEnv, LogStatsWrapper
from maze.errors import InvalidSpecificationError
from maze.trainers import AlgorithmConfig
from maze.trainers.a2c import A2CAlgorithmConfig
from maze.trainers.ppo import PPOAlgorithmConfig

COMPOSER = "maze.perception.models.composers.CustomModelComposer"
POLICY = "maze.perception.models.policies.ProbabilisticPolicyComposer"
CRITIC = "maze.perception.models.critics.StateCriticComposer"
NETWORK = "maze.perception.models.built_in.flatten_concat.FlattenConcatStateValueNet"
NORMALIZATION = "maze.env.normalization.ObservationNormalizationWrapper"
A2C = "maze.trainers.a2c.A2CAlgorithmConfig"
LOG_STATS = "maze.env.log_stats.LogStatsWrapper"


def make_env():
    return GymMazeEnv("CartPole-v1")


def test_an_algorithm_by_name_mapping_object_and_override_is_one():
    forms = [
        ({"algorithm": "a2c"}, {}),
        ({"algorithm": {"_target_": A2C}}, {}),
        ({"algorithm": A2CAlgorithmConfig()}, {}),
        ({}, {"algorithm": A2CAlgorithmConfig()}),
        ({}, {"algorithm": {"_target_": A2C, "lr": A2CAlgorithmConfig().lr}}),
    ]
    configs = [compose_arguments(components, overrides=overrides)[0] for components, overrides in forms]
    assert len({config.digest() for config in configs}) == 1
    assert configs[0].algorithm._target_ == A2C


def test_the_pages_algorithm_object_is_written_into_the_configuration():
    algorithm = A2CAlgorithmConfig(
        n_epochs=1,
        epoch_length=25,
        deterministic_eval=False,
        eval_repeats=2,
        patience=15,
        critic_burn_in_epochs=0,
        n_rollout_steps=100,
        lr=0.0005,
        gamma=0.98,
        gae_lambda=1.0,
        policy_loss_coef=1.0,
        value_loss_coef=0.5,
        entropy_coef=0.00025,
        max_grad_norm=0.0,
        device="cpu",
    )
    config, objects = compose_arguments({"algorithm": algorithm})
    assert (config.algorithm.n_epochs, config.algorithm.gamma) == (1, 0.98)
    assert config.choices["algorithm"] is None
    assert objects == {}


def test_what_depends_on_the_algorithm_follows_the_objects_class():
    specification = split({"algorithm": A2CAlgorithmConfig(n_epochs=9)})
    assert specification.choices["algorithm"] == "a2c"
    config, _ = compose_arguments({"algorithm": A2CAlgorithmConfig(n_epochs=9)}, configuration="test")
    assert config.algorithm.n_epochs == 9
    assert config.runner.concurrency == 2


def test_an_object_meets_a_tuned_experiment_of_another_algorithm(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "tuned_a2c.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /algorithm: a2c\nalgorithm:\n  lr: 0.3\n"
    )
    with pytest.raises(InvalidSpecificationError, match=r"'a2c'.*'ppo'"):
        compose_arguments({"algorithm": PPOAlgorithmConfig()}, experiment="tuned_a2c", config_dir=tmp_path)


def test_live_parts_of_an_algorithm_keep_their_place():
    evaluator = object()
    config, objects = compose_arguments({"algorithm": A2CAlgorithmConfig(lr=0.25, rollout_evaluator=evaluator)})
    assert config.algorithm.lr == 0.25
    assert objects == {"algorithm.rollout_evaluator": evaluator}
    filled = with_objects(config.section("algorithm"), objects, "algorithm")
    assert filled["rollout_evaluator"] is evaluator


def test_users_own_algorithm_needs_no_registration(monkeypatch):
    module = types.ModuleType("somebodys_project")

    @dataclass(frozen=True, kw_only=True)
    class OwnConfig(AlgorithmConfig):
        trainer: ClassVar[str] = "somebodys_project.Own"
        lr: float = 0.5

    OwnConfig.__module__, OwnConfig.__qualname__ = module.__name__, "OwnConfig"
    module.ClassVar = ClassVar
    module.OwnConfig, module.Own = OwnConfig, type("Own", (), {"__module__": module.__name__})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    config, objects = compose_arguments({"algorithm": OwnConfig(lr=0.125)})
    section = config.section("algorithm")
    assert (section["_target_"], section["lr"]) == ("somebodys_project.OwnConfig", 0.125)
    assert config.allowed_modules == ("somebodys_project",)
    assert objects == {}


@pytest.mark.parametrize(
    "env", [make_env, lambda: GymMazeEnv("CartPole-v1"), functools.partial(GymMazeEnv, "CartPole-v1")]
)
def test_env_factories_stay_live(env):
    config, objects = compose_arguments({"env": env})
    assert objects == {"env": env}
    assert "_object_" in config.section("env")


def test_wrappers_in_all_forms():
    mapping = {LOG_STATS: {"logging_prefix": "train"}}
    listed = [{"_target_": LOG_STATS, "logging_prefix": "train"}]
    as_mapping, as_list = (compose_arguments({"wrappers": form})[0] for form in (mapping, listed))
    assert as_mapping.digest() == as_list.digest()
    assert as_mapping.section("wrappers") == listed

    def wrap(env):
        return env

    config, objects = compose_arguments({"wrappers": [LogStatsWrapper, wrap, {"_target_": LOG_STATS}]})
    assert config.section("wrappers")[0] == {"_target_": LOG_STATS}
    assert objects == {"wrappers.1": wrap}
    assert with_objects(config.section("wrappers"), objects, "wrappers")[1] is wrap
    assert compose_arguments({"wrappers": LogStatsWrapper})[0].section("wrappers") == [{"_target_": LOG_STATS}]
    assert compose_arguments({"wrappers": wrap})[1] == {"wrappers.0": wrap}


def test_objects_in_the_arguments_of_a_wrapper_keep_their_place():
    thing = object()
    config, objects = compose_arguments(
        {"wrappers": {NORMALIZATION: {"online": False}, LOG_STATS: {"logging_prefix": thing}}}
    )
    assert objects == {"wrappers.1.logging_prefix": thing}
    assert with_objects(config.section("wrappers"), objects, "wrappers")[1]["logging_prefix"] is thing


def test_wrappers_are_changed_by_path():
    name = "maze.env.normalization.ObservationNormalizationWrapper"
    config, _ = compose_arguments({"wrappers": "vector_obs"}, overrides={f"wrappers.{name}.online": False})
    assert config.wrappers[0].online is False


def test_objects_in_overrides():
    policy, nested = types.SimpleNamespace(build=len), object()
    config, objects = compose_arguments(overrides={"policy": policy, "env.render_mode": nested})
    assert objects == {"model.policy": policy, "env.render_mode": nested}
    assert config.section("model")["policy"] == {"_object_": "types.SimpleNamespace"}
    extra = {"++env.sutton_barto_reward": nested}
    assert compose_arguments(overrides=extra)[1] == {"env.sutton_barto_reward": nested}


def test_spaces_are_objects_although_they_look_like_containers():
    from gymnasium import spaces

    space = spaces.Dict({"a": spaces.Tuple([spaces.Discrete(2)])})
    model = {"_target_": COMPOSER, "action_spaces_dict": space, "critic": {"_target_": CRITIC}}
    config, objects = compose_arguments({"model": model})
    assert objects == {"model.action_spaces_dict": space}
    assert with_objects(config.section("model"), objects, "model")["action_spaces_dict"] is space


def test_containers_of_omegaconf_are_mappings_and_lists():
    critic = OmegaConf.create({"_target_": CRITIC, "networks": [{"_target_": NETWORK, "hidden_units": [1]}]})
    config, objects = compose_arguments({"critic": critic})
    assert config.section("model")["critic"] == {
        "_target_": CRITIC,
        "networks": [{"_target_": NETWORK, "hidden_units": [1]}],
    }
    assert objects == {}


def test_the_more_specific_one_wins():
    model = {"_target_": COMPOSER, "policy": {"_target_": POLICY, "networks": []}, "critic": None}
    critic = {"_target_": CRITIC}
    networks = {0: {"_target_": "maze.FlattenConcatPolicyNet"}}
    config, _ = compose_arguments({"model": model, "critic": critic}, overrides={"policy.networks": networks})
    assert config.section("model") == {
        "_target_": COMPOSER,
        "policy": {"_target_": POLICY, "networks": networks},
        "critic": critic,
    }
    named, _ = compose_arguments({"model": "vector_obs", "critic": "template_state"}, overrides={"critic": critic})
    assert named.section("model")["critic"] == critic


def test_runner_by_mapping_and_object():
    for runner in ({"concurrency": 3}, RunnerConfig(concurrency=3)):
        assert compose_arguments({"runner": runner})[0].runner == RunnerConfig(concurrency=3)


def test_none_sets_null_and_integer_keys_stay():
    overrides = {"algorithm.patience": None, "algorithm.n_epochs": 1, "++policy.agent_counts_dict": {0: 1}}
    config, _ = compose_arguments(overrides=overrides)
    assert config.algorithm.patience is None
    assert list(config.section("model")["policy"]["agent_counts_dict"]) == [0]


def test_nothing_that_was_given_is_changed():
    overrides = {
        "model.policy": {
            "_target_": POLICY,
            "networks": [{"_target_": "maze.FlattenConcatPolicyNet", "hidden_units": (1, 2)}],
        },
        "algorithm.lr": np.float32(0.5),
    }
    components = {"wrappers": {LOG_STATS: None}, "runner": {"concurrency": 2}}
    before = copy.deepcopy((overrides, components))
    config, _ = compose_arguments(components, overrides=overrides, run_dir="x", seed=3)
    assert (overrides, components) == before
    assert (config.run_dir, config.algorithm.lr) == ("x", 0.5)
    assert config.section("model")["policy"]["networks"][0]["hidden_units"] == [1, 2]


def test_seed_fills_both_seeds_unless_one_is_more_specific():
    assert compose_arguments(seed=np.int64(3))[0].section("seeding") == {"env_base_seed": 3, "agent_base_seed": 3}
    config, _ = compose_arguments(seed=3, overrides={"seeding.env_base_seed": 7})
    assert config.section("seeding") == {"env_base_seed": 7, "agent_base_seed": 3}
    for seed in (-1, 1.5, "1", True):
        with pytest.raises(InvalidSpecificationError, match="seed"):
            compose_arguments(seed=seed)


SHIPPED = {
    "experiment": "cartpole",
    "env": None,
    "wrappers": None,
    "algorithm": None,
    "model": None,
    "policy": None,
    "critic": None,
    "runner": None,
    "configuration": None,
    "seeds": [0, 1],
    "set": {},
    "tags": {},
}


def test_params_and_arguments_give_one_configuration():
    by_params = from_params({**SHIPPED, "set": {"algorithm": {"lr": 0.25}, "evaluation.n_episodes": 3}})
    by_arguments, _ = compose_arguments(
        experiment="cartpole", overrides={"algorithm.lr": 0.25, "evaluation.n_episodes": 3}
    )
    assert by_params == by_arguments
    assert by_params.digest() == by_arguments.digest()
    assert by_params.seeding.env_base_seed is None


def test_params_choose_and_label():
    config = from_params({**SHIPPED, "algorithm": "ppo", "tags": {"owner": "me"}})
    assert config.choices["algorithm"] == "ppo"
    assert config.tags == {"owner": "me"}
    assert from_params({}) == compose_arguments()[0]


def test_nested_values_of_params_change_single_values_and_components_whole():
    config = from_params(
        {"set": {"model": {"critic": {"_target_": CRITIC}, "policy": {"networks": {0: {"non_lin": "torch.nn.ELU"}}}}}}
    )
    assert config.section("model")["critic"] == {"_target_": CRITIC}
    assert config.model.policy.networks[0].non_lin == "torch.nn.ELU"
    assert len(config.model.policy.networks[0].hidden_units) == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"set": {"algorithm": {"lrr": 1}}}, r"^set\.algorithm\.lrr: no such key in algorithm; did you mean 'lr'\?"),
        ({"set": {"algorithm": "es"}}, r"^set\.algorithm: names .* choose the module with algorithm='es'"),
        ({"set": {"algorithm.lr": "1e-3"}}, r"^algorithm\.lr: '1e-3' .*1\.0e-3"),
        ({"set": [1]}, r"^set: \[1\] is not accepted"),
        ({"tags": "x"}, r"^tags: 'x' is not accepted"),
        ({"algorithm": ["a2c", "ppo"]}, r"^algorithm: \['a2c', 'ppo'\] is not accepted"),
        ({"algoritm": "ppo"}, r"^algoritm: no such key in params\.yaml; did you mean 'algorithm'"),
        ({"seeds": []}, r"^seeds: \[\] is not accepted"),
        ([], r"^params\.yaml: list"),
    ],
)
def test_errors_name_the_place_in_params(params, message):
    with pytest.raises(InvalidSpecificationError, match=message):
        from_params(params)


@pytest.mark.parametrize("seeds", [[], None, 3, "0", [1, 1], ["0; echo X"], [-1], [0.5], [True], [2**63], {0: 1}])
def test_wrong_seeds(seeds):
    with pytest.raises(InvalidSpecificationError, match=r"^seeds"):
        check_seeds(seeds)


def test_right_seeds():
    assert check_seeds([3, 0, 2**63 - 1]) == [3, 0, 2**63 - 1]


@pytest.mark.parametrize(
    "overrides",
    [{"seeding.env_base_seed": 5}, {"seeding": {"env_base_seed": 5}}, {"++seeding.env_base_seed": 5}],
    ids=["path", "section", "added"],
)
def test_a_seed_among_the_overrides_wins_over_the_argument(overrides):
    if "++seeding.env_base_seed" in overrides:
        with pytest.raises(InvalidSpecificationError, match="set the same value; give one"):
            RunContext(overrides=overrides, seed=1)
        return
    for rc in (
        RunContext(overrides=overrides, seed=1),
        RunContext(overrides=overrides, seed=[1], multirun=True),
        RunContext(overrides=overrides, seed=1, multirun=True),
    ):
        (config,) = rc.config if isinstance(rc.config, list) else [rc.config]
        assert (config.seeding.env_base_seed, config.seeding.agent_base_seed) == (5, 1)


def test_a_seed_that_overrides_set_to_null_is_the_argument():
    rc = RunContext(overrides={"seeding.env_base_seed": None}, seed=1)
    assert rc.config.seeding.env_base_seed == 1


def test_a_directory_is_given_once():
    with pytest.raises(InvalidSpecificationError, match=r"^run_dir: given as an argument and in overrides"):
        compose_arguments(overrides={"run_dir": "one"}, run_dir="other")


def test_a_value_that_holds_itself_is_refused():
    units = [4]
    units.append(units)
    with pytest.raises(InvalidSpecificationError, match=r"^policy\.networks\.0\.hidden_units: the value holds itself"):
        compose_arguments(overrides={"policy.networks.0.hidden_units": units})
