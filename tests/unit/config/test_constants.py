"""Constants under the key ``_`` reach values by interpolation, are recorded, and are no argument of anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from maze import Factory, GymMazeEnv, MazeEnv, RunContext
from maze.config.compose import compose
from maze.config.constants import without_constants
from maze.errors import InvalidSpecificationError
from tests.unit.config.conftest import Tree

ENV = "_target_: maze.make_gym_maze_env\n_: {id: CartPole-v1, frames: 3}\nname: ${env._.id}\n"
WRAPPERS = """
maze.TimeLimitWrapper:
  _: {steps: 7}
  max_episode_steps: ${wrappers.0._.steps}
maze.ObservationStackWrapper:
  stack_config:
    - _: {reason: memory}
      observation: observation
      keep_original: false
      tag: null
      delta: false
      stack_steps: ${env._.frames}
"""
EXPERIMENT = """# @package _global_
defaults:
  - override /env: mine
  - override /wrappers: mine
algorithm:
  _: {epochs: 1}
  n_epochs: ${algorithm._.epochs}
  epoch_length: 1
  n_rollout_steps: 20
  rollout_evaluator:
    _: {few: 1}
    n_episodes: ${algorithm.rollout_evaluator._.few}
model:
  _: {width: [8]}
  policy:
    networks:
      - _target_: maze.FlattenConcatPolicyNet
        _: {note: narrow}
        hidden_units: ${model._.width}
"""


@pytest.fixture
def own_tree(user_tree: Tree) -> Path:
    return user_tree(env__mine=ENV, wrappers__mine=WRAPPERS, experiment__mine=EXPERIMENT)


def test_a_run_reads_its_constants_records_them_and_makes_everything_without_them(
    own_tree: Path, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    overrides = {"env._.frames": 4, "tracking.mode": "off"}
    rc = RunContext(experiment="mine", config_dir=own_tree, overrides=overrides, run_dir=run_dir, seed=0, silent=True)
    assert rc.config.section("env") == {
        "_target_": "maze.make_gym_maze_env",
        "_": {"id": "CartPole-v1", "frames": 4},
        "name": "CartPole-v1",
    }
    assert rc.config["wrappers.1.stack_config.0.stack_steps"] == 4
    assert rc.config["algorithm._.epochs"] == rc.config["algorithm.n_epochs"] == 1
    rc.train()
    assert rc.evaluate().lengths.tolist() == [7]
    loaded = RunContext.load(run_dir, silent=True)
    assert loaded.config["env._.frames"] == 4
    assert loaded.evaluate(n_episodes=2).lengths.tolist() == [7, 7]


def test_a_mapping_in_python_may_hold_constants_and_even_objects() -> None:
    rc = RunContext(
        env={"_target_": "maze.GymMazeEnv", "_": {"made": lambda: None}, "env": "CartPole-v1"},
        wrappers={"maze.TimeLimitWrapper": {"_": {"why": "short"}, "max_episode_steps": 5}},
        overrides={"tracking.mode": "off"},
        silent=True,
    )
    assert rc.config["wrappers.0._.why"] == "short"
    with rc.env_factory() as env:
        assert isinstance(env, GymMazeEnv)


def test_factories_leave_constants_out_and_resolve_interpolations_through_them() -> None:
    plain = {"_target_": "maze.GymMazeEnv", "_": {"x": 3}, "env": "CartPole-v1"}
    assert isinstance(Factory(MazeEnv).instantiate(plain), GymMazeEnv)
    assert plain["_"] == {"x": 3}
    tree = OmegaConf.create({"env": {"_target_": "maze.GymMazeEnv", "_": {"id": "Acrobot-v1"}, "env": "${env._.id}"}})
    env = Factory(GymMazeEnv).instantiate(tree.env)
    assert env.env.spec is not None
    assert env.env.spec.id == "Acrobot-v1"


def test_containers_of_omegaconf_resolve_their_constants_and_mappings_of_python_stay_literal() -> None:
    tree = {"env": {"_target_": "maze.GymMazeEnv", "_": {"id": "Acrobot-v1"}, "env": "${env._.id}"}}
    with RunContext(env=OmegaConf.create(tree).env, silent=True) as rc:
        assert rc.config.env.env == "Acrobot-v1"
    with pytest.raises(InvalidSpecificationError, match=r"^env\.env: Unknown environment '\$\{env\._\.id\}'"):
        RunContext(env=tree["env"])


def test_constants_are_left_out_at_every_depth_and_nothing_else_is_touched() -> None:
    live = object()
    given = {"_": 1, "a": [{"_": 2, "b": live}, {"__": 3}], "c": {"d": {"_": 4}}}
    assert without_constants(given) == {"a": [{"b": live}, {"__": 3}], "c": {"d": {}}}
    assert given["_"] == 1


@pytest.mark.parametrize(
    "values", [{"++_": {"x": 3}}, {"++runner._": {"x": 3}}, {"wrappers": {"_": {"x": 3}}}], ids=str
)
def test_where_no_component_could_keep_them_the_message_says_where_they_go(values: dict[str, object]) -> None:
    with pytest.raises(
        InvalidSpecificationError, match=r"_: constants .* accepted: in a component's mapping, .*env\._"
    ):
        compose({}, values)
