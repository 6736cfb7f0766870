"""The network that a template builds."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from maze.agents.dense_plan import DensePlan
from maze.agents.joint_pass import Known
from maze.agents.keyed_modules import KeyedModules
from maze.agents.network_state import StateShapes
from maze.perception.blocks.base import Block, Shape
from maze.perception.blocks.dense import FlattenBlock, LinearOutputBlock
from maze.perception.blocks.general import ConcatenationBlock

__all__ = ["TemplateNet"]


class TemplateNet(nn.Module):
    """A block for every observation, their concatenation, hidden layers, memory and linear heads.

    Args:
        obs_shapes: shape of one observation by key.
        branches: block by observation key; with a recurrence, for the observation of one step.
        flattens: what turns a branch's output into a vector, by observation key, where it is none already.
        concatenation: of what the branches put out.
        hidden: block on the concatenation, None for none.
        recurrence: block on what is in front of it, or on the sequence of that where observations are stacked; None for
            none.
        heads: linear layer by output key.
        head_shapes: shape of each output.

    Attributes:
        state_shapes: shape by key of what blocks carry from step to step; empty for most networks.
    """

    def __init__(
        self,
        obs_shapes: Mapping[str, Shape],
        branches: Mapping[str, Block],
        flattens: Mapping[str, FlattenBlock],
        concatenation: ConcatenationBlock,
        hidden: Block | None,
        recurrence: Block | None,
        heads: Mapping[str, LinearOutputBlock],
        head_shapes: Mapping[str, Shape],
    ) -> None:
        super().__init__()
        self.obs_shapes = {key: tuple(shape) for key, shape in obs_shapes.items()}
        self.branches = KeyedModules(branches)
        self.flattens = KeyedModules(flattens)
        self.concatenation = concatenation
        self.hidden = hidden
        self.recurrence = recurrence
        self.heads = KeyedModules(heads)
        self.head_shapes = {name: tuple(shape) for name, shape in head_shapes.items()}
        self.state_shapes: StateShapes = {
            key: shape for block in self.blocks.values() for key, shape in block.state_shapes.items()
        }

    @property
    def blocks(self) -> dict[str, Block]:
        """The blocks by name, in the order in which they run."""
        named: dict[str, nn.Module | None] = dict(self.branches.items())
        named |= {f"{key}:flat": block for key, block in self.flattens.items()}
        named |= {"concatenation": self.concatenation, "hidden": self.hidden, "recurrence": self.recurrence}
        named |= dict(self.heads.items())
        return {name: block for name, block in named.items() if isinstance(block, Block)}

    def forward(self, observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the heads' outputs [*batch, *head_shape] for observations [*batch, *obs_shape] by key.

        Where a block carries state, that is among the inputs and the outputs; see ``state_shapes``.
        """
        return self.forward_knowing(observation, {})

    def forward_knowing(self, observation: Mapping[str, Tensor], known: Known) -> dict[str, Tensor]:
        """Return what ``forward`` does, each shared block run once; see ``maze.agents.joint_pass.SharingNetwork``."""
        values = dict(observation)
        before_heads = (*self.branches.values(), *self.flattens.values(), self.concatenation, self.hidden)
        for block in (*before_heads, self.recurrence):
            if block is not None and block not in known:
                known[block] = block(values)
            values.update({} if block is None else known[block])
        outputs: dict[str, Tensor] = {}
        for name, head in self.heads.items():
            shape = self.head_shapes[name]
            value = head(values)[name]
            outputs[name] = value if len(shape) == 1 else value.unflatten(-1, shape)
        for key in self.state_shapes:
            outputs[key] = values[key]
        return outputs

    def forward_over_time(
        self, observation: Mapping[str, Tensor], state: Mapping[str, Tensor], begins: Tensor
    ) -> dict[str, Tensor]:
        """Return outputs [T, N, ...] by key for sequences; see :func:`maze.agents.network_state.run_over_time`."""
        values = dict(observation)
        for block in self.blocks.values():
            values.update(block.forward_over_time(values, state, begins))
        outputs = {name: values[name].reshape(*begins.shape, *shape) for name, shape in self.head_shapes.items()}
        return outputs | {key: values[key] for key in self.state_shapes}

    def dense_plan(self) -> DensePlan | None:
        """Return how the network computes, None where some block is not dense or an output is no vector."""
        if (
            self.recurrence is not None
            or self.state_shapes
            or any(len(shape) != 1 for shape in self.head_shapes.values())
        ):
            return None
        branches = {key: _dense_modules(branch) for key, branch in self.branches.items()}
        trunk = () if self.hidden is None else _dense_modules(self.hidden)
        heads = {name: _dense_modules(head) for name, head in self.heads.items()}
        if trunk is None or None in branches.values() or None in heads.values():
            return None
        return DensePlan(
            tuple(branches),
            trunk,
            {name: modules for name, modules in heads.items() if modules is not None},
            {key: modules for key, modules in branches.items() if modules is not None},
        )


def _dense_modules(module: nn.Module) -> tuple[nn.Module, ...] | None:
    """Return a block's modules for a dense plan, None where it has none."""
    return module.dense_modules() if isinstance(module, Block) else None
