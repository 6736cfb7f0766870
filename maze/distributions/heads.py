"""One action head per entry of the action space: it says what the network must put out and what that means.

A head is made once per policy; per batch it gives a torch distribution to the learner and a NumPy draw to the actor.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from maze.distributions.checks import bounded_box, choices_of, floating_box, of_class, positive
from maze.distributions.clipped_gaussian import ClippedGaussian
from maze.distributions.gaussian import DiagonalGaussian, SquashedGaussian
from maze.distributions.numpy_sampling import sample_bernoulli, sample_categorical, sample_gaussian
from maze.distributions.torch_dist import (
    Bernoulli,
    Categorical,
    Distribution,
    MultiCategorical,
)
from maze.errors import InvalidSpecificationError
from maze.types import Array

__all__ = [
    "ActionHead",
    "BernoulliHead",
    "CategoricalHead",
    "DiagonalGaussianHead",
    "MultiCategoricalHead",
    "SquashedGaussianHead",
]

_LOG_STD_CENTER, _LOG_STD_RADIUS = -1.5, 3.5


class ActionHead(ABC):
    """Translates the logits of one head of the action space.

    Attributes:
        logits_shape: what the network puts out for one observation.
        free_parameters: initial values of a learned vector that does not depend on the observation; the policy owns it
            and appends it to the network's logits. Empty for most heads.
    """

    logits_shape: tuple[int, ...]
    free_parameters: tuple[float, ...] = ()

    @abstractmethod
    def distribution(self, logits: Tensor) -> Distribution:
        """Return the distribution of a batch of logits [B, *logits_shape], free parameters appended."""

    @abstractmethod
    def sample_numpy(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """Return one action per row of logits [N, *logits_shape], free parameters appended, without torch."""


class CategoricalHead(ActionHead):
    """One logit per option of a ``Discrete`` space.

    Args:
        space: the head's space; a ``start`` other than 0 is respected.
        temperature: divides the logits, > 0; above 1 explores more.
    """

    def __init__(self, space: spaces.Discrete, *, temperature: float = 1.0) -> None:
        self.space = of_class(space, spaces.Discrete, self)
        self.start = int(space.start)
        self.temperature = positive("temperature", temperature)
        self.logits_shape = (int(space.n),)

    def distribution(self, logits: Tensor) -> Categorical:
        """See the base class."""
        return Categorical(logits if self.temperature == 1.0 else logits / self.temperature, self.start)

    def sample_numpy(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """See the base class; int64 [N]."""
        scaled = logits if self.temperature == 1.0 else logits / self.temperature
        option = sample_categorical(scaled, rng, deterministic)
        return option + self.start if self.start else option


class MultiCategoricalHead(ActionHead):
    """The logits of all choices of a ``MultiDiscrete`` space, or of a ``Box`` of whole numbers, one after another.

    Args:
        space: the head's space; a ``start`` other than 0 is respected. The numbers of a box are bounded; each of its
            elements is a choice among them.
        temperature: divides the logits, > 0; above 1 explores more.
    """

    def __init__(self, space: spaces.MultiDiscrete | spaces.Box, *, temperature: float = 1.0) -> None:
        self.space = space
        self.temperature = positive("temperature", temperature)
        sizes, start = choices_of(space, self)
        self.sizes = tuple(sizes.reshape(-1).tolist())
        self.start = start.reshape(-1)
        self.shape = tuple(sizes.shape)
        self.logits_shape = (sum(self.sizes),)
        self._bounds = np.cumsum(self.sizes)[:-1]

    def distribution(self, logits: Tensor) -> MultiCategorical:
        """See the base class."""
        start = torch.as_tensor(self.start, device=logits.device)
        return MultiCategorical(logits / self.temperature, self.sizes, self.shape, start)

    def sample_numpy(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """See the base class; of the space's dtype [N, *shape]."""
        parts = np.split(logits / np.float32(self.temperature), self._bounds, axis=-1)
        choices = np.stack([sample_categorical(part, rng, deterministic) for part in parts], -1) + self.start
        return choices.reshape(*choices.shape[:-1], *self.shape).astype(self.space.dtype, copy=False)


