"""Resizing images by two matrix products, one for each axis, whose weights are computed once.

Every new pixel is a weighted mean of old ones: of those that it covers ("area"), or of a triangle around it that is
as wide as both pixel grids need ("bilinear", smooth when shrinking, too).
"""

from __future__ import annotations

import numpy as np

from maze.types import FLOAT, Array

__all__ = ["INTERPOLATIONS", "resize", "resize_weights"]

INTERPOLATIONS = ("bilinear", "area")
"""Ways to weight old pixels, by their name in configuration."""


def resize_weights(old_size: int, new_size: int, interpolation: str) -> Array:
    """Return the weights of old pixels in new ones, float32 ``[new_size, old_size]``; each row sums to 1.

    Args:
        old_size: pixels along the axis.
        new_size: pixels wanted.
        interpolation: one of `INTERPOLATIONS`.
    """
    scale = old_size / new_size
    new, old = np.arange(new_size)[:, None], np.arange(old_size)[None, :]
    if interpolation == "area":
        left, right = np.maximum(new * scale, old), np.minimum((new + 1) * scale, old + 1)
        weights = np.maximum(right - left, 0.0)
    else:
        distance = (old + 0.5) - (new + 0.5) * scale
        weights = np.maximum(1.0 - np.abs(distance) / max(scale, 1.0), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), FLOAT)


def resize(images: Array, row_weights: Array, column_weights: Array) -> Array:
    """Return images of another size, of the same dtype; integers are rounded.

    Args:
        images: ``[..., H, W]``.
        row_weights: from `resize_weights`, ``[h, H]``.
        column_weights: from `resize_weights`, ``[w, W]``.

    Returns:
        Images ``[..., h, w]``.
    """
    # Contiguous matrices, multiplied one by one: an image's result does not depend on how many others there are.
    values = np.ascontiguousarray(images, FLOAT)
    result: Array = np.matmul(np.matmul(row_weights, values), column_weights.T)
    if images.dtype.kind == "f":
        return result.astype(images.dtype, copy=False)
    return np.rint(result, out=result).astype(images.dtype)
