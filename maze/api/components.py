"""Reading the components of a `RunContext`: which forms each accepts, and how it says no.

Objects are looked at by their attributes and base classes, without importing what those classes come from.
"""

from __future__ import annotations

import enum
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from maze.api.component_remedies import is_kind, remedy
from maze.config.offered import offered_as
from maze.config.sections import RunnerConfig
from maze.config.targets import dotted_name
from maze.errors import InvalidSpecificationError

__all__ = ["LITERALS", "can_be_called", "is_container", "is_environment", "names_component", "read_component"]

LITERALS = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    set,
    frozenset,
    enum.Enum,
    PurePath,
    np.generic,
)
"""Types of the values that are written into a configuration as they are, or refused."""

_ABSENT = object()

_FINISHED: Mapping[str, str] = {"policy": "TorchPolicy", "critic": "TorchStateCritic"}

_OBJECTS: Mapping[str, str] = {
    "env": "or a factory, a callable without arguments that makes an environment",
    "algorithm": "or an algorithm configuration, a dataclass derived from maze.AlgorithmConfig whose class attribute "
    "`trainer` names its trainer",
    "model": "or a model composer, an object with the attributes policy and critic",
    "policy": "or a policy composer (with build() or a policy), a TorchPolicy or a network",
    "critic": "or a critic composer (with build() or a critic), a TorchStateCritic or a network",
    "runner": "or a maze.config.RunnerConfig",
    "launcher": "or a launcher, an object with the method launch(jobs, on_end)",
}
"""Which objects a component accepts."""


def is_container(value: Any) -> bool:
    """Say whether a value is a mapping or list of configuration values, and no space, which only behaves like one.

    Args:
        value: anything.
    """
    foreign = type(value).__module__.partition(".")[0] in ("gym", "gymnasium", "torch")
    return isinstance(value, (Mapping, Sequence)) and not isinstance(value, (str, bytes, bytearray)) and not foreign


def read_component(value: Any, argument: str) -> Any:
    """Check the kind of one component, and bring wrappers to one of two forms.

    Args:
        value: what the user gave.
        argument: the name of the argument, for example ``"env"``, or its path in the configuration.

    Returns:
        The name, mapping or object; wrappers as a name, as ``{dotted class: arguments}``, or as a list of components.

    Raises:
        InvalidSpecificationError: if the argument does not accept such a value.
    """
    name = argument.removeprefix("model.")
    if value is None or isinstance(value, str):
        return value
    if name == "wrappers":
        return _read_wrappers(value)
    if is_container(value) and isinstance(value, Mapping):
        if name != "runner" and "_target_" not in value:
            raise InvalidSpecificationError(
                f"{argument}: {_shown(value)} is not accepted; a mapping needs _target_, the dotted name of a class; "
                f"single values are set by their paths, overrides={{'{argument}.{next(iter(value), 'name')}': ...}}."
            )
        return value
    if name == "env":
        return _read_env(value)
    if isinstance(value, (*LITERALS, type, Sequence)) or not _CHECKS[name](value):
        raise InvalidSpecificationError(
            f"{argument}: {_shown(value)} is not accepted; accepted: the name of a module of the group {name!r}, "
            f"a mapping with _target_, {_OBJECTS[name]}.{remedy(value, name, is_model=_is_model(value))}"
        )
    return value


