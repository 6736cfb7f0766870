"""The normal distribution whose draws are clipped to a box, with the exact probability of what is clipped."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from maze.distributions.gaussian import DiagonalGaussian
from maze.distributions.torch_dist import Distribution, flatten, same_class, unflatten

__all__ = ["ClippedGaussian"]

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class ClippedGaussian(DiagonalGaussian):
    """Independent normal distributions, clipped to the bounds of a box that may be open on any side.

    Everything below a bound lies on it, with the probability of the whole tail; between the bounds there is the normal
    density. Log probability, entropy and divergence are exact for this mixture of points and density, which has less
    variance than learning from what was drawn before clipping. Where both bounds are equal there is nothing to decide.

    Args:
        mean: [B, n], before clipping.
        log_std: [B, n], before clipping.
        shape: shape of one action, of n elements.
        low: [n], may be -inf.
        high: [n], may be inf.

    Source: Fujita and Maeda, Clipped Action Policy Gradient, 2018.
    """

    __slots__ = ("high", "low")

    def __init__(self, mean: Tensor, log_std: Tensor, shape: tuple[int, ...], low: Tensor, high: Tensor) -> None:
        super().__init__(mean, log_std, shape)
        self.low = low
        self.high = high

    def log_prob(self, action: Tensor) -> Tensor:
        """See the base class; of ``action`` [B, *shape] in the box: its density, or the probability of a bound."""
        value = flatten(action, self.shape)
        below, above = self._log_tails()
        inside = self._base_log_prob(value)
        log_prob = torch.where(value <= self.low, below, torch.where(value >= self.high, above, inside))
        return self._free(log_prob).sum(-1)

    def entropy(self) -> Tensor:
        """See the base class; that of the points at the bounds and of the density between them."""
        mass, _, square = self._moments()
        inside = mass * (self.log_std + _HALF_LOG_TWO_PI) + 0.5 * square
        below, above = self._log_tails()
        return self._free(inside - _weighted(below, below) - _weighted(above, above)).sum(-1)

    def kl(self, other: Distribution) -> Tensor:
        """See the base class; ``other`` has the same box."""
        other = same_class(self, other)
        mass, first, square = self._moments()
        scale = (self.log_std - other.log_std).exp()
        offset = (self.mean - other.mean) * (-other.log_std).exp()
        # The other's standardised value is scale * z + offset, with z standard normal between the bounds.
        others_square = scale.square() * square + 2.0 * scale * offset * first + offset.square() * mass
        inside = (other.log_std - self.log_std) * mass - 0.5 * square + 0.5 * others_square
        for own, others in zip(self._log_tails(), other._log_tails(), strict=True):
            inside = inside + _weighted(own, own) - _weighted(own, others)
        return self._free(inside).sum(-1)

    def mode(self) -> Tensor:
        """See the base class; the clipped mean."""
        return unflatten(self._clip(self.mean), self.shape)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """See the base class."""
        with torch.no_grad():
            return unflatten(self._clip(self._draw(generator)), self.shape)

    def sample_with_log_prob(self, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """See the base class; no gradient flows through what is clipped."""
        action = unflatten(self._clip(self._draw(generator)), self.shape)
        return action, self.log_prob(action)

    def _clip(self, value: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(value, self.low), self.high)

    def _free(self, value: Tensor) -> Tensor:
        """Return values with 0 where both bounds are equal."""
        return torch.where(self.low < self.high, value, torch.zeros_like(value))

    def _standard(self, bound: Tensor) -> Tensor:
        """Return a standardised bound [B, n], with 0 for an infinite one, so that gradients stay finite."""
        finite = torch.where(bound.isfinite(), bound, torch.zeros_like(bound))
        standard = (finite - self.mean) * (-self.log_std).exp()
        return torch.where(bound.isfinite(), standard, torch.zeros_like(standard))

    def _log_tails(self) -> tuple[Tensor, Tensor]:
        """Return the log probabilities of lying on the lower and on the upper bound, -inf where it is open."""
        below = torch.special.log_ndtr(self._standard(self.low))
        above = torch.special.log_ndtr(-self._standard(self.high))
        nothing = torch.full_like(below, -math.inf)
        return (
            torch.where(self.low.isfinite(), below, nothing),
            torch.where(self.high.isfinite(), above, nothing),
        )

    def _moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the integrals of 1, z and z^2 over the standard normal density between the bounds, each [B, n]."""
        low, high = self._standard(self.low), self._standard(self.high)
        low_open, high_open = ~self.low.isfinite(), ~self.high.isfinite()
        zero = torch.zeros_like(low)
        density_low = torch.where(low_open, zero, (-0.5 * low.square() - _HALF_LOG_TWO_PI).exp())
        density_high = torch.where(high_open, zero, (-0.5 * high.square() - _HALF_LOG_TWO_PI).exp())
        up_to_low = torch.where(low_open, zero, torch.special.ndtr(low))
        from_high = torch.where(high_open, zero, torch.special.ndtr(-high))
        mass = 1.0 - up_to_low - from_high
        return mass, density_low - density_high, mass + low * density_low - high * density_high


def _weighted(log_weight: Tensor, log_value: Tensor) -> Tensor:
    """Return ``exp(log_weight) * log_value``, 0 where the weight is 0."""
    nothing = torch.zeros_like(log_weight)
    known = log_weight.isfinite() & log_value.isfinite()
    weight = torch.where(known, log_weight, nothing).exp()
    return torch.where(known, weight * torch.where(known, log_value, nothing), nothing)
