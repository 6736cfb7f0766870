"""Models for people to read: a table of their blocks, and drawings of how blocks are connected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from matplotlib.figure import Figure
from torch import nn

from maze.agents.actor_critic import ActorCritic
from maze.perception.blocks.base import Shape
from maze.perception.blocks.inference_graph import draw_network
from maze.perception.network_graph import NetworkNode, network_graph

__all__ = ["model_figures", "model_summary"]

_HEADINGS = ("block", "kind", "reads", "puts out", "parameters")


def model_summary(model: nn.Module) -> str:
    """Return a table of a model's blocks with keys, shapes (without batch axes) and numbers of parameters.

    Args:
        model: an ``ActorCritic``, a policy, a critic, or one network.

    Returns:
        Several lines; parameters that two networks share are counted once in the total.
    """
    rows: list[tuple[str, ...]] = [_HEADINGS]
    titles: dict[int, str] = {}
    for name, network in _networks(model):
        graph = network_graph(network)
        titles[len(rows)] = f"{name}: {graph.kind}, {graph.n_parameters:,} parameters"
        rows += [_row(node) for node in graph.nodes]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = []
    for index, row in enumerate(rows):
        if index in titles:
            lines += ["", titles[index]]
        cells = [
            cell.rjust(width) if column == 4 else cell.ljust(width) for column, (cell, width) in _numbered(row, widths)
        ]
        lines.append("  ".join(cells).rstrip())
    total = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return "\n".join([*lines, "", f"total: {total:,} parameters"])


def model_figures(model: nn.Module) -> dict[str, Figure]:
    """Return a drawing of each network by its name, such as ``policy_0`` and ``critic_0``.

    Args:
        model: an ``ActorCritic``, a policy, a critic, or one network.
    """
    return {
        name.replace(" ", "_"): draw_network(network_graph(network), title=f"{name}: {type(network).__name__}")
        for name, network in _networks(model)
    }


def _networks(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the networks of a model by names for people."""
    if isinstance(model, ActorCritic):
        parts: dict[str, nn.Module | None] = {"policy": model.policy, "critic": model.critic}
    else:
        parts = {"critic" if "critic" in type(model).__name__.lower() else "policy": model}
    for part, owner in parts.items():
        if owner is None:
            continue
        networks = getattr(owner, "networks", None)
        if not isinstance(networks, nn.ModuleDict):
            yield "network", owner
            continue
        for key, network in networks.items():
            if isinstance(network, nn.ModuleList):
                yield from ((f"{part} {key} {index}", member) for index, member in enumerate(network))
            else:
                yield f"{part} {key}", network


def _row(node: NetworkNode) -> tuple[str, ...]:
    return (node.name, node.kind, _shapes(node.inputs), _shapes(node.outputs), f"{node.n_parameters:,}")


def _shapes(shapes: Mapping[str, Shape | None]) -> str:
    return ", ".join(key if shape is None else f"{key} {list(shape)}" for key, shape in shapes.items())


def _numbered(row: tuple[str, ...], widths: list[int]) -> Iterator[tuple[int, tuple[str, int]]]:
    return enumerate(zip(row, widths, strict=True))