class BernoulliHead(ActionHead):
    """One logit per coin of a ``MultiBinary`` space.

    Args:
        space: the head's space.
        temperature: divides the logits, > 0; above 1 explores more.
    """

    def __init__(self, space: spaces.MultiBinary, *, temperature: float = 1.0) -> None:
        self.space = of_class(space, spaces.MultiBinary, self)
        self.temperature = positive("temperature", temperature)
        self.shape = tuple(space.shape)
        self.logits_shape = (math.prod(self.shape),)

    def distribution(self, logits: Tensor) -> Bernoulli:
        """See the base class."""
        return Bernoulli(logits / self.temperature, self.shape)

    def sample_numpy(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """See the base class; int8 [N, *shape]."""
        coins = sample_bernoulli(logits / np.float32(self.temperature), rng, deterministic)
        return coins.reshape(*coins.shape[:-1], *self.shape)


class DiagonalGaussianHead(ActionHead):
    """Means, then raw log standard deviations, of a ``Box`` space.

    The log standard deviation is a smooth function of the raw value, between -5 and 2, so that its gradient never
    vanishes as it does behind a clamp. With small initial head weights it starts at ``initial_std`` for every
    observation. What lies outside of the box is clipped to it, and has the probability of the whole tail;
    ``SquashedGaussianHead``, the default for boxes bounded on all sides, clips nothing.

    Args:
        space: the head's space, of floats.
        initial_std: standard deviation where the raw value is 0, between 0.007 and 7.3.
        state_dependent_std: True lets the network put out the raw values, as SAC needs. False learns one vector for all
            observations, as PPO on continuous control often does; the network then puts out the means alone.
        temperature: multiplies the variance, > 0; above 1 explores more.
    """

    def __init__(
        self,
        space: spaces.Box,
        *,
        initial_std: float = 1.0,
        state_dependent_std: bool = True,
        temperature: float = 1.0,
    ) -> None:
        self.space = floating_box(space, self)
        self._log_std_center = _LOG_STD_CENTER + 0.5 * math.log(positive("temperature", temperature))
        self.shape = tuple(space.shape)
        self.size = math.prod(self.shape)
        relative = (math.log(positive("initial_std", initial_std)) - _LOG_STD_CENTER) / _LOG_STD_RADIUS
        if not -1.0 < relative < 1.0:
            raise InvalidSpecificationError(f"initial_std is {initial_std}; accepted are values between 0.007 and 7.3.")
        self._raw_offset = math.atanh(relative)
        self.logits_shape = (2 * self.size,) if state_dependent_std else (self.size,)
        self.free_parameters = () if state_dependent_std else (0.0,) * self.size
        self._low, self._high = (bound.reshape(-1).astype(np.float32) for bound in (space.low, space.high))
        self._is_open = bool(np.isinf(self._low).all() and np.isinf(self._high).all())

    def distribution(self, logits: Tensor) -> DiagonalGaussian:
        """See the base class."""
        if self._is_open:
            return DiagonalGaussian(*self._parameters(logits), self.shape)
        low, high = (torch.as_tensor(bound, device=logits.device) for bound in (self._low, self._high))
        return ClippedGaussian(*self._parameters(logits), self.shape, low, high)

    def sample_numpy(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """See the base class; float32 [N, *shape]."""
        value = self._draw(logits, rng, deterministic)
        if not self._is_open:
            value = np.clip(value, self._low, self._high)
        return value.reshape(*value.shape[:-1], *self.shape)

    def _parameters(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log standard deviation, [B, size] each."""
        mean, raw = torch.split(logits, self.size, -1)
        return mean, self._log_std_center + _LOG_STD_RADIUS * (raw / _LOG_STD_RADIUS + self._raw_offset).tanh()

    def _draw(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """Return draws [N, size] before any squashing."""
        mean, raw = logits[..., : self.size], logits[..., self.size :]
        log_std = self._log_std_center + _LOG_STD_RADIUS * np.tanh(raw / _LOG_STD_RADIUS + self._raw_offset)
        return sample_gaussian(mean, log_std, rng, deterministic)


class SquashedGaussianHead(DiagonalGaussianHead):
    """Like ``DiagonalGaussianHead``, squashed by tanh into the bounds of a bounded ``Box``: nothing is clipped."""

    def __init__(
        self,
        space: spaces.Box,
        *,
        initial_std: float = 1.0,
        state_dependent_std: bool = True,
        temperature: float = 1.0,
    ) -> None:
        super().__init__(
            space, initial_std=initial_std, state_dependent_std=state_dependent_std, temperature=temperature
        )
        low, high = bounded_box(space, self)
        self._center = ((low.astype(np.float64) + high) / 2.0).astype(np.float32)
        self._half_width = ((high.astype(np.float64) - low) / 2.0).astype(np.float32)

    @property
    def log_scale(self) -> float:
        """Logarithm of how much larger the box is than [-1, 1] in every direction: what densities shrink by."""
        return float(np.log(self._half_width.astype(np.float64)).sum())

    def distribution(self, logits: Tensor) -> SquashedGaussian:
        """See the base class."""
        center = torch.as_tensor(self._center, device=logits.device)
        half_width = torch.as_tensor(self._half_width, device=logits.device)
        return SquashedGaussian(*self._parameters(logits), self.shape, center, half_width)

    def sample_numpy(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """See the base class; float32 [N, *shape] within the bounds, rounding included."""
        unit = np.tanh(self._draw(logits, rng, deterministic))
        unit *= self._half_width
        unit += self._center
        action = np.clip(unit, self._low, self._high)
        return action.reshape(*action.shape[:-1], *self.shape)
