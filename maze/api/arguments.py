"""Reading the arguments of a `RunContext` besides its components: what each accepts, and how it says no."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from maze.api.component_remedies import is_kind
from maze.api.components import LITERALS, is_container, names_component, read_component
from maze.config.overrides import ADD
from maze.config.sections import WRITERS
from maze.errors import InvalidSpecificationError, suggest

__all__ = [
    "LITERALS",
    "WRITERS_PLACE",
    "absolute_directory",
    "check_flag",
    "check_seed",
    "check_seeds",
    "check_source",
    "check_writer_objects",
    "explain_keywords",
    "is_container",
    "read_component",
    "read_directory",
    "read_name",
    "read_overrides",
    "with_input_dir",
    "writers_among",
]

WRITERS_PLACE = "tracking.writers"
"""Where writers of statistics stand in the configuration."""

_LARGEST_SEED = 2**63 - 1
_ARGUMENTS = ("seed", "silent", "multirun", "resume", "config_dir")
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def explain_keywords(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Let a function's `TypeError` for an unknown keyword name the nearest one that it accepts.

    Args:
        function: a function or method without ``**kwargs``.

    Returns:
        The same function with a clearer error.
    """
    parameters = inspect.signature(function).parameters.values()
    accepted = [item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]
    names = [name for name in accepted if name != "self"]
    owner = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def explained(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        for name in kwargs:
            if name not in names:
                raise TypeError(f"{owner}() has no argument {name!r}; {suggest(name, names)}")
        return function(*args, **kwargs)

    return explained


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


def read_directory(directory: Any, name: str = "run_dir") -> str:
    """Check the path of a directory, of a run for example.

    Args:
        directory: what the user gave.
        name: how the user calls it.

    Returns:
        Its path.

    Raises:
        InvalidSpecificationError: if it is no path.
    """
    if not isinstance(directory, (str, Path)) or not str(directory) or "\0" in str(directory):
        raise InvalidSpecificationError(f"{name}: {directory!r} is not accepted; accepted: the path of a directory.")
    return str(directory)


def absolute_directory(directory: Any, name: str = "run_dir") -> Path:
    """Check the path of a directory that may be there already or be made later.

    Args:
        directory: what the user gave.
        name: how the user calls it.

    Returns:
        Its absolute path.

    Raises:
        InvalidSpecificationError: if it is no path, is the path of a file, or cannot be looked at.
    """
    path = Path(read_directory(directory, name)).absolute()
    try:
        is_file = path.exists() and not path.is_dir()
    except OSError as error:
        raise InvalidSpecificationError(f"{name}: {str(path)!r} cannot be used ({error.strerror}).") from error
    if is_file:
        raise InvalidSpecificationError(f"{name}: {str(path)!r} is a file; accepted is a directory.")
    return path


def check_flag(value: Any, name: str) -> bool:
    """Refuse what is neither true nor false, such as the text ``"false"``.

    Args:
        value: what the user gave.
        name: the name of the argument.

    Returns:
        Python's own True or False.

    Raises:
        InvalidSpecificationError: if it is neither.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidSpecificationError(f"{name}: {value!r} is not accepted; accepted: True or False.")
    return bool(value)


def check_source(source: Any) -> None:
    """Refuse what cannot say where a trained agent is.

    Args:
        source: what the user gave.

    Raises:
        InvalidSpecificationError: if it is neither a text nor a path.
    """
    if not isinstance(source, (str, Path)) or not str(source):
        raise InvalidSpecificationError(
            f"source: {source!r} is not accepted; accepted: the directory of a run, an MLflow run id, or "
            "models:/name/version."
        )


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
        if path.removeprefix(ADD) in _ARGUMENTS:
            name = path.removeprefix(ADD)
            raise InvalidSpecificationError(
                f"{path}: no value of the configuration but an argument of its own; pass RunContext({name}=...), in a "
                f"shell --{name.replace('_', '-')}."
            )
    return {
        path: read_component(value, path.removeprefix(ADD)) if names_component(path.removeprefix(ADD)) else value
        for path, value in overrides.items()
    }


def check_writer_objects(objects: Mapping[str, Any]) -> None:
    """Refuse objects among the writers that are none.

    Args:
        objects: live objects by dotted path, those of other places included.

    Raises:
        InvalidSpecificationError: one is no `LogStatsWriter`.
    """
    for path, thing in writers_among(objects).items():
        if isinstance(thing, type) or not is_kind(type(thing), "LogStatsWriter", "maze"):
            remedy = f" That is a class; pass an instance, {thing.__name__}(...)." if isinstance(thing, type) else ""
            raise InvalidSpecificationError(
                f"{path}: {thing!r} is not accepted; accepted: {', '.join(map(repr, WRITERS))}, an object of a class "
                f"derived from maze.LogStatsWriter, or a mapping with _target_.{remedy}"
            )


def writers_among(objects: Mapping[str, Any]) -> dict[str, Any]:
    """Return the writers of statistics among live objects, without what mappings of writers hold.

    Args:
        objects: live objects by dotted path.
    """
    return {path: thing for path, thing in objects.items() if path.rpartition(".")[0] == WRITERS_PLACE}


def with_input_dir(overrides: Any, input_dir: Any) -> dict[str, Any]:
    """Return overrides that name the earlier agent with which a new one begins.

    Args:
        overrides: what the user gave.
        input_dir: where the earlier agent is.

    Raises:
        InvalidSpecificationError: it is no path, or is given twice.
    """
    if overrides is not None and not isinstance(overrides, Mapping):
        return read_overrides(overrides)  # which says what is wrong with it
    given = dict(overrides or {})
    if "input_dir" in given:
        raise InvalidSpecificationError("input_dir: given as an argument and in overrides; give one of the two.")
    return {**given, "input_dir": read_directory(input_dir, "input_dir")}


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
    alone = ""
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        alone = f" One seed is a list, too: {name}=[{check_seed(seeds, name)}]."
    if not isinstance(seeds, (list, tuple)) or not seeds:
        raise InvalidSpecificationError(
            f"{name}: {seeds!r} is not accepted; accepted: a list of one or more whole numbers.{alone}"
        )
    checked = [check_seed(seed, f"{name}.{index}") for index, seed in enumerate(seeds)]
    for seed in checked:
        if checked.count(seed) > 1:
            raise InvalidSpecificationError(f"{name}: {seed} is given more than once; every seed counts once.")
    return checked
