"""Many versions of one policy that act side by side, each in an environment of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from maze.agents.dense_plan import NumpyForward, compile_numpy
from maze.agents.networks import draws_globally
from maze.agents.policy import TorchPolicy
from maze.seeding import TorchDraws
from maze.types import FLOAT, Array, Observation

__all__ = ["PopulationPolicy"]

_ALIGNMENT = 16
"""Rows of parameters begin at multiples of so many floats, so that every member is computed with in the same way."""


class PopulationPolicy:
    """Acts for a population: member i, with parameters and random numbers of its own, chooses the action of row i.

    A network that describes itself as a ``DensePlan`` is computed for all members at once in NumPy, on stacked weights.
    Of any other network every member has a copy, and acts by itself. Either way, what a member does depends neither on
    the others nor on their number.

    Args:
        policy: what all members are versions of, on the CPU; it is copied.
        n_members: M.

    Attributes:
        parameters: of all members, float32 [M, P], in the order of ``policy.parameters()``; write into it.
    """

    def __init__(self, policy: TorchPolicy, n_members: int) -> None:
        sizes = [parameter.numel() for parameter in policy.parameters()]
        self.parameters = _aligned_rows(n_members, sum(sizes))
        self.parameters[:] = np.concatenate([p.detach().numpy().ravel() for p in policy.parameters()])
        self._policy = copy.deepcopy(policy)
        self._mapper = next(iter(policy.distribution_mappers.values()))
        self._draws_globally = draws_globally(policy)
        self._rngs: list[np.random.Generator] = []
        self._unused = np.random.Generator(np.random.PCG64(0))  # what takes the mode draws nothing
        self._draws: list[TorchDraws] = []
        self._acting = np.zeros(n_members, np.bool_)
        self._action: dict[str, Array] = {}  # of all members, the last one where a member's episode is over
        self._copies: list[TorchPolicy] = []
        self._stacked = _stacked_forward(self._policy, self.parameters)
        if self._stacked is None:
            self._copies = [_on_row(copy.deepcopy(policy), row) for row in self.parameters]

    def begin(self, seeds: Sequence[int]) -> None:
        """Let the first members begin an episode each; the others rest, and what they do means nothing.

        Args:
            seeds: of what each of them draws.
        """
        self._rngs = [np.random.Generator(np.random.PCG64(seed)) for seed in seeds]
        self._draws = [TorchDraws(seed) for seed in seeds] if self._draws_globally else []
        self._acting = np.arange(len(self.parameters)) < len(seeds)
        self._action = {}

    def load_buffers(self, buffers: Mapping[str, Array]) -> None:
        """Give all members these buffers, such as running means, by name in the policy."""
        for member in self._copies:
            for name, buffer in member.named_buffers():
                buffer.copy_(torch.as_tensor(buffers[name]))

    @property
    def observers(self) -> Sequence[Callable[..., None]]:
        """What has to be shown every step of ``play_episodes``, so that members whose episode is over may rest."""
        return [self._watch] if self._copies else []

    def _watch(self, episode: object, observation: object, action: object, step: Any, active: Array) -> None:
        del episode, observation, action
        self._acting = active & ~(step.terminated | step.truncated)

    def act(self, observation: Observation, rng: np.random.Generator, deterministic: bool = False) -> dict[str, Array]:
        """Return the members' actions.

        Args:
            observation: by key [M, ...]; not written to.
            rng: not used, since every member draws from its own generator.
            deterministic: take the distributions' modes.

        Returns:
            By action head [M, *action_shape].
        """
        del rng
        if self._stacked is None:
            return self._each(lambda member, rows: self._act_alone(member, rows, deterministic), observation)
        with np.errstate(over="ignore", invalid="ignore"):  # weights that grow without bounds are noticed in training
            logits = self._stacked(observation)
        if deterministic:
            return self._choose(logits, None)
        return self._each(lambda member, rows: self._choose(rows, self._rngs[member]), logits)

    def _choose(self, logits: Mapping[str, Array], rng: np.random.Generator | None) -> dict[str, Array]:
        return self._mapper.sample_numpy(logits, rng or self._unused, deterministic=rng is None)

    def _act_alone(self, member: int, row: Observation, deterministic: bool) -> dict[str, Array]:
        if not self._draws:
            return self._copies[member].act(row, self._rngs[member], deterministic)
        with self._draws[member].flowing():
            return self._copies[member].act(row, self._rngs[member], deterministic)

    def _each(
        self, act: Callable[[int, dict[str, Array]], dict[str, Array]], rows: Mapping[str, Array]
    ) -> dict[str, Array]:
        """Let every member that does not rest act by itself on its row, and return the actions of all."""
        for member in np.flatnonzero(self._acting).tolist():
            action = act(member, {key: values[member : member + 1] for key, values in rows.items()})
            if not self._action:
                n_members = len(self.parameters)
                self._action = {head: np.repeat(value, n_members, axis=0) for head, value in action.items()}
            for head, value in action.items():
                self._action[head][member] = value[0]
        return self._action


def _aligned_rows(n_rows: int, size: int) -> Array:
    """Return zeros, float32 [n_rows, size], of which every row begins at the same place within a cache line."""
    stride = -(-size // _ALIGNMENT) * _ALIGNMENT
    memory = np.zeros(n_rows * stride + _ALIGNMENT, FLOAT)
    offset = -(memory.ctypes.data // memory.itemsize) % _ALIGNMENT
    return memory[offset : offset + n_rows * stride].reshape(n_rows, stride)[:, :size]


def _on_row(policy: TorchPolicy, row: Array) -> TorchPolicy:
    """Return the policy with its parameters moved onto a row [P]."""
    for parameter, values in zip(policy.parameters(), _split(policy, row), strict=True):
        parameter.data = torch.from_numpy(values)
    return policy


def _split(policy: TorchPolicy, rows: Array) -> list[Array]:
    """Return views [..., *shape] of rows [..., P], one for each parameter."""
    sizes = [parameter.numel() for parameter in policy.parameters()]
    parts = np.split(rows, np.cumsum(sizes)[:-1], axis=-1)
    return [part.reshape(*rows.shape[:-1], *p.shape) for part, p in zip(parts, policy.parameters(), strict=True)]


def _stacked_forward(policy: TorchPolicy, rows: Array) -> Callable[[Observation], Mapping[str, Array]] | None:
    """Return what gives the logits [M, n] by head of all members, None where the policy cannot be computed so."""
    network, step_key = next(iter(policy.networks.values())), next(iter(policy.distribution_mappers))
    dense_plan = getattr(network, "dense_plan", None)
    plan = dense_plan() if callable(dense_plan) and type(policy) is TorchPolicy else None
    if plan is None or compile_numpy(plan) is None:
        return None
    stacked = {id(p): view for p, view in zip(policy.parameters(), _split(policy, rows), strict=True)}
    forward = NumpyForward(plan, lambda module: _stacked_linear(module, stacked))
    free = {head: stacked[id(vector)] for head, vector in policy.free_vectors(step_key).items()}

    def logits(observation: Observation) -> Mapping[str, Array]:
        values = forward(observation)
        for head, vector in free.items():
            values[head] = np.concatenate([values[head], vector], -1)
        return policy.mask_array(values, observation, step_key)

    return logits


def _stacked_linear(module: nn.Linear, stacked: Mapping[int, Array]) -> Callable[[Array], Array]:
    """Return the affine map [M, in] -> [M, out] with weights and bias of its own for each row."""
    weight = stacked[id(module.weight)].swapaxes(1, 2)  # [M, in, out]
    bias = stacked[id(module.bias)] if module.bias is not None else None  # [M, out]

    def affine(value: Array) -> Array:
        result: Array = np.matmul(value[:, None, :], weight)[:, 0, :]
        if bias is not None:
            result += bias
        return result

    return affine
