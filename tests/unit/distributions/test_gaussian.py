"""Gaussians against torch's, the squashed one against numerical integration over its box."""

from __future__ import annotations

import math

import pytest
import torch

from maze.distributions.gaussian import DiagonalGaussian, SquashedGaussian

LOW, HIGH = -1.0, 3.0


def squashed(mean: float, std: float) -> SquashedGaussian:
    parameters = torch.tensor([[mean]], dtype=torch.float64), torch.tensor([[math.log(std)]], dtype=torch.float64)
    return SquashedGaussian(*parameters, (1,), torch.tensor([1.0]).double(), torch.tensor([2.0]).double())


def test_gaussian_agrees_with_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_std, action = (torch.randn(4, 6, generator=generator) for _ in range(3))
    distribution = DiagonalGaussian(mean, log_std, (2, 3))
    reference = torch.distributions.Normal(mean, log_std.exp())
    torch.testing.assert_close(distribution.log_prob(action.view(4, 2, 3)), reference.log_prob(action).sum(-1))
    torch.testing.assert_close(distribution.entropy(), reference.entropy().sum(-1))
    other = DiagonalGaussian(log_std, mean, (2, 3))
    expected = torch.distributions.kl_divergence(reference, torch.distributions.Normal(log_std, mean.exp())).sum(-1)
    torch.testing.assert_close(distribution.kl(other), expected)
    assert distribution.mode().shape == distribution.sample(generator).shape == (4, 2, 3)


def test_gaussian_draws_have_the_right_moments_and_carry_gradients() -> None:
    mean = torch.full((50_000, 1), 2.0, requires_grad=True)
    distribution = DiagonalGaussian(mean, torch.full((50_000, 1), math.log(0.5)), (1,))
    drawn = distribution.sample(torch.Generator().manual_seed(0))
    assert not drawn.requires_grad
    assert drawn.mean().item() == pytest.approx(2.0, abs=0.01)
    assert drawn.std().item() == pytest.approx(0.5, abs=0.01)
    action, log_prob = distribution.sample_with_log_prob(torch.Generator().manual_seed(0))
    torch.testing.assert_close(log_prob, distribution.log_prob(action))
    action.sum().backward()
    torch.testing.assert_close(mean.grad, torch.ones_like(mean))


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.7, 0.3), (-1.0, 0.8)])
def test_squashed_density_integrates_to_one_over_the_box(mean: float, std: float) -> None:
    edges = torch.linspace(LOW, HIGH, 400_001, dtype=torch.float64)
    middles = (edges[:-1] + edges[1:]).unsqueeze(-1) / 2
    log_density = squashed(mean, std).log_prob(middles)
    width = (HIGH - LOW) / 400_000
    assert (log_density.exp().sum() * width).item() == pytest.approx(1.0, abs=1e-4)
    entropy = -(log_density.exp() * log_density).sum() * width
    assert squashed(mean, std).entropy().item() == pytest.approx(entropy.item(), abs=2e-3)


def test_squashed_log_prob_agrees_with_torch_transforms() -> None:
    transforms = [torch.distributions.TanhTransform(), torch.distributions.AffineTransform(1.0, 2.0)]
    base = torch.distributions.Normal(torch.tensor(0.3).double(), torch.tensor(0.9).double())
    reference = torch.distributions.TransformedDistribution(base, transforms)
    action = torch.tensor([[-0.9], [0.0], [1.5], [2.9]], dtype=torch.float64)
    torch.testing.assert_close(squashed(0.3, 0.9).log_prob(action), reference.log_prob(action).squeeze(-1))


def test_squashed_sample_and_its_log_prob_agree_with_the_inverse() -> None:
    mean = torch.zeros(1000, 2)
    distribution = SquashedGaussian(mean, mean, (2,), torch.ones(2), torch.full((2,), 2.0))
    action, log_prob = distribution.sample_with_log_prob(torch.Generator().manual_seed(0))
    assert action.min() > LOW
    assert action.max() < HIGH
    torch.testing.assert_close(log_prob, distribution.log_prob(action), atol=2e-3, rtol=0.0)
    assert torch.equal(action, distribution.sample(torch.Generator().manual_seed(0)))


def test_squashed_log_prob_and_gradients_are_finite_at_the_bounds() -> None:
    mean = torch.zeros(2, 1, requires_grad=True)
    log_std = torch.zeros(2, 1, requires_grad=True)
    distribution = SquashedGaussian(mean, log_std, (1,), torch.ones(1), torch.full((1,), 2.0))
    log_prob = distribution.log_prob(torch.tensor([[LOW], [HIGH]]))
    log_prob.sum().backward()
    assert torch.isfinite(log_prob).all()
    assert torch.isfinite(mean.grad).all()
    assert torch.isfinite(log_std.grad).all()


def test_far_out_samples_keep_finite_log_probs() -> None:
    distribution = SquashedGaussian(torch.full((3, 1), 40.0), torch.zeros(3, 1), (1,), torch.zeros(1), torch.ones(1))
    action, log_prob = distribution.sample_with_log_prob(torch.Generator().manual_seed(0))
    assert torch.isfinite(log_prob).all()
    assert (action <= 1.0).all()


def test_squashing_leaves_the_divergence_unchanged_and_maps_the_mean() -> None:
    one, two = squashed(0.0, 1.0), squashed(1.0, 2.0)
    expected = math.log(2.0) + (1.0 + 1.0) / 8.0 - 0.5  # of the normal distributions before squashing
    assert one.kl(two).item() == pytest.approx(expected)
    assert two.mode().item() == pytest.approx(1.0 + 2.0 * math.tanh(1.0))
