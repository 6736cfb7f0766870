"""What a network consists of: its blocks with keys, shapes and sizes, for tables and drawings."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from maze.agents.dense_plan import DensePlan
from maze.agents.network_state import state_shapes_of
from maze.errors import MazeError
from maze.perception.blocks.base import Block, Shape
from maze.perception.blocks.inference import InferenceBlock

__all__ = ["NetworkGraph", "NetworkNode", "network_graph"]

_NOT_FOR_ZEROS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MazeError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What networks of any origin raise for observations that mean nothing to them."""


@dataclass(frozen=True, slots=True)
class NetworkNode:
    """One block of a network.

    Attributes:
        name: its name within the network.
        kind: its class, and whether it carries a state from step to step, which is not listed otherwise.
        inputs: shape by key of what it reads, without batch axes; empty where the shape is not known.
        outputs: shape by key of what it puts out.
        layers: its parts that have parameters, as torch prints them.
        n_parameters: how many numbers it learns.
    """

    name: str
    kind: str
    inputs: Mapping[str, Shape | None]
    outputs: Mapping[str, Shape | None]
    layers: tuple[str, ...]
    n_parameters: int


@dataclass(frozen=True, slots=True)
class NetworkGraph:
    """A network as blocks that are connected where one reads a key that another puts out.

    Attributes:
        kind: the network's class.
        inputs: shape of each input by key, without batch axes.
        nodes: the blocks, in the order in which they run.
        n_parameters: how many numbers the whole network learns.
    """

    kind: str
    inputs: Mapping[str, Shape | None]
    nodes: tuple[NetworkNode, ...]
    n_parameters: int

    def edges(self) -> list[tuple[str | None, str, str]]:
        """Return (maker, reader, key) of each connection; the network's own inputs have the maker None."""
        makers = {key: node.name for node in self.nodes for key in node.outputs}
        return [(makers.get(key), node.name, key) for node in self.nodes for key in node.inputs]


def network_graph(network: nn.Module) -> NetworkGraph:
    """Return the blocks of a network.

    A network shows its blocks by being or holding an ``InferenceBlock``, by an attribute ``blocks`` (a mapping of
    blocks by name), or by its ``dense_plan()``; any other is one block.

    Args:
        network: of a policy or a critic.
    """
    blocks = _blocks_of(network)
    shapes: dict[str, Shape | None] = dict(getattr(network, "obs_shapes", {}))
    if blocks:
        nodes = [_block_node(name, block) for name, block in blocks.items()]
    else:
        make_plan = getattr(network, "dense_plan", None)
        plan = make_plan() if callable(make_plan) else None
        nodes = _plan_nodes(plan, shapes) if isinstance(plan, DensePlan) else [_single_node(network, shapes)]
    made = {key for node in nodes for key in node.outputs}
    read = {key: shape for node in nodes for key, shape in node.inputs.items() if key not in made}
    return NetworkGraph(type(network).__name__, {**read, **shapes}, tuple(nodes), _size(network))


def _blocks_of(network: nn.Module) -> Mapping[str, Block]:
    """Return the blocks by which a network shows itself; none where it does not."""
    inference = next((module for module in network.modules() if isinstance(module, InferenceBlock)), None)
    found = getattr(network if inference is None else inference, "blocks", None)
    if isinstance(found, Mapping) and found and all(isinstance(block, Block) for block in found.values()):
        return found
    return {type(network).__name__: network} if isinstance(network, Block) else {}


def _block_node(name: str, block: Block) -> NetworkNode:
    state, inputs = block.state_shapes, dict(zip(block.in_keys, block.in_shapes, strict=True))
    outputs = dict(zip(block.out_keys, block.out_shapes(), strict=True))
    return NetworkNode(
        name,
        f"{type(block).__name__}, with state" if state else type(block).__name__,
        {key: shape for key, shape in inputs.items() if key not in state},
        {key: shape for key, shape in outputs.items() if key not in state},
        _layers(block),
        _size(block),
    )


def _plan_nodes(plan: DensePlan, shapes: Mapping[str, Shape | None]) -> list[NetworkNode]:
    """Return the trunk and the heads of a dense network."""
    nodes = []
    joined: dict[str, Shape | None] = {}
    for key in plan.inputs:
        if plan.branches.get(key):
            nodes.append(_dense_node(key, {key: shapes.get(key)}, f"{key}:branch", plan.branches[key]))
            joined |= nodes[-1].outputs
        else:
            joined[key] = shapes.get(key)
    features = joined
    if plan.trunk:
        nodes.append(_dense_node("trunk", joined, "features", plan.trunk))
        features = dict(nodes[-1].outputs)
    return [*nodes, *(_dense_node(name, features, name, modules) for name, modules in plan.heads.items())]


def _dense_node(
    name: str, inputs: Mapping[str, Shape | None], out_key: str, modules: tuple[nn.Module, ...]
) -> NetworkNode:
    """Return a chain of dense layers."""
    chain = nn.ModuleList(modules)
    widths = [module.out_features for module in modules if isinstance(module, nn.Linear)]
    out_shape: Shape | None = (widths[-1],) if widths else None
    return NetworkNode(name, "dense layers", inputs, {out_key: out_shape}, _layers(chain), _size(chain))


def _single_node(network: nn.Module, shapes: Mapping[str, Shape | None]) -> NetworkNode:
    """Return a network as one block, with the outputs that it has for zeros where the inputs' shapes are known."""
    kind = type(network).__name__
    outputs: dict[str, Shape | None] = {}
    state = state_shapes_of(network)
    if shapes:
        try:
            looked_at = copy.deepcopy(network).cpu().eval()  # a copy, so that running it changes nothing of anybody's
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                made = looked_at({key: torch.zeros((1, *(shape or ()))) for key, shape in {**shapes, **state}.items()})
            outputs = {key: tuple(value.shape[1:]) for key, value in made.items() if key not in state}
        except _NOT_FOR_ZEROS:
            outputs = {}  # for example of embeddings, which need whole numbers: drawn without outputs
    described = f"{kind}, with state" if state else kind
    return NetworkNode(kind, described, shapes, outputs or {"output": None}, _layers(network), _size(network))


def _layers(module: nn.Module) -> tuple[str, ...]:
    """Return the parts with parameters of their own, and what is between them, as torch prints them."""
    parts = [part for part in module.modules() if not list(part.children()) and part is not module]
    return tuple(f"{type(part).__name__}({part.extra_repr()})" for part in parts)


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
