"""Samples on their way into statistics, in an order that does not depend on how the environments are stepped."""

from __future__ import annotations

import numpy as np

from maze.types import Array, StateDict

__all__ = ["Gathering"]


class Gathering:
    """Keeps batches of samples until they are taken out, environment by environment and each in the order of time.

    Sums of floating numbers depend on the order of their terms. Environments that are stepped one by one give another
    order than a batch does; sorted by environment, both give the same statistics to the last bit.
    """

    def __init__(self) -> None:
        self._batches: list[Array] = []
        self._rows: list[Array | None] = []
        self._sisters = [self]

    def __len__(self) -> int:
        return len(self._batches)

    def join(self, first: Gathering) -> None:
        """Be taken out together with the samples of a sister environment, after those that joined before."""
        if self not in first._sisters:
            first._sisters.append(self)
        self._sisters = first._sisters

    def add(self, batch: Array, rows: Array | None = None) -> None:
        """Keep a copy of samples.

        Args:
            batch: ``[*shape]`` of a single environment, ``[N, *shape]`` of all N, or ``[K, *shape]`` of some of them.
            rows: which environments those K are, int64 ``[K]``; None for a single one or for all.
        """
        self._batches.append(batch.copy())
        self._rows.append(None if rows is None else rows.copy())

    def take(self, shape: tuple[int, ...]) -> list[Array]:
        """Remove and return all samples of this and the sister environments, as arrays ``[M, *shape]``."""
        parts = []
        for sister in self._sisters:
            if sister._batches:
                parts.append(sister._in_order(shape))
        self.drop()
        return parts

    def drop(self) -> None:
        """Forget all samples of this and the sister environments."""
        for sister in self._sisters:
            sister._batches.clear()
            sister._rows.clear()

    def _in_order(self, shape: tuple[int, ...]) -> Array:
        if self._batches[0].shape == shape:
            return np.stack(self._batches)
        if all(rows is None for rows in self._rows):  # [T][N, *shape] to [N, T, *shape]
            return np.stack(self._batches, axis=1).reshape(-1, *shape)
        chosen = [
            np.arange(len(batch)) if rows is None else rows
            for batch, rows in zip(self._batches, self._rows, strict=True)
        ]
        order = np.argsort(np.concatenate(chosen), kind="stable")
        return np.concatenate(self._batches)[order]

    def state(self) -> StateDict:
        """Return the samples of this environment, or batch of environments."""
        return {
            "batches": [batch.copy() for batch in self._batches],
            "rows": [None if rows is None else rows.copy() for rows in self._rows],
        }

    def load(self, state: StateDict) -> None:
        """Take over what `state` returned."""
        self._batches[:] = [np.array(batch) for batch in state["batches"]]
        self._rows[:] = [None if rows is None else np.array(rows) for rows in state["rows"]]
