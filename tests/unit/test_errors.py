"""One tree of errors, and hints that help."""

from __future__ import annotations

import re

import pytest

import maze
from maze import errors
from maze.errors import (
    ArtifactError,
    EnvError,
    InvalidSpecificationError,
    MazeError,
    RunContextError,
    TrackingError,
    TrainingError,
    suggest,
)


@pytest.mark.parametrize(
    "error", [RunContextError, EnvError, ArtifactError, TrackingError, TrainingError, InvalidSpecificationError]
)
def test_everything_is_a_maze_error(error: type[Exception]) -> None:
    assert issubclass(error, MazeError)
    assert issubclass(error, Exception)
    assert getattr(maze, error.__name__) is error


def test_a_wrong_specification_is_a_run_context_error() -> None:
    assert issubclass(InvalidSpecificationError, RunContextError)
    from maze.api import run_context

    assert run_context.InvalidSpecificationError is InvalidSpecificationError
    assert run_context.RunContextError is RunContextError


def test_all_names_are_listed() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, MazeError)}
    assert classes | {"nearest_path", "suggest"} == set(errors.__all__)


@pytest.mark.parametrize(
    ("value", "accepted", "text"),
    [
        ("lrr", ["gamma", "lr"], "did you mean 'lr'? Accepted: gamma, lr."),
        ("zzz", ["lr", "gamma"], "accepted: gamma, lr."),
        ("x", [], "nothing is accepted here."),
        (3, [3, 1, 2, 2], "did you mean '3'? Accepted: 1, 2, 3."),
        (None, ["a"], "accepted: a."),
        ("PPO", ["a2c", "ppo"], "did you mean 'ppo'? Accepted: a2c, ppo."),
        ("lr", ["LR", "lr"], "did you mean 'lr'? Accepted: LR, lr."),
        ("learning_rate", ["clip_range", "lr"], "did you mean 'lr'? Accepted: clip_range, lr."),
        ("learning_rate", ["clip_range", "gamma"], "did you mean 'clip_range'? Accepted: clip_range, gamma."),
        ("n17", range(100), "did you mean '17'? Accepted: 17, 7, 1 and 97 more."),
        ("x", range(100), "accepted: 0, 1, 10, 11, 12, 13, 14, 15, 16, 17 and 90 more."),
    ],
)
def test_suggestions(value: object, accepted: list[object], text: str) -> None:
    assert suggest(value, accepted) == text


def test_of_more_names_than_wanted_the_nearest_few_are_listed() -> None:
    names = [f"run-{number}" for number in range(30)]
    assert suggest("nosuch", names, at_most=5) == "accepted: run-0, run-1, run-10, run-11, run-12 and 25 more."
    told = suggest("run-33", names, at_most=2)
    assert re.fullmatch(r"did you mean '(run-\d+)'\? Accepted: \1, run-\d+ and 28 more\.", told), told
    assert suggest("b", ["a", "c"], at_most=2) == "accepted: a, c."
