"""Drawings of networks: what they read on the left, their blocks as boxes, what they put out on the right.

Figures are objects of their own: nothing touches matplotlib's global state, and no display is needed.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import nn

from maze.perception.blocks.base import Shape
from maze.perception.network_graph import NetworkGraph, NetworkNode, network_graph

__all__ = ["InferenceGraph", "draw_network"]

_BOX_WIDTH, _BOX_HEIGHT = 2.1, 0.8  # inches, as all distances here
_COLUMN, _ROW = _BOX_WIDTH + 0.9, _BOX_HEIGHT + 0.35
_MARGIN, _TITLE = 0.2, 0.45
_WRAP = 30  # letters of a line
_INPUT, _BLOCK, _LINE, _TEXT = "#eef1f5", "#d9e6f4", "#5b6b7d", "#1c2733"


class InferenceGraph:
    """Draws a network.

    Args:
        inference_block: an ``InferenceBlock``, or any network.
    """

    def __init__(self, inference_block: nn.Module) -> None:
        self.graph = network_graph(inference_block)

    def figure(self, title: str | None = None) -> Figure:
        """Return the drawing."""
        return draw_network(self.graph, title=self.graph.kind if title is None else title)

    def save(self, path: str | Path) -> None:
        """Write the drawing to a file; its ending says in which format, for example ``.png`` or ``.svg``."""
        self.figure().savefig(path, bbox_inches="tight")


def draw_network(graph: NetworkGraph, *, title: str) -> Figure:
    """Return a drawing of a network's blocks, with shapes at the arrows and the numbers of parameters in the boxes."""
    columns = _sorted_by_makers(graph, _columns(graph))
    n_rows = max(len(column) for column in columns)
    places = {
        entry: (x * _COLUMN, -(y + (n_rows - len(column)) / 2.0) * _ROW)
        for x, column in enumerate(columns)
        for y, entry in enumerate(column)
    }
    axes = _new_axes(len(columns), n_rows)
    axes.set_title(  # where it is, y, is said, because looking for it costs more time than all the rest
        f"{title} ({graph.n_parameters:,} parameters)", fontsize=10, color=_TEXT, pad=6, y=1.0
    )
    nodes = {node.name: node for node in graph.nodes}
    for entry, place in places.items():
        kind, name = entry
        if kind == "block":
            _draw_box(axes, place, _block_text(nodes[name]), _BLOCK)
        else:
            shapes = graph.inputs if kind == "input" else _outputs(graph)
            _draw_box(axes, place, _key_text(name, shapes.get(name)), _INPUT)
    for maker, reader, key in graph.edges():
        start = places["input", key] if maker is None else places["block", maker]
        shape = None if maker is None else nodes[maker].outputs[key]
        _draw_arrow(axes, start, places["block", reader], "" if shape is None else str(list(shape)))
    makers = {key: node.name for node in graph.nodes for key in node.outputs}
    for key in _outputs(graph):
        _draw_arrow(axes, places["block", makers[key]], places["output", key], "")
    figure = axes.figure
    assert isinstance(figure, Figure)  # noqa: S101  (axes of sub-figures are not made here)
    return figure


def _new_axes(n_columns: int, n_rows: int) -> Axes:
    """Return axes whose unit is one inch, with the middle of the first box of a full column at the origin."""
    width = (n_columns - 1) * _COLUMN + _BOX_WIDTH + 2 * _MARGIN
    height = (n_rows - 1) * _ROW + _BOX_HEIGHT + 2 * _MARGIN
    figure = Figure(figsize=(width, height + _TITLE))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, height / (height + _TITLE)))
    axes.set_axis_off()
    left, top = -_BOX_WIDTH / 2 - _MARGIN, _BOX_HEIGHT / 2 + _MARGIN
    axes.set_xlim(left, left + width)
    axes.set_ylim(top - height, top)
    return axes


def _columns(graph: NetworkGraph) -> list[list[tuple[str, str]]]:
    """Return what stands in each column: every block right of everything that it reads."""
    depth: dict[str, int] = {}
    for _ in graph.nodes:  # as often as the longest chain can be
        for maker, reader, _key in graph.edges():
            depth[reader] = max(depth.get(reader, 1), 1 + (0 if maker is None else depth.get(maker, 1)))
    for node in reversed(graph.nodes):  # then as far right as possible, so that arrows do not run behind other blocks
        readers = [depth[reader] for maker, reader, _key in graph.edges() if maker == node.name]
        depth[node.name] = min(readers) - 1 if readers else depth.get(node.name, 1)
    last = max(depth.values(), default=0) + 1
    columns: list[list[tuple[str, str]]] = [[] for _ in range(last + 1)]
    columns[0] = [("input", key) for key in graph.inputs]
    for node in graph.nodes:
        columns[depth.get(node.name, 1)].append(("block", node.name))
    columns[last] = [("output", key) for key in _outputs(graph)]
    return columns


def _sorted_by_makers(graph: NetworkGraph, columns: list[list[tuple[str, str]]]) -> list[list[tuple[str, str]]]:
    """Return the columns with blocks in the order of what they read, so that few arrows cross."""
    heights = {name: float(row) for row, (_, name) in enumerate(columns[0])}  # of keys: those of inputs first
    nodes = {node.name: node for node in graph.nodes}
    for column in columns[1:-1]:
        wanted = {
            name: sum(heights.get(key, 0.0) for key in nodes[name].inputs) / max(len(nodes[name].inputs), 1)
            for _, name in column
        }
        column.sort(key=lambda entry: wanted[entry[1]])
        heights |= {key: wanted[name] for _, name in column for key in nodes[name].outputs}
    return columns


def _outputs(graph: NetworkGraph) -> dict[str, Shape | None]:
    """Return what the network puts out: the keys that no block reads."""
    read = {key for node in graph.nodes for key in node.inputs}
    return {key: shape for node in graph.nodes for key, shape in node.outputs.items() if key not in read}


def _key_text(key: str, shape: Shape | None) -> str:
    label = "\n".join(textwrap.wrap(key, _WRAP, break_long_words=True))
    return label if shape is None else f"{label}\n{list(shape)}"


def _block_text(node: NetworkNode) -> str:
    """Return the name, the class and the size of a block."""
    name = "\n".join(textwrap.wrap(node.name, _WRAP))
    lines = [name] if node.kind == node.name else [name, node.kind]
    return "\n".join([*lines, f"{node.n_parameters:,} parameters"] if node.n_parameters else lines)


def _draw_box(axes: Axes, place: tuple[float, float], text: str, colour: str) -> None:
    corner = (place[0] - _BOX_WIDTH / 2, place[1] - _BOX_HEIGHT / 2)
    box = FancyBboxPatch(
        corner, _BOX_WIDTH, _BOX_HEIGHT, boxstyle="round,pad=0,rounding_size=0.08", facecolor=colour, edgecolor=_LINE
    )
    axes.add_patch(box)
    axes.text(*place, text, ha="center", va="center", fontsize=7.5, color=_TEXT, linespacing=1.4)


def _draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], label: str) -> None:
    begin, finish = (start[0] + _BOX_WIDTH / 2, start[1]), (end[0] - _BOX_WIDTH / 2, end[1])
    axes.annotate("", finish, begin, arrowprops={"arrowstyle": "->", "color": _LINE, "shrinkA": 0, "shrinkB": 0})
    if label:
        middle = ((begin[0] + finish[0]) / 2, (begin[1] + finish[1]) / 2 + 0.04)
        axes.text(*middle, label, ha="center", va="bottom", fontsize=6.5, color=_LINE)