def _shown(value: Any) -> str:
    """Show a value in one line of reasonable length."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 120 else f"{text[:117]}..."


def _offers(value: Any, name: str) -> bool:
    """Say whether an object has an attribute, without running its properties."""
    if inspect.getattr_static(value, name, _ABSENT) is not _ABSENT:
        return True
    return is_kind(type(value), "Module", "torch") and hasattr(value, name)  # kept in torch's own dictionaries


def _is_algorithm(value: Any) -> bool:
    trainer = getattr(type(value), "trainer", None)
    return isinstance(trainer, (str, type)) and is_kind(type(value), "AlgorithmConfig", "maze")


def _is_model(value: Any) -> bool:
    return all(_offers(value, part) and _is_finished(value, part) for part in ("policy", "critic"))


def _is_finished(value: Any, name: str) -> bool:
    """Say whether an attribute may hold a policy or critic; numbers and texts are none."""
    return not isinstance(inspect.getattr_static(value, name, None), (bool, int, float, str, bytes))


def _can_launch(value: Any) -> bool:
    launch = getattr(value, "launch", None)
    return callable(launch) and can_be_called(launch, 2)


def _is_policy(value: Any) -> bool:
    return _is_part(value, "policy", other="critic")


def _is_critic(value: Any) -> bool:
    return _is_part(value, "critic", other="policy")


def _is_part(value: Any, name: str, other: str) -> bool:
    if _offers(value, other) or is_kind(type(value), _FINISHED[other], "maze"):
        return False
    if _offers(value, "build"):
        return callable(value.build)
    return is_kind(type(value), "Module", "torch") or (_offers(value, name) and _is_finished(value, name))


def _is_runner(value: Any) -> bool:
    return isinstance(value, RunnerConfig)


def _is_launcher(value: Any) -> bool:
    return callable(getattr(type(value), "launch", None)) and _can_launch(value)


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "algorithm": _is_algorithm,
    "model": _is_model,
    "policy": _is_policy,
    "critic": _is_critic,
    "runner": _is_runner,
    "launcher": _is_launcher,
}


# --- environments ----------------------------------------------------------------------------------------------------


def _read_env(env: Any) -> Any:
    if is_environment(env):
        raise InvalidSpecificationError(
            f"env: an instance ({type(env).__name__}) is not accepted, since a run makes its environments itself, and "
            "several of them; pass a factory: env=lambda: ..."
        )
    if not callable(env):
        raise InvalidSpecificationError(
            f"env: {_shown(env)} is not accepted; accepted: the name of a module of the group 'env', a mapping with "
            f"_target_, {_OBJECTS['env']}."
        )
    if not can_be_called(env, 0):
        what = f"the class {env.__name__}" if isinstance(env, type) else "the factory"
        name = str(getattr(env, "__name__", ""))
        call = f"{name}(...)" if name.isidentifier() else "..."
        raise InvalidSpecificationError(
            f"env: {what} needs arguments{_needed(env)}; pass one that needs none: env=lambda: {call}"
        )
    return env


def _needed(function: Callable[..., Any], n_given: int = 0) -> str:
    """Name the arguments without defaults behind those that are given by their place, in brackets."""
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [item.name for item in parameters if item.default is item.empty and item.kind not in kinds]
    return f" ({', '.join(names[n_given:])})"


def is_environment(thing: Any) -> bool:
    """Recognise environments of maze, gymnasium and gym by their base classes, importing none of them.

    Args:
        thing: anything; classes are no environments.
    """
    if isinstance(thing, type):
        return False
    return any(is_kind(type(thing), name, "gym", "gymnasium", "maze") for name in ("Env", "MazeEnv", "VectorEnv"))


def can_be_called(function: Callable[..., Any], n_arguments: int) -> bool:
    """Say whether a function accepts so many arguments by their place.

    Args:
        function: any callable; of compiled ones nothing is known, so that they do.
        n_arguments: how many.
    """
    try:
        inspect.signature(function).bind(*[None] * n_arguments)
    except TypeError:
        return False
    except ValueError:
        return True  # compiled callables may have no signature
    return True


# --- wrappers --------------------------------------------------------------------------------------------------------


def _read_wrappers(wrappers: Any) -> Any:
    """Bring all ways to give wrappers but names and ``{dotted class: arguments}`` to a list of components."""
    if is_container(wrappers) and isinstance(wrappers, Mapping) and "_target_" not in wrappers:
        for name, arguments in wrappers.items():
            if not isinstance(name, str) or not (arguments is None or isinstance(arguments, Mapping)):
                raise InvalidSpecificationError(
                    f"wrappers.{name}: {_shown(arguments)} is not accepted; accepted: a dotted class with the mapping "
                    "of its arguments."
                )
        return {name: dict(arguments or {}) for name, arguments in wrappers.items()}
    listed = is_container(wrappers) and isinstance(wrappers, Sequence)
    return [_read_wrapper(item, index) for index, item in enumerate(wrappers if listed else [wrappers])]


def _read_wrapper(wrapper: Any, index: int) -> Any:
    if is_container(wrapper) and isinstance(wrapper, Mapping) and "_target_" in wrapper:
        return wrapper
    if isinstance(wrapper, type) and callable(getattr(wrapper, "wrap", None)):
        name = dotted_name(wrapper)
        if name is None and is_kind(wrapper, "Wrapper", "maze") and not can_be_called(wrapper, 1):
            raise InvalidSpecificationError(
                f"wrappers.{index}: the class {wrapper.__name__} needs arguments{_needed(wrapper, 1)}; pass a function "
                f"that gives them: wrappers=lambda env: {wrapper.__name__}.wrap(env, ...)."
            )
        return wrapper if name is None else {"_target_": name}
    remedy = _wrapper_remedy(wrapper)
    is_other_class = isinstance(wrapper, type) and not is_kind(wrapper, "MazeEnv", "maze")
    if remedy is None and callable(wrapper) and can_be_called(wrapper, 1) and not is_other_class:
        return wrapper
    raise InvalidSpecificationError(
        f"wrappers.{index}: {_shown(wrapper)} is not accepted; accepted: a Wrapper class, a callable env -> env, or a "
        f"mapping with _target_.{remedy or _named(wrapper)}"
    )


def _named(wrapper: Any) -> str:
    """Say how a wrapper is written that is given by its name alone."""
    found = offered_as(wrapper) if isinstance(wrapper, str) else None
    name = found or (wrapper if isinstance(wrapper, str) and "." in wrapper else None)
    return "" if name is None else f" A wrapper without arguments is {{{name!r}: {{}}}}."


def _wrapper_remedy(wrapper: Any) -> str | None:
    """Say what to do about the usual mistakes; None where there is none of them."""
    if isinstance(wrapper, type) and is_kind(wrapper, "Wrapper", "gym", "gymnasium"):
        return (
            f" {wrapper.__name__} wraps environments of {wrapper.__module__.partition('.')[0]}; put it into the "
            f"factory: env=lambda: {wrapper.__name__}(...)."
        )
    if is_environment(wrapper):
        name = type(wrapper).__name__
        return (
            f" An instance ({name}) belongs to one environment, and a run makes several; pass the class, or "
            f"wrappers=lambda env: {name}.wrap(env, ...)."
        )
    if isinstance(wrapper, types.ModuleType):
        return f" {wrapper.__name__} is a module; pass a class of it."
    return None


def names_component(path: str) -> bool:
    """Say whether a dotted path of overrides names the whole section of a component.

    Args:
        path: for example ``"model.policy"``.
    """
    return path in _OBJECTS or path in ("wrappers", "model.policy", "model.critic")
