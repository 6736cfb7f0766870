"""From what a configuration says about networks to networks that are known to fit their spaces."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from gymnasium import spaces
from torch import nn

from maze.agents.network_state import StateShapes, state_shapes_of
from maze.config.instantiate import instantiate, resolve_target
from maze.errors import InvalidSpecificationError, MazeError, suggest

__all__ = [
    "accepts",
    "check_outputs",
    "make_network",
    "observation_shapes",
]


def make_network(specification: object, path: str, *, copy_instance: bool = False, **arguments: Any) -> nn.Module:
    """Return the network that a specification stands for.

    Args:
        specification: a mapping with ``_target_``, a module, or a class or function that makes one.
        path: where the specification stands, for messages.
        copy_instance: copy a module instead of using the instance itself.
        arguments: what the network is made with; they win over the mapping's own.

    Raises:
        InvalidSpecificationError: where the result is no module or the arguments do not fit.
    """
    if isinstance(specification, Mapping):
        network = instantiate(specification, _path_=path, **arguments)
    elif isinstance(specification, nn.Module):
        network = copy.deepcopy(specification) if copy_instance else specification
    elif callable(specification):
        network = _made_by(specification, path, arguments)
    else:
        network = specification
    if not isinstance(network, nn.Module):
        raise InvalidSpecificationError(
            f"{path}: {network!r} is no network; accepted: a mapping with _target_, a torch.nn.Module, or a class or "
            f"function that makes one from {', '.join(arguments)}."
        )
    return network


def accepts(specification: object, name: str, path: str) -> bool:
    """Return whether what a specification calls takes an argument of this name.

    Args:
        specification: a mapping with ``_target_``, a class or a function; anything else takes none.
        name: the argument.
        path: where the specification stands, for messages.
    """
    target: Any = specification
    if isinstance(specification, Mapping) and "_target_" in specification:
        target = resolve_target(specification["_target_"], f"{path}._target_")
    if isinstance(target, nn.Module) or not callable(target):
        return False
    try:
        parameter = inspect.signature(target).parameters.get(name)
    except (TypeError, ValueError):
        return False  # some compiled callables have no signature
    return parameter is not None and parameter.kind is not parameter.POSITIONAL_ONLY


def _made_by(target: Callable[..., Any], path: str, arguments: Mapping[str, Any]) -> Any:
    """Return what a class or function makes of ``arguments``, and say what it has to accept where that fails."""
    name, listed = getattr(target, "__qualname__", target), ", ".join(arguments)
    try:
        inspect.signature(target).bind(**arguments)
    except TypeError as error:
        raise InvalidSpecificationError(
            f"{path}: {name} is called with {listed}, which does not fit: {error}. Bind its other arguments with "
            "functools.partial or use a mapping with _target_."
        ) from error
    try:
        return target(**arguments)
    except TypeError as error:  # also of those that take any arguments, and hand them on to what does not
        raise InvalidSpecificationError(
            f"{path}: {name} fails when it is called with {listed}: {error}. Accepted: a class or function that makes "
            "a torch.nn.Module from these."
        ) from error


def observation_shapes(space: spaces.Dict) -> dict[str, tuple[int, ...]]:
    """Return the shape of one observation by key.

    Raises:
        InvalidSpecificationError: where an observation is not one array, or there is none.
    """
    shapes = {}
    if not space.spaces:
        raise InvalidSpecificationError(
            "The observation space has no observations for a network to read; give it at least one, in the environment "
            "or in an ObservationWrapper."
        )
    for key, part in space.spaces.items():
        if part.shape is None:
            raise InvalidSpecificationError(
                f"The observation {key!r} has the space {part}, which is not one array; flatten it in an "
                "ObservationWrapper."
            )
        shapes[key] = tuple(part.shape)
    return shapes


def check_outputs(
    network: nn.Module, space: spaces.Dict, expected: Mapping[str, tuple[int, ...]], path: str
) -> nn.Module:
    """Run a network once on two zero observations, of first steps, and compare what it puts out.

    Args:
        network: the network; its mode stays as it is.
        space: the observation space.
        expected: shape of each output without the batch axis.
        path: where the network stands in the configuration, for messages.

    Returns:
        The same network.

    Raises:
        InvalidSpecificationError: where it fails, or an output is missing or has another shape.
    """
    shapes = observation_shapes(space)
    observation = {key: torch.zeros((2, *shape), dtype=_dtype(space.spaces[key])) for key, shape in shapes.items()}
    state_shapes = _checked_state_shapes(network, [*shapes, *expected], path)
    observation |= {key: torch.zeros((2, *shape)) for key, shape in state_shapes.items()}
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            outputs = network(observation)
    except (KeyError, IndexError, RuntimeError, TypeError, ValueError, MazeError) as error:
        raise InvalidSpecificationError(
            f"{path}: {type(network).__name__} fails on observations of the shapes {shapes} (with a batch axis in "
            f"front){_suspect(network, shapes)}: {error}{_state_remedy(network, state_shapes)}"
        ) from error
    finally:
        network.train(was_training)
    _check_shapes(outputs, {**expected, **state_shapes}, f"{path}: {type(network).__name__}")
    return network


def _suspect(network: nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Say what the first layer expects of the observation, where there is one observation and one such layer."""
    layer = next((part for part in network.modules() if isinstance(part, nn.Linear)), None)
    sizes = {key: math.prod(shape) for key, shape in shapes.items()}
    if layer is None or len(sizes) != 1 or layer.in_features in sizes.values():
        return ""
    ((key, size),) = sizes.items()
    return f", where {key!r} has {size} elements and the network's first layer expects {layer.in_features}"


def _checked_state_shapes(network: nn.Module, taken: Sequence[str], path: str) -> StateShapes:
    """Return the shapes of a network's state, whose keys are nobody else's."""
    state_shapes = state_shapes_of(network)
    for key in state_shapes:
        if key in taken:
            raise InvalidSpecificationError(
                f"{path}: {type(network).__name__}.state_shapes has the key {key!r}, which is an observation or an "
                "output already; rename it."
            )
    return state_shapes


def _state_remedy(network: nn.Module, state_shapes: StateShapes) -> str:
    """Return what to do where a network holds blocks with state, of which it says nothing; empty elsewhere."""
    for name, part in network.named_modules():
        if not state_shapes and name and state_shapes_of(part):
            return (
                f" Its {name} carries a state, which has to be among the network's inputs and outputs: set "
                f"self.state_shapes = self.{name}.state_shapes, and put out those keys, too."
            )
    return ""


def _check_shapes(outputs: object, expected: Mapping[str, tuple[int, ...]], subject: str) -> None:
    """Compare the outputs for a batch of two with the shapes that are expected of one."""
    if not isinstance(outputs, Mapping):
        raise InvalidSpecificationError(
            f"{subject} puts out a {type(outputs).__name__}; accepted: a dictionary with the keys "
            f"{', '.join(expected)}."
        )
    for key, shape in expected.items():
        if key not in outputs:
            raise InvalidSpecificationError(
                f"{subject} puts out no {key!r}; {suggest(key, outputs)} Expected: {key!r}."
            )
        given = tuple(outputs[key].shape)
        if given != (2, *shape):
            raise InvalidSpecificationError(
                f"{subject} puts out {key!r} of the shape {given} for a batch of 2; expected is {(2, *shape)}."
            )


def _dtype(space: spaces.Space[Any]) -> torch.dtype:
    """Return the dtype in which observations of a space reach a network."""
    kind = "f" if space.dtype is None else space.dtype.kind
    if kind == "f":
        return torch.float32
    return torch.uint8 if space.dtype == "uint8" else torch.int64
