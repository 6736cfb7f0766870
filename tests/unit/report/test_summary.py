"""Results over seeds by hand; what cannot be known is None, never zero."""

from __future__ import annotations

import math
from typing import Any

import pytest

from maze.errors import ArtifactError
from maze.report import summarise


def metrics(mean: float | None, std: float | None = 0.0, length: float | None = 10.0, n: int = 100) -> dict[str, Any]:
    """Return the evaluation metrics of a seed."""
    return {"mean_return": mean, "std_return": std, "mean_length": length, "n_episodes": n}


def test_several_seeds_by_hand() -> None:
    summary = summarise(
        {2: metrics(500.0, 3.0), 0: metrics(100.0, 4.0, 30.0), 1: metrics(300.0, 5.0), 7: metrics(300.0)}
    )
    assert summary["mean_return"] == 300.0
    assert summary["iqm_return"] == 300.0
    assert summary["std_return"] == pytest.approx(math.sqrt((9 + 16 + 25 + 0) / 4 + (200**2 + 200**2) / 4))
    assert summary["std_between_seeds"] == pytest.approx(math.sqrt(2 * 200**2 / 3))
    assert summary["mean_length"] == 15.0
    assert (summary["n_episodes"], summary["n_seeds"], summary["n_seeds_empty"]) == (400, 4, 0)
    assert summary["iqm_low"] is not None
    assert summary["iqm_high"] is not None
    assert 100.0 <= summary["iqm_low"] < 300.0 < summary["iqm_high"] <= 500.0


def test_order_of_seeds_does_not_matter() -> None:
    seeds = {seed: metrics(float(seed**2)) for seed in range(5)}
    assert summarise(seeds) == summarise(dict(reversed(seeds.items())))


def test_one_seed_has_no_interval() -> None:
    summary = summarise({0: metrics(487.5, 12.0)})
    assert summary["mean_return"] == summary["iqm_return"] == 487.5
    assert summary["std_return"] == 12.0
    assert summary["iqm_low"] is summary["iqm_high"] is summary["std_between_seeds"] is None


@pytest.mark.parametrize("unknown", [None, math.nan])
def test_a_seed_without_episodes_is_counted_apart(unknown: float | None) -> None:
    summary = summarise({0: metrics(unknown, unknown, unknown, 0), 1: metrics(10.0)})
    assert (summary["mean_return"], summary["n_seeds"], summary["n_seeds_empty"]) == (10.0, 1, 1)


def test_no_seed_at_all_is_unknown() -> None:
    summary = summarise({})
    assert (summary["mean_return"], summary["n_seeds"], summary["n_episodes"]) == (None, 0, 0)


def test_a_missing_metric_is_named() -> None:
    with pytest.raises(ArtifactError, match="seed 3: no metric 'mean_return'; did you mean 'mean_retrun'"):
        summarise({3: {"mean_retrun": 1.0}})
