"""Joining, cutting, repeating, comparing and masking, by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from maze.errors import InvalidSpecificationError, MazeError
from maze.perception.blocks import (
    MASKED_LOGIT,
    ActionMaskingBlock,
    ConcatenationBlock,
    CorrelationBlock,
    FunctionalBlock,
    MultiIndexSlicingBlock,
    RepeatToMatchBlock,
    SliceBlock,
    TorchModelBlock,
)


def test_concatenation_keeps_the_order() -> None:
    block = ConcatenationBlock(["a", "b"], "y", [(2,), (1,)])
    assert block({"b": torch.tensor([[3]]), "a": torch.tensor([[1.0, 2.0]])})["y"].tolist() == [[1.0, 2.0, 3.0]]
    rows = ConcatenationBlock(["a", "b"], "y", [(1, 2), (2, 2)], concat_dim=0)
    value = rows({"a": torch.tensor([[1.0, 2.0]]), "b": torch.tensor([[3.0, 4.0], [5.0, 6.0]])})["y"]
    assert value.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def test_functions_by_path_and_as_objects_with_several_outputs() -> None:
    relu = FunctionalBlock("x", "y", (2,), "torch.nn.functional.relu")
    assert relu({"x": torch.tensor([-1.0, 2.0])})["y"].tolist() == [0.0, 2.0]
    both = FunctionalBlock(["a", "b"], ["sum", "difference"], [(1,), (1,)], lambda a, b: (a + b, a - b))
    result = both({"a": torch.tensor([[5.0]]), "b": torch.tensor([[3.0]])})
    assert (result["sum"].item(), result["difference"].item()) == (8.0, 2.0)
    with pytest.raises(MazeError, match=r"computes 1 outputs for the keys \['p', 'q'\]"):
        FunctionalBlock("x", ["p", "q"], (2,), torch.neg)({"x": torch.zeros(2)})


def test_slices_and_indices() -> None:
    value = {"x": torch.arange(12.0).view(4, 3)}
    assert SliceBlock("x", "y", (4, 3), 0, 1, 4, 2)(value)["y"].tolist() == [[3.0, 4.0, 5.0], [9.0, 10.0, 11.0]]
    assert SliceBlock("x", "y", (4, 3), -1, -1)(value)["y"].tolist() == [[2.0], [5.0], [8.0], [11.0]]
    assert MultiIndexSlicingBlock("x", "y", (4, 3), 0, [3, 0])(value)["y"].tolist() == [[9, 10, 11], [0, 1, 2]]
    assert MultiIndexSlicingBlock("x", "y", (4, 3), -1, 1)(value)["y"].tolist() == [1.0, 4.0, 7.0, 10.0]


def test_repeating_puts_in_or_stretches_an_axis() -> None:
    target = torch.zeros(3, 5)
    for shape in ((2,), (1, 2)):
        block = RepeatToMatchBlock(["x", "target"], "y", [shape, (3, 5)], repeat_at_idx=-2)
        assert block({"x": torch.tensor([1.0, 2.0]).view(shape), "target": target})["y"].tolist() == [[1.0, 2.0]] * 3


def test_correlation_is_the_inner_product() -> None:
    value = {"a": torch.tensor([[1.0, 2.0]]), "b": torch.tensor([[3.0, 4.0]])}
    assert CorrelationBlock(["a", "b"], "y", [(2,), (2,)])(value)["y"].tolist() == [[11.0]]
    assert CorrelationBlock(["a", "b"], "y", [(2,), (2,)], reduce=False)(value)["y"].tolist() == [[3.0, 8.0]]


def test_masked_actions_are_impossible_and_everything_stays_finite() -> None:
    block = ActionMaskingBlock(["logits", "mask"], "y", [(3,), (3,)])
    logits = torch.tensor([[0.0, 0.0, 5.0], [1.0, 2.0, 3.0]], requires_grad=True)
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]], dtype=torch.int8)
    masked = block({"logits": logits, "mask": mask})["y"]
    assert masked[0].tolist() == [0.0, 0.0, pytest.approx(MASKED_LOGIT)]
    log_probs = masked.log_softmax(-1)
    torch.testing.assert_close(log_probs.exp(), torch.tensor([[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]]))
    entropy = -(log_probs.exp() * log_probs).sum(-1)
    torch.testing.assert_close(entropy, torch.tensor([2.0, 3.0]).log())
    entropy.sum().backward()
    assert torch.isfinite(logits.grad).all()


class Halves(nn.Module):
    """Puts out half of what it reads, under another key."""

    def forward(self, values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"half": values["x"] / 2}


class Values(nn.Module):
    """Puts out a list."""

    def forward(self, values: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        return list(values.values())


def test_any_module_becomes_a_block() -> None:
    block = TorchModelBlock("x", "half", (2,), Halves())
    assert block({"x": torch.tensor([2.0, 4.0])})["half"].tolist() == [1.0, 2.0]
    with pytest.raises(MazeError, match="Halves put out no 'hlf'; did you mean 'half'"):
        TorchModelBlock("x", "hlf", (2,), Halves())({"x": torch.zeros(2)})
    with pytest.raises(MazeError, match="Values returned a list; expected is a dictionary"):
        TorchModelBlock("x", "y", (2,), Values())({"x": torch.zeros(2)})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConcatenationBlock(["a", "b"], "y", [(2, 3), (3, 3)]), r"'b' has the shape \(3, 3\)"),
        (lambda: ConcatenationBlock(["a", "b"], "y", [(2,), (3, 3)]), r"'b' has the shape \(3, 3\)"),
        (lambda: ConcatenationBlock("a", "y", (2,), concat_dim=1), "no axis 1 .* accepted: -1 to 0"),
        (lambda: SliceBlock("a", "y", (2,), -1, 2), "leaves nothing"),
        (lambda: MultiIndexSlicingBlock("a", "y", (2,), 0, [0, 2]), "2 lies outside .* accepted: -2 to 1"),
        (lambda: RepeatToMatchBlock(["a", "b"], "y", [(2, 2), (3, 2)], 0), r"cannot be repeated along the axis 0"),
        (lambda: CorrelationBlock(["a", "b"], "y", [(2,), (3,)]), "cannot be multiplied"),
        (lambda: CorrelationBlock(["a", "b"], "y", [(2,), (3, 2)]), "number of axes"),
        (lambda: ActionMaskingBlock(["a", "b"], "y", [(2,), (3,)]), r"the mask 'b' has the shape \(3,\)"),
    ],
)
def test_what_does_not_fit_is_said_at_construction(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        make()
