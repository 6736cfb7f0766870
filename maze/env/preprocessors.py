"""Pre-processors of single observations: pure functions over arrays with any leading batch axes, and their spaces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import EllipsisType
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
from gymnasium import spaces
from pydantic import Field

from maze.config.targets import is_within
from maze.env.resizing import INTERPOLATIONS, resize, resize_weights
from maze.env.wrapper_arguments import checked
from maze.errors import InvalidSpecificationError, suggest
from maze.types import FLOAT, Array

__all__ = ["Flatten", "OneHot", "PreProcessor", "ResizeImg", "Rgb2Gray", "Transpose", "UnSqueeze"]

_Size: TypeAlias = Annotated[int, Field(ge=1)]


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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__ and is_within(cls.__module__, ("maze",)):
            cls.__init__ = checked(cls)  # type: ignore[method-assign]

    @abstractmethod
    def __init__(self, space: spaces.Space[Any]) -> None: ...

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse arguments that are of the annotated types, and wrong for every space.

        Args:
            arguments: of the constructor, by name, defaults included; one that is not known yet is missing.
            path: where they stand, for messages: ``f"{path}.{name}: ..."``.

        Raises:
            InvalidSpecificationError: names the argument.
        """
        del arguments, path  # most need no more than their types

    @abstractmethod
    def __call__(self, values: Array) -> Array:
        """Return the results for observations ``[..., *shape]``."""


class _BoxPreProcessor(PreProcessor):
    """A pre-processor of boxes."""

    def box(self, space: spaces.Space[Any]) -> spaces.Box:
        """Return the space as the box that it must be."""
        if not isinstance(space, spaces.Box):
            raise InvalidSpecificationError(
                f"{type(self).__name__} works on a Box; put OneHot before it, or leave this step out."
            )
        self.n_axes = len(space.shape)
        return space

    def axis(self, name: str, value: int, n_axes: int) -> int:
        """Return an axis of the observation, counted from its end, so that batch axes do not matter."""
        if not -n_axes <= value < n_axes:
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

    def __init__(self, space: spaces.Space[Any], num_flatten_dims: Annotated[int, Field(ge=1)] | None = None) -> None:
        box = self.box(space)
        self.n_flat = self.n_axes if num_flatten_dims is None else num_flatten_dims
        if self.n_flat > self.n_axes:
            raise InvalidSpecificationError(
                f"Flatten: num_flatten_dims is {num_flatten_dims}, of {self.n_axes} axes; give 1 to {self.n_axes}, or "
                "null for all of them."
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
            raise InvalidSpecificationError("OneHot works on Discrete and MultiDiscrete; leave this step out.")
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
        target_size: tuple[_Size, _Size],
        transpose: bool = False,
        interpolation: str = "bilinear",
    ) -> None:
        box, size = self.box(space), list(target_size)
        if self.n_axes not in (2, 3):
            raise InvalidSpecificationError(
                "ResizeImg works on images of 2 or 3 axes, [H, W] or [H, W, C], and with transpose: true on [C, H, W]; "
                f"this has {self.n_axes}. Name the observation that is an image, or leave this step out."
            )
        self.channels_last = self.n_axes == 3 and not transpose
        rows, columns = box.shape[:2] if self.channels_last else box.shape[-2:]
        self._weights = resize_weights(rows, size[0], interpolation), resize_weights(columns, size[1], interpolation)
        channels = box.shape[2:] if self.channels_last else box.shape[:-2]
        shape = (*size, *channels) if self.channels_last else (*channels, *size)
        self.space = spaces.Box(box.low.min(), box.high.max(), shape, box.dtype.type)

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse unknown interpolations; see `PreProcessor.check_values`."""
        named = arguments.get("interpolation")
        if named not in INTERPOLATIONS:
            raise InvalidSpecificationError(
                f"{path}.interpolation: {named!r} is unknown; {suggest(named, INTERPOLATIONS)}"
            )

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
        expected = "images with an axis of three colours, such as [H, W, 3]"
        if self.n_axes < 2:
            raise InvalidSpecificationError(
                f"Rgb2Gray works on {expected}. Name the observation that is an image, or leave this step out."
            )
        self.rgb_axis = self.axis("rgb_dim", rgb_dim, self.n_axes)
        if box.shape[self.rgb_axis] != 3:
            raise InvalidSpecificationError(
                f"Rgb2Gray works on {expected}; axis {rgb_dim} does not hold three colours. Give rgb_dim the axis that "
                "does, or leave this step out."
            )
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
        self.axes = [axis if axis < 0 else axis - self.n_axes for axis in axes]  # counted from the end
        if sorted(self.axes) != list(range(-self.n_axes, 0)):
            raise InvalidSpecificationError(
                f"Transpose: axes is {list(axes)!r}; name each of {self.n_axes} axes once, in the order of the result, "
                f"such as {list(range(self.n_axes))[::-1]}."
            )
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
