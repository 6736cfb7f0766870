"""What a search may vary: how people write it, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from maze.api.tuning.space import Choice, Interval, read_axis, read_space
from maze.errors import InvalidSpecificationError


@pytest.mark.parametrize(
    ("written", "distribution"),
    [
        ({"low": 0.1, "high": 1}, FloatDistribution(0.1, 1.0)),
        ({"low": 1e-4, "high": 1e-2, "log": True}, FloatDistribution(1e-4, 1e-2, log=True)),
        ({"low": 0, "high": 1, "step": 0.25}, FloatDistribution(0.0, 1.0, step=0.25)),
        ({"low": 1, "high": 8}, IntDistribution(1, 8)),
        ({"low": 16, "high": 128, "step": 16}, IntDistribution(16, 128, step=16)),
        ({"low": 1, "high": 1024, "log": True}, IntDistribution(1, 1024, log=True)),
        ([0.9, 0.99], CategoricalDistribution([0.9, 0.99])),
        ({"choices": [None, True, "a"]}, CategoricalDistribution([None, True, "a"])),
        ([[32], [64, 64]], CategoricalDistribution(["[32]", "[64, 64]"])),
    ],
    ids=str,
)
def test_what_people_write_is_what_optuna_draws_from(written: Any, distribution: Any) -> None:
    axis = read_axis(written, "algorithm.x")
    assert axis.distribution() == distribution
    assert read_axis(axis.as_record(), "algorithm.x") == axis


def test_a_draw_is_the_value_of_its_own_kind() -> None:
    assert Choice((1, True, 1.0)).value(True) is True
    assert Choice(([64, 64], [32])).value("[64, 64]") == [64, 64]
    assert Interval(1, 3).value(2) == 2


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (3, "x: 3 is not accepted; accepted: a list of choices"),
        ([], "x: [] is not accepted"),
        ("abc", "x: 'abc' is not accepted"),
        ([1, 1], "x: 1 is given more than once."),
        ({"low": 1}, "x: high is missing"),
        ({"low": 2, "high": 1}, "x: low (2) is not below high (1)."),
        ({"low": "a", "high": 1}, "x.low: 'a' is not accepted; accepted: a finite number."),
        ({"low": 0, "high": 1, "log": True}, "x: with log, low has to be above 0"),
        ({"low": 0, "high": 1, "log": 1}, "x.log: 1 is not accepted"),
        ({"low": 0, "high": 1, "step": 0}, "x.step: 0 is not accepted"),
        ({"low": 0, "hihg": 1}, "x.hihg: no such key of an interval; did you mean 'high'?"),
    ],
    ids=str,
)
def test_what_is_refused(written: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError) as caught:
        read_axis(written, "x")
    assert str(caught.value).startswith(message)


def test_a_space_is_a_mapping() -> None:
    with pytest.raises(InvalidSpecificationError, match="space: 3 is not accepted"):
        read_space(3)
