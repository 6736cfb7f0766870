"""The Beta distribution stretched over a box: bounded without squashing, and with closed forms for everything.

Source: Chou, Maturana & Scherer, "Improving Stochastic Policy Gradients in Continuous Control with Deep Reinforcement
Learning using the Beta Distribution" (ICML 2017), which also asks for both shapes > 1, so that densities have one peak.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional

from maze.distributions.checks import bounded_box, positive
from maze.distributions.heads import ActionHead
from maze.distributions.torch_dist import Distribution, flatten, same_class, unflatten
from maze.types import Array

__all__ = ["Beta", "BetaHead"]

_EDGE = 1e-6
_UNIFORM_RAW = math.log(math.expm1(1.0))


class Beta(Distribution):
    """Independent Beta distributions over a box, one per element of the action.

    Stored actions that lie closer to a bound than one millionth of the box's width are taken to lie there, which keeps
    log probabilities and gradients finite.

    Args:
        alpha: [B, n], first shape, > 1.
        beta: [B, n], second shape, > 1.
        shape: shape of one action, of n elements.
        low: [n], lower bounds.
        width: [n], widths of the box, > 0.
    """

    __slots__ = ("alpha", "beta", "low", "shape", "width")

    def __init__(self, alpha: Tensor, beta: Tensor, shape: tuple[int, ...], low: Tensor, width: Tensor) -> None:
        self.alpha = alpha
        self.beta = beta
        self.shape = shape
        self.low = low
        self.width = width

    def log_prob(self, action: Tensor) -> Tensor:
        """See the base class; the density of ``action`` [B, *shape] inside the box."""
        unit = ((flatten(action, self.shape) - self.low) / self.width).clamp(_EDGE, 1.0 - _EDGE)
        return self._unit_log_prob(unit).sum(-1)

    def entropy(self) -> Tensor:
        """See the base class; the differential entropy inside the box, in closed form."""
        total = self.alpha + self.beta
        inside = (
            self._log_normalizer()
            - (self.alpha - 1.0) * torch.digamma(self.alpha)
            - (self.beta - 1.0) * torch.digamma(self.beta)
            + (total - 2.0) * torch.digamma(total)
        )
        return (inside + self.width.log()).sum(-1)

    def mode(self) -> Tensor:
        """See the base class; the density's one peak."""
        return self._stretch((self.alpha - 1.0) / (self.alpha + self.beta - 2.0))

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """See the base class."""
        with torch.no_grad():
            return self._stretch(self._draw(generator))

    def sample_with_log_prob(self, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """See the base class; gradients flow through the ratio of two Gamma draws."""
        unit = self._draw(generator).clamp(_EDGE, 1.0 - _EDGE)
        return self._stretch(unit), self._unit_log_prob(unit).sum(-1)

    def kl(self, other: Distribution) -> Tensor:
        """See the base class."""
        other = same_class(self, other)
        total, other_total = self.alpha + self.beta, other.alpha + other.beta
        terms = (
            other._log_normalizer()
            - self._log_normalizer()
            + (self.alpha - other.alpha) * torch.digamma(self.alpha)
            + (self.beta - other.beta) * torch.digamma(self.beta)
            + (other_total - total) * torch.digamma(total)
        )
        return terms.sum(-1)

    def _unit_log_prob(self, unit: Tensor) -> Tensor:
        """Return the log density in the box of values [B, n] between 0 and 1."""
        inside = (self.alpha - 1.0) * unit.log() + (self.beta - 1.0) * torch.log1p(-unit)
        return inside - self._log_normalizer() - self.width.log()

    def _log_normalizer(self) -> Tensor:
        """Return the logarithm of the Beta function of the shapes."""
        return torch.lgamma(self.alpha) + torch.lgamma(self.beta) - torch.lgamma(self.alpha + self.beta)

    def _draw(self, generator: torch.Generator | None) -> Tensor:
        """Return draws [B, n] between 0 and 1."""
        first, second = (torch._standard_gamma(shape, generator) for shape in (self.alpha, self.beta))
        return first / (first + second)

    def _stretch(self, unit: Tensor) -> Tensor:
        return unflatten(torch.addcmul(self.low, self.width, unit), self.shape)


class BetaHead(ActionHead):
    """Raw first shapes, then raw second shapes, of a bounded ``Box``; each becomes 1 + softplus(raw).

    With small initial head weights both shapes start at 2: a broad hill over the middle of the box.

    Args:
        space: the head's space, of floats and bounded on all sides.
        temperature: divides what the shapes have above 1, > 0; above 1 explores more.
    """

    def __init__(self, space: spaces.Box, *, temperature: float = 1.0) -> None:
        self.temperature = positive("temperature", temperature)
        low, high = bounded_box(space, self)
        self.space = space
        self.shape = tuple(space.shape)
        self.size = math.prod(self.shape)
        self.logits_shape = (2 * self.size,)
        self._low, self._high = low.astype(np.float32), high.astype(np.float32)
        self._width = (high.astype(np.float64) - low).astype(np.float32)

    def distribution(self, logits: Tensor) -> Beta:
        """See the base class."""
        alpha, beta = torch.split(1.0 + functional.softplus(logits + _UNIFORM_RAW) / self.temperature, self.size, -1)
        low, width = (torch.as_tensor(value, device=logits.device) for value in (self._low, self._width))
        return Beta(alpha, beta, self.shape, low, width)

    def sample_numpy(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """See the base class; float32 [N, *shape] within the bounds, rounding included."""
        shapes = 1.0 + np.logaddexp(0.0, logits.astype(np.float64) + _UNIFORM_RAW) / self.temperature
        alpha, beta = shapes[..., : self.size], shapes[..., self.size :]
        unit = (alpha - 1.0) / (alpha + beta - 2.0) if deterministic else rng.beta(alpha, beta)
        action = np.clip((unit * self._width + self._low).astype(np.float32), self._low, self._high)
        return action.reshape(*action.shape[:-1], *self.shape)
