"""What docs/migration.md promises: every row is there, and every test and name that it mentions exists."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import maze
from maze import (
    A2C,
    A2CAlgorithmConfig,
    DistributionMapper,
    GymMazeEnv,
    InvalidSpecificationError,
    LogStatsWrapper,
    MazeEnv,
    ProbabilisticPolicyComposer,
    RolloutEvaluator,
    RunContext,
    TorchPolicy,
    Trainer,
)
from maze.config import resolve_target
from tests.integration.documents import ROOT
from tests.scripted import Bright
from tests.walking import WalkEnv

TEXT = (ROOT / "docs/migration.md").read_text()
OFF = {"tracking.mode": "off"}
SHORT: dict[str, Any] = {"configuration": "test", "silent": True, "seed": 1}
FLATTEN_CONCAT = "maze.perception.models.built_in.flatten_concat.FlattenConcatPolicyNet"


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def test_every_row_of_the_page_is_there() -> None:
    assert [row[0] for row in rows("The page, row by row")] == [f"S{number}" for number in range(1, 42)]


@pytest.mark.parametrize("row", rows("The page, row by row"), ids=lambda row: row[0])
def test_a_row_names_tests_that_exist_or_says_what_differs(row: list[str]) -> None:
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", row[2])
    for path, name in named:
        functions = [item for item in ast.parse((ROOT / path).read_text()).body if isinstance(item, ast.FunctionDef)]
        assert name in [function.name for function in functions], f"{path} has no {name}"
    assert named or "comes with a later release" in row[2]


def test_every_name_that_scripts_are_sent_to_exists() -> None:
    names = [name for row in rows("Imports") for name in re.findall(r"`(maze(?:\.\w+)+)`", row[1])]
    assert len(names) > 40
    for name in names:
        parts = name.split(".")
        found: Any = importlib.import_module("maze")
        for index, part in enumerate(parts[1:], start=2):
            if not hasattr(found, part):
                importlib.import_module(".".join(parts[:index]))
            found = getattr(found, part)


def test_what_comes_later_is_refused_with_what_there_is() -> None:
    with pytest.raises(InvalidSpecificationError, match="ppo"):
        RunContext(algorithm="ray")
    with pytest.raises(InvalidSpecificationError, match="comes in a later release"):
        RunContext(algorithm="rllib")
    with pytest.raises(InvalidSpecificationError, match="comes in a later release"):
        RunContext(launcher="ray")


def words_of(name: str) -> set[str]:
    """Return the words that a name is made of."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


NAMES = {word for name in maze.__all__ for word in words_of(name)}


def absent(what: str) -> None:
    """Check that no public name speaks of what a row says is not there."""
    general = {"algorithms", "and", "environments", "launchers", "the", "wrapper"}
    words = {word.lower() for word in re.findall(r"[A-Za-z][\w-]+", what)} - general
    assert words, what
    there = {word for word in words if {word, word.removesuffix("s")} & NAMES}
    assert not there, f"{what}: there is something called {there}"


def test_what_has_no_counterpart_yet_has_none() -> None:
    table = TEXT.split("come with later releases")[1].split("\n## ")[0]
    missing = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[1:]
    assert len(missing) >= 2
    for what in missing:
        absent(what)
    for what in ("the monitoring wrapper", "events beyond the reward, KPIs, TensorBoard"):  # what once was there
        with pytest.raises(AssertionError, match="there is something called"):
            absent(what)


def test_what_is_said_to_be_none_is_not_offered() -> None:
    gone = [
        name for left, right in rows("Imports") if right.startswith("none") for name in left.split(":")[1].split(",")
    ]
    assert len(gone) >= 4
    for name in gone:
        assert not hasattr(maze, name.strip().strip("`"))
    for left, right in rows("Imports"):
        for name in re.findall(r"without (\w+)", right):
            assert not hasattr(maze.LogStatsLevel, name), left


def test_environments_have_the_methods_that_a_row_lists() -> None:
    (row,) = [left for left, right in rows("Imports") if "clone_from" in left]
    names = [name.strip() for name in row.split(":")[1].split(",")]
    assert len(names) == 7
    pole, walk = GymMazeEnv("CartPole-v1"), WalkEnv()
    for env in (pole, walk, LogStatsWrapper.wrap(pole), LogStatsWrapper.wrap(walk)):
        env.reset()
        state = env.get_maze_state()
        called = {
            name: getattr(env, name)()
            for name in names
            if name not in ("clone_from", "get_observation_and_action_dicts")
        }
        assert called == {
            "get_env_time": 0,
            "get_serializable_components": {},
            "get_renderer": None,
            "is_actor_done": False,
            "get_actor_rewards": None,
        }
        seen, done = env.get_observation_and_action_dicts(state, 1, True)
        assert seen is not None
        assert done is not None
        env.step(done[0])
        env.clone_from(env)
        assert env.get_env_time() == 1


