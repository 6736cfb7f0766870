"""Runs equally built dense networks as one node of the gradient graph, several times with fewer passes over memory.

Layers of a few hundred units cost torch's gradient graph about as much in copies and bookkeeping as in arithmetic.
Here non-linearities work in place, gradients are added to where they belong in the very matrix product that makes them,
and products with a matrix of a few columns, which take as long as those with a hundred, have them as rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from maze.agents.dense_plan import DensePlan, compile_numpy
from maze.agents.products import affine, is_large, multiply_transposed

__all__ = ["DetachedOutputs", "FusedNetworks", "fuse_networks"]

_FEW = 16
"""Columns that are few."""


@dataclass(frozen=True, slots=True)
class _NonLinearity:
    """A non-linearity whose gradient needs its output alone.

    Attributes:
        apply_: computes in place.
        backward_: turns the gradient of the output into that of the input in place, given the output.
    """

    apply_: Callable[[Tensor], Tensor]
    backward_: Callable[[Tensor, Tensor], Tensor]


def _relu_backward_(gradient: Tensor, output: Tensor) -> Tensor:
    result: Tensor = torch.ops.aten.threshold_backward.grad_input(gradient, output, 0, grad_input=gradient)
    return result


def _tanh_(value: Tensor) -> Tensor:
    """Compute in place; NumPy takes a tenth of torch's time for it on one core."""
    if value.device.type != "cpu":
        return torch.tanh_(value)
    array = value.numpy()
    np.tanh(array, array)
    return value


def _tanh_backward_(gradient: Tensor, output: Tensor) -> Tensor:
    result: Tensor = torch.ops.aten.tanh_backward.grad_input(gradient, output, grad_input=gradient)
    return result


_NON_LINEARITIES: Mapping[type[nn.Module], _NonLinearity] = {
    nn.ReLU: _NonLinearity(torch.relu_, _relu_backward_),
    nn.Tanh: _NonLinearity(_tanh_, _tanh_backward_),
}

_Layer: TypeAlias = tuple[nn.Linear, _NonLinearity]


@dataclass(frozen=True, slots=True)
class _Network:
    """One network: hidden layers, and a linear head for each output."""

    hidden: tuple[_Layer, ...]
    heads: tuple[nn.Linear, ...]


