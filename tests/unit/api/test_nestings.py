"""Components inside of components: the more specific one wins, and a finished object has no parts to choose."""

from __future__ import annotations

import copy
import types
from typing import Any

import pytest

from maze import A2CAlgorithmConfig, GymMazeEnv, InvalidSpecificationError, LogStatsWrapper, RunContextError
from maze.api.specs import compose_arguments, from_params
from maze.config import RunnerConfig
from maze.config.rollout_run import compose_rollout
from tests.components import CRITIC, LOG_STATS, MODEL, NORMALIZATION, POLICY

MODEL_OBJECT = types.SimpleNamespace(policy=None, critic=None)
PART_OBJECT = types.SimpleNamespace(build=len)
NETWORK = {"_target_": "maze.perception.FlattenConcatStateValueNet", "hidden_units": [3]}


def make_env() -> GymMazeEnv:
    return GymMazeEnv("CartPole-v1")


# --- an object and its parts ------------------------------------------------------------------------------------------

ILLEGAL: list[tuple[dict[str, Any], dict[str, Any], tuple[str, str]]] = [
    ({"model": MODEL_OBJECT, "policy": "flatten_concat"}, {}, ("'model'", "'policy'")),
    ({"model": MODEL_OBJECT, "policy": POLICY}, {}, ("'model'", "'policy'")),
    ({"model": MODEL_OBJECT, "critic": "template_state"}, {}, ("'model'", "'critic'")),
    ({"model": MODEL_OBJECT, "critic": PART_OBJECT}, {}, ("'model'", "'critic'")),
    ({"model": MODEL_OBJECT}, {"policy": POLICY}, ("'model'", "'policy'")),
    ({"model": MODEL_OBJECT}, {"model.policy": POLICY}, ("'model'", "'model.policy'")),
    ({"model": MODEL_OBJECT}, {"policy.networks": []}, ("'model'", "'policy.networks'")),
    ({"model": MODEL_OBJECT}, {"critic": None}, ("'model'", "'critic'")),
    ({"policy": PART_OBJECT}, {"policy._target_": "x.Y"}, ("'policy'", "'policy._target_'")),
    ({"policy": PART_OBJECT}, {"model.policy._target_": "x.Y"}, ("'policy'", "'model.policy._target_'")),
    ({"critic": PART_OBJECT}, {"++model.critic.networks": []}, ("'critic'", "'++model.critic.networks'")),
    ({}, {"model": MODEL_OBJECT, "policy": POLICY}, ("'model'", "'policy'")),
    ({}, {"model": MODEL_OBJECT, "model.critic": None}, ("'model'", "'model.critic'")),
    ({}, {"policy": PART_OBJECT, "model.policy.networks": []}, ("'policy'", "'model.policy.networks'")),
    ({"model": {**MODEL, "policy": PART_OBJECT}}, {"policy.networks": []}, ("policy.networks", "model.policy")),
    ({"algorithm": A2CAlgorithmConfig()}, {"algorithm.lr": 0.5}, ("'algorithm'", "'algorithm.lr'")),
    ({"runner": RunnerConfig()}, {"runner.concurrency": 2}, ("'runner'", "'runner.concurrency'")),
    ({"env": make_env}, {"env.name": "CartPole-v0"}, ("'env'", "'env.name'")),
    ({"wrappers": [lambda env: env]}, {"wrappers.0.online": True}, ("wrappers.0.online", "wrappers.0")),
]


@pytest.mark.parametrize(("components", "overrides", "names"), ILLEGAL)
def test_an_object_and_its_part_are_an_error_that_names_both(
    components: dict[str, Any], overrides: dict[str, Any], names: tuple[str, str]
) -> None:
    with pytest.raises(InvalidSpecificationError) as caught:
        compose_arguments(components, overrides=overrides)
    assert isinstance(caught.value, RunContextError)
    assert all(name in str(caught.value) for name in names), caught.value
    assert "object" in str(caught.value)


