"""Attention against formulas, and masks that leave out padding."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from maze.errors import InvalidSpecificationError
from maze.perception.blocks import MultiHeadAttentionBlock, SelfAttentionConvBlock, SelfAttentionSeqBlock


def formula(query, key, value, n_heads: int, mask=None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the result [B, T, n] before the last projection, and the mean weights [B, T, S]."""
    split = [part.unflatten(-1, (n_heads, -1)).transpose(1, 2) for part in (query, key, value)]  # [B, heads, T, n]
    scores = split[0] @ split[1].transpose(-1, -2) / math.sqrt(split[0].shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None, None, :], -torch.inf)
    weights = scores.softmax(-1)
    return (weights @ split[2]).transpose(1, 2).flatten(2), weights.mean(1)


def test_attention_is_its_formula() -> None:
    block = MultiHeadAttentionBlock(["q", "k", "v", "mask"], ["y", "w"], [(3, 4), (5, 6), (5, 2), (5,)], 2)
    query, key, value = torch.randn(7, 3, 4), torch.randn(7, 5, 6), torch.randn(7, 5, 2)
    mask = torch.tensor([True, True, False, True, False]).expand(7, -1)
    layer = block.attention
    projected = (
        functional.linear(query, layer.q_proj_weight),
        functional.linear(key, layer.k_proj_weight),
        functional.linear(value, layer.v_proj_weight),
    )
    result, weights = formula(*projected, 2, mask)
    made = block({"q": query, "k": key, "v": value, "mask": mask})
    torch.testing.assert_close(made["y"], layer.out_proj(result))
    torch.testing.assert_close(made["w"], weights)
    assert block.out_shapes() == [(3, 4), (3, 5)]


def test_without_any_element_all_count_alike() -> None:
    block = SelfAttentionSeqBlock(["x", "mask"], ["y", "w"], [(4, 2), (4,)], 1)
    made = block({"x": torch.randn(4, 2), "mask": torch.zeros(4)})
    torch.testing.assert_close(made["w"], torch.full((4, 4), 0.25))
    assert torch.isfinite(made["y"]).all()


@pytest.mark.parametrize("training", [True, False])
def test_padding_does_not_change_the_rest(training: bool) -> None:
    block = SelfAttentionSeqBlock(["x", "mask"], "y", [(4, 6), (4,)], 2).train(training)
    sequence, mask = torch.randn(3, 4, 6), torch.tensor([1, 1, 0, 1]).expand(3, -1)
    other = sequence.clone()
    other[:, 2] = 50.0
    with torch.no_grad():
        first, second = (block({"x": value, "mask": mask})["y"] for value in (sequence, other))
    torch.testing.assert_close(first[:, [0, 1, 3]], second[:, [0, 1, 3]])
    plain = SelfAttentionSeqBlock("x", "y", (4, 6), 2, add_input_to_output=False)
    plain.load_state_dict(block.state_dict())
    added = SelfAttentionSeqBlock("x", "y", (4, 6), 2)
    added.load_state_dict(block.state_dict())
    torch.testing.assert_close(plain({"x": sequence})["y"] + sequence, added({"x": sequence})["y"])


def test_attention_between_places_begins_as_nothing_and_is_its_formula() -> None:
    image = torch.randn(2, 8, 3, 4)
    block = SelfAttentionConvBlock("x", ["y", "w"], (8, 3, 4), embed_dim=5)
    torch.testing.assert_close(block({"x": image})["y"], image)
    with torch.no_grad():
        block.gain.fill_(2.0)
    query, key, value = (layer(image).flatten(2).transpose(1, 2) for layer in (block.query, block.key, block.value))
    result, weights = formula(query, key, value, 1)
    made = block({"x": image})
    torch.testing.assert_close(made["y"], image + 2.0 * result.transpose(1, 2).view_as(image))
    torch.testing.assert_close(made["w"], weights)
    torch.testing.assert_close(made["w"].sum(-1), torch.ones(2, 12))


def test_errors() -> None:
    with pytest.raises(InvalidSpecificationError, match="num_heads: 3 does not divide the 4 features of 'x'"):
        SelfAttentionSeqBlock("x", "y", (5, 4), 3)
    with pytest.raises(InvalidSpecificationError, match=r"the mask 'm' has the shape \(4,\); expected is \(5,\)"):
        SelfAttentionSeqBlock(["x", "m"], "y", [(5, 4), (4,)], 2)
    with pytest.raises(InvalidSpecificationError, match="expected are"):
        MultiHeadAttentionBlock(["q", "k", "v"], "y", [(3, 4), (5, 4), (6, 4)], 2)
    with pytest.raises(InvalidSpecificationError, match=r"expected is \(channels, height, width\)"):
        SelfAttentionConvBlock("x", "y", (8, 3))