class FusedNetworks:
    """K dense networks in one, see :func:`fuse_networks`.

    ``backward`` adds to the gradients of the networks' parameters. ``torch.autograd.grad`` with respect to these finds
    no way to them, and there are no second derivatives.

    Args:
        inputs: keys of what the networks read, in the order of concatenation.
        outputs: keys of what they put out.
        networks: K networks.
    """

    def __init__(self, inputs: tuple[str, ...], outputs: tuple[str, ...], networks: Sequence[_Network]) -> None:
        self._inputs = inputs
        self._outputs = outputs
        self._networks = tuple(networks)

    def __call__(self, inputs: Mapping[str, Tensor], *, learn: bool = True) -> dict[str, Tensor]:
        """Return the outputs [K, B, n] by key.

        Args:
            inputs: by key [B, ...], of any dtype.
            learn: let gradients reach the parameters, too, where these have any.
        """
        weight = self._networks[0].heads[0].weight
        learn = learn and weight.requires_grad
        outputs = _Fused.apply(self._matrix(inputs), weight if learn else None, self._networks)  # type: ignore[no-untyped-call]
        return dict(zip(self._outputs, outputs, strict=True))

    @torch.no_grad()
    def detached(self, inputs: Mapping[str, Tensor], *, learn: bool = True) -> DetachedOutputs:
        """Run the first network outside of the gradient graph, which costs half as much as a node in it.

        Args:
            inputs: by key [B, ...]; no gradients reach them.
            learn: let gradients reach the parameters, where these have any.
        """
        matrix, network = self._matrix(inputs), self._networks[0]
        outputs = [matrix.new_empty(len(matrix), head.out_features) for head in network.heads]
        hidden = _forward(network, matrix, outputs)
        by_key = dict(zip(self._outputs, outputs, strict=True))
        learn = learn and network.heads[0].weight.requires_grad
        return DetachedOutputs(by_key, network, (matrix, *hidden) if learn else ())

    def _matrix(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return the inputs side by side, float32 [B, n]."""
        parts = [(value := inputs[name]).reshape(len(value), -1) for name in self._inputs]
        return (torch.cat(parts, 1) if len(parts) > 1 else parts[0]).float()


class DetachedOutputs:
    """What a network put out, as leaves of a new gradient graph, and the way back from them to its parameters.

    Args:
        outputs: by key [B, n].
        network: that made them.
        values: its inputs [B, n], then the output of every hidden layer; nothing where it does not learn.
    """

    def __init__(self, outputs: dict[str, Tensor], network: _Network, values: Sequence[Tensor]) -> None:
        self.outputs = outputs
        self._network = network
        self._values = values
        for output in outputs.values():
            output.requires_grad_(bool(values))

    @torch.no_grad()
    def backward(self) -> None:
        """Add to the gradients of the network's parameters what the outputs' own gradients ask for."""
        gradients = [output.grad for output in self.outputs.values()]
        if self._values and any(gradient is not None for gradient in gradients):
            of_heads = [
                torch.zeros_like(output) if gradient is None else gradient
                for output, gradient in zip(self.outputs.values(), gradients, strict=True)
            ]
            _backward(self._network, self._values, of_heads, learns=True, wanted=False)


class _Fused(torch.autograd.Function):
    """The node: forward and backward through K networks."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, anchor: Tensor | None, networks: Sequence[_Network]) -> tuple[Tensor, ...]:
        """Return each head's outputs [K, B, n]; ``anchor`` is a parameter where parameters learn."""
        n_rows = len(matrix)
        outputs = tuple(matrix.new_empty(len(networks), n_rows, head.out_features) for head in networks[0].heads)
        hidden = []
        for index, network in enumerate(networks):
            hidden.append(_forward(network, matrix, [output[index] for output in outputs]))
        ctx.save_for_backward(matrix)
        ctx.hidden, ctx.networks, ctx.learns = hidden, networks, anchor is not None
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None]:
        """Add to the parameters' gradients, and return that of the inputs where it is wanted."""
        (matrix,) = ctx.saved_tensors
        wanted, total = ctx.needs_input_grad[0], None
        for index, (network, hidden) in enumerate(zip(ctx.networks, ctx.hidden, strict=True)):
            of_heads = [gradient[index] for gradient in gradients]
            part = _backward(network, [matrix, *hidden], of_heads, learns=ctx.learns, wanted=wanted)
            total = part if total is None else total.add_(part) if part is not None else None
        return total, None, None


def _forward(network: _Network, matrix: Tensor, outputs: Sequence[Tensor]) -> list[Tensor]:
    """Write each head's outputs [B, n] for inputs [B, n]; return those of the hidden layers."""
    values = [matrix]
    for linear, non_linearity in network.hidden:
        values.append(non_linearity.apply_(affine(values[-1], linear.weight, linear.bias)))
    for head, output in zip(network.heads, outputs, strict=True):
        _project(head, values[-1], output)
    return values[1:]


def _backward(
    network: _Network, values: Sequence[Tensor], of_heads: Sequence[Tensor], *, learns: bool, wanted: bool
) -> Tensor | None:
    """Go back through one network.

    Args:
        network: the network.
        values: its inputs [B, n], then the output of every hidden layer.
        of_heads: gradients with respect to each head's output, [B, n].
        learns: add to the gradients of its parameters.
        wanted: return the gradient with respect to its inputs.
    """
    gradient: Tensor | None = None
    for head, of_head in zip(network.heads, of_heads, strict=True):
        if learns:
            _learn(head, values[-1], of_head)
        if wanted or network.hidden:
            part = torch.mm(of_head, head.weight)
            gradient = part if gradient is None else gradient.add_(part)
    layers = list(zip(network.hidden, pairwise(values), strict=True))
    for (linear, non_linearity), (value, output) in reversed(layers):
        assert gradient is not None  # noqa: S101  (there is at least one head)
        non_linearity.backward_(gradient, output)
        if learns:
            _learn(linear, value, gradient)
        if not wanted and value is values[0]:
            return None
        if linear.in_features <= _FEW:
            gradient = torch.mm(linear.weight.t(), gradient.t()).t()
        else:
            gradient = multiply_transposed(gradient, linear.weight.t())
    return gradient


