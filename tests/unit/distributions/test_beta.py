"""The Beta distribution over a box against torch's own, numerical integration, and its NumPy draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces

from maze.distributions import Beta, BetaHead, DistributionMapper
from maze.errors import InvalidSpecificationError

BOX = spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([3.0, 0.5], np.float32))
LOW, WIDTH = torch.tensor([-1.0, 0.0], dtype=torch.float64), torch.tensor([4.0, 0.5], dtype=torch.float64)
ALPHA = torch.tensor([[1.5, 4.0], [2.0, 1.2]], dtype=torch.float64)
BETA = torch.tensor([[2.5, 1.1], [2.0, 6.0]], dtype=torch.float64)


def stretched() -> Beta:
    return Beta(ALPHA, BETA, (2,), LOW, WIDTH)


def test_log_prob_and_entropy_agree_with_torch() -> None:
    reference = torch.distributions.TransformedDistribution(
        torch.distributions.Beta(ALPHA, BETA), torch.distributions.AffineTransform(LOW, WIDTH)
    )
    action = torch.tensor([[0.0, 0.4], [2.5, 0.01]], dtype=torch.float64)
    torch.testing.assert_close(stretched().log_prob(action), reference.log_prob(action).sum(-1))
    expected = (torch.distributions.Beta(ALPHA, BETA).entropy() + WIDTH.log()).sum(-1)
    torch.testing.assert_close(stretched().entropy(), expected)


def test_divergence_agrees_with_torch_and_is_zero_to_itself() -> None:
    other = Beta(BETA, ALPHA, (2,), LOW, WIDTH)
    mine, theirs = torch.distributions.Beta(ALPHA, BETA), torch.distributions.Beta(BETA, ALPHA)
    torch.testing.assert_close(stretched().kl(other), torch.distributions.kl_divergence(mine, theirs).sum(-1))
    torch.testing.assert_close(stretched().kl(stretched()), torch.zeros(2, dtype=torch.float64))


def test_the_density_integrates_to_one_over_the_box() -> None:
    one = Beta(ALPHA[:1, :1], BETA[:1, :1], (1,), LOW[:1], WIDTH[:1])
    edges = torch.linspace(-1.0, 3.0, 200_001, dtype=torch.float64)
    density = one.log_prob(((edges[:-1] + edges[1:]) / 2).unsqueeze(-1)).exp()
    assert (density.sum() * 4.0 / 200_000).item() == pytest.approx(1.0, abs=1e-6)


def test_the_mode_is_the_peak() -> None:
    # (alpha - 1) / (alpha + beta - 2) = 0.5 / 2, 3 / 3.1; 1 / 2, 0.2 / 5.2
    expected = LOW + WIDTH * torch.tensor([[0.25, 3.0 / 3.1], [0.5, 0.2 / 5.2]], dtype=torch.float64)
    torch.testing.assert_close(stretched().mode(), expected)


def test_draws_repeat_have_the_right_mean_and_carry_gradients() -> None:
    alpha = torch.full((50_000, 1), 2.0, requires_grad=True)
    distribution = Beta(alpha, torch.full((50_000, 1), 6.0), (1,), torch.tensor([-1.0]), torch.tensor([4.0]))
    drawn = distribution.sample(torch.Generator().manual_seed(0))
    assert not drawn.requires_grad
    assert drawn.mean().item() == pytest.approx(0.0, abs=0.02)  # -1 + 4 * 2 / 8
    assert torch.equal(drawn, distribution.sample(torch.Generator().manual_seed(0)))
    action, log_prob = distribution.sample_with_log_prob(torch.Generator().manual_seed(0))
    torch.testing.assert_close(log_prob, distribution.log_prob(action), atol=1e-3, rtol=1e-3)
    action.mean().backward()
    assert alpha.grad is not None
    # d mean / d alpha = width * beta / (alpha + beta)^2 = 4 * 6 / 64
    assert alpha.grad.sum().item() == pytest.approx(0.375, abs=0.02)


def test_log_prob_and_gradients_are_finite_at_the_bounds() -> None:
    alpha = torch.full((2, 1), 1.5, requires_grad=True)
    distribution = Beta(alpha, torch.full((2, 1), 3.0), (1,), torch.tensor([-1.0]), torch.tensor([4.0]))
    log_prob = distribution.log_prob(torch.tensor([[-1.0], [3.0]]))
    log_prob.sum().backward()
    assert torch.isfinite(log_prob).all()
    assert alpha.grad is not None
    assert torch.isfinite(alpha.grad).all()


def test_the_head_starts_as_a_hill_and_its_numpy_draws_match() -> None:
    head = BetaHead(BOX)
    assert head.logits_shape == (4,)
    first = head.distribution(torch.zeros(1, 4))
    torch.testing.assert_close(first.alpha, torch.full((1, 2), 2.0))
    torch.testing.assert_close(first.beta, torch.full((1, 2), 2.0))
    logits = np.tile(np.array([0.5, -1.0, 2.0, 0.0], np.float32), (20_000, 1))
    drawn = head.sample_numpy(logits, np.random.default_rng(0), deterministic=False)
    assert drawn.dtype == np.float32
    assert all(BOX.contains(action) for action in drawn[:100])
    reference = head.distribution(torch.from_numpy(logits[:1]))
    mean = reference.low + reference.width * reference.alpha / (reference.alpha + reference.beta)
    np.testing.assert_allclose(drawn.mean(0), mean[0].numpy(), atol=0.02)
    mode = head.sample_numpy(logits[:1], np.random.default_rng(0), deterministic=True)
    np.testing.assert_allclose(mode, reference.mode().numpy(), rtol=1e-5)


def test_it_is_configured_by_name_and_refuses_unbounded_boxes() -> None:
    config = [{"action_space": "gymnasium.spaces.Box", "distribution": "beta"}]
    mapper = DistributionMapper(spaces.Dict({"action": BOX}), config)
    assert isinstance(mapper.heads["action"], BetaHead)
    with pytest.raises(InvalidSpecificationError, match="BetaHead accepts finite bounds"):
        DistributionMapper(spaces.Dict({"action": spaces.Box(-np.inf, np.inf, (1,))}), config)
