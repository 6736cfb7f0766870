"""Distributions over batches of actions in few tensor operations, for the learner's inner loop.

``torch.distributions`` validates, broadcasts and allocates at every call, which costs more than a small network.
Here a distribution does its shared work (one ``log_softmax``, say) once, when it is made, and nothing twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from maze.errors import MazeError

__all__ = [
    "Bernoulli",
    "Categorical",
    "DictDistribution",
    "Distribution",
    "MultiCategorical",
    "flatten",
    "same_class",
    "unflatten",
]

_D = TypeVar("_D", bound="Distribution")


class Distribution(ABC):
    """One distribution per row of a batch.

    Shapes: actions are ``[B, *action_shape]``, everything else is ``[B]``.
    """

    __slots__ = ()

    @abstractmethod
    def log_prob(self, action: Tensor) -> Tensor:
        """Return the log probability (density, for continuous actions) of each action, [B]."""

    @abstractmethod
    def entropy(self) -> Tensor:
        """Return the entropy in nats, [B]."""

    @abstractmethod
    def mode(self) -> Tensor:
        """Return the action taken by a deterministic policy, [B, *action_shape]."""

    @abstractmethod
    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Return one action per row, without gradients, drawn from ``generator`` (torch's own when None)."""

    @abstractmethod
    def kl(self, other: Distribution) -> Tensor:
        """Return the Kullback-Leibler divergence from self to ``other``, of the same class, in nats, [B]."""

    def logits_gradient(self, action: Tensor, of_log_prob: Tensor, of_entropy: float) -> Tensor:
        """Return the gradient of a loss with respect to the logits [B, n], where a formula gives it without a graph.

        Args:
            action: one per row, [B, *action_shape].
            of_log_prob: the loss's gradient with respect to each action's log probability, [B].
            of_entropy: the loss's gradient with respect to each row's entropy.

        Raises:
            NotImplementedError: there is none; ``DistributionMapper.has_formulas`` says so beforehand.
        """
        raise NotImplementedError(f"{type(self).__name__} leaves its gradient to torch's graph.")

    def sample_with_log_prob(self, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Return one action per row and its log probability [B].

        Continuous distributions let gradients flow through the action (reparameterisation), as SAC needs.
        """
        action = self.sample(generator)
        return action, self.log_prob(action)


class Categorical(Distribution):
    """One of ``n`` actions, numbered from ``start``.

    Impossible actions are expressed by very negative finite logits (for example ``torch.finfo.min``), not by -inf,
    whose entropy is undefined.

    Args:
        logits: [B, n].
        start: the number of the first action.
    """

    __slots__ = ("log_probs", "start")

    def __init__(self, logits: Tensor, start: int = 0) -> None:
        self.log_probs = torch.log_softmax(logits, -1)
        self.start = start

    def log_prob(self, action: Tensor) -> Tensor:
        """See the base class; ``action`` is an integer tensor [B]."""
        return self.log_probs.gather(-1, self._index(action)).squeeze(-1)

    def logits_gradient(self, action: Tensor, of_log_prob: Tensor, of_entropy: float) -> Tensor:
        """See the base class: ``(1 - p) * g`` for the action that was taken and ``-p * g`` for the others."""
        probs = self.log_probs.exp()
        column = of_log_prob.unsqueeze(-1)
        gradient = probs * -column
        if of_entropy:
            surprise = self.log_probs - (probs * self.log_probs).sum(-1, keepdim=True)
            gradient.addcmul_(probs, surprise, value=-of_entropy)
        return gradient.scatter_add_(-1, self._index(action), column)

    def _index(self, action: Tensor) -> Tensor:
        """Return which option an action is, [B, 1]."""
        return (action - self.start if self.start else action).unsqueeze(-1)

    def entropy(self) -> Tensor:
        """See the base class."""
        return -(self.log_probs.exp() * self.log_probs).sum(-1)

    def mode(self) -> Tensor:
        """See the base class; the first of equally likely actions."""
        return self.log_probs.argmax(-1) + self.start

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """See the base class; an exponential race (Gumbel-max), in double precision so that rare stays rare."""
        race = torch.empty_like(self.log_probs, dtype=torch.float64).exponential_(generator=generator)
        return (self.log_probs.detach() - race.log_()).argmax(-1) + self.start

    def kl(self, other: Distribution) -> Tensor:
        """See the base class."""
        other = same_class(self, other)
        return (self.log_probs.exp() * (self.log_probs - other.log_probs)).sum(-1)


class MultiCategorical(Distribution):
    """Several independent categorical choices, one per element of the action.

    Args:
        logits: [B, sum(sizes)], the choices' logits one after another.
        sizes: number of options of each choice, flattened.
        shape: shape of one action.
        start: [len(sizes)], number of the first option of each choice.
    """

    __slots__ = ("parts", "shape", "start")

    def __init__(self, logits: Tensor, sizes: Sequence[int], shape: tuple[int, ...], start: Tensor) -> None:
        self.parts = [Categorical(part) for part in torch.split(logits, list(sizes), -1)]
        self.shape = shape
        self.start = start

    def log_prob(self, action: Tensor) -> Tensor:
        """See the base class; ``action`` is an integer tensor [B, *shape]."""
        index = flatten(action, self.shape) - self.start
        return _sum([part.log_prob(index[..., number]) for number, part in enumerate(self.parts)])

    def logits_gradient(self, action: Tensor, of_log_prob: Tensor, of_entropy: float) -> Tensor:
        """See the base class."""
        index = flatten(action, self.shape) - self.start
        return torch.cat(
            [part.logits_gradient(index[..., i], of_log_prob, of_entropy) for i, part in enumerate(self.parts)], -1
        )

    def entropy(self) -> Tensor:
        """See the base class."""
        return _sum([part.entropy() for part in self.parts])

    def mode(self) -> Tensor:
        """See the base class."""
        return self._assemble([part.mode() for part in self.parts])

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """See the base class."""
        return self._assemble([part.sample(generator) for part in self.parts])

    def kl(self, other: Distribution) -> Tensor:
        """See the base class."""
        other = same_class(self, other)
        return _sum([mine.kl(theirs) for mine, theirs in zip(self.parts, other.parts, strict=True)])

    def _assemble(self, choices: list[Tensor]) -> Tensor:
        return unflatten(torch.stack(choices, -1) + self.start, self.shape)


class Bernoulli(Distribution):
    """Independent coin flips, one per element of the action; logit 0 is a fair coin.

    Args:
        logits: [B, number of coins].
        shape: of one action.
    """

    __slots__ = ("logits", "shape")

    def __init__(self, logits: Tensor, shape: tuple[int, ...]) -> None:
        self.logits = logits
        self.shape = shape

    def log_prob(self, action: Tensor) -> Tensor:
        """See the base class; ``action`` holds zeros and ones [B, *shape]."""
        return (flatten(action, self.shape) * self.logits - functional.softplus(self.logits)).sum(-1)

    def logits_gradient(self, action: Tensor, of_log_prob: Tensor, of_entropy: float) -> Tensor:
        """See the base class: the coin that fell minus the probability of heads, times g."""
        heads = self.logits.sigmoid()
        gradient = (flatten(action, self.shape) - heads) * of_log_prob.unsqueeze(-1)
        return gradient - of_entropy * self.logits * heads * (1.0 - heads) if of_entropy else gradient

    def entropy(self) -> Tensor:
        """See the base class."""
        return (functional.softplus(self.logits) - self.logits * self.logits.sigmoid()).sum(-1)

    def mode(self) -> Tensor:
        """See the base class."""
        return unflatten((self.logits > 0).to(torch.int8), self.shape)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """See the base class."""
        heads = torch.bernoulli(self.logits.detach().sigmoid(), generator=generator)
        return unflatten(heads.to(torch.int8), self.shape)

    def kl(self, other: Distribution) -> Tensor:
        """See the base class."""
        other = same_class(self, other)
        difference = self.logits.sigmoid() * (self.logits - other.logits)
        return (difference - functional.softplus(self.logits) + functional.softplus(other.logits)).sum(-1)


class DictDistribution:
    """The joint distribution of independent action heads: log probabilities, entropies and divergences add up.

    Args:
        heads: distribution by head.
    """

    __slots__ = ("heads",)

    def __init__(self, heads: Mapping[str, Distribution]) -> None:
        self.heads = heads

    def log_prob(self, actions: Mapping[str, Tensor]) -> Tensor:
        """Return the joint log probability [B] of ``actions``, by head [B, *action_shape]."""
        return _sum([head.log_prob(actions[name]) for name, head in self.heads.items()])

    def logits_gradient(
        self, actions: Mapping[str, Tensor], of_log_prob: Tensor, of_entropy: float
    ) -> dict[str, Tensor]:
        """Return the gradient of a loss with respect to every head's logits [B, n], as each distribution does.

        Args:
            actions: by head [B, *action_shape].
            of_log_prob: the loss's gradient with respect to the joint log probability, [B].
            of_entropy: the loss's gradient with respect to each row's joint entropy.
        """
        return {name: head.logits_gradient(actions[name], of_log_prob, of_entropy) for name, head in self.heads.items()}

    def entropy(self) -> Tensor:
        """Return the joint entropy in nats, [B]."""
        return _sum([head.entropy() for head in self.heads.values()])

    def mode(self) -> dict[str, Tensor]:
        """Return the deterministic action of every head."""
        return {name: head.mode() for name, head in self.heads.items()}

    def sample(self, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Return one action per row and head, without gradients."""
        return {name: head.sample(generator) for name, head in self.heads.items()}

    def sample_with_log_prob(self, generator: torch.Generator | None = None) -> tuple[dict[str, Tensor], Tensor]:
        """Return one action per row and head, with gradients where continuous, and the joint log probability [B]."""
        drawn = {name: head.sample_with_log_prob(generator) for name, head in self.heads.items()}
        return {name: action for name, (action, _) in drawn.items()}, _sum([log_prob for _, log_prob in drawn.values()])

    def kl(self, other: DictDistribution) -> Tensor:
        """Return the divergence from self to ``other``, which has the same heads, in nats, [B]."""
        return _sum([head.kl(other.heads[name]) for name, head in self.heads.items()])


def same_class(mine: _D, theirs: Distribution) -> _D:
    """Return ``theirs`` typed like ``mine``; a MazeError says when the two cannot be compared."""
    if type(theirs) is not type(mine):
        raise MazeError(f"kl compares two {type(mine).__name__}, but the other one is a {type(theirs).__name__}.")
    return theirs


def _sum(terms: list[Tensor]) -> Tensor:
    """Add tensors of one shape; a single one costs nothing."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def flatten(action: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return [B, n] from [B, *shape]."""
    return action if len(shape) == 1 else action.reshape(*action.shape[: action.ndim - len(shape)], -1)


def unflatten(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return [B, *shape] from [B, n]."""
    return value if len(shape) == 1 else value.reshape(*value.shape[:-1], *shape)
