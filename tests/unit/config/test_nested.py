"""Mappings in the places of single values, at once and key by key, through Python and params.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from maze.api.specs import compose_arguments, from_params
from maze.config.nested import gathered, whole_again
from maze.errors import InvalidSpecificationError


@dataclass
class Own:
    """Settings of somebody else's."""

    weights: float | dict[str, float] = 1.0
    table: dict[str, float] | None = None
    size: int = 1


def test_any_keys_gather_below_a_field_that_takes_any_mapping() -> None:
    values = {"algorithm.weights.a": 0.5, "algorithm.table.b": 2.0, "algorithm.size.c": 1, "algorithm.weights.d": 1.5}
    assert gathered(values, "algorithm", {"weights": 1.0, "table": {"z": 1.0}, "size": 1}, Own) == {
        "algorithm.weights": {"a": 0.5, "d": 1.5},
        "algorithm.table": {"z": 1.0, "b": 2.0},
        "algorithm.size.c": 1,
    }


def test_a_nested_mapping_replaces_a_single_value_where_the_field_takes_one() -> None:
    tree = {"algorithm": {"weights": 1.0, "size": 1}, "launcher": {"nested": None, "kept": {"a": 1}}}
    values = {"algorithm.weights.a": 0.5, "algorithm.size.c": 1, "launcher.nested.x.y": 2, "launcher.kept.b": 3}
    mappings = {
        "algorithm": {"weights": {"a": 0.5}, "size": {"c": 1}},
        "algorithm.weights": {"a": 0.5},
        "algorithm.size": {"c": 1},
        "launcher.nested": {"x": {"y": 2}},
        "launcher.nested.x": {"y": 2},
        "launcher.kept": {"b": 3},
    }
    assert whole_again(values, mappings, tree, Own) == {
        "algorithm.weights": {"a": 0.5},
        "algorithm.size.c": 1,
        "launcher.nested": {"x": {"y": 2}},
        "launcher.kept.b": 3,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"algorithm.gamma.start": 1},
            r"algorithm\.gamma\.start: algorithm\.gamma is the single value 0\.99 and has no",
        ),
        ({"algorithm.lr.strat": 1}, r"algorithm\.lr\.strat: algorithm\.lr is the single value 0\.001 and has no keys"),
        ({"algorithm.lr.end": 0.1}, r"algorithm\.lr\.start: missing; Schedule needs it"),
        (
            {"algorithm.lr": 0.1, "algorithm.lr.end": 0.2},
            r"algorithm\.lr\.end: algorithm\.lr is the single value 0\.1 and",
        ),
    ],
)
def test_typing_errors_below_a_single_value_keep_their_message(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"^{message}"):
        compose_arguments(overrides=values)
    with pytest.raises(InvalidSpecificationError, match=rf"^(set\.)?{message}"):
        from_params({"set": values})


def test_nested_typing_errors_keep_theirs() -> None:
    with pytest.raises(
        InvalidSpecificationError, match=r"^set\.algorithm\.gamma\.x: algorithm\.gamma is the single value"
    ):
        from_params({"set": {"algorithm": {"gamma": {"x": 1}}}})
    with pytest.raises(InvalidSpecificationError, match=r"^algorithm\.lr\.strat: .*did you mean 'start'"):
        from_params({"set": {"algorithm": {"lr": {"strat": 1}}}})
