"""A run's configuration is complete, frozen, and the same however it was written."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest
import ruamel.yaml
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf.errors import ReadonlyConfigError

from maze.config.schema import RunConfig, RunnerConfig
from maze.errors import InvalidSpecificationError

VALUES = {
    "env": {"_target_": "maze.env.make_gym_maze_env", "name": "CartPole-v1"},
    "wrappers": {"maze.env.LogStatsWrapper": {"logging_prefix": "x"}},
    "algorithm": {"_target_": "somebodys_project.OwnConfig", "lr": 1e-05},
    "model": {"_target_": "maze.perception.X", "policy": {"counts": {0: 1}}, "critic": None},
    "allowed_modules": ["somebodys_project"],
}


@pytest.fixture
def config(user_module):
    return RunConfig.from_mapping(VALUES)


def test_values_are_read_by_attribute_and_dotted_path(config):
    assert config.algorithm.lr == config["algorithm.lr"] == 1e-05
    assert config.algorithm.n_epochs == 3
    assert config["model.policy.counts.0"] == 1
    assert config["wrappers.0.logging_prefix"] == "x"
    assert config["runner"] == RunnerConfig(concurrency=8)
    assert config.evaluation.n_episodes == 100
    assert config.rollout.n_episodes == 50
    assert config.tracking.mode == "best_effort"
    assert config.log_base_dir == "outputs"
    for path in ("algorithm.lrr", "runner.x", "nothing", "wrappers.5"):
        with pytest.raises(KeyError):
            config[path]


def test_nothing_can_be_changed(config):
    with pytest.raises(ReadonlyConfigError):
        config.algorithm.lr = 2.0
    with pytest.raises(ReadonlyConfigError):
        config.model.policy.counts[0] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.run_dir = "x"
    before = config.digest()
    config.to_mapping()["algorithm"]["lr"] = 5
    config.section("env")["name"] = "other"
    assert config.digest() == before


def test_the_given_mapping_is_left_alone(user_module):
    values = copy.deepcopy(VALUES)
    RunConfig.from_mapping(values)
    assert values == VALUES


def test_text_mapping_and_object_are_three_forms_of_one(config, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert RunConfig.from_yaml(path) == config
    assert RunConfig.from_mapping(config.to_mapping()) == config
    assert pickle.loads(pickle.dumps(config)) == config
    assert yaml.safe_load(config.to_yaml()) == config.to_mapping()
    assert ruamel.yaml.YAML(typ="safe").load(config.to_yaml()) == config.to_mapping()
    assert list(config.to_mapping()["model"]["policy"]["counts"]) == [0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(text=st.text(alphabet="${}\\ab.", max_size=8))
def test_text_is_literal_whatever_it_looks_like(config, text):
    changed = config.replace({"env.name": text})
    assert changed.env.name == text
    assert changed.to_mapping()["env"]["name"] == text
    assert yaml.safe_load(changed.to_yaml())["env"]["name"] == text


def test_replace_takes_paths_and_sections(config):
    changed = config.replace({"algorithm.lr": 1}, run_dir="out", runner={"concurrency": 2})
    assert (changed.algorithm.lr, changed.run_dir, changed.runner.concurrency) == (1, "out", 2)
    assert config.run_dir is None
    with pytest.raises(InvalidSpecificationError, match="did you mean 'lr'"):
        config.replace({"algorithm.lrr": 1})


def test_one_section_is_changed_by_itself(config):
    changed = config.changed_section("rollout", {"n_episodes": 3})
    assert changed == config.replace({"rollout.n_episodes": 3}).rollout
    assert config.rollout != changed
    with pytest.raises(InvalidSpecificationError, match=r"rollout\.n_episode.*did you mean 'n_episodes'"):
        config.changed_section("rollout", {"n_episode": 3})
    with pytest.raises(InvalidSpecificationError, match=r"rollout\.n_episodes"):
        config.changed_section("rollout", {"n_episodes": 0})


def test_hash_leaves_out_what_decides_no_result(config):
    same = [
        config.with_seeds(3),
        config.replace(run_dir="x", log_base_dir="y", tags={"a": "b"}, launcher={"n": 1}),
        config.replace({"tracking.mode": "off", "choices": {"env": None}}),
        RunConfig.from_mapping(
            {**VALUES, "wrappers": [{"logging_prefix": "x", "_target_": "maze.env.LogStatsWrapper"}]}
        ),
        RunConfig.from_mapping({**VALUES, "algorithm": {**VALUES["algorithm"], "n_epochs": 3}}),
        RunConfig.from_mapping(dict(reversed(VALUES.items()))),
    ]
    other = [
        config.replace({"algorithm.lr": 2e-05}),
        config.replace({"evaluation.n_episodes": 5}),
        config.replace({"evaluation.deterministic": False}),
        config.replace({"model.policy.counts": {"0": 1}}),
    ]
    assert {one.digest() for one in same} == {config.digest()}
    assert config.digest() not in {one.digest() for one in other}


def test_seeds_are_filled_in(config):
    seeded = config.replace({"seeding.env_base_seed": 7})
    assert seeded.with_seeds(3).section("seeding") == {"env_base_seed": 3, "agent_base_seed": 3}
    assert seeded.with_seeds(3, keep=True).section("seeding") == {"env_base_seed": 7, "agent_base_seed": 3}
    for seed in (-1, 1.5, "1", True, 2**63):
        with pytest.raises(InvalidSpecificationError, match=r"seeding\.env_base_seed"):
            config.with_seeds(seed)


def test_the_agents_part_is_a_configuration_again(config):
    part = config.agent_part()
    assert set(part) == {"env", "wrappers", "model", "algorithm", "runner", "seeding", "allowed_modules"}
    assert RunConfig.from_mapping(part).algorithm == config.algorithm


def test_flat_keys_are_primitives(config):
    flat = config.flat()
    assert flat["algorithm.lr"] == 1e-05
    assert flat["model.policy.counts.0"] == 1
    assert flat["seeding.env_base_seed"] is None
    assert all(not isinstance(value, (dict, list)) for value in flat.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algoritm": {}}, r"^algoritm: no such section; did you mean 'algorithm'"),
        ({"env": None}, r"^env: missing"),
        ({"env": "CartPole-v1"}, r"^env: 'CartPole-v1' is not a mapping"),
        ({"env": {"_target_": "os.system"}}, r"^env\._target_: 'os\.system' does not belong"),
        (
            {"model": {"policy": {"networks": [{"_target_": "os.system"}]}}},
            r"^model\.policy\.networks\.0\._target_: 'os\.system'",
        ),
        ({"wrappers": {"os.system": {}}}, r"^wrappers\.0\._target_: 'os\.system'"),
        ({"wrappers": {"maze.X": 3}}, r"^wrappers\.0"),
        ({"wrappers": "x"}, r"^wrappers: 'x'"),
        ({"wrappers": [["x"]]}, r"^wrappers\.0"),
        ({"env": {"_target_": "maze.X", "name": "???"}}, r"^env\.name: .*needs a value here"),
        ({"runner": {"concurency": 1}}, r"^runner\.concurency: .*did you mean 'concurrency'"),
        ({"runner": {"concurrency": 0}}, r"^runner\.concurrency: 0 is not accepted"),
        ({"runner": {"_target_": "maze.Other"}}, r"^runner\._target_: 'maze\.Other'"),
        ({"runner": {"_object_": "x.Y"}}, r"^runner: an object cannot stand here"),
        ({"tracking": {"mode": "on"}}, r"^tracking\.mode: 'on'.*'best_effort' or 'required' or 'off'"),
        ({"run_dir": 3}, r"^run_dir: 3"),
        ({"tags": {"a": [1]}}, r"^tags\.a: \[1\]"),
        ({"allowed_modules": ["a-b"]}, r"^allowed_modules: 'a-b'"),
        ({"allowed_modules": []}, r"^algorithm\._target_: 'somebodys_project\.OwnConfig' does not belong"),
        ({"algorithm": {"_target_": "somebodys_project.OwnConfig", "lrr": 1}}, r"^algorithm\.lrr: .*did you mean 'lr'"),
    ],
)
def test_errors_name_the_key(user_module, change, message):
    with pytest.raises(InvalidSpecificationError, match=message):
        RunConfig.from_mapping({**VALUES, **change})


def test_files_that_hold_no_configuration_are_named(tmp_path):
    for content in ("- 1", "a: [", "a: 1\na: {b: 2"):
        path = tmp_path / "x.yaml"
        path.write_text(content)
        with pytest.raises(InvalidSpecificationError, match=r"x\.yaml: not a"):
            RunConfig.from_yaml(path)
    with pytest.raises(InvalidSpecificationError, match=r"missing\.yaml"):
        RunConfig.from_yaml(tmp_path / "missing.yaml")


def test_sections_may_name_their_class(user_module):
    runner = {"_target_": "maze.config.RunnerConfig", "concurrency": 2}
    assert RunConfig.from_mapping({**VALUES, "runner": runner}).runner == RunnerConfig(concurrency=2)
