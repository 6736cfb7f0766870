"""Generalised advantage estimates against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from maze.functional.returns import explained_variance, gae, normalize


def column(*values: float) -> np.ndarray:
    return np.asarray(values, np.float32).reshape(-1, 1)


def test_one_episode_without_end_is_the_discounted_sum_of_errors() -> None:
    # delta = [1 + .5*2 - 1, 2 + .5*4 - 2, 3 + .5*8 - 4] = [1, 2, 3]; decay .5 * .5 = .25
    # advantage[2] = 3, advantage[1] = 2 + .25 * 3 = 2.75, advantage[0] = 1 + .25 * 2.75 = 1.6875
    advantage = gae(column(1, 2, 3), column(1, 2, 4), column(2, 4, 8), column(0.5, 0.5, 0.5), column(1, 1, 1), 0.5)
    np.testing.assert_allclose(advantage, column(1.6875, 2.75, 3.0))


def test_termination_bootstraps_nothing_and_cuts_the_chain() -> None:
    # Step 1 terminates: delta[1] = 2 + 0 * 100 - 2 = 0; delta[0] = 1 + .5 * 2 - 1 = 1; delta[2] = 3 + .5 * 8 - 4 = 3
    advantage = gae(column(1, 2, 3), column(1, 2, 4), column(2, 100, 8), column(0.5, 0.0, 0.5), column(1, 0, 1), 1.0)
    np.testing.assert_allclose(advantage, column(1.0, 0.0, 3.0))


def test_truncation_bootstraps_the_last_observation_and_cuts_the_chain() -> None:
    # Step 1 is cut off at an observation of value 6: delta[1] = 2 + .5 * 6 - 2 = 3, and step 2 adds nothing to it.
    # advantage[0] = 1 + .5 * 2 - 1 + .5 * 3 = 2.5
    advantage = gae(column(1, 2, 3), column(1, 2, 4), column(2, 6, 8), column(0.5, 0.5, 0.5), column(1, 0, 1), 1.0)
    np.testing.assert_allclose(advantage, column(2.5, 3.0, 3.0))


def test_lambda_one_is_the_return_minus_the_value() -> None:
    generator = np.random.default_rng(0)
    reward, value = generator.normal(size=(2, 6, 3)).astype(np.float32)
    last = generator.normal(size=(1, 3)).astype(np.float32)
    next_value = np.concatenate([value[1:], last])
    ones = np.ones_like(reward)
    advantage = gae(reward, value, next_value, ones * np.float32(0.9), ones, 1.0)
    powers = 0.9 ** np.arange(6)
    returns = (powers[:, None] * reward).sum(0) + 0.9**6 * last[0]
    np.testing.assert_allclose(advantage[0], returns - value[0], rtol=1e-5)


def test_environments_do_not_mix() -> None:
    reward = np.asarray([[1, 10], [2, 20]], np.float32)
    zero, ones = np.zeros_like(reward), np.ones_like(reward)
    advantage = gae(reward, zero, zero, ones, ones, 1.0)
    np.testing.assert_allclose(advantage, [[3, 30], [2, 20]])


def test_normalize_gives_mean_zero_and_deviation_one() -> None:
    normal = normalize(np.asarray([1.0, 2.0, 3.0, 6.0], np.float32))
    np.testing.assert_allclose(normal, (np.asarray([1, 2, 3, 6]) - 3) / math.sqrt(3.5), rtol=1e-6)
    assert normal.dtype == np.float32


def test_normalize_of_one_value_is_zero() -> None:
    np.testing.assert_array_equal(normalize(np.asarray([5.0], np.float32)), [0.0])


def test_explained_variance() -> None:
    target = np.asarray([1.0, 2.0, 3.0], np.float32)
    assert explained_variance(target, target) == 1.0
    assert explained_variance(np.full(3, 2.0, np.float32), target) == pytest.approx(0.0)
    assert explained_variance(-target, target) == pytest.approx(1.0 - 4.0)
    assert math.isnan(explained_variance(target, np.ones(3, np.float32)))