@pytest.mark.parametrize(
    ("components", "overrides", "names"),
    [
        ({"critic": CRITIC}, {"critic": None}, ("critic", "overrides")),
        ({"critic": CRITIC}, {"model.critic": None}, ("critic", "model.critic")),
        ({}, {"critic": CRITIC, "model.critic": None}, ("critic", "model.critic")),
        ({}, {"policy.networks": [], "model.policy.networks": []}, ("policy.networks", "model.policy.networks")),
        (
            {"wrappers": "vector_obs"},
            {"wrappers.0.online": True, f"wrappers.{NORMALIZATION}.online": False},
            ("wrappers.0.online", f"wrappers.{NORMALIZATION}.online"),
        ),
    ],
)
def test_one_value_given_twice_is_an_error_that_names_both(
    components: dict[str, Any], overrides: dict[str, Any], names: tuple[str, str]
) -> None:
    with pytest.raises(InvalidSpecificationError) as caught:
        compose_arguments(components, overrides=overrides)
    assert all(name in str(caught.value) for name in names), caught.value


# --- a name or a mapping and its parts --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["flatten_concat", "vector_obs", MODEL])
@pytest.mark.parametrize("way", ["argument", "override", "full path"])
@pytest.mark.parametrize("part", [POLICY, PART_OBJECT], ids=["mapping", "object"])
def test_a_part_replaces_that_of_a_model(model: Any, way: str, part: Any) -> None:
    components: dict[str, Any] = {"model": model, "critic": CRITIC}
    overrides = {"policy": part} if way == "override" else {"model.policy": part} if way == "full path" else {}
    if way == "argument":
        components["policy"] = part
    before = copy.deepcopy(MODEL)
    config, objects = compose_arguments(components, overrides=overrides)
    assert config.section("model")["critic"] == CRITIC
    if part is POLICY:
        assert config.section("model")["policy"] == POLICY
        assert objects == {}
    else:
        assert objects == {"model.policy": PART_OBJECT}
    assert before == MODEL


@pytest.mark.parametrize("model", ["vector_obs", MODEL])
def test_a_part_by_name_replaces_that_of_a_model(model: Any) -> None:
    config, _ = compose_arguments({"model": model, "policy": "flatten_concat", "critic": "flatten_concat"})
    parts = config.section("model")
    assert parts["policy"]["networks"][0]["hidden_units"] == [64, 64]
    assert parts["critic"]["networks"][0]["hidden_units"] == [64, 64]
    assert parts["_target_"] == compose_arguments({"model": model, "critic": CRITIC})[0].model._target_


def test_values_under_a_replaced_parent_are_set_after_it() -> None:
    target = "maze.perception.ProbabilisticPolicyComposer"
    for overrides in (
        {"policy._target_": target, "policy.networks.0.hidden_units": [9]},
        {"model.policy.networks.0.hidden_units": [9], "model.policy._target_": target},
    ):
        config, _ = compose_arguments({"policy": POLICY}, overrides=overrides)
        assert config.model.policy._target_ == target
        assert list(config.model.policy.networks[0].hidden_units) == [9]
        assert config.model.policy.networks[0].non_lin == "torch.nn.ELU"
    assert POLICY["_target_"] != target


def test_parents_come_before_children_whatever_their_length_and_order() -> None:
    overrides = {"critic.networks.0": NETWORK, "critic": {**CRITIC, "networks": [None]}, "model": MODEL}
    for names in (list(overrides), list(overrides)[::-1]):
        config, _ = compose_arguments(overrides={name: overrides[name] for name in names})
        assert config.section("model")["critic"]["networks"] == [NETWORK]
        assert config.section("model")["policy"] == POLICY


# --- paths ------------------------------------------------------------------------------------------------------------

BOTH = {NORMALIZATION: {"online": True}, LOG_STATS: {}}


@pytest.mark.parametrize("wrappers", [BOTH, [{"_target_": NORMALIZATION, "online": True}, {"_target_": LOG_STATS}]])
@pytest.mark.parametrize("path", ["wrappers.0.online", f"wrappers.{NORMALIZATION}.online"])
def test_wrappers_are_reached_by_place_and_by_class_however_they_were_given(wrappers: Any, path: str) -> None:
    before = copy.deepcopy(wrappers)
    config, _ = compose_arguments({"wrappers": wrappers}, overrides={path: False})
    assert [wrapper.get("online") for wrapper in config.section("wrappers")] == [False, None]
    assert wrappers == before
    name, _ = compose_arguments({"wrappers": "vector_obs"}, overrides={path: False})
    assert name.wrappers[0].online is False


