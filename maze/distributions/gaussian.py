"""Continuous distributions: the diagonal Gaussian, and its tanh-squashed version with exact densities inside a box."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from maze.distributions.torch_dist import Distribution, flatten, same_class, unflatten

__all__ = ["DiagonalGaussian", "SquashedGaussian"]

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_LOG_TWO = math.log(2.0)
_SQUASH_LIMIT = 1.0 - 1e-6
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(24)


class DiagonalGaussian(Distribution):
    """Independent normal distributions, one per element of the action.

    Args:
        mean: [B, n].
        log_std: [B, n], logarithm of the standard deviation.
        shape: shape of one action, of n elements.
    """

    __slots__ = ("log_std", "mean", "shape")

    def __init__(self, mean: Tensor, log_std: Tensor, shape: tuple[int, ...]) -> None:
        self.mean = mean
        self.log_std = log_std
        self.shape = shape

    def log_prob(self, action: Tensor) -> Tensor:
        """See the base class; the density of ``action`` [B, *shape]."""
        return self._base_log_prob(flatten(action, self.shape)).sum(-1)

    def entropy(self) -> Tensor:
        """See the base class; the differential entropy."""
        return (self.log_std + (0.5 + _HALF_LOG_TWO_PI)).sum(-1)

    def mode(self) -> Tensor:
        """See the base class."""
        return unflatten(self.mean, self.shape)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """See the base class."""
        with torch.no_grad():
            return unflatten(self._draw(generator), self.shape)

    def sample_with_log_prob(self, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """See the base class."""
        value, log_prob = self._draw_with_log_prob(generator)
        return unflatten(value, self.shape), log_prob.sum(-1)

    def kl(self, other: Distribution) -> Tensor:
        """See the base class."""
        other = same_class(self, other)
        ratio = 2.0 * (self.log_std - other.log_std)
        distance = (self.mean - other.mean) * (-other.log_std).exp()
        return 0.5 * (ratio.exp() + distance.square() - 1.0 - ratio).sum(-1)

    def _draw(self, generator: torch.Generator | None) -> Tensor:
        return torch.addcmul(self.mean, self.log_std.exp(), self._noise(generator))

    def _draw_with_log_prob(self, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return draws and the normal log density of each of their elements, [B, n]; the noise tells it at once."""
        noise = self._noise(generator)
        value = torch.addcmul(self.mean, self.log_std.exp(), noise)
        return value, (-0.5 * noise.square() - _HALF_LOG_TWO_PI) - self.log_std

    def _noise(self, generator: torch.Generator | None) -> Tensor:
        return torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype, device=self.mean.device)

    def _base_log_prob(self, value: Tensor) -> Tensor:
        """Return the normal log density of each element of ``value``, [B, n]."""
        standard = (value - self.mean) * (-self.log_std).exp()
        return -0.5 * standard.square() - self.log_std - _HALF_LOG_TWO_PI


class SquashedGaussian(DiagonalGaussian):
    """A normal distribution squashed by tanh into a box; the density is exact, the change of variables included.

    Stored actions are inverted; one that lies closer to a bound than 5e-7 of the box's width is taken to lie there,
    which keeps log probabilities finite. The entropy, which has no closed form, is integrated by Gauss-Hermite
    quadrature (24 nodes): without randomness, differentiable, and within about 1e-3 nats while the standard deviation
    is below 2.

    Args:
        mean: [B, n], before squashing.
        log_std: [B, n], before squashing.
        shape: shape of one action, of n elements.
        center: [n], middle of the box.
        half_width: [n], half of the box's width, > 0.
    """

    __slots__ = ("center", "half_width")

    def __init__(
        self, mean: Tensor, log_std: Tensor, shape: tuple[int, ...], center: Tensor, half_width: Tensor
    ) -> None:
        super().__init__(mean, log_std, shape)
        self.center = center
        self.half_width = half_width

    def log_prob(self, action: Tensor) -> Tensor:
        """See the base class; the density of ``action`` [B, *shape] inside the box."""
        unit = (flatten(action, self.shape) - self.center) / self.half_width
        unit = unit.clamp(-_SQUASH_LIMIT, _SQUASH_LIMIT)
        log_slope = torch.log1p(-unit.square()) + self.half_width.log()
        return (self._base_log_prob(unit.atanh()) - log_slope).sum(-1)

    def entropy(self) -> Tensor:
        """See the base class; the differential entropy inside the box."""
        nodes = torch.as_tensor(_NODES, dtype=self.mean.dtype, device=self.mean.device)
        weights = torch.as_tensor(_WEIGHTS / _WEIGHTS.sum(), dtype=self.mean.dtype, device=self.mean.device)
        value = self.mean.unsqueeze(-1) + self.log_std.exp().unsqueeze(-1) * nodes  # [B, n, nodes]
        log_slope = _tanh_log_slope(value) @ weights + self.half_width.log()  # [B, n]
        return (self.log_std + log_slope + (0.5 + _HALF_LOG_TWO_PI)).sum(-1)

    def mode(self) -> Tensor:
        """See the base class; the squashed mean, which is the median, as deterministic policies use."""
        return self._squash(self.mean)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """See the base class."""
        with torch.no_grad():
            return self._squash(self._draw(generator))

    def sample_with_log_prob(self, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """See the base class; needs no inverse, so it is exact up to the bounds."""
        value, log_prob = self._draw_with_log_prob(generator)
        log_slope = _tanh_log_slope(value) + self.half_width.log()
        return self._squash(value), (log_prob - log_slope).sum(-1)

    def _squash(self, value: Tensor) -> Tensor:
        return unflatten(torch.addcmul(self.center, self.half_width, value.tanh()), self.shape)


def _tanh_log_slope(value: Tensor) -> Tensor:
    """Return log(1 - tanh(value)^2) without cancellation, for any value."""
    return 2.0 * (_LOG_TWO - value - functional.softplus(-2.0 * value))
