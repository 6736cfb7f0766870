"""Samples on their way into statistics, in an order that does not depend on how the environments are stepped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from maze.env.maze_env import MazeEnv
from maze.env.wrappers import overrides, wrapper_layers
from maze.types import Array, StateDict

__all__ = ["BLOCK", "Gathering", "gathers_within", "in_blocks"]

BLOCK = 4096
"""Once there are as many samples of every environment, they are folded into statistics, which bounds the memory."""


def gathers_within(env: MazeEnv) -> bool:
    """Tell whether some wrapper around an environment takes note of what passes through it in training."""
    hooks = ("gather", "update_statistics", "own_event_stats")
    return any(overrides(layer, hook) for layer in wrapper_layers(env) for hook in hooks)


class Gathering:
    """Keeps batches of samples until they are taken out, environment by environment and each in the order of time.

    Sums of floating numbers depend on the order of their terms. Environments that are stepped one by one give another
    order than a batch does; sorted by environment, both give the same statistics to the last bit.
    """

    def __init__(self) -> None:
        self._batches: list[Array] = []
        self._rows: list[Array | None] = []
        self._sisters = [self]
        self._is_handed_over = False

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
        parts = [sister._in_order(shape, len(sister)) for sister in self._sisters if sister._batches]
        self.drop()
        return parts

    def take_block(self, shape: tuple[int, ...]) -> list[Array]:
        """Remove and return the oldest samples, the same number of every environment, once there are enough of each.

        Not before, and not more, so that the order of summation does not depend on who is stepped by whom.
        """
        if len(self) < BLOCK or self._is_handed_over or min(map(len, self._sisters)) < BLOCK:
            return []
        parts = [sister._in_order(shape, BLOCK) for sister in self._sisters]
        for sister in self._sisters:
            del sister._batches[:BLOCK], sister._rows[:BLOCK]
        return parts

    def hand_over(self, shape: tuple[int, ...]) -> list[Array]:
        """Remove and return all samples of each environment; from now on all are kept until they are asked for here."""
        for sister in self._sisters:
            sister._is_handed_over = True
        nothing = np.zeros((0, *shape))
        parts = [sister._in_order(shape, len(sister)) if sister._batches else nothing for sister in self._sisters]
        self.drop()
        return parts

    def drop(self) -> None:
        """Forget all samples of this and the sister environments."""
        for sister in self._sisters:
            sister._batches.clear()
            sister._rows.clear()

    def _in_order(self, shape: tuple[int, ...], n_batches: int) -> Array:
        batches, rows = self._batches[:n_batches], self._rows[:n_batches]
        if batches[0].shape == shape:
            return np.stack(batches)
        if all(chosen is None for chosen in rows):  # [T][N, *shape] to [N, T, *shape]
            return np.stack(batches, axis=1).reshape(-1, *shape)
        chosen = [
            np.arange(len(batch)) if picked is None else picked for batch, picked in zip(batches, rows, strict=True)
        ]
        order = np.argsort(np.concatenate(chosen), kind="stable")
        return np.concatenate(batches)[order]

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


def in_blocks(samples: Sequence[Array]) -> Iterator[list[Array]]:
    """Yield samples of each environment, ``[M, *shape]``, in the portions in which they would have been folded here.

    Args:
        samples: of each environment, in the order of time, as `Gathering.hand_over` returned them elsewhere.
    """
    rest = list(samples)
    while rest and min(map(len, rest)) >= BLOCK:
        yield [part[:BLOCK] for part in rest]
        rest = [part[BLOCK:] for part in rest]
    yield [part for part in rest if len(part)]