def test_a_wrapper_is_added_and_replaced_by_its_class() -> None:
    added, _ = compose_arguments(
        {"wrappers": "vector_obs"}, overrides={f"++wrappers.{LOG_STATS}": {"logging_prefix": "x"}}
    )
    assert added.section("wrappers")[2:] == [{"_target_": LOG_STATS, "logging_prefix": "x"}]
    bare, _ = compose_arguments(overrides={f"++wrappers.{LOG_STATS}": None})
    assert bare.section("wrappers") == [{"_target_": LOG_STATS}]


def test_objects_inside_of_wrappers_that_were_reached_by_class_keep_their_place() -> None:
    thing = object()
    path = f"wrappers.{LOG_STATS}.logging_prefix"
    config, objects = compose_arguments(
        {"wrappers": {**BOTH, LOG_STATS: {"logging_prefix": 1}}}, overrides={path: thing}
    )
    assert objects == {"wrappers.1.logging_prefix": thing}
    assert "_object_" in config.section("wrappers")[1]["logging_prefix"]


def test_a_class_that_wraps_twice_is_reached_by_place_alone() -> None:
    twice = [{"_target_": LOG_STATS, "logging_prefix": "a"}, LogStatsWrapper]
    config, _ = compose_arguments({"wrappers": twice}, overrides={"wrappers.0.logging_prefix": "b"})
    assert config.wrappers[0].logging_prefix == "b"
    with pytest.raises(InvalidSpecificationError, match="list of 2 entries"):
        compose_arguments({"wrappers": twice}, overrides={f"wrappers.{LOG_STATS}.logging_prefix": "b"})


def test_objects_in_lists_and_mappings_of_overrides_keep_their_places() -> None:
    first, second = object(), object()
    overrides = {"policy.networks": [first], "++critic.networks": {0: second}}
    config, objects = compose_arguments(overrides=overrides)
    assert objects == {"model.policy.networks.0": first, "model.critic.networks.0": second}
    assert list(config.section("model")["critic"]["networks"]) == [0]
    assert overrides == {"policy.networks": [first], "++critic.networks": {0: second}}


@pytest.mark.parametrize(
    ("components", "overrides", "section", "expected"),
    [
        ({"runner": {"concurrency": 3}}, {"runner.torch_threads": 2}, "runner", (3, 0, 2)),
        ({}, {"runner": {"torch_threads": 2}, "runner.concurrency": 5}, "runner", (5, 0, 2)),
        (
            {},
            {"evaluation": {"n_episodes": 3}, "evaluation.deterministic": False},
            "evaluation",
            (3, False, None, None),
        ),
        ({}, {"seeding": {"env_base_seed": 3}, "seeding.agent_base_seed": 4}, "seeding", (3, 4)),
        ({}, {"rollout": {"n_episodes": 3}, "rollout.render": True}, "rollout", (3, None, True, False, False, True)),
        (
            {},
            {"tracking": {"mode": "off"}, "tracking.writers": ["console"]},
            "tracking",
            ("off", "maze", None, None, None, ["console"], False, False),
        ),
    ],
)
def test_a_section_as_a_mapping_and_a_key_beside_it(
    components: dict[str, Any], overrides: dict[str, Any], section: str, expected: tuple[Any, ...]
) -> None:
    config, _ = compose_arguments(components, overrides=overrides)
    assert tuple(config.section(section).values()) == expected
    with pytest.raises(InvalidSpecificationError, match=f"{section}.*did you mean"):
        compose_arguments(components, overrides={**overrides, f"{section}.{next(iter(config.section(section)))}x": 1})


def test_the_runner_of_a_rollout_as_a_mapping_and_a_key_beside_it() -> None:
    values = {"runner": {"n_episodes": 3}, "runner.render": True}
    runner = compose_rollout({"policy": "random_policy"}, values).runner
    assert (runner.n_episodes, runner.render, runner.n_envs) == (3, True, 1)


