"""The bakery as an agent knows it."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from maze.env import ActionConversionInterface, CoreMazeEnv, ObservationConversionInterface

from .simulation import PRODUCTS, Bakery, BakeryState

__all__ = ["BakeryEnv", "BatchesToBake", "WeekdayAndShelf"]


class BatchesToBake(ActionConversionInterface):
    """An action says for each product how many batches go into the oven.

    Args:
        batch_size: items of one batch.
        max_batches: room in the oven for each product.
    """

    def __init__(self, batch_size: int, max_batches: int) -> None:
        self.batch_size, self.max_batches = batch_size, max_batches

    def space(self) -> spaces.Dict:
        """Return one head for each product."""
        return spaces.Dict({product: spaces.Discrete(self.max_batches + 1) for product in PRODUCTS})

    def space_to_maze(self, action: dict[str, Any], maze_state: BakeryState) -> dict[str, int]:
        """Return the items to bake."""
        return {product: int(action[product]) * self.batch_size for product in PRODUCTS}

    def maze_to_space(self, maze_action: dict[str, int]) -> dict[str, Any]:
        """Return the batches that make these items, for example of what a baker wrote down."""
        return {product: np.int64(n_items // self.batch_size) for product, n_items in maze_action.items()}

    def noop_action(self) -> dict[str, Any]:
        """Return the action of a cold oven."""
        return {product: np.int64(0) for product in PRODUCTS}


class WeekdayAndShelf(ObservationConversionInterface):
    """The agent sees the calendar, and what is left of each product.

    Args:
        max_items: most that can be left of a product.
    """

    def __init__(self, max_items: int) -> None:
        self.max_items = max_items

    def space(self) -> spaces.Dict:
        """Return the weekday by bits, and shares of the shelf."""
        shelf = spaces.Box(0.0, 1.0, shape=(len(PRODUCTS),), dtype=np.float32)
        return spaces.Dict({"weekday": spaces.Box(0.0, 1.0, shape=(7,), dtype=np.float32), "shelf": shelf})

    def maze_to_space(self, maze_state: BakeryState) -> dict[str, Any]:
        """Return what is seen of an evening."""
        left = np.array([maze_state.left[product] for product in PRODUCTS], np.float32)
        return {"weekday": np.eye(7, dtype=np.float32)[maze_state.weekday], "shelf": left / self.max_items}


class BakeryEnv(CoreMazeEnv[Bakery]):
    """The simulation with these conversions.

    Args:
        n_days: length of an episode.
        batch_size: items of one batch.
        max_batches: room in the oven for each product.
    """

    def __init__(self, n_days: int = 28, batch_size: int = 2, max_batches: int = 5) -> None:
        actions = BatchesToBake(batch_size, max_batches)
        super().__init__(Bakery(n_days), {0: actions}, {0: WeekdayAndShelf(batch_size * max_batches)})
