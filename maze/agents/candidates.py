"""The most probable actions of a policy, for those who choose among several: people, searches, explanations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from maze.distributions import Bernoulli, Categorical, Distribution, MultiCategorical
from maze.errors import MazeError
from maze.types import Action

__all__ = ["top_candidates"]

MAX_CANDIDATES = 100_000
"""How many are listed at most."""


def top_candidates(heads: Mapping[str, Distribution], n_candidates: int | None) -> tuple[list[Action], list[float]]:
    """Return the joint actions of all heads that are most probable, and their probabilities, from the highest down.

    Every head consists of independent choices, so the best combinations of the first choices are all that has to be
    remembered while one choice after another is added.

    Args:
        heads: by name, each for one row, [1, ...].
        n_candidates: how many; None for all. Of equally probable ones those with lower numbers come first.

    Raises:
        MazeError: a head has no countable actions, or there are too many of them, or the number is not one.
    """
    choices = {name: _choices(name, head) for name, head in heads.items()}
    sizes = [len(choice) for parts in choices.values() for choice in parts]
    n_all = math.prod(sizes)
    n_kept = _check_number(n_candidates, n_all)
    found: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for parts in choices.values():
        for choice in parts:
            options = sorted(enumerate(choice), key=lambda option: -option[1])[:n_kept]
            joined = [(total + value, (*taken, index)) for total, taken in found for index, value in options]
            found = sorted(joined, key=lambda one: (-one[0], one[1]))[:n_kept]
    actions = [_action(heads, choices, taken) for _, taken in found]
    return actions, [math.exp(total) for total, _ in found]


def _check_number(n_candidates: int | None, n_all: int) -> int:
    if n_candidates is None:
        if n_all > MAX_CANDIDATES:
            raise MazeError(
                f"num_candidates: None would list {n_all:,} actions; name a number up to {MAX_CANDIDATES:,}."
            )
        return n_all
    is_number = isinstance(n_candidates, int) and not isinstance(n_candidates, bool)
    if not is_number or not 1 <= n_candidates <= MAX_CANDIDATES:
        raise MazeError(
            f"num_candidates: {n_candidates!r} is not accepted; accepted: a whole number from 1 to {MAX_CANDIDATES:,}, "
            "or None for all."
        )
    return n_candidates


def _choices(name: str, head: Distribution) -> list[list[float]]:
    """Return the log probabilities of every option of every independent choice."""
    if isinstance(head, Categorical):
        return [head.log_probs[0].tolist()]
    if isinstance(head, MultiCategorical):
        return [part.log_probs[0].tolist() for part in head.parts]
    if isinstance(head, Bernoulli):
        logits = head.logits[0]
        return torch.stack([-functional.softplus(logits), -functional.softplus(-logits)], -1).tolist()
    raise MazeError(
        f"{name}: actions of {type(head).__name__} cannot be counted; candidates are of heads that choose among "
        "numbers. compute_action(deterministic=True) gives the most probable one."
    )


def _action(
    heads: Mapping[str, Distribution], choices: Mapping[str, Sequence[Sequence[float]]], taken: tuple[int, ...]
) -> Action:
    """Return a combination of options as an action, as the heads' own samples look."""
    action: dict[str, Any] = {}
    first = 0
    for name, head in heads.items():
        last = first + len(choices[name])
        action[name] = _own_form(head, torch.tensor(taken[first:last])).numpy()
        first = last
    return action


def _own_form(head: Distribution, options: Tensor) -> Tensor:
    if isinstance(head, Categorical):
        return options[0] + head.start
    if isinstance(head, MultiCategorical):
        return (options + head.start.cpu()).reshape(head.shape)
    return options.to(torch.int8).reshape(head.shape if isinstance(head, Bernoulli) else options.shape)
