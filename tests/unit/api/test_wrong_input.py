"""Wrong input is one clear error of maze, never one of a library's or of Python's own."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import maze
from maze import GymMazeEnv, InvalidSpecificationError, MazeError, RolloutEvaluator, RunContext
from maze.api.specs import compose_arguments

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
        r"^model\.policy\.agent_counts_dict: .*Leave it",
    ),
    "of the model": ({}, {"++model.action_spaces_dict": {}}, r"^model\.action_spaces_dict: comes from the environment"),
}


@pytest.mark.parametrize("case", AT_CONSTRUCTION)
def test_what_can_be_known_at_construction_is_said_there(case: str) -> None:
    components, overrides, message = AT_CONSTRUCTION[case]
    with pytest.raises(InvalidSpecificationError, match=message):
        compose_arguments(components, overrides=overrides)


@pytest.mark.parametrize("value", [[3], 3, "beta", [[]]])
def test_distributions_that_are_no_list_of_mappings(value: Any) -> None:
    rc = RunContext(overrides={"model.distribution_mapper_config": value, **OFF}, silent=True)
    with pytest.raises(InvalidSpecificationError, match=r"distribution_mapper_config: .* a list of mappings with"):
        _ = rc.policy


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
