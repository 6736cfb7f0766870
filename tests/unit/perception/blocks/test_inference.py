"""Blocks run in the order that their keys demand."""

from __future__ import annotations

import copy

import pytest
import torch

from maze.errors import InvalidSpecificationError
from maze.perception.blocks import ConcatenationBlock, DenseBlock, FunctionalBlock, InferenceBlock, LinearOutputBlock


def doubled(in_key: str, out_key: str) -> FunctionalBlock:
    return FunctionalBlock(in_key, out_key, (1,), lambda value: 2.0 * value)


def test_order_follows_from_keys_and_unneeded_blocks_do_not_run() -> None:
    def fail(_: torch.Tensor) -> torch.Tensor:
        raise AssertionError

    net = InferenceBlock(
        "x",
        ["z", "y"],
        (1,),
        {"last": doubled("y", "z"), "first": doubled("x", "y"), "never": FunctionalBlock("x", "n", (1,), fail)},
    )
    assert list(net.blocks) == ["first", "last"]
    made = net({"x": torch.tensor([[[3.0]]]), "else": torch.zeros(5)})  # [T, B, 1]
    assert list(made) == ["z", "y"]
    assert (made["y"].tolist(), made["z"].tolist()) == ([[[6.0]]], [[[12.0]]])


def test_a_copy_runs_its_own_blocks() -> None:
    net = InferenceBlock("x", "y", (2,), {"dense": DenseBlock("x", "y", (2,), [3])})
    other = copy.deepcopy(net)
    with torch.no_grad():
        other.perception_blocks["dense"].layers[0].bias.fill_(1.0)
    assert not torch.equal(net({"x": torch.zeros(2)})["y"], other({"x": torch.zeros(2)})["y"])


def test_networks_of_blocks_nest() -> None:
    inner = InferenceBlock("x", "h", (2,), {"dense": DenseBlock("x", "h", (2,), [3])})
    net = InferenceBlock(
        ["x", "v"],
        "out",
        [(2,), (1,)],
        {
            "inner": inner,
            "join": ConcatenationBlock(["h", "v"], "joined", [inner.out_shape, (1,)]),
            "head": LinearOutputBlock("joined", "out", (4,), 2),
        },
    )
    assert net.out_shapes() == [(2,)]


@pytest.mark.parametrize(
    ("named", "out_key", "message"),
    [
        ({"a": doubled("x", "y")}, "why", "out_keys needs 'why', which nothing puts out"),
        ({"a": doubled("w", "y")}, "y", "the block 'a' needs 'w', which nothing puts out; accepted: x, y"),
        ({"a": doubled("x", "y"), "b": doubled("x", "y")}, "y", "'b' puts out 'y', which is the block 'a' already"),
        ({"a": doubled("x", "x")}, "x", "'a' puts out 'x', which is an input already"),
        ({"a": doubled("z", "y"), "b": doubled("y", "z")}, "y", "the blocks a -> b -> a need each other"),
    ],
)
def test_errors(named: dict, out_key: str, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        InferenceBlock("x", out_key, (1,), named)
