"""Figures of what happened in an epoch: declared with events, drawn only where somebody keeps them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maze.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Plot"]


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A figure that is yet to be drawn.

    Attributes:
        values: what it shows, [E].
        create_figure: makes a matplotlib figure of the values.
        event: name of the event that it was declared for.
    """

    values: Array
    create_figure: Callable[[Array], Figure]
    event: str

    def draw(self) -> Figure | None:
        """Return the figure; None, with a warning, where the function fails: no training breaks for a picture.

        The figure belongs to the caller, who closes it with `close`.
        """
        name = getattr(self.create_figure, "__name__", repr(self.create_figure))
        try:
            figure = self.create_figure(self.values)
        except Exception as error:  # noqa: BLE001  (a function of the user's, which may raise anything)
            problem = f"failed with {type(error).__name__}: {error}"
        else:
            if hasattr(figure, "savefig"):
                return figure
            problem = f"returned {figure!r}; accepted is a matplotlib figure"
        warnings.warn(
            f"{self.event}: {name}() of define_plot {problem}. It was given an array of {len(self.values)} values "
            f"({self.values.dtype}); the figure is left out.",
            stacklevel=2,
        )
        return None

    @staticmethod
    def close(figure: Figure) -> None:
        """Release a figure that was drawn, which pyplot keeps otherwise where it was used."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None:
            pyplot.close(figure)
