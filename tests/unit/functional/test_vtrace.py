"""V-trace against numbers worked out by hand, the paper's sum, and what it becomes where both policies are one."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from maze.functional.returns import gae, vtrace

Floats = npt.NDArray[np.float32]


def column(*values: float) -> Floats:
    return np.asarray(values, np.float32).reshape(-1, 1)


def log(*values: float) -> Floats:
    return np.log(column(*values))


def summed(parts: dict[str, Floats], clip_rho: float, clip_pg_rho: float) -> tuple[Floats, Floats]:
    """Return targets and advantages as the paper writes them: a sum over all later steps, one environment at a time.

    ``v[s] = V(x[s]) + sum over t >= s of gamma^(t-s) * (c[s] * ... * c[t-1]) * rho[t] * delta[t]``, up to the end of
    the episode; ``rho_pg[s] * (r[s] + gamma * v[s + 1] - V(x[s]))``.
    """
    reward, value, next_value, discount, carry = (
        parts[name].astype(np.float64) for name in ("reward", "value", "next_value", "discount", "carry")
    )
    ratio = np.exp(parts["log_ratio"].astype(np.float64))
    rho, c = np.minimum(ratio, clip_rho), np.minimum(ratio, 1.0)
    n_steps, n_envs = reward.shape
    target, advantage = value.copy(), np.zeros_like(value)
    for n in range(n_envs):
        for s in range(n_steps):
            weight = 1.0
            for t in range(s, n_steps):
                delta = reward[t, n] + discount[t, n] * next_value[t, n] - value[t, n]
                target[s, n] += weight * rho[t, n] * delta
                if not carry[t, n]:
                    break
                weight *= discount[t, n] * c[t, n]
    for n in range(n_envs):
        for s in range(n_steps):
            goes_on = carry[s, n] and s + 1 < n_steps
            following = target[s + 1, n] if goes_on else next_value[s, n]
            own = min(ratio[s, n], clip_pg_rho)
            advantage[s, n] = own * (reward[s, n] + discount[s, n] * following - value[s, n])
    return target.astype(np.float32), advantage.astype(np.float32)


def drawn(seed: int, n_steps: int = 7, n_envs: int = 4) -> dict[str, Floats]:
    """Return random steps in which some episodes terminate and some are cut off."""
    generator = np.random.default_rng(seed)
    shape = (n_steps, n_envs)
    terminated, truncated = generator.random(shape) < 0.2, generator.random(shape) < 0.2
    value = generator.normal(size=(n_steps + 1, n_envs))
    last = np.where(truncated, generator.normal(size=shape), value[1:])  # of a truncated step: its true observation
    parts = {
        "reward": generator.normal(size=shape),
        "value": value[:-1],
        "next_value": last,
        "discount": np.where(terminated, 0.0, 0.9),
        "carry": ~(terminated | truncated),
        "log_ratio": generator.normal(size=shape),
    }
    return {name: np.asarray(part, np.float32) for name, part in parts.items()}


def test_three_steps_by_hand() -> None:
    # errors r + .5 V' - V: 1 + 1 - 1 = 1, 2 + 2 - 2 = 2, 4 + 4 - 4 = 4; ratios 1/2, 4, 2
    # rho <= 3: 1/2, 3, 2; c <= 1: 1/2, 1, 1
    # corrections: 2 * 4 = 8; 3 * 2 + .5 * 1 * 8 = 10; .5 * 1 + .5 * .5 * 10 = 3
    # advantages with rho <= 2: 2 * 4 = 8; 2 * (2 + .5 * 8) = 12; .5 * (1 + .5 * 10) = 3
    target, advantage = vtrace(
        column(1, 2, 4),
        column(1, 2, 4),
        column(2, 4, 8),
        column(0.5, 0.5, 0.5),
        column(1, 1, 1),
        log(0.5, 4, 2),
        clip_rho=3.0,
        clip_pg_rho=2.0,
    )
    np.testing.assert_allclose(target, column(1 + 3, 2 + 10, 4 + 8), rtol=1e-6)
    np.testing.assert_allclose(advantage, column(3, 12, 8), rtol=1e-6)
    assert target.dtype == advantage.dtype == np.float32


def test_a_truncated_step_bootstraps_its_last_observation_and_a_terminated_one_nothing() -> None:
    # both ratios 1/2. Terminated at t = 0: error 1 - 3 = -2. Cut off at an observation of value 8: 1 + .5 * 8 - 3 = 2.
    # t = 1, the next episode: error 5 + .5 * 4 - 1 = 6, which does not reach back.
    discount, carry = np.array([[0, 0.5], [0.5, 0.5]], np.float32), np.array([[0, 0], [1, 1]], np.float32)
    next_value = np.array([[77, 8], [4, 4]], np.float32)
    reward, value = np.array([[1, 1], [5, 5]], np.float32), np.array([[3, 3], [1, 1]], np.float32)
    target, advantage = vtrace(reward, value, next_value, discount, carry, np.full((2, 2), math.log(0.5), np.float32))
    np.testing.assert_allclose(target, [[3 - 1, 3 + 1], [1 + 3, 1 + 3]], rtol=1e-6)
    np.testing.assert_allclose(advantage, [[-1, 1], [3, 3]], rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("clip_rho", "clip_pg_rho"), [(1.0, 1.0), (1.0, 2.0), (1.7, 1.3), (100.0, 100.0)])
def test_the_recursion_is_the_papers_sum(seed: int, clip_rho: float, clip_pg_rho: float) -> None:
    parts = drawn(seed)
    expected = summed(parts, clip_rho, clip_pg_rho)
    given = vtrace(**parts, clip_rho=clip_rho, clip_pg_rho=clip_pg_rho)
    np.testing.assert_allclose(given[0], expected[0], rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(given[1], expected[1], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("trace_lambda", [1.0, 0.7, 0.0])
def test_with_one_policy_it_is_generalised_advantage_estimation(trace_lambda: float) -> None:
    parts = drawn(7)
    parts["log_ratio"][:] = 0.0
    target, advantage = vtrace(**parts, trace_lambda=trace_lambda)
    steps = {name: part for name, part in parts.items() if name != "log_ratio"}
    expected = gae(**steps, gae_lambda=trace_lambda)
    np.testing.assert_allclose(advantage, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(target, parts["value"] + expected, rtol=1e-5, atol=1e-6)


def test_with_one_policy_the_target_is_the_n_step_return() -> None:
    ones = np.ones((4, 1), np.float32)
    reward, value = column(1, 2, 3, 4), column(9, 8, 7, 6)
    next_value = np.concatenate([value[1:], column(10)])
    target, _ = vtrace(reward, value, next_value, 0.5 * ones, ones, 0.0 * ones)
    # 4 + .5 * 10 = 9, 3 + .5 * 9 = 7.5, 2 + .5 * 7.5 = 5.75, 1 + .5 * 5.75 = 3.875: what the critic said cancels
    np.testing.assert_allclose(target, column(3.875, 5.75, 7.5, 9.0), rtol=1e-6)


def test_an_action_that_the_new_policy_never_takes_teaches_nothing() -> None:
    parts = drawn(3)
    parts["log_ratio"][:] = -np.inf
    target, advantage = vtrace(**parts)
    np.testing.assert_array_equal(target, parts["value"])
    np.testing.assert_array_equal(advantage, np.zeros_like(advantage))


def test_a_ratio_beyond_all_bounds_is_clipped_without_a_warning() -> None:
    parts = drawn(3)
    parts["log_ratio"][:] = 1e6
    ones = {**parts, "log_ratio": np.zeros_like(parts["log_ratio"])}
    for given, expected in zip(vtrace(**parts), vtrace(**ones), strict=True):
        np.testing.assert_array_equal(given, expected)


def test_nothing_that_is_given_is_written_to() -> None:
    parts = drawn(1)
    before = {name: part.copy() for name, part in parts.items()}
    vtrace(**parts)
    for name, part in parts.items():
        np.testing.assert_array_equal(part, before[name])
