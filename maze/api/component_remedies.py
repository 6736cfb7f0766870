"""What to do about a component that is refused: the usual mistakes, and the form that works."""

from __future__ import annotations

import functools
import inspect
import typing
from typing import Any

__all__ = ["is_kind", "remedy"]

_NETWORKS = {"model": "model.policy.networks", "policy": "model.policy.networks", "critic": "model.critic.networks"}
"""Where the networks of a part of the model stand."""

_PARTS = ("policy", "critic")


def is_kind(cls: type, name: str, *packages: str) -> bool:
    """Recognise a class by the name of one of its bases and the package of that, importing neither.

    Args:
        cls: the class.
        name: the name of a base, or of the class itself.
        packages: packages of which one defines the base.
    """
    return any(base.__name__ == name and base.__module__.partition(".")[0] in packages for base in cls.__mro__)


def remedy(value: Any, name: str, *, is_model: bool) -> str:
    """Say what the user probably meant, and how that is written.

    Args:
        value: what was refused.
        name: the component, for example ``"model"``.
        is_model: whether the value would do as a model.

    Returns:
        A sentence with a space in front, or nothing.
    """
    if name in _PARTS and is_model and not isinstance(value, type):
        return f" That is a whole model; pass it as model={type(value).__name__}(...)."
    if name in _NETWORKS and (found := _of_networks(value, name)):
        return found
    if isinstance(value, list | tuple):
        return " Lists span a grid of jobs with multirun=True."
    cls = value if isinstance(value, type) else type(value)
    if name == "algorithm" and is_kind(cls, "Trainer", "maze"):
        config = _configuration_of(cls)
        return f" {cls.__name__} is a trainer; pass its configuration: algorithm={config or 'its configuration'}(...)."
    if not isinstance(value, type):
        return ""
    if name in ("algorithm", "runner", "launcher"):
        return f" That is a class; pass an instance: {name}={cls.__name__}(...)."
    target = f"{cls.__module__}.{cls.__qualname__}"
    return f" That is a class; pass an instance, or {{'_target_': {target!r}, ...}}."


def _of_networks(value: Any, name: str) -> str:
    """Say where networks, and what makes them, go; nothing where a value is neither."""
    listed = value if isinstance(value, list | tuple) else [value]
    kinds = {_kind(item) for item in listed}
    if "" in kinds or not kinds:
        return ""
    path = _NETWORKS[name]
    place = f"overrides={{{path!r}: [{', '.join(_called(item) for item in listed)}]}}"
    if isinstance(value, list | tuple):
        return f" Networks, one for each step key, go into {place}."
    part = "critic" if name == "critic" else "policy"
    kind = kinds.pop()
    if kind == "class":
        return f" That is a class of networks; pass {place}, or pass an instance, {part}={_called(value)}(...)."
    if kind == "network" and name == "model":
        return f" That is a network; pass it as {part}={type(value).__name__}(...), or in {place}."
    return f" A {kind} goes into {place}."


def _kind(value: Any) -> str:
    """Say which kind of thing a network can be made from: class, network or function; else nothing."""
    if inspect.isfunction(value) or isinstance(value, functools.partial):
        return "function that makes a network"
    cls = value if isinstance(value, type) else type(value)
    finished = any(base.__module__.startswith("maze.agents") for base in cls.__mro__)
    if finished or not is_kind(cls, "Module", "torch"):
        return ""
    return "class" if isinstance(value, type) else "network"


def _called(value: Any) -> str:
    """Name a class or function as the user's code does; lambdas and instances have no such name."""
    name = str(getattr(value, "__name__", "..."))
    return name if name.isidentifier() else "..."


def _configuration_of(trainer: type) -> str | None:
    """Name the configuration class that a trainer's class names as its parameter."""
    for base in trainer.__mro__:
        for parent in getattr(base, "__orig_bases__", ()):
            for argument in typing.get_args(parent):
                if isinstance(argument, type):
                    return argument.__name__
    return None