def _project(head: nn.Linear, value: Tensor, output: Tensor) -> None:
    """Write ``value @ weight^T + bias`` into ``output`` [B, n]."""
    if head.out_features <= _FEW:
        torch.addmm(head.bias.unsqueeze(1), head.weight, value.t(), out=output.t())
    else:
        torch.addmm(head.bias, value, head.weight.t(), out=output)


def _learn(linear: nn.Linear, value: Tensor, gradient: Tensor) -> None:
    """Add to a layer's gradients, given its inputs [B, n] and the gradient with respect to its outputs [B, m]."""
    of_weight, of_bias = (_gradient_of(parameter) for parameter in (linear.weight, linear.bias))
    of_bias.add_(gradient.sum(0))
    if linear.in_features <= _FEW:
        of_weight.add_(torch.mm(value.t(), gradient).t())
    elif is_large(gradient.t(), value.t()):
        of_weight.add_(multiply_transposed(gradient.t(), value.t()))
    else:
        of_weight.addmm_(gradient.t(), value)


def _gradient_of(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


def fuse_networks(networks: Sequence[nn.Module]) -> FusedNetworks | None:
    """Return networks as one, or None where they have to be run one by one.

    That takes networks of one class that describe themselves (``dense_plan()``) as linear layers with ReLU or tanh
    behind each, and one linear layer for every head.

    Args:
        networks: K of them.
    """
    plans = [plan for plan in map(_plan_of, networks) if plan is not None]
    built = [_network_of(plan) for plan in plans]
    fused = [network for network in built if network is not None]
    if not networks or len(fused) < len(networks) or len({_form(plan) for plan in plans}) > 1:
        return None
    if len({type(network) for network in networks}) > 1:
        return None
    if len({parameter.requires_grad for network in networks for parameter in network.parameters()}) > 1:
        return None
    return FusedNetworks(plans[0].inputs, tuple(plans[0].heads), fused)


def _plan_of(network: nn.Module) -> DensePlan | None:
    dense_plan = getattr(network, "dense_plan", None)
    plan: DensePlan | None = dense_plan() if callable(dense_plan) else None
    if plan is None or compile_numpy(plan) is None or any(map(_is_watched, plan.modules())):
        return None
    if len(plan.inputs) == 1:  # what is in front of a concatenation of one is in front of the trunk
        trunk = (*plan.branches.get(plan.inputs[0], ()), *plan.trunk)
        return DensePlan(plan.inputs, trunk, plan.heads)
    return None if any(plan.branches.values()) else plan


def _is_watched(module: nn.Module) -> bool:
    """Return whether somebody wants to see gradients on their way through a module, or into its parameters."""
    hooks = [module._backward_hooks, module._backward_pre_hooks]
    return any(hooks) or any(parameter._backward_hooks for parameter in module.parameters())


def _form(plan: DensePlan) -> tuple[object, ...]:
    """Return what plans have to have in common; the texts of torch's modules tell their settings."""
    return plan.inputs, str(plan.trunk), tuple((name, str(modules)) for name, modules in plan.heads.items())


def _network_of(plan: DensePlan) -> _Network | None:
    """Return a plan's layers, None where they are others than those that can be fused."""
    modules = [module for module in plan.trunk if not isinstance(module, nn.Flatten | nn.Identity)]
    linears, rest = modules[::2], modules[1::2]
    heads = [head for layers in plan.heads.values() for head in layers]
    if len(linears) != len(rest) or len(heads) != len(plan.heads):
        return None
    if not all(isinstance(item, nn.Linear) and item.bias is not None for item in (*linears, *heads)):
        return None
    if not all(type(item) in _NON_LINEARITIES for item in rest):
        return None
    hidden = tuple((linear, _NON_LINEARITIES[type(item)]) for linear, item in zip(linears, rest, strict=True))
    return _Network(hidden, tuple(heads))  # type: ignore[arg-type]
