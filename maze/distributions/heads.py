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
    "bounded_box",
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
        self.space = _of_class(space, spaces.Discrete, self)
        self.start = int(space.start)
        self.temperature = _positive("temperature", temperature)
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
    """The logits of all choices of a ``MultiDiscrete`` space, one after another."""

    def __init__(self, space: spaces.MultiDiscrete) -> None:
        self.space = _of_class(space, spaces.MultiDiscrete, self)
        self.sizes = tuple(int(size) for size in space.nvec.flatten())
        self.start = np.asarray(space.start, np.int64).reshape(-1)
        self.shape = tuple(space.nvec.shape)
        self.logits_shape = (sum(self.sizes),)
        self._bounds = np.cumsum(self.sizes)[:-1]

    def distribution(self, logits: Tensor) -> MultiCategorical:
        """See the base class."""
        return MultiCategorical(logits, self.sizes, self.shape, torch.as_tensor(self.start, device=logits.device))

    def sample_numpy(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """See the base class; int64 [N, *shape]."""
        parts = np.split(logits, self._bounds, axis=-1)
        choices = np.stack([sample_categorical(part, rng, deterministic) for part in parts], -1) + self.start
        return choices.reshape(*choices.shape[:-1], *self.shape)


class BernoulliHead(ActionHead):
    """One logit per coin of a ``MultiBinary`` space."""

    def __init__(self, space: spaces.MultiBinary) -> None:
        self.space = _of_class(space, spaces.MultiBinary, self)
        self.shape = tuple(space.shape)
        self.logits_shape = (math.prod(self.shape),)

    def distribution(self, logits: Tensor) -> Bernoulli:
        """See the base class."""
        return Bernoulli(logits, self.shape)

    def sample_numpy(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """See the base class; int8 [N, *shape]."""
        coins = sample_bernoulli(logits, rng, deterministic)
        return coins.reshape(*coins.shape[:-1], *self.shape)


class DiagonalGaussianHead(ActionHead):
    """Means, then raw log standard deviations, of a ``Box`` space.

    The log standard deviation is a smooth function of the raw value, between -5 and 2, so that its gradient never
    vanishes as it does behind a clamp. With small initial head weights it starts at ``initial_std`` for every
    observation. A bounded box gets actions outside its bounds; ``SquashedGaussianHead``, the default there, does not.

    Args:
        space: the head's space, of floats.
        initial_std: standard deviation where the raw value is 0, between 0.007 and 7.3.
        state_dependent_std: True lets the network put out the raw values, as SAC needs. False learns one vector for all
            observations, as PPO on continuous control often does; the network then puts out the means alone.
    """

    def __init__(self, space: spaces.Box, *, initial_std: float = 1.0, state_dependent_std: bool = True) -> None:
        self.space = _floating_box(space, self)
        self.shape = tuple(space.shape)
        self.size = math.prod(self.shape)
        relative = (math.log(_positive("initial_std", initial_std)) - _LOG_STD_CENTER) / _LOG_STD_RADIUS
        if not -1.0 < relative < 1.0:
            raise InvalidSpecificationError(f"initial_std is {initial_std}; accepted are values between 0.007 and 7.3.")
        self._raw_offset = math.atanh(relative)
        self.logits_shape = (2 * self.size,) if state_dependent_std else (self.size,)
        self.free_parameters = () if state_dependent_std else (0.0,) * self.size

    def distribution(self, logits: Tensor) -> DiagonalGaussian:
        """See the base class."""
        return DiagonalGaussian(*self._parameters(logits), self.shape)

    def sample_numpy(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """See the base class; float32 [N, *shape]."""
        value = self._draw(logits, rng, deterministic)
        return value.reshape(*value.shape[:-1], *self.shape)

    def _parameters(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log standard deviation, [B, size] each."""
        mean, raw = torch.split(logits, self.size, -1)
        return mean, _LOG_STD_CENTER + _LOG_STD_RADIUS * (raw / _LOG_STD_RADIUS + self._raw_offset).tanh()

    def _draw(self, logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
        """Return draws [N, size] before any squashing."""
        mean, raw = logits[..., : self.size], logits[..., self.size :]
        log_std = _LOG_STD_CENTER + _LOG_STD_RADIUS * np.tanh(raw / _LOG_STD_RADIUS + self._raw_offset)
        return sample_gaussian(mean, log_std, rng, deterministic)


class SquashedGaussianHead(DiagonalGaussianHead):
    """Like ``DiagonalGaussianHead``, squashed by tanh into the bounds of a bounded ``Box``: nothing is clipped."""

    def __init__(self, space: spaces.Box, *, initial_std: float = 1.0, state_dependent_std: bool = True) -> None:
        super().__init__(space, initial_std=initial_std, state_dependent_std=state_dependent_std)
        low, high = bounded_box(space, self)
        self._low, self._high = low.astype(np.float32), high.astype(np.float32)
        self._center = ((low.astype(np.float64) + high) / 2.0).astype(np.float32)
        self._half_width = ((high.astype(np.float64) - low) / 2.0).astype(np.float32)

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


def _of_class(space: spaces.Space, accepted: type, head: ActionHead) -> spaces.Space:  # type: ignore[type-arg]
    """Return ``space``, or raise an error that names the class that ``head`` accepts."""
    if isinstance(space, accepted):
        return space
    raise InvalidSpecificationError(
        f"{type(head).__name__} accepts {accepted.__name__} spaces, but was given {space}. "
        "Correct the entry of distribution_mapper_config that asks for it."
    )


def _floating_box(space: spaces.Box, head: ActionHead) -> spaces.Box:
    """Return ``space``, or raise an error if it is no box of floats."""
    _of_class(space, spaces.Box, head)
    if not np.issubdtype(space.dtype, np.floating):
        raise InvalidSpecificationError(
            f"Action space {space} has the dtype {space.dtype}; {type(head).__name__} accepts floating boxes. "
            "Offer whole numbers as Discrete or MultiDiscrete, for example in an ActionWrapper."
        )
    return space


def bounded_box(space: spaces.Box, head: ActionHead) -> tuple[Array, Array]:
    """Return the flat bounds of a box of floats.

    Args:
        space: the box.
        head: who asks, for the message.

    Returns:
        Lower and upper bounds, [n] each.

    Raises:
        InvalidSpecificationError: it is not bounded on all sides.
    """
    box = _floating_box(space, head)
    low, high = box.low.reshape(-1), box.high.reshape(-1)
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise InvalidSpecificationError(
            f"Action space {space} is not bounded on all sides; {type(head).__name__} accepts finite bounds with low < "
            "high. Use the distribution 'gaussian' for it, or bound it in an ActionWrapper."
        )
    return low, high


def _positive(name: str, value: float) -> float:
    """Return ``value`` as a float, or raise an error."""
    if not value > 0.0:
        raise InvalidSpecificationError(f"{name} is {value!r}; accepted are numbers > 0.")
    return float(value)
