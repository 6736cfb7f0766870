"""Checks of the networks that a model's policy and critic are given: known from their source, without torch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from maze.api.target_checks import split_component
from maze.config.overrides import OBJECT_KEY, is_marker
from maze.config.source_lookup import Definition, look_up
from maze.config.targets import is_within
from maze.errors import InvalidSpecificationError, suggest
from maze.perception.models.step_networks import by_step_key, specifications_by_step_key
from maze.types import StepKey

__all__ = ["check_composer"]

_MODELS = "maze.perception.models"

_CALLED_WITH: Mapping[str, tuple[tuple[str, ...], str]] = {
    f"{_MODELS}.policies.ProbabilisticPolicyComposer": (
        ("obs_shapes", "action_logits_shapes"),
        "maze.FlattenConcatPolicyNet",
    ),
    f"{_MODELS}.critics.StateCriticComposer": (("obs_shapes",), "maze.FlattenConcatStateValueNet"),
    f"{_MODELS}.critics.SharedStateCriticComposer": (("obs_shapes",), "maze.FlattenConcatStateValueNet"),
    f"{_MODELS}.state_action_critics.StateActionCriticComposer": (
        ("obs_shapes", "output_shapes"),
        "maze.FlattenConcatStateActionValueNet",
    ),
}
"""What each composer calls its networks with, and an example of one that accepts it."""

_ALSO_GIVEN = "policy_network"
"""What networks of critics are given where they accept it."""


def check_composer(part: Any, path: str, step_keys: Sequence[StepKey] | None, objects: Mapping[str, Any]) -> None:
    """Check what the composers that are maze's own are given: networks by step key, and step keys.

    Args:
        part: the section of the policy or the critic.
        path: where it stands.
        step_keys: those of the environment; None where only its code knows them.
        objects: live objects by the path of their place.

    Raises:
        InvalidSpecificationError: names the place and what is accepted.
    """
    if not isinstance(part, Mapping) or is_marker(part) or not is_within(str(part.get("_target_")), ("maze",)):
        return
    separate = part.get("substeps_with_separate_agent_nets")
    if not isinstance(separate, list | None) and not is_marker(separate):
        raise InvalidSpecificationError(
            f"{path}.substeps_with_separate_agent_nets: {separate!r} is not accepted; accepted: a list of step keys."
        )
    for key in by_step_key(dict.fromkeys(separate)) if isinstance(separate, list) and step_keys is not None else ():
        if key not in (step_keys or ()):
            raise InvalidSpecificationError(
                f"{path}.substeps_with_separate_agent_nets: there is no step key {key!r}; "
                f"{suggest(key, step_keys or ())}"
            )
    networks = part.get("networks")
    _check_kind(networks, f"{path}.networks")
    if networks is None or is_marker(networks):
        return
    if step_keys is not None:
        specifications_by_step_key(networks, step_keys, path)
    found = look_up(str(part["_target_"]))
    called_with, example = _CALLED_WITH.get(found.name if isinstance(found, Definition) else "", ((), ""))
    for network, place in _each(networks, f"{path}.networks"):
        _check_network(network, place, called_with, example, objects.get(place))


def _check_kind(networks: Any, path: str) -> None:
    """Refuse a network where a list of them stands, and entries that name none."""
    accepted = "accepted: a list with one network for each step key, or a mapping by step key"
    if isinstance(networks, Mapping) and is_marker(networks):
        shown = networks[OBJECT_KEY]
        raise InvalidSpecificationError(
            f"{path}: {shown} is not accepted; {accepted}. One network alone is a list, too: "
            f"overrides={{'{path}': [{shown.rpartition('.')[2]}]}}."
        )
    if not isinstance(networks, list | Mapping | None) or networks in ([], {}):
        raise InvalidSpecificationError(f"{path}: {networks!r} is not accepted; {accepted}.")
    if isinstance(networks, Mapping) and "_target_" in networks:
        raise InvalidSpecificationError(
            f"{path}: {networks['_target_']!r} alone is not accepted; {accepted}. One network alone is a list, too."
        )


def _each(networks: Any, path: str) -> Iterator[tuple[Any, str]]:
    for key, network in networks.items() if isinstance(networks, Mapping) else enumerate(networks):
        yield network, f"{path}.{key}"


def _check_network(network: Any, path: str, called_with: tuple[str, ...], example: str, thing: Any) -> None:
    """Refuse what is no network, or cannot be called as its composer does."""
    if is_marker(network):
        _check_callable(thing, path, called_with, example)
        return
    if not isinstance(network, Mapping):
        raise InvalidSpecificationError(
            f"{path}: {network!r} is no network; accepted: a mapping with _target_, a torch.nn.Module, or a class or "
            f"function that makes one from {', '.join(called_with) or 'the shapes of its inputs and outputs'}."
        )
    name, arguments = split_component(network, path)
    found = look_up(str(name))
    if not isinstance(found, Definition) or not called_with:
        return
    known = () if is_within(found.name, ("torch",)) else found.arguments
    given = (*called_with, *arguments, _ALSO_GIVEN)
    refused = [item for item in called_with if known is not None and item not in known]
    refused += [item for item in found.needed if item not in given]
    if refused:
        does = "accepts no" if refused[0] in called_with else "needs"
        raise _unfit(path, f"{name} {does} {refused[0]!r}", called_with, example)


def _unfit(path: str, reason: str, called_with: tuple[str, ...], example: str) -> InvalidSpecificationError:
    return InvalidSpecificationError(
        f"{path}: {reason}, and is called with {', '.join(called_with)} here; accepted: a class or function that makes "
        f"a network from these, for example {example!r}."
    )


def _check_callable(thing: Any, path: str, called_with: tuple[str, ...], example: str) -> None:
    """Refuse a class or function that cannot be called as its composer does."""
    if not called_with or not (isinstance(thing, type) or inspect.isfunction(thing)):
        return
    if is_within(str(thing.__module__), ("torch",)):  # whose classes hand arguments on to what refuses them
        raise _unfit(path, f"{thing.__qualname__} accepts no {called_with[0]!r}", called_with, example)
    try:
        signature = inspect.signature(thing)
        also = [_ALSO_GIVEN] if _ALSO_GIVEN in signature.parameters else []
        signature.bind(**dict.fromkeys([*called_with, *also]))
    except ValueError:
        return  # compiled callables may have no signature
    except TypeError as error:
        raise InvalidSpecificationError(
            f"{path}: {thing.__qualname__} is called with {', '.join(called_with)}, which does not fit: {error}. Bind "
            "its other arguments with functools.partial or use a mapping with _target_."
        ) from error
