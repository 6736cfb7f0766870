"""Pre-processors of single observations: pure functions over arrays with any leading batch axes, and their spaces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import EllipsisType
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from maze.env.resizing import INTERPOLATIONS, resize, resize_weights
from maze.errors import InvalidSpecificationError, suggest
from maze.types import FLOAT, Array

__all__ = ["Flatten", "OneHot", "PreProcessor", "ResizeImg", "Rgb2Gray", "Transpose", "UnSqueeze"]


class PreProcessor(ABC):
    """Turns one observation into another one.

    Args:
        space: the space of the observation, without batch axes.

    Attributes:
        tag: what the observation's key is continued with.
        space: the space of the result.
    """

    tag: ClassVar[str]
    space: spaces.Space[Any]

    @abstractmethod
    def __init__(self, space: spaces.Space[Any]) -> None: ...

    @abstractmethod
    def __call__(self, values: Array) -> Array:
        """Return the results for observations ``[..., *shape]``."""


class _BoxPreProcessor(PreProcessor):
    """A pre-processor of boxes."""

    def box(self, space: spaces.Space[Any]) -> spaces.Box:
        """Return the space as the box that it must be."""
        if not isinstance(space, spaces.Box):
            raise InvalidSpecificationError(f"{type(self).__name__} works on a Box; this observation is {space}.")
        self.n_axes = len(space.shape)
        return space

    def axis(self, name: str, value: object, n_axes: int) -> int:
        """Return an axis of the observation, counted from its end, so that batch axes do not matter."""
        if isinstance(value, bool) or not isinstance(value, int) or not -n_axes <= value < n_axes:
            raise InvalidSpecificationError(
                f"{type(self).__name__}: {name} is {value!r}; give a whole number from {-n_axes} to {n_axes - 1}."
            )
        return value if value < 0 else value - n_axes


class Flatten(_BoxPreProcessor):
    """Makes one axis of the last few.

    Args:
        space: the space of the observation.
        num_flatten_dims: how many axes; None for all.
    """

    tag = "flatten"

    def __init__(self, space: spaces.Space[Any], num_flatten_dims: int | None = None) -> None:
        box = self.box(space)
        self.n_flat = self.n_axes if num_flatten_dims is None else num_flatten_dims
        if isinstance(self.n_flat, bool) or not isinstance(self.n_flat, int) or not 1 <= self.n_flat <= self.n_axes:
            raise InvalidSpecificationError(
                f"Flatten: num_flatten_dims is {num_flatten_dims!r}; the observation has {self.n_axes} axes."
            )
        self.space = spaces.Box(self(box.low), self(box.high), dtype=box.dtype.type)

    def __call__(self, values: Array) -> Array:
        """Return ``[..., *kept, product of the last axes]``."""
        kept = values.shape[: values.ndim - self.n_flat]
        flat: Array = values.reshape(*kept, int(np.prod(values.shape[values.ndim - self.n_flat :])))
        return flat


class OneHot(PreProcessor):
    """Turns a class into a vector of zeros and a one; several classes into such vectors, one after the other.

    Args:
        space: a Discrete or MultiDiscrete space.
    """

    tag = "one_hot"

    def __init__(self, space: spaces.Space[Any]) -> None:
        if isinstance(space, spaces.Discrete):
            starts, counts = [int(space.start)], [int(space.n)]
        elif isinstance(space, spaces.MultiDiscrete):
            starts, counts = space.start.ravel().tolist(), space.nvec.ravel().tolist()
        else:
            raise InvalidSpecificationError(f"OneHot works on Discrete and MultiDiscrete; this observation is {space}.")
        self.n_axes = len(space.shape or ())
        self._owner = np.repeat(np.arange(len(counts)), counts)  # which class each element is about
        self._classes = np.concatenate([start + np.arange(count) for start, count in zip(starts, counts, strict=True)])
        self.space = spaces.Box(0.0, 1.0, (len(self._classes),), FLOAT)

    def __call__(self, values: Array) -> Array:
        """Return float32 ``[..., sum of the numbers of classes]``."""
        values = np.asarray(values)
        flat = values.reshape(*values.shape[: values.ndim - self.n_axes], -1)
        return np.asarray(flat[..., self._owner] == self._classes, FLOAT)


class ResizeImg(_BoxPreProcessor):
    """Resizes images ``[H, W]`` or ``[H, W, C]``; keeps their dtype.

    Args:
        space: the space of the observation.
        target_size: rows and columns of the result.
        transpose: the images are ``[C, H, W]``, and so are the results.
        interpolation: ``"bilinear"`` or ``"area"``.
    """

    tag = "resize_img"

    def __init__(
        self,
        space: spaces.Space[Any],
        target_size: Sequence[int],
        transpose: bool = False,
        interpolation: str = "bilinear",
    ) -> None:
        box = self.box(space)
        size = list(target_size)
        if len(size) != 2 or not all(isinstance(side, int) and side >= 1 for side in size):
            raise InvalidSpecificationError(f"ResizeImg: target_size is {target_size!r}; give rows and columns.")
        if interpolation not in INTERPOLATIONS:
            raise InvalidSpecificationError(
                f"ResizeImg: unknown interpolation {interpolation!r}: {suggest(interpolation, INTERPOLATIONS)}"
            )
        if self.n_axes not in (2, 3):
            raise InvalidSpecificationError(f"ResizeImg works on images of 2 or 3 axes; these have {self.n_axes}.")
        self.channels_last = self.n_axes == 3 and not transpose
        rows, columns = box.shape[:2] if self.channels_last else box.shape[-2:]
        self._weights = resize_weights(rows, size[0], interpolation), resize_weights(columns, size[1], interpolation)
        channels = box.shape[2:] if self.channels_last else box.shape[:-2]
        shape = (*size, *channels) if self.channels_last else (*channels, *size)
        self.space = spaces.Box(box.low.min(), box.high.max(), shape, box.dtype.type)

    def __call__(self, values: Array) -> Array:
        """Return ``[..., h, w]``, ``[..., h, w, C]`` or ``[..., C, h, w]``."""
        if self.channels_last:
            return np.moveaxis(resize(np.moveaxis(values, -1, -3), *self._weights), -3, -1)
        return resize(values, *self._weights)


class Rgb2Gray(_BoxPreProcessor):
    """Turns colours into their luma (ITU-R BT.601) and drops the axis of the colours; keeps the dtype.

    Args:
        space: the space of the observation.
        rgb_dim: axis of the three colours.
    """

    tag = "rgb2gray"

    def __init__(self, space: spaces.Space[Any], rgb_dim: int = -1) -> None:
        box = self.box(space)
        self.rgb_axis = self.axis("rgb_dim", rgb_dim, self.n_axes)
        if box.shape[self.rgb_axis] != 3:
            raise InvalidSpecificationError(f"Rgb2Gray: axis {rgb_dim} of {box.shape} does not hold three colours.")
        shape = np.delete(box.shape, self.rgb_axis).tolist()
        self.space = spaces.Box(box.low.min(), box.high.max(), shape, box.dtype.type)

    def __call__(self, values: Array) -> Array:
        """Return ``[..., *shape without the colours]``."""
        before: tuple[slice | EllipsisType, ...] = (Ellipsis,)
        after = (slice(None),) * (-self.rgb_axis - 1)
        red, green, blue = (values[(*before, colour, *after)] for colour in range(3))
        if values.dtype == np.uint8:  # whole numbers of 1 / 65536, rounded
            total = red * np.uint32(19595) + green * np.uint32(38470) + blue * np.uint32(7471) + np.uint32(32768)
            return np.right_shift(total, np.uint32(16)).astype(np.uint8)
        luma = red * FLOAT(0.299) + green * FLOAT(0.587) + blue * FLOAT(0.114)
        if values.dtype.kind != "f":
            luma = np.rint(luma)
        return np.asarray(luma, values.dtype)


class Transpose(_BoxPreProcessor):
    """Brings axes into another order.

    Args:
        space: the space of the observation.
        axes: for each axis of the result the one that it was, from 0.
    """

    tag = "transpose"

    def __init__(self, space: spaces.Space[Any], axes: Sequence[int]) -> None:
        box = self.box(space)
        self.axes = [self.axis("axes", axis, self.n_axes) for axis in axes]
        if sorted(self.axes) != list(range(-self.n_axes, 0)):
            raise InvalidSpecificationError(f"Transpose: axes is {list(axes)!r}; name each of {self.n_axes} axes once.")
        self.space = spaces.Box(self(box.low), self(box.high), dtype=box.dtype.type)

    def __call__(self, values: Array) -> Array:
        """Return ``[..., *shape in the new order]``."""
        n_batch = values.ndim - self.n_axes
        return values.transpose(*range(n_batch), *(values.ndim + axis for axis in self.axes))


class UnSqueeze(_BoxPreProcessor):
    """Adds an axis of size 1.

    Args:
        space: the space of the observation.
        dim: where it will be in the result.
    """

    tag = "unsqueeze"

    def __init__(self, space: spaces.Space[Any], dim: int) -> None:
        box = self.box(space)
        self.dim = self.axis("dim", dim, self.n_axes + 1)
        self.space = spaces.Box(self(box.low), self(box.high), dtype=box.dtype.type)

    def __call__(self, values: Array) -> Array:
        """Return ``[..., *shape with the new axis]``."""
        return np.expand_dims(values, self.dim)
