"""Blocks with state compute what torch's layers compute, step by step as along sequences, and forget where told."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from maze.agents.network_state import step_over_time
from maze.errors import InvalidSpecificationError, MazeError
from maze.perception.blocks import (
    DenseBlock,
    GRUStateBlock,
    InferenceBlock,
    LinearOutputBlock,
    LSTMStateBlock,
    StateBlock,
)

T, N = 7, 3
KINDS = pytest.mark.parametrize("kind", [LSTMStateBlock, GRUStateBlock])
NEVER = torch.zeros((T, N), dtype=torch.bool)


def zeros(block: nn.Module, n_rows: int = N) -> dict[str, Tensor]:
    return {key: torch.zeros(n_rows, *shape) for key, shape in block.state_shapes.items()}


def some_begin() -> Tensor:
    begins = NEVER.clone()
    begins[0, 0] = begins[2, 0] = begins[3, 0] = begins[5, 2] = True
    return begins


@KINDS
@pytest.mark.parametrize("num_layers", [1, 2])
def test_sequences_are_those_of_torchs_layer(kind: type[LSTMStateBlock], num_layers: int) -> None:
    block = kind("x", "y", (4,), 5, num_layers=num_layers)
    value = torch.randn(T, N, 4)
    made = block.forward_over_time({"x": value}, zeros(block), NEVER)
    expected, last = block.layer(value)
    torch.testing.assert_close(made["y"], expected)
    last = last if isinstance(last, tuple) else (last,)
    for key, part in zip(block.state_shapes, last, strict=True):
        assert made[key].shape == (T, N, num_layers, 5)
        torch.testing.assert_close(made[key][-1], part.transpose(0, 1))
    assert list(block.state_shapes) == [f"y:{name}" for name in ("hidden", "cell")[: len(last)]]


@KINDS
def test_along_a_sequence_is_step_by_step(kind: type[LSTMStateBlock]) -> None:
    block = kind("x", "y", (4,), 5, num_layers=2, non_lin="torch.nn.ReLU")
    value = {"x": torch.randn(T, N, 4)}
    state = {key: torch.randn_like(part) for key, part in zeros(block).items()}
    along = block.forward_over_time(value, state, some_begin())
    steps = step_over_time(block, value, state, some_begin())
    assert along.keys() == steps.keys() == {"y", *block.state_shapes}
    for key, part in steps.items():
        torch.testing.assert_close(along[key], part)
    assert (along["y"] >= 0).all()


@KINDS
def test_where_an_episode_begins_nothing_of_before_is_left(kind: type[LSTMStateBlock]) -> None:
    block = kind("x", "y", (4,), 5)
    value = torch.randn(T, N, 4, requires_grad=True)
    begins = NEVER.clone()
    begins[3, 1] = True
    made = block.forward_over_time({"x": value}, zeros(block), begins)["y"]
    fresh = block.forward_over_time({"x": value[3:]}, zeros(block), NEVER[3:])["y"]
    torch.testing.assert_close(made[3:, 1], fresh[:, 1])
    assert not torch.allclose(made[3:, 0], fresh[:, 0])
    made[-1].sum().backward()
    assert value.grad is not None
    assert (value.grad[:3, 1] == 0.0).all()  # gradients end there as well
    assert (value.grad[:3, 0] != 0.0).any()


def test_only_vectors_are_read() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"'x' has the shape \(3, 4\); expected is a vector.*LastStep"):
        LSTMStateBlock("x", "y", (3, 4), 5)
    with pytest.raises(InvalidSpecificationError, match=r"hidden_size.*0"):
        GRUStateBlock("x", "y", (4,), 0)
    with pytest.raises(MazeError, match=r"LSTMStateBlock reads 'y:hidden', which is missing"):
        LSTMStateBlock("x", "y", (4,), 5)({"x": torch.zeros(2, 4)})


class Sum(StateBlock):
    """Sums what it has seen, as a user would write it."""

    def __init__(self, in_keys: str, out_keys: str, in_shapes: tuple[int, ...]) -> None:
        super().__init__(in_keys, out_keys, in_shapes, {"sum": in_shapes})

    def compute(self, *values: Tensor) -> list[Tensor]:
        value, total = values
        return [total + value, total + value]


def test_a_block_of_ones_own_runs_along_sequences() -> None:
    block = Sum("x", "y", (2,))
    assert block.state_shapes == {"y:sum": (2,)}
    assert block.out_shape == (2,)
    value = torch.ones(T, N, 2)
    made = block.forward_over_time({"x": value}, zeros(block), some_begin())["y"][..., 0]
    assert made[:, 0].tolist() == [1, 2, 1, 1, 2, 3, 4]
    assert made[:, 1].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert made[:, 2].tolist() == [1, 2, 3, 4, 5, 1, 2]


def test_an_inference_block_carries_the_states_of_its_blocks() -> None:
    blocks: Mapping[str, nn.Module] = {
        "dense": DenseBlock("x", "features", (4,), [6]),
        "memory": LSTMStateBlock("features", "memory", (6,), 5),
        "sum": Sum("memory", "summed", (5,)),
        "head": LinearOutputBlock("summed", "out", (5,), 2),
    }
    net = InferenceBlock("x", "out", (4,), blocks)
    assert net.state_shapes == {"memory:hidden": (1, 5), "memory:cell": (1, 5), "summed:sum": (5,)}
    value = {"x": torch.randn(T, N, 4)}
    along, steps = (run(value, zeros(net), some_begin()) for run in (net.forward_over_time, _stepped(net)))
    assert along.keys() == {"out", *net.state_shapes}
    for key, part in steps.items():
        torch.testing.assert_close(along[key], part)


def _stepped(net: nn.Module):
    return lambda value, state, begins: step_over_time(net, value, state, begins)
