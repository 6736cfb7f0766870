"""Chooses a distribution for every head of an action space and applies them together."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from torch import Tensor

from maze.config.instantiate import resolve_target
from maze.distributions.beta import BetaHead
from maze.distributions.entries import SPACES, distribution_name, read_entries, space_class
from maze.distributions.heads import (
    ActionHead,
    BernoulliHead,
    CategoricalHead,
    DiagonalGaussianHead,
    MultiCategoricalHead,
    SquashedGaussianHead,
)
from maze.distributions.torch_dist import DictDistribution
from maze.errors import InvalidSpecificationError, suggest
from maze.types import AnyMapping, Array

__all__ = ["DistributionMapper"]

_HEADS: dict[str, type[ActionHead]] = {
    "categorical": CategoricalHead,
    "multi_categorical": MultiCategoricalHead,
    "bernoulli": BernoulliHead,
    "beta": BetaHead,
    "gaussian": DiagonalGaussianHead,
    "squashed_gaussian": SquashedGaussianHead,
}
_WITH_FORMULA = (CategoricalHead, MultiCategoricalHead, BernoulliHead)
"""Heads whose logits are those of a distribution with a formula for its gradient."""


class DistributionMapper:
    """Says which logits the policy network must put out, and turns them into distributions and actions.

    Without configuration ``Discrete`` is categorical, ``MultiDiscrete`` and a ``Box`` of whole numbers are
    multi_categorical, ``MultiBinary`` is bernoulli, a ``Box`` bounded on all sides is squashed_gaussian and any other
    ``Box`` is gaussian, clipped to the bounds that it has.

    Args:
        action_space: spaces by action head.
        distribution_mapper_config: entries ``{"action_space" or "action_head": ..., "distribution": ..., "args":
            {...}}``; later ones win. ``action_space`` is a class or its name (``Box``, ``gymnasium.spaces.Box`` or
            ``gym.spaces.Box``), ``distribution`` a name as above or the dotted path of an ``ActionHead`` class,
            ``args`` its keyword arguments.

    Raises:
        InvalidSpecificationError: on a space without a distribution or an entry that cannot be understood.
    """

    def __init__(
        self,
        action_space: spaces.Dict,
        distribution_mapper_config: Sequence[AnyMapping] | AnyMapping = (),
    ) -> None:
        if not isinstance(action_space, spaces.Dict):
            raise InvalidSpecificationError(
                f"action_space is {action_space}; accepted is a gymnasium.spaces.Dict of heads. "
                'Wrap a flat space as spaces.Dict({"action": space}); GymMazeEnv does so.'
            )
        if not action_space.spaces:
            raise InvalidSpecificationError(
                "action_space has no action heads; accepted is a gymnasium.spaces.Dict with at least one."
            )
        self.action_space = action_space
        self.heads = _choose_heads(action_space, read_entries(distribution_mapper_config))
        self._single = next(iter(self.heads.items())) if len(self.heads) == 1 else None

    @property
    def logits_shapes(self) -> dict[str, tuple[int, ...]]:
        """What the network puts out by head, without the batch axis."""
        return {name: head.logits_shape for name, head in self.heads.items()}

    @property
    def free_parameters(self) -> dict[str, tuple[float, ...]]:
        """Initial values of the learned vectors that are appended to the logits of some heads."""
        return {name: head.free_parameters for name, head in self.heads.items() if head.free_parameters}

    @property
    def has_formulas(self) -> bool:
        """Whether ``logits_gradient`` of the distributions is the gradient with respect to the network's outputs.

        Subclasses of the heads that have one may do something else to the logits first, so that they do without.
        """
        return all(type(head) in _WITH_FORMULA and head.temperature == 1.0 for head in self.heads.values())  # type: ignore[attr-defined]

    def distribution(self, logits: Mapping[str, Tensor]) -> DictDistribution:
        """Return the joint distribution of a batch of logits, by head [B, *logits_shape]."""
        return DictDistribution({name: head.distribution(logits[name]) for name, head in self.heads.items()})

    def sample_numpy(
        self, logits: Mapping[str, Array], rng: np.random.Generator, deterministic: bool = False
    ) -> dict[str, Array]:
        """Return one action per row and head, drawn without touching torch.

        Args:
            logits: by head [N, *logits_shape].
            rng: the caller's generator; heads draw from it in the order of the action space.
            deterministic: take each head's mode.

        Returns:
            By head [N, *action_shape]; int64 for discrete heads, int8 for coins, float32 for boxes.
        """
        if self._single is not None:
            name, head = self._single
            return {name: head.sample_numpy(logits[name], rng, deterministic)}
        return {name: head.sample_numpy(logits[name], rng, deterministic) for name, head in self.heads.items()}


def _choose_heads(action_space: spaces.Dict, entries: list[AnyMapping]) -> dict[str, ActionHead]:
    """Return one head per entry of the action space, after checking that every configured head exists."""
    for entry in entries:
        if "action_head" in entry and entry["action_head"] not in action_space.spaces:
            name = entry["action_head"]
            raise InvalidSpecificationError(
                f"distribution_mapper_config names the action head {name!r}; {suggest(name, action_space.spaces)}"
            )
    heads = {}
    for name, space in action_space.spaces.items():
        matching = [entry for entry in entries if _applies(entry, name, space)]
        if matching:
            arguments = dict(matching[-1].get("args") or {})
            heads[name] = _make_head(matching[-1]["distribution"], space, arguments)
        else:
            heads[name] = _make_head(_default_distribution(name, space), space, {})
    return heads


def _applies(entry: AnyMapping, name: str, space: spaces.Space[Any]) -> bool:
    """Return whether an entry is about the head ``name``."""
    if "action_head" in entry:
        return bool(entry["action_head"] == name)
    return isinstance(space, space_class(entry["action_space"]))


def _default_distribution(name: str, space: spaces.Space[Any]) -> str:
    """Return the distribution of a space that the configuration does not mention."""
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.bool_):
        raise InvalidSpecificationError(
            f"The action head {name!r} has the space {space}, of the dtype bool; accepted for things that are on or "
            f"off is MultiBinary, for example MultiBinary({list(space.shape)})."
        )
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.integer):
        return "multi_categorical"
    if isinstance(space, spaces.Box):
        bounded = np.isfinite(space.low) & np.isfinite(space.high) & (space.low < space.high)
        return "squashed_gaussian" if bounded.all() else "gaussian"
    for kind, distribution in (
        (spaces.Discrete, "categorical"),
        (spaces.MultiDiscrete, "multi_categorical"),
        (spaces.MultiBinary, "bernoulli"),
    ):
        if isinstance(space, kind):
            return distribution
    raise InvalidSpecificationError(
        f"The action head {name!r} has the space {space}; accepted are {', '.join(SPACES)}. Flatten nested spaces "
        "into several heads, for example in an ActionWrapper, or configure an ActionHead class of your own for it."
    )


def _make_head(distribution: Any, space: spaces.Space[Any], arguments: dict[str, Any]) -> ActionHead:
    """Return the head of a name, a dotted path or a class."""
    head_class: Any = distribution
    if isinstance(distribution, str):
        name = distribution_name(distribution)
        head_class = resolve_target(distribution) if name is None else _HEADS[name]
    if not (isinstance(head_class, type) and issubclass(head_class, ActionHead)):
        raise InvalidSpecificationError(
            f"distribution_mapper_config names the distribution {distribution!r}; {suggest(distribution, _HEADS)} "
            "A dotted path or a class must be a subclass of maze.distributions.ActionHead."
        )
    accepted = list(inspect.signature(head_class).parameters)[1:]
    for name in arguments:
        if name not in accepted:
            raise InvalidSpecificationError(
                f"The distribution {distribution!r} has no argument {name!r}; {suggest(name, accepted)}"
            )
    make: Callable[..., ActionHead] = head_class
    return make(space, **arguments)
