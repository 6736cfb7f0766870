"""Discrete distributions against hand-computed numbers and torch's own, slower ones."""

from __future__ import annotations

import math

import pytest
import torch

from maze.distributions.torch_dist import Bernoulli, Categorical, DictDistribution, MultiCategorical
from maze.errors import MazeError


def test_categorical_agrees_with_hand_computed_numbers() -> None:
    distribution = Categorical(torch.log(torch.tensor([[0.5, 0.25, 0.25]])) + 7.0)  # unnormalised by a constant
    assert distribution.log_prob(torch.tensor([1])).item() == pytest.approx(math.log(0.25))
    assert distribution.entropy().item() == pytest.approx(1.5 * math.log(2.0))
    assert distribution.mode().tolist() == [0]
    uniform = Categorical(torch.zeros(1, 3))
    assert distribution.kl(uniform).item() == pytest.approx(math.log(3.0) - 1.5 * math.log(2.0), abs=1e-6)


def test_categorical_agrees_with_torch_and_so_do_its_gradients() -> None:
    logits = torch.randn(16, 5, generator=torch.Generator().manual_seed(0))
    action = torch.arange(16) % 5
    mine, theirs = (logits.clone().requires_grad_() for _ in range(2))
    ours = Categorical(mine)
    reference = torch.distributions.Categorical(logits=theirs)
    torch.testing.assert_close(ours.log_prob(action), reference.log_prob(action))
    torch.testing.assert_close(ours.entropy(), reference.entropy())
    (ours.log_prob(action).sum() + 0.3 * ours.entropy().sum()).backward()
    (reference.log_prob(action).sum() + 0.3 * reference.entropy().sum()).backward()
    torch.testing.assert_close(mine.grad, theirs.grad)


def test_categorical_with_masked_options_stays_finite() -> None:
    logits = torch.tensor([[0.0, torch.finfo(torch.float32).min, 0.0]], requires_grad=True)
    distribution = Categorical(logits)
    assert distribution.entropy().item() == pytest.approx(math.log(2.0))
    (distribution.entropy() + distribution.log_prob(torch.tensor([0]))).backward()
    assert torch.isfinite(logits.grad).all()
    assert 1 not in distribution.sample(torch.Generator().manual_seed(0))


def test_categorical_counts_from_start() -> None:
    distribution = Categorical(torch.log(torch.tensor([[0.1, 0.9]])), start=5)
    assert distribution.mode().tolist() == [6]
    assert distribution.log_prob(torch.tensor([5])).item() == pytest.approx(math.log(0.1))
    assert set(Categorical(torch.zeros(200, 2), start=5).sample(torch.Generator().manual_seed(0)).tolist()) == {5, 6}


def test_categorical_draws_with_the_right_frequencies_from_its_generator() -> None:
    distribution = Categorical(torch.log(torch.tensor([0.2, 0.3, 0.5])).expand(40_000, 3))
    drawn = distribution.sample(torch.Generator().manual_seed(3))
    frequencies = torch.bincount(drawn, minlength=3) / 40_000
    torch.testing.assert_close(frequencies, torch.tensor([0.2, 0.3, 0.5]), atol=0.01, rtol=0.0)
    assert torch.equal(drawn, distribution.sample(torch.Generator().manual_seed(3)))


def test_multi_categorical_adds_up_its_choices() -> None:
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
    distribution = MultiCategorical(logits, (2, 3), (2,), torch.tensor([0, 10]))
    action = torch.tensor([[1, 12]] * 6)
    first, second = (
        torch.distributions.Categorical(logits=logits[:, :2]),
        torch.distributions.Categorical(logits=logits[:, 2:]),
    )
    expected = first.log_prob(torch.ones(6)) + second.log_prob(2 * torch.ones(6))
    torch.testing.assert_close(distribution.log_prob(action), expected)
    torch.testing.assert_close(distribution.entropy(), first.entropy() + second.entropy())
    drawn = distribution.sample(torch.Generator().manual_seed(0))
    assert drawn.shape == (6, 2)
    assert set(drawn[:, 1].tolist()) <= {10, 11, 12}
    assert torch.equal(distribution.mode()[:, 0], logits[:, :2].argmax(-1))
    torch.testing.assert_close(distribution.kl(distribution), torch.zeros(6))


def test_bernoulli_agrees_with_torch() -> None:
    logits = torch.tensor([[0.0, 2.0, -1.0]])
    distribution = Bernoulli(logits, (3,))
    reference = torch.distributions.Bernoulli(logits=logits)
    action = torch.tensor([[1, 0, 1]], dtype=torch.int8)
    torch.testing.assert_close(distribution.log_prob(action), reference.log_prob(action.float()).sum(-1))
    torch.testing.assert_close(distribution.entropy(), reference.entropy().sum(-1))
    assert distribution.mode().tolist() == [[0, 1, 0]]
    other = Bernoulli(torch.tensor([[1.0, 1.0, 1.0]]), (3,))
    divergence = torch.distributions.kl_divergence(reference, torch.distributions.Bernoulli(logits=other.logits)).sum(
        -1
    )
    torch.testing.assert_close(distribution.kl(other), divergence)
    drawn = Bernoulli(torch.full((20_000, 1), 2.0), (1,)).sample(torch.Generator().manual_seed(0))
    assert drawn.float().mean().item() == pytest.approx(1 / (1 + math.exp(-2.0)), abs=0.01)


def test_heads_add_up() -> None:
    left, right = Categorical(torch.zeros(3, 2)), Categorical(torch.zeros(3, 4))
    joint = DictDistribution({"left": left, "right": right})
    actions = {"left": torch.zeros(3, dtype=torch.int64), "right": torch.ones(3, dtype=torch.int64)}
    assert joint.log_prob(actions).tolist() == pytest.approx([-math.log(8.0)] * 3)
    assert joint.entropy().tolist() == pytest.approx([math.log(8.0)] * 3)
    assert joint.kl(joint).tolist() == [0.0] * 3
    drawn, log_prob = joint.sample_with_log_prob(torch.Generator().manual_seed(0))
    torch.testing.assert_close(log_prob, joint.log_prob(drawn))
    assert joint.mode()["right"].tolist() == [0, 0, 0]


def test_divergence_between_different_classes_is_an_error() -> None:
    with pytest.raises(MazeError, match="two Categorical, but the other one is a Bernoulli"):
        Categorical(torch.zeros(1, 2)).kl(Bernoulli(torch.zeros(1, 2), (2,)))


def test_divergence_of_joint_distributions_is_the_sum_of_torchs_own() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(3, 5, generator=generator) for _ in range(2))
    start = torch.zeros(2, dtype=torch.int64)
    own, other = (MultiCategorical(logits, (2, 3), (2,), start) for logits in (first, second))
    reference = [
        torch.distributions.kl_divergence(
            torch.distributions.Categorical(logits=first[:, part]),
            torch.distributions.Categorical(logits=second[:, part]),
        )
        for part in (slice(0, 2), slice(2, 5))
    ]
    torch.testing.assert_close(own.kl(other), sum(reference[1:], reference[0]))
    coins, others = Bernoulli(first, (5,)), Bernoulli(second, (5,))
    expected = torch.distributions.kl_divergence(
        torch.distributions.Bernoulli(logits=first), torch.distributions.Bernoulli(logits=second)
    ).sum(-1)
    torch.testing.assert_close(coins.kl(others), expected)
    joint, joint_other = DictDistribution({"a": own, "b": coins}), DictDistribution({"a": other, "b": others})
    torch.testing.assert_close(joint.kl(joint_other), own.kl(other) + coins.kl(others))
