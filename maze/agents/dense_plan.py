"""Runs small dense networks in NumPy on the live torch weights, several times faster than torch does.

A network of a few dozen units costs torch more in bookkeeping than in arithmetic. A network that describes itself as a
``DensePlan`` is acted with in NumPy: the arrays are views of the parameters, so optimiser steps are seen at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import numpy as np
import torch
from torch import nn

from maze.types import Array

__all__ = ["DensePlan", "NumpyForward", "compile_numpy"]

_Step: TypeAlias = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class DensePlan:
    """How a dense network computes: flatten every input, run its branch, concatenate, run the trunk, then each head.

    Attributes:
        inputs: observation keys in the order of concatenation.
        trunk: modules applied to the concatenated inputs, in order.
        heads: modules applied to the trunk's output, by output key.
        branches: modules applied to single inputs before concatenation; inputs without one are taken as they are.
    """

    inputs: tuple[str, ...]
    trunk: tuple[nn.Module, ...]
    heads: Mapping[str, tuple[nn.Module, ...]]
    branches: Mapping[str, tuple[nn.Module, ...]] = field(default_factory=dict)

    def modules(self) -> list[nn.Module]:
        """Return every module of the plan."""
        parts = (*self.branches.values(), self.trunk, *self.heads.values())
        return [module for part in parts for module in part]


class NumpyForward:
    """A compiled plan: call it with arrays [B, ...] by observation key to get arrays [B, n] by output key.

    It follows in-place changes of the parameters. Where storage was exchanged (``parameter.data = ...``, a move to
    another device) ``stale()`` turns true and the plan has to be compiled again. Inputs are never written to.

    Args:
        plan: how the network computes.
        make_linear: makes the function [B, in] -> [B, out] of a linear module; by default on views of its parameters.
    """

    def __init__(self, plan: DensePlan, make_linear: Callable[[nn.Linear], _Step] | None = None) -> None:
        self._plan = plan
        make_linear = make_linear or _linear
        self._addresses = [
            (parameter, parameter.data_ptr()) for module in plan.modules() for parameter in module.parameters()
        ]
        self._inputs = [(name, _compile(plan.branches.get(name, ()), make_linear)) for name in plan.inputs]
        self._trunk = _compile(plan.trunk, make_linear)
        self._heads = [(name, _compile(modules, make_linear)) for name, modules in plan.heads.items()]
        self._chain: list[_Step] | None = None  # all steps, where a single input leads to a single output
        if len(self._inputs) == len(self._heads) == 1:
            (self._input, branch), (self._output, head) = self._inputs[0], self._heads[0]
            self._chain = [*branch, *self._trunk, *head]

    def frozen(self) -> NumpyForward:
        """Return the same network with its weights as they are now, in an order that makes large batches faster."""
        return NumpyForward(self._plan, _frozen_linear)

    def stale(self) -> bool:
        """Return whether some parameter no longer lies where it lay when the plan was compiled."""
        for parameter, address in self._addresses:  # noqa: SIM110 -- a plain loop costs half of any() with a generator
            if parameter.data_ptr() != address:
                return True
        return False

    def __call__(self, observation: Mapping[str, Array]) -> dict[str, Array]:
        """Return the network's output, float32 [B, n] by key."""
        if self._chain is not None:
            value = _as_matrix(observation[self._input])
            for step in self._chain:
                value = step(value)
            return {self._output: value}
        if len(self._inputs) == 1:
            name, branch = self._inputs[0]
            hidden = _run(branch, _as_matrix(observation[name]))
        else:
            hidden = np.concatenate([_run(branch, _as_matrix(observation[name])) for name, branch in self._inputs], -1)
        hidden = _run(self._trunk, hidden)
        return {name: _run(steps, hidden) for name, steps in self._heads}


def compile_numpy(plan: DensePlan) -> NumpyForward | None:
    """Return the plan as NumPy code on views of its parameters, or None where that would not compute the same.

    Supported are ``Linear``, ``Tanh``, ``ReLU``, ``ELU``, ``SELU``, ``LeakyReLU``, ``Sigmoid``, ``Identity`` and
    ``Flatten`` in single precision on the CPU. Subclasses of them and modules with forward hooks are not, since they
    may compute something else.

    Args:
        plan: what the network computes.
    """
    if all(_is_supported(module) for module in plan.modules()):
        return NumpyForward(plan)
    return None