def test_arguments_of_a_class_need_no_plus_beside_its_mapping() -> None:
    env = {"_target_": "maze.env.make_gym_maze_env", "name": "CartPole-v1"}
    overrides = {
        "env.render_mode": "rgb_array",
        f"wrappers.{LOG_STATS}.logging_prefix": "a",
        "policy.networks.0.non_lin": "torch.nn.ReLU",
    }
    network = {"_target_": "maze.perception.FlattenConcatPolicyNet", "hidden_units": [8]}
    policy = {"_target_": "maze.perception.models.policies.ProbabilisticPolicyComposer", "networks": [network]}
    config, _ = compose_arguments({"env": env, "wrappers": LogStatsWrapper, "policy": policy}, overrides=overrides)
    assert config.env.render_mode == "rgb_array"
    assert config.wrappers[0].logging_prefix == "a"
    assert config.model.policy.networks[0].non_lin == "torch.nn.ReLU"
    for path in ("env.rendermode", f"wrappers.{LOG_STATS}.prefix", "policy.networks.0.nonlin"):
        with pytest.raises(InvalidSpecificationError, match=rf"^{path}: no such key"):
            compose_arguments({"env": env, "wrappers": LogStatsWrapper, "policy": policy}, overrides={path: "x"})


# --- precedence -------------------------------------------------------------------------------------------------------


def test_defaults_then_experiment_then_configuration_then_overrides() -> None:
    def lr_and_epochs(**arguments: Any) -> tuple[float, int]:
        config = compose_arguments(**arguments)[0]
        return config.algorithm.lr, config.algorithm.n_epochs

    experiment = {"experiment": "cartpole_ppo_wrappers"}
    assert lr_and_epochs() == (0.001, 50)
    assert lr_and_epochs(**experiment) == (0.0001, 50)
    assert lr_and_epochs(**experiment, configuration="test") == (0.0001, 2)
    overrides = {"algorithm.lr": 0.5, "algorithm.n_epochs": 3}
    assert lr_and_epochs(**experiment, configuration="test", overrides=overrides) == (0.5, 3)


def test_a_component_by_argument_wins_over_the_experiments_choice() -> None:
    config, _ = compose_arguments({"wrappers": "no_wrappers", "runner": {"concurrency": 7}}, experiment="cartpole")
    assert config.section("wrappers") == []
    assert config.runner.concurrency == 7
    config, _ = compose_arguments({"wrappers": LogStatsWrapper, "critic": CRITIC}, experiment="cartpole")
    assert config.section("wrappers") == [{"_target_": LOG_STATS}]
    assert config.section("model")["critic"] == CRITIC


def test_params_reach_wrappers_alike() -> None:
    for path in ("0", NORMALIZATION):
        assert (
            from_params({"wrappers": "vector_obs", "set": {"wrappers": {path: {"online": False}}}}).wrappers[0].online
            is False
        )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"algorithm": "es"}, r"^algorithm: names of configuration modules are not resolved.*algorithm='es'"),
        ({"model.policy": "flatten_concat"}, r"^model\.policy: names .*policy='flatten_concat'"),
        ({"experiment": "cartpole"}, r"experiment='cartpole'"),
        ({"critc.networks": 1}, r"^critc\.networks: no such key.*did you mean 'critic'\? Accepted: .*critic.*policy"),
        ({"experimnt": "cartpole"}, r"did you mean 'experiment'"),
        ({"wrappers.0.onlin": 1}, r"^wrappers\.0\.onlin: no such key in wrappers\.0; did you mean 'online'"),
        ({"wrappers.2.online": 1}, r"^wrappers\.2\.online: wrappers is a list of 2 entries, counted from 0"),
        ({"wrappers.maze.env.Nothing.online": 1}, rf"Accepted: .*, {NORMALIZATION}\."),
        ({"policy.networks.0.hiden_units": 1}, r"^policy\.networks\.0\.hiden_units: .*did you mean 'hidden_units'"),
    ],
)
def test_wrong_paths_say_what_is_there(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        compose_arguments({"wrappers": "vector_obs"}, overrides=overrides)
