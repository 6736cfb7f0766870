"""Losses against numbers worked out by hand, and their gradients."""

from __future__ import annotations

import math

import pytest
import torch

from maze.functional.batching import minibatches
from maze.functional.losses import (
    approximate_kl,
    clipped_surrogate_gradient,
    clipped_surrogate_loss,
    policy_gradient_loss,
    value_gradient,
    value_loss,
)


def test_policy_gradient_loss_and_its_gradient() -> None:
    log_prob = torch.tensor([-1.0, -2.0], requires_grad=True)
    loss = policy_gradient_loss(log_prob, torch.tensor([3.0, -1.0]))
    assert loss.item() == pytest.approx(-((-1.0) * 3.0 + (-2.0) * -1.0) / 2)
    loss.backward()
    torch.testing.assert_close(log_prob.grad, torch.tensor([-1.5, 0.5]))


@pytest.mark.parametrize(
    ("ratio", "advantage", "objective", "moves"),
    [
        (1.1, 2.0, 2.2, True),  # inside the range
        (1.5, 2.0, 2.4, False),  # a good action is not made likelier beyond 1.2
        (0.5, 2.0, 1.0, True),  # but may come back from below
        (0.5, -2.0, -1.6, False),  # a bad action is not made rarer below 0.8
        (1.5, -2.0, -3.0, True),  # but may come back from above
    ],
)
def test_clipped_surrogate_of_each_case_of_the_paper(
    ratio: float, advantage: float, objective: float, moves: bool
) -> None:
    log_prob = torch.tensor([math.log(ratio)], requires_grad=True)
    loss = clipped_surrogate_loss(log_prob, torch.zeros(1), torch.tensor([advantage]), 0.2)
    assert loss.item() == pytest.approx(-objective, rel=1e-6)
    loss.backward()
    assert (log_prob.grad is not None and bool(log_prob.grad.abs().item() > 0)) == moves


def test_the_formula_of_the_surrogates_gradient_is_what_the_graph_says() -> None:
    generator = torch.Generator().manual_seed(0)
    log_prob = torch.randn(500, generator=generator).mul_(0.3).requires_grad_()
    advantage = torch.randn(500, generator=generator)
    log_prob_old = torch.randn(500, generator=generator) * 0.3
    clipped_surrogate_loss(log_prob, log_prob_old, advantage, 0.2).backward()
    gradient = clipped_surrogate_gradient(log_prob.detach(), log_prob_old, advantage, 0.2)
    torch.testing.assert_close(gradient, log_prob.grad)
    assert 0.1 < float((gradient == 0).float().mean()) < 0.9  # both kinds occur


def test_the_first_step_of_the_surrogate_is_the_policy_gradient() -> None:
    log_prob, advantage = torch.tensor([-1.0, -2.0]), torch.tensor([3.0, -1.0])
    torch.testing.assert_close(
        clipped_surrogate_gradient(log_prob, log_prob, advantage, 0.2), torch.tensor([-1.5, 0.5])
    )


def test_the_values_gradient_is_twice_the_mean_error() -> None:
    value, target = torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0])
    assert value_gradient(value, target).tolist() == [-1.0, 3.0]
    assert value.tolist() == [1.0, 5.0]


def test_value_loss_is_the_mean_squared_error() -> None:
    assert value_loss(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0])).item() == pytest.approx((1.0 + 9.0) / 2)


def test_approximate_kl_is_zero_for_equal_policies_and_positive_otherwise() -> None:
    log_prob = torch.tensor([-0.5, -1.5])
    assert approximate_kl(log_prob, log_prob).item() == 0.0
    assert approximate_kl(log_prob + 0.3, log_prob).item() == pytest.approx(math.exp(0.3) - 1 - 0.3, rel=1e-5)


def test_minibatches_hold_every_row_once_and_keep_rows_together() -> None:
    batch = {"a": torch.arange(10), "b": torch.arange(10) * 2}
    parts = list(minibatches(batch, torch.randperm(10, generator=torch.Generator().manual_seed(0)), 4))
    assert [len(part["a"]) for part in parts] == [4, 4, 2]
    assert sorted(torch.cat([part["a"] for part in parts]).tolist()) == list(range(10))
    assert all(torch.equal(part["b"], part["a"] * 2) for part in parts)
