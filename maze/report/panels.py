"""What panels of figures have in common: their frame, their colours, and what they say where nothing is known."""

from __future__ import annotations

from matplotlib.axes import Axes

__all__ = ["panel_colour", "prepare_panel", "say_empty"]

_COLOURS = ("#2563a8", "#c2570c", "#15803d", "#a21caf", "#b91c1c", "#0e7490", "#854d0e", "#4b5563")


def prepare_panel(axes: Axes, title: str, x_label: str, y_label: str) -> Axes:
    """Give a panel its words and a faint grid, and return it."""
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def panel_colour(index: int) -> str:
    """Return the colour of an experiment, the same in all panels; there are eight, then they begin again."""
    return _COLOURS[index % len(_COLOURS)]


def say_empty(axes: Axes) -> None:
    """Say that there is nothing to draw."""
    axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color="gray")
