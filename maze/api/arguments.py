"""Reading the arguments of a `RunContext` one by one: what each accepts, and how it says no."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from maze.config.targets import dotted_name
from maze.errors import InvalidSpecificationError

__all__ = [
    "LITERALS",
    "check_seed",
    "check_seeds",
    "is_container",
    "read_component",
    "read_directory",
    "read_name",
    "read_overrides",
]

_LARGEST_SEED = 2**63 - 1
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

_MAYBE_WITHOUT_TARGET = ("runner",)


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
        argument: the name of the argument, for example ``"env"``.

    Returns:
        The name, mapping or object; wrappers as a name, as ``{dotted class: arguments}``, or as a list of components.

    Raises:
        InvalidSpecificationError: if the argument does not accept such a value.
    """
    if value is None or isinstance(value, str):
        return value
    if argument == "wrappers":
        return _read_wrappers(value)
    if isinstance(value, Mapping):
        if argument not in _MAYBE_WITHOUT_TARGET and "_target_" not in value:
            raise InvalidSpecificationError(f"{argument}: a mapping needs _target_, the dotted name of a class.")
        return value
    if argument == "env":
        return _read_env(value)
    if argument == "algorithm":
        return _read_algorithm(value)
    if isinstance(value, (*LITERALS, type, Sequence)):
        raise _wrong_kind(value, argument, "or an object")
    return value


def _wrong_kind(value: Any, argument: str, kinds: str) -> InvalidSpecificationError:
    return InvalidSpecificationError(
        f"{argument}: {value!r} is not accepted; accepted: the name of a module of the group {argument!r}, "
        f"a mapping with _target_, {kinds}."
    )


def read_name(value: Any, argument: str) -> str | None:
    """Check an argument that takes names alone.

    Args:
        value: what the user gave.
        argument: the name of the argument.

    Returns:
        The name.

    Raises:
        InvalidSpecificationError: if it is no text.
    """
    if value is not None and not isinstance(value, str):
        raise InvalidSpecificationError(
            f"{argument}: {value!r} is not accepted; accepted: the name of a module of the group {argument!r}."
        )
    return value


def _read_env(env: Any) -> Any:
    if _is_environment(env):
        raise InvalidSpecificationError(
            f"env: an instance ({type(env).__name__}) is not accepted, since a run makes its environments itself, and "
            "several of them; pass a factory: env=lambda: ..."
        )
    if not callable(env):
        raise _wrong_kind(env, "env", "or a callable without arguments that makes an environment")
    if not _can_be_called(env, 0):
        raise InvalidSpecificationError("env: the factory needs arguments; pass one that needs none: env=lambda: ...")
    return env


def _is_environment(thing: Any) -> bool:
    """Recognise environments of maze, gymnasium and gym by their base classes, importing none of them."""
    if isinstance(thing, type):
        return False
    return any(
        base.__name__ in ("Env", "MazeEnv", "VectorEnv")
        and base.__module__.partition(".")[0] in ("gym", "gymnasium", "maze")
        for base in type(thing).__mro__
    )


def _can_be_called(function: Callable[..., Any], n_arguments: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * n_arguments)
    except TypeError:
        return False
    except ValueError:
        return True  # compiled callables may have no signature
    return True


def _read_wrappers(wrappers: Any) -> Any:
    """Bring all ways to give wrappers but names and ``{dotted class: arguments}`` to a list of components."""
    if isinstance(wrappers, Mapping) and "_target_" not in wrappers:
        for name, arguments in wrappers.items():
            if not isinstance(name, str) or not (arguments is None or isinstance(arguments, Mapping)):
                raise InvalidSpecificationError(
                    f"wrappers.{name}: accepted: a dotted class with the mapping of its arguments."
                )
        return {name: dict(arguments or {}) for name, arguments in wrappers.items()}
    listed = isinstance(wrappers, Sequence) and not isinstance(wrappers, (bytes, bytearray))
    return [_read_wrapper(item, index) for index, item in enumerate(wrappers if listed else [wrappers])]


def _read_wrapper(wrapper: Any, index: int) -> Any:
    if isinstance(wrapper, Mapping) and "_target_" in wrapper:
        return wrapper
    if isinstance(wrapper, type) and callable(getattr(wrapper, "wrap", None)):
        name = dotted_name(wrapper)
        return wrapper if name is None else {"_target_": name}
    if callable(wrapper) and not _is_environment(wrapper) and _can_be_called(wrapper, 1):
        return wrapper
    raise InvalidSpecificationError(
        f"wrappers.{index}: {wrapper!r} is not accepted; accepted: a Wrapper class, a callable env -> env, or a "
        "mapping with _target_."
    )


def _read_algorithm(algorithm: Any) -> Any:
    if isinstance(getattr(type(algorithm), "trainer", None), str) and dataclasses.is_dataclass(algorithm):
        return algorithm
    raise _wrong_kind(
        algorithm,
        "algorithm",
        "or an algorithm configuration: a dataclass whose class attribute `trainer` names its trainer",
    )


def read_directory(run_dir: Any) -> str:
    """Check the directory of a run.

    Args:
        run_dir: what the user gave.

    Returns:
        Its path.

    Raises:
        InvalidSpecificationError: if it is no path.
    """
    if not isinstance(run_dir, (str, Path)) or not str(run_dir):
        raise InvalidSpecificationError(f"run_dir: {run_dir!r} is not accepted; accepted: the path of a directory.")
    return str(run_dir)


def read_overrides(overrides: Any) -> dict[str, Any]:
    """Check overrides, and read the components among them like arguments.

    Args:
        overrides: what the user gave.

    Returns:
        Values by dotted path.

    Raises:
        InvalidSpecificationError: if it is no mapping from dotted paths, or a component has a wrong kind.
    """
    if overrides is None:
        return {}
    if not isinstance(overrides, Mapping):
        raise InvalidSpecificationError(
            f"overrides: {type(overrides).__name__} is not accepted; accepted: a mapping from dotted paths to values."
        )
    for path in overrides:
        if not isinstance(path, str) or not path:
            raise InvalidSpecificationError(f"overrides: {path!r} is not a dotted path such as 'algorithm.lr'.")
    whole = ("env", "wrappers", "algorithm")
    return {path: read_component(value, path) if path in whole else value for path, value in overrides.items()}


def check_seed(seed: Any, name: str = "seed") -> int:
    """Check one seed.

    Args:
        seed: what the user gave.
        name: how the user calls it.

    Returns:
        The seed.

    Raises:
        InvalidSpecificationError: unless it is a whole number from 0 to 2**63 - 1.
    """
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and 0 <= seed <= _LARGEST_SEED:
        return int(seed)
    raise InvalidSpecificationError(f"{name}: {seed!r} is not accepted; accepted: a whole number from 0 to 2**63 - 1.")


def check_seeds(seeds: Any, name: str = "seeds") -> list[int]:
    """Check the seeds of a pipeline.

    Args:
        seeds: what the user gave.
        name: how the user calls it.

    Returns:
        The seeds.

    Raises:
        InvalidSpecificationError: unless it is a list of one or more different seeds.
    """
    if not isinstance(seeds, (list, tuple)) or not seeds:
        raise InvalidSpecificationError(
            f"{name}: {seeds!r} is not accepted; accepted: a list of one or more whole numbers."
        )
    checked = [check_seed(seed, f"{name}.{index}") for index, seed in enumerate(seeds)]
    for seed in checked:
        if checked.count(seed) > 1:
            raise InvalidSpecificationError(f"{name}: {seed} is given more than once; every seed counts once.")
    return checked
