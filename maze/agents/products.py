"""Matrix products on the CPU at the speed that the processor has.

torch multiplies float32 matrices with MKL, which leaves AMD's wide registers unused; oneDNN, which torch brings along
for convolutions, uses them, and is twice as fast there for products of some size. Small ones take it longer to begin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["affine", "is_large", "multiply_transposed"]

_LARGE = 4_000_000
"""Multiplications from which oneDNN is the faster one."""


def _one_dnn() -> Callable[..., Any] | None:
    """Return oneDNN's affine map of dense matrices, None where this torch has none."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    try:
        operation: Callable[..., Any] = torch.ops.mkldnn._linear_pointwise.default
    except (AttributeError, RuntimeError):
        return None
    return operation


_affine_of_one_dnn = _one_dnn()


def multiply_transposed(left: Tensor, right: Tensor) -> Tensor:
    """Return ``left @ right^T`` [B, n], without gradients.

    Args:
        left: float32 [B, k], with any strides.
        right: float32 [n, k], with any strides.
    """
    if _affine_of_one_dnn is None or not is_large(left, right):
        return torch.mm(left, right.t())
    product: Tensor = _affine_of_one_dnn(left, right, None, "none", [], "")
    return product


def affine(value: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return ``value @ weight^T + bias`` [B, n], without gradients.

    Args:
        value: float32 [B, k].
        weight: float32 [n, k].
        bias: float32 [n].
    """
    if _affine_of_one_dnn is None or not is_large(value, weight):
        return torch.addmm(bias, value, weight.t())
    result: Tensor = _affine_of_one_dnn(value, weight, bias, "none", [], "")
    return result


def is_large(left: Tensor, right: Tensor) -> bool:
    """Return whether oneDNN multiplies ``left @ right^T``, which it cannot add to something in the same pass."""
    on_cpu = _affine_of_one_dnn is not None and left.device.type == "cpu" and left.dtype == torch.float32
    return on_cpu and left.shape[0] * left.shape[1] * right.shape[0] >= _LARGE
