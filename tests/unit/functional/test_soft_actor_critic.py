"""Soft actor-critic's pieces against numbers that were computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from maze import functional


def test_the_soft_value_takes_the_smaller_critic_and_adds_entropy() -> None:
    action_value = torch.tensor([[1.0, 5.0, -2.0], [2.0, 3.0, -4.0]])
    log_prob = torch.tensor([-1.0, 0.5, -2.0])
    # 1 + 0.2, 3 - 0.1, -4 + 0.4
    value = functional.soft_value(action_value, log_prob, 0.2)
    torch.testing.assert_close(value, torch.tensor([1.2, 2.9, -3.6]))
    torch.testing.assert_close(functional.soft_value(action_value, log_prob, torch.tensor([0.2])), value)


def test_gradients_of_the_soft_value_reach_the_smaller_critic_and_the_log_probability() -> None:
    action_value = torch.tensor([[1.0], [2.0]], requires_grad=True)
    log_prob = torch.tensor([-1.0], requires_grad=True)
    functional.soft_value(action_value, log_prob, 0.5).sum().backward()
    assert action_value.grad is not None
    assert log_prob.grad is not None
    assert action_value.grad.tolist() == [[1.0], [0.0]]
    assert log_prob.grad.tolist() == [-0.5]


def test_the_soft_value_of_discrete_actions_is_an_expectation() -> None:
    probability = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    log_prob = probability.log().clamp(min=-1e8)
    action_value = torch.tensor([[[4.0, 8.0], [3.0, 7.0]], [[6.0, 4.0], [5.0, 9.0]]])
    # smaller: (4, 4) and (3, 7); entropies 0.5623 and 0
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    value = functional.soft_value_of_discrete(action_value, log_prob, 0.1)
    torch.testing.assert_close(value, torch.tensor([4.0 + 0.1 * entropy, 3.0]))


def test_an_even_policy_with_equal_values_is_worth_them_and_its_entropy() -> None:
    log_prob = torch.full((1, 4), -math.log(4.0))
    value = functional.soft_value_of_discrete(torch.full((2, 1, 4), 3.0), log_prob, 2.0)
    assert value.item() == pytest.approx(3.0 + 2.0 * math.log(4.0))


def test_targets_bootstrap_where_the_discount_lets_them() -> None:
    target = functional.one_step_target(torch.tensor([1.0, 1.0]), torch.tensor([0.9, 0.0]), torch.tensor([10.0, 10.0]))
    assert target.tolist() == [10.0, 1.0]


def test_the_error_of_the_critics_is_half_the_mean_square_and_adds_up() -> None:
    action_value = torch.tensor([[1.0, 2.0], [4.0, 0.0]])
    # errors (0, 1) and (3, -1): half of 1/2, and half of 10/2
    assert functional.squared_error_of_critics(action_value, torch.tensor([1.0, 1.0])).item() == 0.25 + 2.5


def test_the_temperature_rises_below_the_target_entropy_and_falls_above_it() -> None:
    assert functional.temperature_gradient(torch.tensor([-3.0, -2.0]), -1.0).item() == -1.5  # descent raises it
    assert functional.temperature_gradient(torch.tensor([0.0, 1.0]), -1.0).item() == 1.5
