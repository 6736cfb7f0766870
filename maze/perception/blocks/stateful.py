"""Blocks that remember: what they carry from step to step of an episode, however long it is.

The blocks of :mod:`maze.perception.blocks.recurrent` start every stack of observations from nothing; these read single
observations and go on from the step before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from maze.agents.network_state import StateShapes
from maze.errors import InvalidSpecificationError
from maze.perception.blocks.base import (
    Block,
    Keys,
    NonLinearity,
    Shape,
    Shapes,
    as_keys,
    as_shapes,
    floating,
    resolve_non_linearity,
)
from maze.perception.blocks.parameters import check_count
from maze.perception.weight_init import initialize_recurrent_

__all__ = ["GRUStateBlock", "LSTMStateBlock", "StateBlock"]


class StateBlock(Block):
    """Base of blocks that carry a state from step to step.

    The state is read and put out like other tensors, under the keys ``<first of out_keys>:<name>``, so that whoever
    runs the network can keep it. ``compute`` gets the inputs [B, ...] and then each part of the state [B, ...], and
    returns the outputs and then each part of the next state. Episodes begin with zeros.

    Args:
        in_keys: keys that are read, the state apart.
        out_keys: keys that are put out, the state apart.
        in_shapes: shape of each input, the state apart.
        state_shapes: shape of each part of the state by name.
        n_in: how many keys the block reads, the state apart.
    """

    def __init__(
        self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, state_shapes: Mapping[str, Shape], *, n_in: int = 1
    ) -> None:
        first = as_keys(out_keys)[0]
        self._state_shapes = {f"{first}:{name}": tuple(shape) for name, shape in state_shapes.items()}
        super().__init__(
            [*as_keys(in_keys), *self._state_shapes],
            [*as_keys(out_keys), *self._state_shapes],
            [*as_shapes(in_shapes), *self._state_shapes.values()],
            n_in=n_in + len(self._state_shapes),
        )

    @property
    def state_shapes(self) -> StateShapes:
        """Shape of each part of the state by key."""
        return self._state_shapes


class LSTMStateBlock(StateBlock):
    """Long short-term memory that carries its state from step to step of an episode; puts out ``(hidden_size,)``.

    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: a vector.
        hidden_size: width of the state.
        num_layers: layers upon each other.
        non_lin: a non-linearity on the output; None for none.

    Raises:
        InvalidSpecificationError: where the input is no vector.
    """

    layer_class: ClassVar[type[nn.LSTM | nn.GRU]] = nn.LSTM
    parts: ClassVar[tuple[str, ...]] = ("hidden", "cell")

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        hidden_size: int,
        num_layers: int = 1,
        non_lin: NonLinearity | None = None,
    ) -> None:
        self.hidden_size = check_count("hidden_size", hidden_size)
        self.num_layers = check_count("num_layers", num_layers)
        shape = (self.num_layers, self.hidden_size)
        super().__init__(in_keys, out_keys, in_shapes, dict.fromkeys(self.parts, shape))
        if len(self.in_shape) != 1:
            raise InvalidSpecificationError(
                f"{type(self).__name__}: {self.in_keys[0]!r} has the shape {self.in_shape}; expected is a vector, "
                "(features,). Put a FlattenBlock in front; stacked observations are for LSTMLastStepBlock."
            )
        layer = self.layer_class(self.in_shape[0], self.hidden_size, self.num_layers)
        self.layer = initialize_recurrent_(layer)
        self.activation = nn.Identity() if non_lin is None else resolve_non_linearity(non_lin)()

    def compute(self, *values: Tensor) -> list[Tensor]:
        """Return [B, hidden_size], and each part of the next state [B, num_layers, hidden_size], from [B, n]."""
        value, *state = values
        return [output[0] for output in self._along(value.unsqueeze(0), state, [None])]

    def forward_over_time(
        self, block_input: Mapping[str, Tensor], state: Mapping[str, Tensor], begins: Tensor
    ) -> dict[str, Tensor]:
        """Return [T, N, ...] by key for sequences; see ``Block.forward_over_time``."""
        some_begin = begins.any(1).tolist()
        rows = [begins[t].unsqueeze(-1) if some else None for t, some in enumerate(some_begin)]
        outputs = self._along(block_input[self.in_keys[0]], [state[key] for key in self.state_shapes], rows)
        return dict(zip(self.out_keys, outputs, strict=True))

    def _along(self, values: Tensor, state: Sequence[Tensor], begins: Sequence[Tensor | None]) -> list[Tensor]:
        """Return the outputs, and each part of the state after every step, [T, N, ...].

        One layer after the other goes through all steps. What does not depend on the step before, the larger part of
        the work, is done for all steps at once.

        Args:
            values: what the first layer reads [T, N, n].
            state: each part before the first step [N, num_layers, hidden_size].
            begins: for each step, where an episode begins [N, 1]; None for nowhere.
        """
        values = floating(values)
        after: list[list[Tensor]] = [[] for _ in state]  # by part and layer
        for layer in range(self.num_layers):
            weights = self._weights(layer)
            read = self._read(values, weights).unbind(0)
            carried, steps = [part[:, layer] for part in state], []
            for value, rows in zip(read, begins, strict=True):
                if rows is not None:
                    carried = [part.masked_fill(rows, 0.0) for part in carried]
                carried = self._next(value, carried, weights)
                steps.append(carried)
            for part, of_layers in enumerate(after):
                of_layers.append(torch.stack([step[part] for step in steps]))
            values = after[0][-1]
        return [self.activation(values), *(torch.stack(of_layers, 2) for of_layers in after)]

    def _weights(self, layer: int) -> list[Tensor]:
        """Return the weights, of the input and of the hidden state, and the biases of one layer."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return [getattr(self.layer, f"{name}_l{layer}") for name in names]

    @staticmethod
    def _read(values: Tensor, weights: Sequence[Tensor]) -> Tensor:
        """Return what the gates get from the input of all steps [T, N, gates * hidden_size]."""
        return nn.functional.linear(values, weights[0], weights[2] + weights[3])

    @staticmethod
    def _next(value: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor]) -> list[Tensor]:
        """Return the next state [N, hidden_size], hidden part first, for one step of what ``_read`` returned."""
        hidden, cell = state
        gates = torch.addmm(value, hidden, weights[1].t())  # torch's order: input, forget, cell, output
        let_in, keep, new, put_out = gates.chunk(4, -1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(let_in) * torch.tanh(new)
        return [torch.sigmoid(put_out) * torch.tanh(cell), cell]


class GRUStateBlock(LSTMStateBlock):
    """Gated recurrent units that carry their state from step to step. The arguments are those of ``LSTMStateBlock``.

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder, 2014.
    """

    layer_class = nn.GRU
    parts = ("hidden",)

    @staticmethod
    def _read(values: Tensor, weights: Sequence[Tensor]) -> Tensor:
        """Return what the gates get from the input of all steps [T, N, gates * hidden_size]."""
        return nn.functional.linear(values, weights[0], weights[2])

    @staticmethod
    def _next(value: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor]) -> list[Tensor]:
        """Return the next state [N, hidden_size] for one step of what ``_read`` returned."""
        (hidden,) = state
        reset_in, update_in, new_in = value.chunk(3, -1)  # torch's order
        reset, update, new = torch.addmm(weights[3], hidden, weights[1].t()).chunk(3, -1)
        new = torch.tanh(new_in + torch.sigmoid(reset_in + reset) * new)
        return [torch.lerp(new, hidden, torch.sigmoid(update_in + update))]
