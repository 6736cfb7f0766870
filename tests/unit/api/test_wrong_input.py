"""Wrong input is one clear error of maze, never one of a library's or of Python's own."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import maze
from maze import EnvError, GymMazeEnv, InvalidSpecificationError, MazeError, RolloutEvaluator, RunContext
from maze.api.specs import compose_arguments
from tests.scripted import tiny_context

OBSERVATION = {"observation": np.zeros(4, np.float32)}
OFF = {"tracking.mode": "off"}


@dataclasses.dataclass
class NoAlgorithm:
    """Names a trainer, and is no configuration of it."""

    trainer = "maze.trainers.a2c.A2C"


class ShortLauncher:
    """Its launch() takes no jobs."""

    def launch(self) -> None:
        """Launch nothing."""


AT_CONSTRUCTION: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "algorithm": ({"algorithm": NoAlgorithm()}, {}, r"^algorithm: NoAlgorithm\(\).*derived from maze\.AlgorithmConfig"),
    "model": ({"model": types.SimpleNamespace(policy=1, critic=2)}, {}, r"^model: .*policy=1, critic=2.*not accepted"),
    "policy": ({"policy": types.SimpleNamespace(build=3)}, {}, r"^policy: .*build=3.* is not accepted"),
    "part of a policy": ({"policy": types.SimpleNamespace(policy="x")}, {}, r"^policy: .*is not accepted"),
    "wrapper": ({"wrappers": int}, {}, r"^wrappers\.0: <class 'int'> is not accepted; accepted: a Wrapper class"),
    "launcher": ({"launcher": ShortLauncher()}, {}, r"^launcher: .*launch\(jobs, on_end\)"),
    "device": (
        {},
        {"algorithm.device": "gpu"},
        r"^algorithm\.device: 'gpu' is not accepted; accepted: 'cpu'",
    ),
    "device without data": ({}, {"algorithm.device": "meta"}, r"^algorithm\.device: 'meta' is not accepted"),
    "what the run gives": (
        {},
        {"++policy.agent_counts_dict": "x"},
        r"^model\.policy\.agent_counts_dict: 'x' is not accepted; accepted: the number of agents by step key",
    ),
    "no policy": ({"policy": {"_target_": "maze.GymMazeEnv"}}, {}, r"^model\.policy\._target_: .*a policy composer"),
    "a block": (
        {"policy": {"_target_": "maze.DenseBlock"}},
        {},
        r"^model\.policy\._target_: 'maze\.DenseBlock' is",
    ),
    "no critic": ({"critic": {"_target_": "maze.GymMazeEnv"}}, {}, r"^model\.critic\._target_: .*a critic composer"),
    "no model": ({"model": {"_target_": "maze.A2C"}}, {}, r"^model\._target_: 'maze\.A2C' is none; accepted: a model"),
    "no wrapper": (
        {"wrappers": {"_target_": "maze.GymMazeEnv"}},
        {},
        r"^wrappers\.0\._target_: .*does not wrap",
    ),
    "no episodes": (
        {},
        {"algorithm.rollout_evaluator.n_episodes": 0},
        r"^algorithm\.rollout_evaluator\.n_episodes: 0",
    ),
    "letters": (
        {},
        {"algorithm.rollout_evaluator.n_episodes": "a"},
        r"^algorithm\.rollout_evaluator\.n_episodes: ",
    ),
    "widths": ({}, {"policy.networks.0.hidden_units": "a"}, r"^model\.policy\.networks\.0\.hidden_units: 'a' is not"),
    "negative": ({}, {"critic.networks.0.hidden_units": [-1]}, r"^model\.critic\.networks\.0\.hidden_units: \[-1\] is"),
    "function": ({}, {"policy.networks.0.non_lin": "os.system"}, r"^model\.policy\.networks\.0\.non_lin: 'os\.system'"),
    "number": ({}, {"policy.networks.0.non_lin": 3}, r"^model\.policy\.networks\.0\.non_lin: 3 is not accepted"),
    "render_mode": ({}, {"env.render_mode": "foo"}, r"^env\.name: .*'CartPole-v1' has no render_mode 'foo'.*rgb_array"),
    "of the model": (
        {},
        {"++model.action_spaces_dict": [3]},
        r"^model\.action_spaces_dict: \[3\] is not accepted; accepted: spaces",
    ),
}


@pytest.mark.parametrize("case", AT_CONSTRUCTION)
def test_what_can_be_known_at_construction_is_said_there(case: str) -> None:
    components, overrides, message = AT_CONSTRUCTION[case]
    with pytest.raises(InvalidSpecificationError, match=message):
        compose_arguments(components, overrides=overrides)


@pytest.mark.parametrize("mode", [None, "human", "rgb_array", "rgb_array_list"])
def test_ways_of_drawing_that_there_are(mode: str | None) -> None:
    config, _ = compose_arguments(overrides={"env.render_mode": mode})
    assert config.env.render_mode == mode


@pytest.mark.parametrize("value", [[3], 3, "beta", [[]]])
def test_distributions_that_are_no_list_of_mappings(value: Any) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"distribution_mapper_config: .* a list of mappings with"):
        RunContext(overrides={"model.distribution_mapper_config": value, **OFF}, silent=True)


WHEN_USED: dict[str, tuple[Callable[[RunContext], object], type[Exception], str]] = {
    "env": (lambda rc: rc.compute_action(OBSERVATION, env=3), MazeError, r"^env: 3 is not accepted; accepted: a Maze"),  # type: ignore[arg-type]
    "flag": (
        lambda rc: rc.compute_action(OBSERVATION, deterministic="a"),  # type: ignore[arg-type]
        MazeError,
        r"^deterministic: 'a' is not accepted; accepted: True or False",
    ),
    "context": (
        lambda rc: RolloutEvaluator(GymMazeEnv("CartPole-v1")).evaluate(rc),  # type: ignore[arg-type]
        InvalidSpecificationError,
        r"^policy: RunContext.*pass its policy: evaluate\(rc\.policy\)",
    ),
    "nobody": (
        lambda rc: RolloutEvaluator(GymMazeEnv("CartPole-v1")).evaluate(None),  # type: ignore[arg-type]
        InvalidSpecificationError,
        r"^policy: None has no method act.*rc\.policy",
    ),
    "rollout": (lambda rc: maze.run_rollout(experimnt=1), TypeError, r"^run_rollout\(\) has no argument.*'experiment'"),
    "replay": (lambda rc: maze.replay(None), InvalidSpecificationError, r"^source: None is not accepted"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", WHEN_USED)
def test_wrong_arguments_of_calls(case: str) -> None:
    use, error, message = WHEN_USED[case]
    rc = RunContext(overrides=OFF, silent=True)
    with pytest.raises(error, match=message):
        use(rc)


def fails() -> GymMazeEnv:
    raise ZeroDivisionError("no customers")


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ({"env": fails}, r"^env: .*fails failed while it made an environment: ZeroDivisionError: no customers"),
        ({"wrappers": lambda env: fails()}, r"^wrappers: .*lambda.* failed while.*ZeroDivisionError: no customers"),
    ],
)
def test_errors_of_a_factory_or_wrapper_are_errors_of_the_environment(components: Any, message: str) -> None:
    with pytest.raises(EnvError, match=message) as caught:
        _ = RunContext(**components, overrides=OFF, silent=True).policy
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (gymnasium.error.DependencyNotInstalled("Box2D is not installed"), r' Remedy: pip install "maze\[box2d\]"\.$'),
        (ModuleNotFoundError("No module named 'mujoco'"), r' Remedy: pip install "maze\[mujoco\]"\.$'),
        (ModuleNotFoundError("No module named 'scale'"), r"No module named 'scale'$"),
        (ValueError("no box2d"), r"no box2d$"),
    ],
)
def test_what_a_factory_misses_is_told_with_the_extra_that_brings_it(error: Exception, remedy: str) -> None:
    def missing() -> GymMazeEnv:
        raise error

    with pytest.raises(EnvError, match=rf"missing failed while it made an environment: .*{remedy}"):
        _ = RunContext(env=missing, overrides=OFF, silent=True).policy


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"overrides": {"algorithm.lr": [1, 2]}}, "algorithm.lr"),
        ({"seed": [1, 2]}, "seed"),
        ({"experiment": ["cartpole"]}, "experiment"),
        ({"overrides": {"policy.networks": 1, "runner.concurrency": [2, 4]}}, "runner.concurrency"),
    ],
)
def test_a_list_in_the_place_of_one_value_is_told_of_multi_runs(arguments: Any, path: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"^{path}: \[.*Lists span a grid .* multirun=True"):
        RunContext(**arguments)


@pytest.mark.parametrize("value", [None, 3, {"a": 1}])
@pytest.mark.parametrize("name", ["experiment", "configuration"])
def test_presets_are_no_values(name: str, value: Any) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"^{name}: .*{name}=\.\.\., or leave it out for none"):
        RunContext(overrides={name: value})


def test_resuming_with_other_networks_names_what_differs(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run").train(1)
    with pytest.raises(
        InvalidSpecificationError, match=r"^model\.policy\.networks\.0\.hidden_units.*: was .*64.*8.* now.*run_dir"
    ):
        tiny_context(tmp_path / "run", overrides={"policy.networks.0.hidden_units": [8]}, resume=True)
    tiny_context(tmp_path / "run", resume=True).train(1)


def test_a_broken_file_of_ones_own_tree_is_named(tmp_path: Path) -> None:
    file = tmp_path / "env" / "mine.yaml"
    file.parent.mkdir()
    file.write_text("name: [1,\n  x: }\n")
    with pytest.raises(InvalidSpecificationError, match=rf"^{re.escape(str(file))}, line 2: "):
        RunContext(env="mine", config_dir=tmp_path)
