"""State that a network carries from step to step of an episode, such as what a recurrent layer remembers.

A network that has state says so by an attribute ``state_shapes``: the shape of each part by key, without the batch
axis. It finds its state [B, *shape] among its inputs, under those keys beside the observations, and puts the next one
out under the same keys. An episode begins with zeros. Whoever runs the network keeps the state: for each environment
while it acts, for each sequence while it learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from maze.errors import InvalidSpecificationError
from maze.types import FLOAT, Array

__all__ = [
    "NetworkState",
    "StateShapes",
    "forgotten_rows",
    "run_over_time",
    "state_shapes_of",
    "step_over_time",
    "zero_state",
]

NetworkState: TypeAlias = dict[str, Array]
"""State of N rows as float32 arrays [N, ...] by key; empty for networks without state."""

StateShapes: TypeAlias = dict[str, tuple[int, ...]]
"""Shape of each part of a state by key, without the batch axis."""


def state_shapes_of(network: nn.Module) -> StateShapes:
    """Return the shapes of the state that a network carries; empty where it carries none.

    Raises:
        InvalidSpecificationError: ``state_shapes`` is no dictionary of shapes.
    """
    given = getattr(network, "state_shapes", None)
    if given is None:
        return {}
    try:
        return {str(key): tuple(int(size) for size in shape) for key, shape in given.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidSpecificationError(
            f"{type(network).__name__}.state_shapes: {given!r} is not accepted; accepted: a dictionary of shapes by "
            "key, without the batch axis, such as {'hidden': (32,)}."
        ) from error


def zero_state(shapes: Mapping[str, tuple[int, ...]], n_rows: int) -> NetworkState:
    """Return the state with which N episodes begin."""
    return {key: np.zeros((n_rows, *shape), FLOAT) for key, shape in shapes.items()}


def forgotten_rows(value: Tensor, rows: Tensor) -> Tensor:
    """Return part of a state [N, ...] with zeros where ``rows``, bool [N], is True; gradients stop there."""
    return value.masked_fill(rows.view(-1, *[1] * (value.ndim - 1)), 0.0)


def run_over_time(
    network: nn.Module, observation: Mapping[str, Tensor], state: Mapping[str, Tensor], begins: Tensor
) -> dict[str, Tensor]:
    """Run a network along sequences, with gradients through time.

    A network with a method ``forward_over_time`` of the same last three arguments, as templates have, runs by that:
    what has no state sees all steps at once. Others are called step by step.

    Args:
        network: with or without state.
        observation: by key [T, N, ...].
        state: of the first step, by key [N, ...].
        begins: whether an episode begins at a step, so that the state is zero there, bool [T, N].

    Returns:
        Outputs by key [T, N, ...]; the state after every step is among them.
    """
    if not state_shapes_of(network):
        rows = {key: value.flatten(0, 1) for key, value in observation.items()}
        return {key: value.unflatten(0, begins.shape) for key, value in network(rows).items()}
    along = getattr(network, "forward_over_time", None)
    if callable(along):
        outputs: dict[str, Tensor] = along(observation, state, begins)
        return outputs
    return step_over_time(network, observation, state, begins)


def step_over_time(
    network: nn.Module, observation: Mapping[str, Tensor], state: Mapping[str, Tensor], begins: Tensor
) -> dict[str, Tensor]:
    """Do what :func:`run_over_time` does by calling a network with state at one step after the other."""
    keys = tuple(state_shapes_of(network))
    some_begin = begins.any(1).tolist()
    steps = []
    for t, some in enumerate(some_begin):
        if some:
            state = {key: forgotten_rows(value, begins[t]) for key, value in state.items()}
        output = network({**{key: value[t] for key, value in observation.items()}, **state})
        state = {key: output[key] for key in keys}
        steps.append(output)
    return {key: torch.stack([step[key] for step in steps]) for key in steps[0]}