def _is_supported(module: nn.Module) -> bool:
    """Return whether NumPy can compute what ``module`` computes."""
    if module._forward_hooks or module._forward_pre_hooks:
        return False
    if isinstance(module, nn.Linear):
        plain = type(module).forward is nn.Linear.forward and set(module._parameters) == {"weight", "bias"}
        parameters = list(module.parameters())
        return plain and all(item.device.type == "cpu" and item.dtype == torch.float32 for item in parameters)
    if isinstance(module, nn.Flatten):
        return (module.start_dim, module.end_dim) == (1, -1)
    return type(module) in _ACTIVATIONS or type(module) is nn.Identity


def _as_matrix(value: Array) -> Array:
    """Return float32 [B, n] from [B, ...] of any dtype, without copying where possible."""
    if value.dtype != np.float32:
        value = value.astype(np.float32)
    return value if value.ndim == 2 else value.reshape(len(value), -1)


def _run(steps: list[_Step], value: Array) -> Array:
    """Apply the steps in order."""
    for step in steps:
        value = step(value)
    return value


def _compile(modules: tuple[nn.Module, ...], make_linear: Callable[[nn.Linear], _Step]) -> list[_Step]:
    """Return one step per module that computes; activations work in place on what a step before them made."""
    steps: list[_Step] = []
    for module in modules:
        if isinstance(module, nn.Linear):
            steps.append(make_linear(module))
        elif (make_step := _ACTIVATIONS.get(type(module))) is not None:
            steps += [make_step(module)] if steps else [np.copy, make_step(module)]
    return steps


def _linear(module: nn.Linear) -> _Step:
    """Return the affine map of ``module`` on views of its parameters."""
    bias = module._parameters.get("bias")
    return _affine(module.weight.detach().numpy().T, None if bias is None else bias.detach().numpy())


def _frozen_linear(module: nn.Linear) -> _Step:
    """Return the affine map of ``module`` with copies of its parameters."""
    bias = module._parameters.get("bias")
    weight = np.array(module.weight.detach().numpy().T, order="C")
    return _affine(weight, None if bias is None else bias.detach().numpy().copy())


def _affine(weight: Array, bias: Array | None) -> _Step:
    """Return the affine map of weights [in, out] and biases [out]."""
    dot = np.dot
    if bias is None:
        return lambda value: dot(value, weight)

    def affine(value: Array) -> Array:
        result: Array = dot(value, weight)
        result += bias
        return result

    return affine


def _tanh(_: nn.Module) -> _Step:
    return lambda value: np.tanh(value, value)


def _relu(_: nn.Module) -> _Step:
    return lambda value: np.maximum(value, 0.0, out=value)


def _sigmoid(_: nn.Module) -> _Step:
    def sigmoid(value: Array) -> Array:
        value *= 0.5
        np.tanh(value, value)  # unlike exp, it cannot overflow
        value += 1.0
        value *= 0.5
        return value

    return sigmoid


def _leaky_relu(module: nn.Module) -> _Step:
    slope = np.float32(cast("nn.LeakyReLU", module).negative_slope)
    return lambda value: np.where(value > 0.0, value, value * slope)


def _elu(module: nn.Module) -> _Step:
    alpha = np.float32(cast("nn.ELU", module).alpha)
    return lambda value: np.where(value > 0.0, value, alpha * np.expm1(np.minimum(value, 0.0)))


def _selu(_: nn.Module) -> _Step:
    scale, alpha = np.float32(1.0507009873554804934193349852946), np.float32(1.6732632423543772848170429916717)
    return lambda value: scale * np.where(value > 0.0, value, alpha * np.expm1(np.minimum(value, 0.0)))


_ACTIVATIONS: dict[type[nn.Module], Callable[[nn.Module], _Step]] = {
    nn.Tanh: _tanh,
    nn.ReLU: _relu,
    nn.ELU: _elu,
    nn.SELU: _selu,
    nn.LeakyReLU: _leaky_relu,
    nn.Sigmoid: _sigmoid,
}
