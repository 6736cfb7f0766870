"""What Optuna decides follows from the trials that it is shown."""

from __future__ import annotations

import itertools
import math
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, create_trial

from maze.api.tuning.decisions import draw, make_judge, make_pruner, unfinished_trial
from tests.unit.api.tuning.conftest import tiny_search


@pytest.fixture(autouse=True)
def quiet() -> Any:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(optuna.logging.INFO)


def ended_trials(search: Any, n_trials: int) -> list[FrozenTrial]:
    """Trials whose score is the better the nearer the rate is to 1e-3."""
    trials: list[FrozenTrial] = []
    for number in range(n_trials):
        values = draw(search, number, [])  # as long as nothing is known, values are random
        score = -abs(math.log10(values["algorithm.lr"]) + 3)
        distributions = {path: axis.distribution() for path, axis in search.space.items()}
        trials.append(create_trial(params=values, distributions=distributions, value=score))
    return trials


def test_a_draw_repeats_and_learns_from_what_has_ended() -> None:
    search = tiny_search(n_startup_trials=4)
    known = ended_trials(search, 12)
    drawn = [draw(search, number, known)["algorithm.lr"] for number in range(12, 24)]
    assert drawn == [draw(search, number, known)["algorithm.lr"] for number in range(12, 24)]
    blind = [draw(search, number, known[:3])["algorithm.lr"] for number in range(12, 24)]
    assert mean_distance(drawn) < mean_distance(blind)


def mean_distance(rates: list[float]) -> float:
    return sum(abs(math.log10(rate) + 3) for rate in rates) / len(rates)


def test_it_keeps_away_from_trials_that_still_run() -> None:
    """Six trials that run beside are taken for bad ones: those drawn after them spread further from one another."""
    search = tiny_search(n_startup_trials=4, space={"algorithm.lr": {"low": 1e-5, "high": 1e-1, "log": True}})
    known = ended_trials(search, 12)
    apart: list[float] = []
    for with_others in (True, False):
        wave: list[dict[str, Any]] = []
        for number in range(12, 18):
            beside = [unfinished_trial(search, values) for values in wave] if with_others else []
            wave.append(draw(search, number, [*known, *beside]))
        rates = sorted(math.log10(values["algorithm.lr"]) for values in wave)
        apart.append(sum(later - one for one, later in itertools.pairwise(rates)))
    assert apart[0] > apart[1]


def test_random_values_depend_on_the_number_alone() -> None:
    search = tiny_search(sampler="random")
    known = ended_trials(search, 6)
    assert draw(search, 6, known) == draw(search, 6, [])
    assert draw(search, 6, known) != draw(search, 7, known)


def test_a_trial_is_stopped_below_the_median_of_those_that_it_is_compared_with() -> None:
    pruner = make_pruner(True, 2, 1)
    earlier = [{1: 10.0, 2: 20.0}, {1: 10.0, 2: 30.0}, {1: 10.0, 2: 40.0}]
    worse, better, alone = make_judge(pruner, earlier), make_judge(pruner, earlier), make_judge(pruner, earlier[:1])
    assert [worse(1, 9.0), worse(2, 29.0)] == [True, True]
    assert [better(1, 11.0), better(2, 31.0)] == [False, False]
    assert [alone(1, 0.0), alone(2, 0.0)] == [False, False]  # there is no median yet
    assert not make_judge(make_pruner(False, 0, 0), earlier)(2, -1e9)
