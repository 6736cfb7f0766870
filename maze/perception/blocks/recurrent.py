"""Recurrent layers over sequences ``(T, n)``, such as stacked observations; every sequence starts from state zero."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from maze.errors import InvalidSpecificationError
from maze.perception.blocks.base import Block, Keys, NonLinearity, Shapes, floating, resolve_non_linearity
from maze.perception.blocks.parameters import check_parameters
from maze.perception.weight_init import initialize_recurrent_

__all__ = ["GRUBlock", "GRULastStepBlock", "LSTMBlock", "LSTMLastStepBlock"]


class LSTMBlock(Block):
    """Long short-term memory over a sequence; puts out every step, ``(T, hidden_size)``.

    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997.

    Args:
        in_keys: the one key that is read.
        out_keys: the one key that is put out.
        in_shapes: ``(T, n)``, oldest first; further axes in front are treated like batch axes.
        hidden_size: width of the state.
        num_layers: layers upon each other.
        bidirectional: read the sequence in both directions, and put out both states behind each other.
        non_lin: a non-linearity on the output; None for none.

    Raises:
        InvalidSpecificationError: where the input is no sequence of vectors.
    """

    layer_class: ClassVar[type[nn.LSTM | nn.GRU]] = nn.LSTM

    def __init__(
        self,
        in_keys: Keys,
        out_keys: Keys,
        in_shapes: Shapes,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        non_lin: NonLinearity | None = None,
    ) -> None:
        super().__init__(in_keys, out_keys, in_shapes, n_axes=2)
        if len(self.in_shape) < 2:
            raise InvalidSpecificationError(
                f"{type(self).__name__}: {self.in_keys[0]!r} has the shape {self.in_shape}; expected is (steps, "
                "features). Stack observations, for example with wrappers=vector_obs_rnn."
            )
        check_parameters(hidden_size=hidden_size, num_layers=num_layers, bidirectional=bidirectional)
        self.hidden_size = int(hidden_size)
        layer = self.layer_class(
            self.in_shape[-1], hidden_size, num_layers, batch_first=True, bidirectional=bidirectional
        )
        self.layer = initialize_recurrent_(layer)
        self.activation = nn.Identity() if non_lin is None else resolve_non_linearity(non_lin)()

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, T, hidden_size] from [B, T, n]; twice as wide where bidirectional."""
        result: Tensor = self.activation(self.layer(floating(values[0]))[0])
        return result


class LSTMLastStepBlock(LSTMBlock):
    """Long short-term memory over a sequence; puts out what is known after the last step, ``(hidden_size,)``.

    The arguments are those of ``LSTMBlock``. Where it is bidirectional, the state of the backward direction is the one
    after the first step, when that direction has seen everything.
    """

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, hidden_size] from [B, T, n]; twice as wide where bidirectional."""
        return _last_step(super().compute(*values), self.layer.bidirectional)


class GRUBlock(LSTMBlock):
    """Gated recurrent units over a sequence; puts out every step. The arguments are those of ``LSTMBlock``.

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder, 2014.
    """

    layer_class = nn.GRU


class GRULastStepBlock(GRUBlock):
    """Gated recurrent units over a sequence; puts out what is known after the last step, like ``LSTMLastStepBlock``."""

    def compute(self, *values: Tensor) -> Tensor:
        """Return [B, hidden_size] from [B, T, n]; twice as wide where bidirectional."""
        return _last_step(super().compute(*values), self.layer.bidirectional)


def _last_step(steps: Tensor, bidirectional: bool) -> Tensor:
    """Return the final output of each direction, [B, n], from all steps [B, T, n]."""
    if not bidirectional:
        return steps[:, -1]
    forward, backward = steps.chunk(2, -1)
    return torch.cat([forward[:, -1], backward[:, 0]], -1)
