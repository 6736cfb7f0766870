"""Every block keeps any number of batch axes, and says what does not fit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from maze.errors import InvalidSpecificationError, MazeError
from maze.perception import blocks
from maze.perception.blocks import Block, DenseBlock, resolve_non_linearity

STRIDED = {"hidden_channels": [3, 2], "hidden_kernels": [3, 2], "hidden_strides": [2, 1]}
HEADS = {"num_heads": 2}
EVERY_BLOCK: dict[str, tuple[type[Block], list[tuple[int, ...]], dict, tuple[int, ...]]] = {
    "dense": (blocks.DenseBlock, [(3,)], {"hidden_units": [5, 4]}, (4,)),
    "dense on rows": (blocks.DenseBlock, [(2, 3)], {"hidden_units": [4]}, (2, 4)),
    "dense on a number": (blocks.DenseBlock, [()], {"hidden_units": [4]}, (4,)),
    "flatten": (blocks.FlattenBlock, [(2, 3, 4)], {}, (24,)),
    "flatten two axes": (blocks.FlattenBlock, [(2, 3, 4)], {"num_flatten_dims": 2}, (2, 12)),
    "flatten dense": (blocks.FlattenDenseBlock, [(2, 3)], {"hidden_units": [4]}, (4,)),
    "output": (blocks.LinearOutputBlock, [(3,)], {"output_units": 7}, (7,)),
    "strided": (blocks.StridedConvolutionBlock, [(2, 7, 9)], STRIDED, (2, 2, 3)),
    "strided, series": (
        blocks.StridedConvolutionBlock,
        [(2, 7)],
        {**STRIDED, "convolution_dimension": 1},
        (2, 2),
    ),
    "strided dense": (blocks.StridedConvolutionDenseBlock, [(2, 7, 9)], {**STRIDED, "hidden_units": [4]}, (4,)),
    "strided flat": (blocks.StridedConvolutionDenseBlock, [(2, 7, 9)], STRIDED, (12,)),
    "strided on stacked images": (blocks.StridedConvolutionDenseBlock, [(5, 2, 7, 9)], STRIDED, (5, 12)),
    "vgg": (blocks.VGGConvolutionBlock, [(3, 9, 8)], {"hidden_channels": [4, 6]}, (6, 2, 2)),
    "vgg dense": (blocks.VGGConvolutionDenseBlock, [(3, 9, 8)], {"hidden_channels": [4], "hidden_units": [5]}, (5,)),
    "vgg gap": (blocks.VGGConvolutionGAPBlock, [(3, 9, 8)], {"hidden_channels": [4, 6]}, (6,)),
    "vgg norm": (
        blocks.VGGConvolutionGAPBlock,
        [(3, 8, 8)],
        {"hidden_channels": [4], "use_batch_norm_conv": True},
        (4,),
    ),
    "lstm": (blocks.LSTMBlock, [(5, 3)], {"hidden_size": 4}, (5, 4)),
    "lstm, both ways": (blocks.LSTMBlock, [(5, 3)], {"hidden_size": 4, "bidirectional": True}, (5, 8)),
    "lstm last": (blocks.LSTMLastStepBlock, [(5, 3)], {"hidden_size": 4}, (4,)),
    "gru": (blocks.GRUBlock, [(5, 3)], {"hidden_size": 4, "num_layers": 2}, (5, 4)),
    "gru last": (blocks.GRULastStepBlock, [(5, 3)], {"hidden_size": 4}, (4,)),
    "concatenation": (blocks.ConcatenationBlock, [(2, 3), (2, 4)], {}, (2, 7)),
    "function": (blocks.FunctionalBlock, [(3,), (3,)], {"func": torch.sub}, (3,)),
    "average pooling": (blocks.GlobalAveragePoolingBlock, [(4, 3, 2)], {}, (4,)),
    "masked pooling": (blocks.MaskedGlobalPoolingBlock, [(3, 2), (3,)], {}, (2,)),
    "attention": (blocks.MultiHeadAttentionBlock, [(3, 4), (5, 6), (5, 7), (5,)], HEADS, (3, 4)),
    "self-attention": (blocks.SelfAttentionSeqBlock, [(3, 4)], HEADS, (3, 4)),
    "self-attention of images": (blocks.SelfAttentionConvBlock, [(8, 3, 2)], {}, (8, 3, 2)),
    "slice": (blocks.SliceBlock, [(4, 3)], {"slice_dim": 0, "slice_start": 1}, (3, 3)),
    "several indices": (blocks.MultiIndexSlicingBlock, [(4, 3)], {"select_dim": -1, "select_idxs": [2, 0]}, (4, 2)),
    "repeat": (blocks.RepeatToMatchBlock, [(2,), (3, 5)], {"repeat_at_idx": 0}, (3, 2)),
    "correlation": (blocks.CorrelationBlock, [(3, 2), (3, 2)], {}, (3, 1)),
    "masking": (blocks.ActionMaskingBlock, [(3,), (3,)], {}, (3,)),
}


def made(name: str) -> tuple[Block, list[str], list[tuple[int, ...]]]:
    block_class, shapes, arguments, _ = EVERY_BLOCK[name]
    keys = [f"in{index}" for index in range(len(shapes))]
    block = block_class(keys, "out", shapes, **arguments)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # so that no gain or bias of 0 hides an error
    return block.eval(), keys, shapes


@pytest.mark.parametrize("name", EVERY_BLOCK)
def test_every_block_keeps_any_batch_axes(name: str) -> None:
    block, keys, shapes = made(name)
    out_shape = EVERY_BLOCK[name][-1]
    assert block.out_shapes() == [out_shape]
    batch = {key: torch.randn(4, 3, *shape) for key, shape in zip(keys, shapes, strict=True)}  # [T, B, ...]
    result = block(batch)["out"]
    assert result.shape == (4, 3, *out_shape)
    one_axis = block({key: value.flatten(0, 1) for key, value in batch.items()})["out"]
    torch.testing.assert_close(one_axis, result.flatten(0, 1), atol=1e-5, rtol=1e-4)
    single = block({key: value[2, 1] for key, value in batch.items()})["out"]
    torch.testing.assert_close(single, result[2, 1], atol=1e-5, rtol=1e-4)
    assert block({key: value[:0] for key, value in batch.items()})["out"].shape == (0, 3, *out_shape)


@pytest.mark.parametrize("name", EVERY_BLOCK)
def test_every_block_names_key_expected_and_given_shape(name: str) -> None:
    block, keys, shapes = made(name)
    wrong = {key: torch.zeros(2, *shape) for key, shape in zip(keys, shapes, strict=True)}
    wrong[keys[-1]] = torch.zeros((2, *shapes[-1][:-1], 11))
    if shapes[-1]:
        with pytest.raises(MazeError, match=rf"'{keys[-1]}' has the shape \(2, .*11\); expected is \("):
            block(wrong)
    with pytest.raises(MazeError, match=f"reads '{keys[0]}', which is missing; given: 'other'"):
        block({"other": torch.zeros(1)})


@pytest.mark.parametrize("name", EVERY_BLOCK)
def test_gradients_reach_all_parameters(name: str) -> None:
    block, keys, shapes = made(name)
    block.train()
    batch = {key: torch.randn(6, *shape, requires_grad=True) for key, shape in zip(keys, shapes, strict=True)}
    block(batch)["out"].square().sum().backward()
    assert batch[keys[0]].grad is not None
    for parameter_name, parameter in block.named_parameters():
        assert parameter.grad is not None, parameter_name


def test_batch_axes_of_several_inputs_have_to_agree() -> None:
    block = blocks.CorrelationBlock(["a", "b"], "out", [(2,), (2,)])
    with pytest.raises(MazeError, match=r"'b' has the batch axes \(4,\); 'a' has \(3,\)"):
        block({"a": torch.zeros(3, 2), "b": torch.zeros(4, 2)})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DenseBlock(["a", "b"], "out", [(2,), (2,)], [3]), "has 2 keys, not 1"),
        (lambda: DenseBlock("a", "out", [(2,), (3,)], [3]), "differ in number"),
        (lambda: blocks.MultiHeadAttentionBlock("a", "out", (3, 4), 2), "has 1 keys, not 3 or 4"),
        (lambda: blocks.ConcatenationBlock([], "out", []), "differ in number|at least one"),
    ],
)
def test_numbers_of_keys_and_shapes_are_checked(make: Callable[[], Block], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        make()


def test_one_shape_and_a_list_of_one_are_the_same() -> None:
    for shapes in ((3,), [3], [(3,)], ([3],)):
        assert DenseBlock("a", "b", shapes, [2]).in_shapes == [(3,)]
    assert DenseBlock(["a"], ["b"], (3,), [2]).out_keys == ["b"]


def test_finding_out_shapes_leaves_the_mode_and_the_generator() -> None:
    block = blocks.VGGConvolutionBlock("a", "b", (1, 4, 4), [2], use_batch_norm_conv=True)
    before = torch.get_rng_state()
    statistics = [buffer.clone() for buffer in block.buffers()]
    assert block.out_shapes() == [(2, 2, 2)]
    assert block.training
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(old, new) for old, new in zip(statistics, block.buffers(), strict=True))


def test_non_linearities_are_dotted_paths_or_classes() -> None:
    assert resolve_non_linearity("torch.nn.SELU") is nn.SELU
    assert resolve_non_linearity(nn.Tanh) is nn.Tanh
    for wrong in ("torch.nn.Tahn", "maze.errors.suggest", 3):
        with pytest.raises(InvalidSpecificationError, match="non_lin"):
            resolve_non_linearity(wrong)
