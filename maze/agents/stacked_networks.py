"""Runs several equally built dense networks as one: one matrix product for all of them, on their own weights.

Small operations cost torch more in bookkeeping than in arithmetic, so that two networks in one go cost little more than
one. Weights and gradients are views of the networks' own, which have to lie in one buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from maze.agents.dense_plan import DensePlan, compile_numpy

__all__ = ["StackedNetworks", "stack_networks"]


@dataclass(frozen=True, slots=True)
class _Linear:
    """A linear layer, by the places of its parameters among those of a network."""

    weight: int
    bias: int | None


_IN_PLACE: Mapping[type[nn.Module], Callable[[Tensor], Tensor]] = {nn.ReLU: torch.relu_, nn.Tanh: torch.tanh_}
"""Non-linearities whose gradients need their output alone, so that it may take the place of their input."""

_Step: TypeAlias = nn.Module | _Linear


class StackedNetworks:
    """K dense networks in one, see :func:`stack_networks`.

    ``backward`` adds to the gradients of the networks' own parameters. ``torch.autograd.grad`` with respect to these
    finds no way to them.

    Args:
        members: parameters of each network, one network after the other in one buffer.
        plan: how the first network computes, and so do the others.
    """

    def __init__(self, members: Sequence[Sequence[nn.Parameter]], plan: DensePlan) -> None:
        first = members[0]
        self._places = [(item, item.data_ptr(), _address(item.grad)) for member in members for item in member]
        self._shapes = [(len(members), *item.shape) for item in first]
        self._sizes = [item.numel() for item in first]
        self._buffer = _matrix([member[0].data for member in members], sum(self._sizes))  # [K, P]
        if first[0].requires_grad:
            gradients = [member[0].grad for member in members if member[0].grad is not None]
            self._buffer.requires_grad_().grad = _matrix(gradients, sum(self._sizes))
        place = {id(item): index for index, item in enumerate(first)}
        self._inputs = [(name, _steps(plan.branches.get(name, ()), place)) for name in plan.inputs]
        self._trunk = _steps(plan.trunk, place)
        self._heads = [(name, _steps(modules, place)) for name, modules in plan.heads.items()]

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the outputs [K, B, n] by key for inputs [B, ...] by key."""
        parts = torch.split(self._buffer, self._sizes, 1)  # whose backward is a single concatenation
        weights = [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]
        hidden = [_run(steps, self._shared(inputs[name]), weights) for name, steps in self._inputs]
        features = _run(self._trunk, torch.cat(hidden, -1) if len(hidden) > 1 else hidden[0], weights)
        return {name: _run(steps, features, weights) for name, steps in self._heads}

    def stale(self) -> bool:
        """Return whether some weight or gradient no longer lies where it lay."""
        for parameter, address, gradient in self._places:
            if parameter.data_ptr() != address or _address(parameter.grad) != gradient:
                return True
        return False

    def _shared(self, value: Tensor) -> Tensor:
        """Return [K, B, n] from [B, ...] of any dtype, without copying where possible."""
        matrix = value if value.ndim == 2 else value.reshape(len(value), -1)
        return matrix.float().expand(len(self._buffer), -1, -1)


def stack_networks(networks: Sequence[nn.Module]) -> StackedNetworks | None:
    """Return networks as one, or None where they have to be run one by one.

    That takes networks that describe themselves (``dense_plan()``), equally built of layers that ``compile_numpy``
    knows, whose weights and gradients lie one after the other in one buffer, as after ``flatten_parameters_``.

    Args:
        networks: K of them.
    """
    plans = [plan for plan in map(_plan_of, networks) if plan is not None]
    if len(plans) < 2 or len(plans) < len(networks) or len({_form(plan) for plan in plans}) > 1:
        return None
    members = [list(network.parameters()) for network in networks]
    if len({(type(net), *(item.shape for item in member)) for net, member in zip(networks, members, strict=True)}) > 1:
        return None
    planned = {id(item) for module in plans[0].modules() for item in module.parameters()}
    if not planned or planned != {id(item) for item in members[0]}:
        return None
    everything = [item for member in members for item in member]
    gradients = [item.grad for item in everything if item.grad is not None]
    learning = {item.requires_grad for item in everything}
    if len(learning) > 1 or not _side_by_side([item.data for item in everything]):
        return None
    if learning == {True} and (len(gradients) < len(everything) or not _side_by_side(gradients)):
        return None
    return StackedNetworks(members, plans[0])


def _plan_of(network: nn.Module) -> DensePlan | None:
    dense_plan = getattr(network, "dense_plan", None)
    plan: DensePlan | None = dense_plan() if callable(dense_plan) else None
    return plan if plan is not None and compile_numpy(plan) is not None else None


def _form(plan: DensePlan) -> tuple[object, ...]:
    """Return what plans have to have in common; the texts of torch's modules tell their settings."""
    branches = tuple((name, str(modules)) for name, modules in plan.branches.items())
    heads = tuple((name, str(modules)) for name, modules in plan.heads.items())
    return plan.inputs, branches, str(plan.trunk), heads


def _side_by_side(tensors: Sequence[Tensor]) -> bool:
    """Tell whether contiguous tensors of one storage follow each other without a gap."""
    expected = tensors[0].data_ptr()
    for tensor in tensors:
        if tensor.data_ptr() != expected or not tensor.is_contiguous():
            return False
        expected += tensor.numel() * tensor.element_size()
    return len({tensor.untyped_storage().data_ptr() for tensor in tensors}) == 1


def _matrix(firsts: Sequence[Tensor], width: int) -> Tensor:
    """Return a view [K, width] of what begins with K tensors that lie ``width`` numbers apart."""
    return firsts[0].detach().as_strided((len(firsts), width), (width, 1), firsts[0].storage_offset())


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _steps(modules: Sequence[nn.Module], place: Mapping[int, int]) -> list[_Step]:
    """Return what is done layer by layer, flattening apart, since everything is a matrix already."""
    return list(_each_step(modules, place))


def _each_step(modules: Sequence[nn.Module], place: Mapping[int, int]) -> Iterator[_Step]:
    for module in modules:
        if isinstance(module, nn.Linear):
            bias: nn.Parameter | None = module.bias
            yield _Linear(place[id(module.weight)], None if bias is None else place[id(bias)])
        elif not isinstance(module, nn.Flatten | nn.Identity):
            yield module


def _run(steps: list[_Step], value: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Apply the steps to [K, B, n]."""
    for step in steps:
        if isinstance(step, _Linear):
            value = _linear(value, weights[step.weight], None if step.bias is None else weights[step.bias])
        else:
            in_place = _IN_PLACE.get(type(step))
            value = step(value) if in_place is None or value.is_leaf else in_place(value)
    return value


def _linear(value: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return ``value @ weight^T + bias``, [K, B, out].

    One output is a weighted sum, because a product with a single column takes as long as one with a hundred.

    Args:
        value: [K, B, in].
        weight: [K, out, in].
        bias: [K, out], or None.
    """
    if weight.shape[1] == 1:
        result = (value * weight).sum(-1, keepdim=True)
        return result if bias is None else result + bias.unsqueeze(1)
    if bias is None:
        return torch.bmm(value, weight.transpose(1, 2))
    return torch.baddbmm(bias.unsqueeze(1), value, weight.transpose(1, 2))
