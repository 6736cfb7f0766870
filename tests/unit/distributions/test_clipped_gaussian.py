"""The clipped Gaussian against numerical integration, hand-computed tails and its own draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from maze.distributions import ClippedGaussian, DiagonalGaussian, DistributionMapper
from maze.env.readers import make_action_reader

BOXES = {
    "bounded": (-1.0, 2.0),
    "from below": (-0.5, math.inf),
    "from above": (-math.inf, 0.3),
    "open": (-math.inf, math.inf),
}


def clipped(mean: float, std: float, low: float, high: float) -> ClippedGaussian:
    numbers = [torch.tensor([[value]], dtype=torch.float64) for value in (mean, math.log(std))]
    bounds = [torch.tensor([value], dtype=torch.float64) for value in (low, high)]
    return ClippedGaussian(numbers[0], numbers[1], (1,), *bounds)


def integrate(distribution: ClippedGaussian, low: float, high: float, function: Any) -> float:
    """Return the expectation of a function of log probabilities: points at the bounds, and a fine sum between."""
    edges = torch.linspace(max(low, -30.0), min(high, 30.0), 400_001, dtype=torch.float64)
    middles = (edges[:-1] + edges[1:]).unsqueeze(-1) / 2
    density = distribution.log_prob(middles).exp()
    total = (density * function(middles)).sum().item() * (edges[1] - edges[0]).item()
    for bound in (low, high):
        if math.isfinite(bound):
            point = torch.tensor([[bound]], dtype=torch.float64)
            total += (distribution.log_prob(point).exp() * function(point)).item()
    return total


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (1.7, 0.4), (-2.0, 2.0)])
def test_probability_entropy_and_divergence_agree_with_integration(box: str, mean: float, std: float) -> None:
    low, high = BOXES[box]
    distribution, other = clipped(mean, std, low, high), clipped(0.3, 1.4, low, high)
    assert integrate(distribution, low, high, lambda value: torch.ones(len(value))) == pytest.approx(1.0, abs=1e-6)
    entropy = integrate(distribution, low, high, lambda value: -distribution.log_prob(value))
    assert distribution.entropy().item() == pytest.approx(entropy, abs=1e-5)
    divergence = integrate(distribution, low, high, lambda value: distribution.log_prob(value) - other.log_prob(value))
    assert distribution.kl(other).item() == pytest.approx(divergence, abs=1e-5)


def test_a_bound_has_the_probability_of_its_tail() -> None:
    distribution = clipped(0.0, 1.0, -1.0, 2.0)
    at = [distribution.log_prob(torch.tensor([[value]]).double()).exp().item() for value in (-1.0, 2.0, 0.0)]
    assert at == pytest.approx([0.158655, 0.022750, 0.398942], abs=1e-6)


def test_without_bounds_it_is_the_normal_distribution() -> None:
    mean, log_std = torch.randn(3, 2, generator=torch.Generator().manual_seed(0)), torch.zeros(3, 2)
    plain = DiagonalGaussian(mean, log_std, (2,))
    free = ClippedGaussian(mean, log_std, (2,), torch.full((2,), -math.inf), torch.full((2,), math.inf))
    torch.testing.assert_close(free.entropy(), plain.entropy())
    torch.testing.assert_close(free.log_prob(mean + 1.0), plain.log_prob(mean + 1.0))


def test_far_away_from_the_box_everything_stays_finite() -> None:
    mean = torch.tensor([[40.0, -40.0, 0.0]], requires_grad=True)
    log_std = torch.full((1, 3), -3.0, requires_grad=True)
    low, high = torch.tensor([-1.0, -1.0, -math.inf]), torch.tensor([1.0, math.inf, 0.0])
    distribution = ClippedGaussian(mean, log_std, (3,), low, high)
    action = torch.tensor([[-1.0, 0.5, -0.01]])
    total = distribution.log_prob(action).sum() + distribution.entropy().sum()
    total = total + distribution.kl(ClippedGaussian(mean.detach() + 1.0, log_std.detach(), (3,), low, high)).sum()
    total.backward()
    assert total.isfinite()
    assert mean.grad is not None
    assert log_std.grad is not None
    assert mean.grad.isfinite().all()
    assert log_std.grad.isfinite().all()


def test_equal_bounds_leave_nothing_to_decide() -> None:
    bounds = torch.tensor([0.5, -1.0]), torch.tensor([0.5, 1.0])
    both = ClippedGaussian(torch.zeros(1, 2), torch.zeros(1, 2), (2,), *bounds)
    one = ClippedGaussian(torch.zeros(1, 1), torch.zeros(1, 1), (1,), bounds[0][1:], bounds[1][1:])
    action = both.sample(torch.Generator().manual_seed(0))
    assert action[0, 0] == 0.5
    torch.testing.assert_close(both.log_prob(action), one.log_prob(action[:, 1:]))
    torch.testing.assert_close(both.entropy(), one.entropy())


@pytest.mark.parametrize(
    "box",
    [
        spaces.Box(np.float32([-1, -np.inf, 0, 2]), np.float32([1, np.inf, np.inf, 2])),
        spaces.Box(np.array([-0.1, -np.inf]), np.array([0.1, 0.3]), dtype=np.float64),
        spaces.Box(-np.inf, 0, (1,), np.float32),
        spaces.Box(np.array([0.1, -1.0]), np.array([0.1, 1.0]), dtype=np.float64),
    ],
)
def test_draws_lie_in_the_box_and_are_what_the_learner_expects(box: spaces.Box) -> None:
    mapper = DistributionMapper(spaces.Dict({"action": box}))
    logits = np.zeros((4000, *mapper.logits_shapes["action"]), np.float32)
    logits[:, : box.shape[0]] = 0.4
    drawn = mapper.sample_numpy({"action": logits}, np.random.default_rng(0))["action"]
    read = make_action_reader(box, "action")  # as environments take actions, which float32 may have rounded
    assert all(box.contains(read(action)) for action in drawn)
    log_prob = mapper.distribution({"action": torch.from_numpy(logits)}).log_prob({"action": torch.from_numpy(drawn)})
    entropy = mapper.distribution({"action": torch.from_numpy(logits[:1])}).entropy()
    assert -log_prob.mean().item() == pytest.approx(entropy.item(), abs=0.06)
    mode = mapper.sample_numpy({"action": logits[:1]}, np.random.default_rng(0), deterministic=True)["action"]
    assert box.contains(read(mode[0]))
