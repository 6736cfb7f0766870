"""What all blocks share: keys, shapes, batch axes, and errors that say what does not fit."""

from __future__ import annotations

import abc
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn

from maze.agents.network_state import StateShapes, step_over_time
from maze.config.instantiate import resolve_target
from maze.errors import InvalidSpecificationError, MazeError

__all__ = [
    "Block",
    "Keys",
    "NonLinearity",
    "Shape",
    "Shapes",
    "as_keys",
    "as_shapes",
    "concatenate_flat",
    "flatten_batch",
    "floating",
    "resolve_non_linearity",
]

NonLinearity: TypeAlias = str | type[nn.Module]
"""A dotted path such as ``torch.nn.Tanh``, or the class itself."""

Shape: TypeAlias = tuple[int, ...]
Keys: TypeAlias = str | Sequence[str]
"""One key, or several."""

Shapes: TypeAlias = Sequence[int] | Sequence[Sequence[int]]
"""One shape, or one for each key; without the batch axes."""


class Block(nn.Module, abc.ABC):
    """Base of all blocks: reads tensors by key, computes, and puts out tensors by key.

    A block is called with a dictionary of tensors ``[*batch, *in_shape]``; other keys are ignored. The batch axes may
    be any number (``[B]``, time and batch ``[T, B]``, none), and come back unchanged. A subclass computes on exactly
    one batch axis, in ``compute``.

    Args:
        in_keys: keys that are read.
        out_keys: keys that are put out.
        in_shapes: shape of one input by key, in the order of ``in_keys``.
        n_in: how many keys the block reads, for the check; None for any number above 0.
        n_axes: how many of the last axes belong together; axes of ``in_shapes`` in front of them are treated like
            batch axes (a dense layer on ``(T, n)`` works on each of the T rows). None takes all axes.

    Raises:
        InvalidSpecificationError: where the numbers of keys and shapes differ, or a shape has too few axes.
    """

    in_keys: list[str]
    out_keys: list[str]
    in_shapes: list[Shape]

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        *,
        n_in: int | Sequence[int] | None = 1,
        n_axes: int | None = None,
    ) -> None:
        super().__init__()
        self.in_keys, self.out_keys = as_keys(in_keys), as_keys(out_keys)
        self.in_shapes = as_shapes(in_shapes)
        self._out_shapes: list[Shape] | None = None
        name = type(self).__name__
        if len(self.in_shapes) != len(self.in_keys):
            raise InvalidSpecificationError(
                f"{name}: in_keys {self.in_keys} and in_shapes {self.in_shapes} differ in number; give one shape per "
                "key."
            )
        accepted = [n_in] if isinstance(n_in, int) else n_in
        if not self.in_keys or (accepted is not None and len(self.in_keys) not in accepted):
            wanted = "at least one" if accepted is None else " or ".join(map(str, accepted))
            raise InvalidSpecificationError(
                f"{name}: in_keys {self.in_keys} has {len(self.in_keys)} keys, not {wanted}."
            )
        self._own_axes = [len(shape) if n_axes is None else min(n_axes, len(shape)) for shape in self.in_shapes]

    @property
    def in_shape(self) -> Shape:
        """Shape of the first input."""
        return self.in_shapes[0]

    @property
    def out_shape(self) -> Shape:
        """Shape of the first output."""
        return self.out_shapes()[0]

    def out_shapes(self) -> list[Shape]:
        """Return the shape of each output without batch axes, found by running the block once on zeros."""
        if self._out_shapes is None:
            device = next((parameter.device for parameter in self.parameters()), torch.device("cpu"))
            zeros = [torch.zeros((1, *shape), device=device) for shape in self.in_shapes]
            was_training = self.training
            self.eval()
            try:
                with torch.no_grad():
                    outputs = self(dict(zip(self.in_keys, zeros, strict=True)))
            finally:
                self.train(was_training)
            self._out_shapes = [tuple(outputs[key].shape[1:]) for key in self.out_keys]
        return self._out_shapes

    @abc.abstractmethod
    def compute(self, *values: Tensor) -> Tensor | Sequence[Tensor]:
        """Return the output [B, ...], or one for each of ``out_keys``, of inputs [B, ...] in their order."""

    def forward(self, block_input: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return tensors [*batch, *out_shape] by key for tensors [*batch, *in_shape] by key.

        Raises:
            MazeError: where a key is missing, or a shape or the batch axes do not fit.
        """
        values, leading = self._with_one_batch_axis(block_input)
        outputs = self.compute(*values)
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        if len(outputs) != len(self.out_keys):
            raise MazeError(f"{type(self).__name__} computes {len(outputs)} outputs for the keys {self.out_keys}.")
        if len(leading) != 1:
            outputs = [value.reshape(leading + value.shape[1:]) for value in outputs]
        return dict(zip(self.out_keys, outputs, strict=True))

    @property
    def state_shapes(self) -> StateShapes:
        """Shape by key of what the block carries from step to step, see ``StateBlock``; empty for most blocks."""
        return {}

    def forward_over_time(
        self, block_input: Mapping[str, Tensor], state: Mapping[str, Tensor], begins: Tensor
    ) -> dict[str, Tensor]:
        """Return tensors [T, N, *out_shape] by key for sequences [T, N, *in_shape] by key.

        A block without state sees all steps at once.

        Args:
            block_input: what is read, without the state.
            state: of the first step, by key [N, ...]; keys of other blocks may be among them.
            begins: whether an episode begins at a step, so that the state is zero there, bool [T, N].
        """
        if not self.state_shapes:
            return self(block_input)  # type: ignore[no-any-return]
        return step_over_time(self, block_input, {key: state[key] for key in self.state_shapes}, begins)

    def dense_modules(self) -> tuple[nn.Module, ...] | None:
        """Return the modules that compute this block on flat inputs [B, n] one after another, else None."""
        return None

    def extra_repr(self) -> str:
        """Say what goes in and out, in torch's own printout."""
        inputs = ", ".join(f"{key} {shape}" for key, shape in zip(self.in_keys, self.in_shapes, strict=True))
        return f"{inputs} -> {', '.join(self.out_keys)}"

    def _with_one_batch_axis(self, block_input: Mapping[str, Tensor]) -> tuple[list[Tensor], torch.Size]:
        """Return the inputs [B, ...] and the axes that B stands for."""
        values: list[Tensor] = []
        leading: torch.Size | None = None
        for key, shape, n_own in zip(self.in_keys, self.in_shapes, self._own_axes, strict=True):
            if key not in block_input:
                raise MazeError(
                    f"{type(self).__name__} reads {key!r}, which is missing; given: "
                    f"{', '.join(map(repr, block_input))}."
                )
            value = block_input[key]
            if value.ndim < len(shape) or value.shape[value.ndim - len(shape) :] != shape:
                raise MazeError(
                    f"{type(self).__name__}: {key!r} has the shape {tuple(value.shape)}; expected is {shape}, with any "
                    "batch axes in front."
                )
            n_leading = value.ndim - n_own
            if leading is not None and value.shape[:n_leading] != leading:
                raise MazeError(
                    f"{type(self).__name__}: {key!r} has the batch axes {tuple(value.shape[:n_leading])}; "
                    f"{self.in_keys[0]!r} has {tuple(leading)}."
                )
            leading = value.shape[:n_leading]
            if n_leading != 1:
                value = value.flatten(0, n_leading - 1) if n_leading else value.unsqueeze(0)
            values.append(value)
        return values, cast("torch.Size", leading)


def as_keys(keys: Keys) -> list[str]:
    """Return a list of keys."""
    return [keys] if isinstance(keys, str) else list(keys)


def as_shapes(shapes: Shapes) -> list[Shape]:
    """Return a list of shapes: ``(3,)`` and ``[3]`` are one shape, ``[(3,)]`` is a list of one."""
    parts: list[Any] = list(shapes)
    if all(isinstance(part, int) for part in parts):
        return [tuple(parts)]
    return [tuple(int(size) for size in part) for part in parts]


def resolve_non_linearity(non_lin: NonLinearity) -> type[nn.Module]:
    """Return the module class of a non-linearity.

    Raises:
        InvalidSpecificationError: where it is no module class.
    """
    found: Any = resolve_target(non_lin, "non_lin") if isinstance(non_lin, str) else non_lin
    if isinstance(found, type) and issubclass(found, nn.Module) and _needs_nothing(found):
        return found
    raise InvalidSpecificationError(
        f"non_lin: {non_lin!r} is not a class of modules that need no arguments; accepted: a dotted path or class such "
        "as 'torch.nn.Tanh'."
    )


def _needs_nothing(module_class: type[nn.Module]) -> bool:
    """Return whether a class can be made without arguments."""
    try:
        inspect.signature(module_class).bind()
    except TypeError:
        return False
    return True


def floating(value: Tensor) -> Tensor:
    """Return the tensor as float32; no operation where it is floating already."""
    return value if value.is_floating_point() else value.float()


def flatten_batch(value: Tensor) -> Tensor:
    """Return float32 [B, n] from [B, ...]; no operation where it already is that."""
    if value.dtype != torch.float32:
        value = value.float()
    return value if value.ndim == 2 else value.reshape(value.shape[0], math.prod(value.shape[1:]))


def concatenate_flat(observation: Mapping[str, Tensor], keys: Sequence[str]) -> Tensor:
    """Return the flattened observations [B, n] in the order of ``keys``."""
    if len(keys) == 1:
        return flatten_batch(observation[keys[0]])
    return torch.cat([flatten_batch(observation[key]) for key in keys], -1)