def test_the_trainer_is_abstract() -> None:
    assert inspect.isabstract(Trainer)
    for name in ("train", "state_dict", "load_state_dict"):
        assert callable(getattr(Trainer, name))


def test_environments_and_wrappers_are_what_they_were() -> None:
    env = LogStatsWrapper.wrap(GymMazeEnv("CartPole-v0"))
    assert isinstance(env, GymMazeEnv)
    assert issubclass(GymMazeEnv, MazeEnv)
    observation = env.reset()
    assert observation["observation"].dtype == np.float32
    observation, reward, done, info = env.step({"action": 0})
    assert (list(observation), reward, done) == (["observation"], 1.0, False)
    assert (info["terminated"], info["truncated"]) == (False, False)


def test_a_context_offers_everything(tmp_path: Path) -> None:
    rc = RunContext(env=lambda: GymMazeEnv("CartPole-v0"), run_dir=tmp_path / "run", overrides=OFF, **SHORT)
    rc.train()
    assert isinstance(rc.policy, TorchPolicy)
    assert isinstance(rc.env_factory(), MazeEnv)
    assert len(rc.evaluate(n_episodes=2)) == 2
    assert len(rc.rollout(n_episodes=3)) == 3
    assert rc.env_factory().action_space.contains(rc.compute_action(rc.env_factory().reset()))
    assert rc.config.algorithm.n_epochs == 2


def test_pixels_are_made_small_and_learnt_from(tmp_path: Path) -> None:
    pixels = {"wrappers": "pixel_obs", "model": "pixel_obs", "critic": "template_state"}
    rc = RunContext(env=Bright, run_dir=tmp_path / "run", overrides=OFF, **pixels, **SHORT)
    assert rc.env_factory().reset()["observation-rgb2gray-resize_img-unsqueeze"].shape == (1, 96, 96)
    rc.train()
    assert rc.evaluate(n_episodes=2).returns.tolist() == [3.0, 3.0]


def described(wrappers: list[dict[str, Any]]) -> list[str]:
    """Return a module's row of the table from its wrappers."""
    by_name = {wrapper["_target_"].rpartition(".")[2]: (place, wrapper) for place, wrapper in enumerate(wrappers)}
    normalised, normalisation = by_name["ObservationNormalizationWrapper"]
    monitored, monitoring = by_name["MazeEnvMonitoringWrapper"]
    assert monitored == len(wrappers) - 1
    low, high = normalisation["default_strategy_config"]["clip_range"]
    shared = {0: "samples", (0, 1): "samples, stack", None: "all axes"}
    axis = normalisation["default_strategy_config"]["axis"]
    stacked = "none"
    if "ObservationStackWrapper" in by_name:
        place, stack = by_name["ObservationStackWrapper"]
        (entry,) = stack["stack_config"]
        stacked = f"{entry['stack_steps']}, {'before' if place < normalised else 'after'} normalisation"
    watched = [name for name in ("observation", "action", "reward") if monitoring[f"{name}_logging"]]
    return [
        f"{low:g} to {high:g}",
        shared[tuple(axis) if isinstance(axis, list) else axis],
        stacked,
        ", ".join(f"{name}s" for name in watched),
    ]


@pytest.mark.parametrize("row", rows("The wrapper modules"), ids=lambda row: row[0])
def test_wrapper_modules_are_what_they_were(row: list[str]) -> None:
    config = RunContext(wrappers=row[0].strip("`")).config
    assert described(config.section("wrappers")) == row[1:]
    images = [
        item["_target_"].rpartition(".")[2] for item in config.section("wrappers")[0].get("pre_processor_mapping", [])
    ]
    assert images == (["Rgb2Gray", "ResizeImg", "UnSqueeze"] if "pixel" in row[0] else [])


