"""Splitting a batch into shuffled minibatches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

__all__ = ["minibatches", "part"]


def minibatches(batch: Mapping[str, Tensor], permutation: Tensor, size: int) -> Iterator[dict[str, Tensor]]:
    """Yield disjoint minibatches that together hold every row of the batch once.

    The rows are permuted once and then cut into views, which costs one copy an epoch instead of one a minibatch.

    Args:
        batch: tensors with B rows each.
        permutation: a permutation of ``range(B)``, int64 [B].
        size: rows of a minibatch; the last one holds what is left when B is no multiple of it.
    """
    shuffled = {name: tensor.index_select(0, permutation) for name, tensor in batch.items()}
    for start in range(0, len(permutation), size):
        yield {name: tensor[start : start + size] for name, tensor in shuffled.items()}


def part(batch: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, by what follows it."""
    return {name.removeprefix(prefix): rows for name, rows in batch.items() if name.startswith(prefix)}
