"""Many blocks as one: each runs as soon as its inputs are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import Tensor

from maze.agents.keyed_modules import KeyedModules
from maze.agents.network_state import StateShapes
from maze.errors import InvalidSpecificationError, suggest
from maze.perception.blocks.base import Block, Keys, Shapes, as_keys, as_shapes

__all__ = ["InferenceBlock"]


class InferenceBlock(Block):
    """Runs the blocks that are needed for its outputs, in the order that their keys demand.

    Where blocks carry state, so does this one: their states are inputs and outputs of it, behind the others.

    Args:
        in_keys: keys that are read, usually the observations.
        out_keys: keys that are put out, usually the action heads or ``value``.
        in_shapes: shape of each input.
        perception_blocks: blocks by name, in any order; all of them are part of the module, and those run that the
            outputs need.

    Raises:
        InvalidSpecificationError: where nothing makes a key, two blocks make the same one, or blocks need each other.
    """

    def __init__(
        self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, perception_blocks: Mapping[str, Block]
    ) -> None:
        self._state_shapes = {
            key: shape for block in perception_blocks.values() for key, shape in block.state_shapes.items()
        }
        state_keys = list(self._state_shapes)
        super().__init__(
            [*as_keys(in_keys), *state_keys],
            [*as_keys(out_keys), *state_keys],
            [*as_shapes(in_shapes), *self._state_shapes.values()],
            n_in=None,
        )
        self.perception_blocks = KeyedModules(perception_blocks)
        makers: dict[str, str] = {}
        for name, block in perception_blocks.items():
            for key in block.out_keys:
                if key in block.state_shapes:
                    continue
                if key in makers or key in self.in_keys:
                    other = f"the block {makers[key]!r}" if key in makers else "an input"
                    raise InvalidSpecificationError(
                        f"InferenceBlock: the block {name!r} puts out {key!r}, which is {other} already; rename it."
                    )
                makers[key] = name
        self._order = self._sorted(dict(perception_blocks), makers)

    @property
    def blocks(self) -> dict[str, Block]:
        """The blocks that run, by name, in their order."""
        return {name: cast("Block", self.perception_blocks[name]) for name in self._order}

    def compute(self, *values: Tensor) -> list[Tensor]:
        """Return the outputs [B, ...] in the order of ``out_keys``."""
        tensors = dict(zip(self.in_keys, values, strict=True))
        for name in self._order:
            tensors.update(self.perception_blocks[name](tensors))
        return [tensors[key] for key in self.out_keys]

    @property
    def state_shapes(self) -> StateShapes:
        """Shape by key of what the blocks carry from step to step."""
        return self._state_shapes

    def forward_over_time(
        self, block_input: Mapping[str, Tensor], state: Mapping[str, Tensor], begins: Tensor
    ) -> dict[str, Tensor]:
        """Return tensors [T, N, *out_shape] by key for sequences; see ``Block.forward_over_time``."""
        tensors = dict(block_input)
        for block in self.blocks.values():
            tensors.update(block.forward_over_time(tensors, state, begins))
        return {key: tensors[key] for key in self.out_keys}

    def _sorted(self, blocks: Mapping[str, Block], makers: Mapping[str, str]) -> list[str]:
        """Return the names of the blocks that the outputs need, makers before readers."""
        order: list[str] = []
        waiting: list[str] = []

        def require(key: str, reader: str) -> None:
            if key in self.in_keys:
                return
            if key not in makers:
                accepted = [*self.in_keys, *makers]
                raise InvalidSpecificationError(
                    f"InferenceBlock: {reader} needs {key!r}, which nothing puts out; {suggest(key, accepted)}"
                )
            name = makers[key]
            if name in waiting:
                circle = " -> ".join([*waiting[waiting.index(name) :], name])
                raise InvalidSpecificationError(f"InferenceBlock: the blocks {circle} need each other.")
            if name not in order:
                waiting.append(name)
                for in_key in blocks[name].in_keys:
                    require(in_key, f"the block {name!r}")
                waiting.pop()
                order.append(name)

        for key in self.out_keys:
            require(key, "out_keys")
        return order