def test_every_module_of_wrappers_is_in_the_table_and_tells_every_argument() -> None:
    modules = {path.stem for path in (ROOT / "conf/wrappers").glob("*.yaml")} - {"no_wrappers"}
    assert modules == {row[0].strip("`") for row in rows("The wrapper modules")}
    for module in modules:
        for wrapper in RunContext(wrappers=module).config.section("wrappers"):
            parameters = list(inspect.signature(resolve_target(wrapper["_target_"])).parameters)[1:]
            assert {*parameters} == {*wrapper} - {"_target_"}, f"{module}: {wrapper['_target_']}"


@pytest.mark.parametrize("module", ["vector_obs", "vector_obs_rnn"])
def test_what_agents_do_and_earn_is_told_with_the_usual_wrappers(module: str, tmp_path: Path) -> None:
    with RunContext(wrappers=module, model=module, run_dir=tmp_path / "run", overrides=OFF, **SHORT) as rc:
        rc.train()
        names = set(rc.statistics)
    assert "train/RewardEvents/reward_original/mean" in names
    assert not any("ObservationEvents" in name for name in names)


def test_three_learning_rates_are_three_runs(tmp_path: Path) -> None:
    overrides = {"algorithm.lr": [0.001, 0.002, 0.003], **OFF}
    rc: Any = RunContext(overrides=overrides, multirun=True, run_dir=tmp_path / "grid", launcher="joblib", **SHORT)
    rc.train(n_epochs=1)
    assert len(rc.policy) == len(set(rc.run_dir)) == len(rc.statistics) == 3
    assert [config.algorithm.lr for config in rc.config] == [0.001, 0.002, 0.003]


def test_an_experiment_chooses_and_sets() -> None:
    config = RunContext(experiment="cartpole_ppo_wrappers").config
    assert config.algorithm["_target_"].endswith("PPOAlgorithmConfig")
    assert config.algorithm.lr == 0.0001
    assert config.choices["wrappers"] == "vector_obs"


def test_the_run_lies_where_it_was_told_to(tmp_path: Path) -> None:
    rc = RunContext(run_dir=str(tmp_path / "outputs/x"), overrides=OFF, **SHORT)
    rc.train(1)
    assert rc.run_dir.samefile(tmp_path / "outputs/x")
    with pytest.raises(InvalidSpecificationError, match="resume=True"):
        RunContext(run_dir=tmp_path / "outputs/x")


def test_a_finished_policy_composer() -> None:
    env = GymMazeEnv("CartPole-v0")
    composer = ProbabilisticPolicyComposer(
        action_spaces_dict=env.action_spaces_dict,
        observation_spaces_dict=env.observation_spaces_dict,
        distribution_mapper=DistributionMapper(env.action_space, distribution_mapper_config={}),
        networks=[{"_target_": FLATTEN_CONCAT, "non_lin": "torch.nn.Tanh", "hidden_units": [222, 222]}],
        substeps_with_separate_agent_nets=[],
        agent_counts_dict={0: 1},
    )
    rc = RunContext(overrides={"model.policy": composer}, **SHORT)
    assert rc.policy.networks[0].hidden_units == [222, 222]


def test_the_pages_dotted_names_are_found() -> None:
    for name in ("maze.perception.models.policies.ProbabilisticPolicyComposer", FLATTEN_CONCAT, "torch.nn.Tanh"):
        assert resolve_target(name).__name__ == name.rpartition(".")[2]


def test_names_in_overrides_are_refused() -> None:
    with pytest.raises(InvalidSpecificationError, match="algorithm="):
        RunContext(overrides={"algorithm": "a2c"})


def test_an_algorithm_in_overrides_works_too(tmp_path: Path) -> None:
    algorithm = A2CAlgorithmConfig(n_epochs=1, epoch_length=1, n_rollout_steps=4, lr=0.0005)
    rc = RunContext(overrides={"algorithm": algorithm, **OFF}, run_dir=tmp_path / "run", silent=True)
    rc.train()
    assert isinstance(rc.trainer, A2C)
    assert rc.trainer.config.lr == 0.0005


def test_an_evaluator_plays_several_episodes_twice() -> None:
    rc = RunContext(env=lambda: GymMazeEnv("CartPole-v0"), **SHORT)
    env = LogStatsWrapper.wrap(GymMazeEnv("CartPole-v0"), logging_prefix="eval")
    evaluator = RolloutEvaluator(eval_env=env, n_episodes=3, model_selection=None)
    first, second = evaluator.evaluate(rc.policy), evaluator.evaluate(rc.policy)
    assert len(first) == len(second) == 3
    assert np.array_equal(first.returns, second.returns)
    assert env.episode_returns == [*first.returns, *second.returns]
