"""Ids of environments: which registry knows them, what they need, and how they say no.

Nothing is made here, so that an id can be checked long before it is used. Legacy gym 0.26 warns on import, which stays
out of the user's sight; it is imported only where gymnasium does not know an id.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import inspect
import io
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium

from maze.errors import InvalidSpecificationError, suggest
from maze.types import AnyMapping

__all__ = [
    "EXTRAS",
    "NAMESPACE_MODULES",
    "check_engine",
    "check_keys",
    "import_box2d",
    "legacy_gym",
    "missing_dependency",
    "remedy_of_missing",
    "split_id",
    "unknown_id",
]

EXTRAS = {"box2d": "box2d", "mujoco": "mujoco", "atari": "atari", "ale": "atari", "minigrid": "minigrid"}
"""Words in an engine's entry point or message, and the extra of maze that installs what it needs."""

PACKAGES = {"box2d": "Box2D", "mujoco": "mujoco", "atari": "ale_py", "minigrid": "minigrid"}
"""What each extra brings, as it is imported."""

NAMESPACE_MODULES = {"ALE": "ale_py"}
"""Packages that register the ids of a namespace only when imported."""

PREFIX_MODULES = {"MiniGrid-": "minigrid", "BabyAI-": "minigrid"}
"""Packages that register ids that begin so only when imported."""

_SUPPLIED = ("id", "render_mode", "disable_env_checker")
"""Arguments of ``gymnasium.make`` that are given anyway."""


def split_id(name: str) -> tuple[str, str]:
    """Return the module that registers an id, ``""`` for none, and the id itself.

    Args:
        name: ``"[module:][namespace/]Name-vN"``.
    """
    module, _, env_id = name.rpartition(":")
    if not module and "/" in env_id:
        module = NAMESPACE_MODULES.get(env_id.partition("/")[0], "")
    if not module:
        module = next((known for prefix, known in PREFIX_MODULES.items() if env_id.startswith(prefix)), "")
    return module, env_id


def check_engine(name: str, kwargs: AnyMapping, render_mode: object = None) -> None:
    """Check, as far as that is possible without making it, that an environment can be made.

    Args:
        name: ``"[module:][namespace/]Name-vN"``.
        kwargs: arguments of its constructor.
        render_mode: how to draw, or None.

    Raises:
        InvalidSpecificationError: the id is unknown, or needs packages that are not installed, or its constructor does
            not accept an argument, or it cannot draw in such a way.
    """
    module, env_id = split_id(name)
    if module and env_id not in gymnasium.registry:
        _check_module(module, env_id)  # what it registers is known only once it is imported
        return
    spec = gymnasium.registry.get(env_id)
    legacy = None if spec is not None else legacy_gym()
    if spec is None and legacy is not None:
        spec = legacy.envs.registration.registry.get(env_id)
    if spec is None:
        raise unknown_id(name, env_id, list(legacy.envs.registration.registry) if legacy is not None else [])
    constructor = _constructor(env_id, spec.entry_point)
    if constructor is not None:
        _check_arguments(env_id, constructor, kwargs, gymnasium.make if legacy is None else legacy.make)
        _check_render_mode(env_id, constructor, render_mode)


def check_keys(given: object, path: str) -> tuple[str, ...]:
    """Return keys of observations, which no environment has to be made for to see that they are some.

    Args:
        given: what stands in the place of a list of keys.
        path: where it stands.

    Raises:
        InvalidSpecificationError: it is no list of texts.
    """
    if isinstance(given, str) or not isinstance(given, Sequence) or not all(isinstance(key, str) for key in given):
        raise InvalidSpecificationError(
            f"{path}: {given!r} is not accepted; accepted is a list of keys of observations, for example ['mission']."
        )
    return tuple(given)


def _check_module(module: str, env_id: str) -> None:
    top = module.partition(".")[0]
    if not _is_installed(top):
        raise missing_dependency(env_id, module, ModuleNotFoundError(f"No module named {top!r}."))


def _constructor(env_id: str, entry_point: object) -> Any:
    """Return what makes the environment; None where only a module of somebody else's would tell."""
    if getattr(entry_point, "__name__", "").startswith("_raise"):  # gymnasium's, of environments that moved elsewhere
        try:
            entry_point()  # type: ignore[operator]
        except _not_installed() as error:
            raise missing_dependency(env_id, "", error) from error
    if not isinstance(entry_point, str):
        return entry_point if isinstance(entry_point, type) else None
    module, _, name = entry_point.partition(":")
    if module not in sys.modules and module.partition(".")[0] not in ("gymnasium", "gym"):
        return None
    import_box2d(entry_point)
    try:
        return getattr(importlib.import_module(module), name, None)
    except _not_installed() as error:
        raise missing_dependency(env_id, entry_point, error) from error


def import_box2d(entry_point: str) -> None:
    """Import Box2D before an environment that needs it does, if it is installed.

    Box2D's compiled part warns while it is imported, and takes the process down where warnings are errors, as in tests.

    Args:
        entry_point: of the environment.
    """
    if ".box2d" in entry_point and "Box2D" not in sys.modules and importlib.util.find_spec("Box2D") is not None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="builtin type", category=DeprecationWarning)
            importlib.import_module("Box2D")


def _not_installed() -> tuple[type[Exception], ...]:
    """Errors that say that a package is missing: Python's, gymnasium's, and legacy gym's where it is loaded."""
    modules = [sys.modules.get(name) for name in ("gymnasium.error", "gym.error")]
    return (ImportError, *(module.DependencyNotInstalled for module in modules if module is not None))


def _check_arguments(env_id: str, constructor: Any, kwargs: AnyMapping, make: Any) -> None:
    try:
        parameters = inspect.signature(constructor).parameters.values()
    except (TypeError, ValueError):
        return
    if any(item.kind is item.VAR_KEYWORD for item in parameters):
        return
    own = [item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]
    general = [item.name for item in inspect.signature(make).parameters.values() if item.kind is not item.VAR_KEYWORD]
    accepted = sorted({*own, *general} - {*_SUPPLIED, "self"})
    for name in kwargs:
        if name not in accepted:
            raise InvalidSpecificationError(
                f"The environment {env_id!r} has no argument {name!r}; {suggest(name, accepted)}"
            )


def _check_render_mode(env_id: str, constructor: Any, render_mode: object) -> None:
    """Refuse a way of drawing that an environment does not know, of which gymnasium itself only warns."""
    metadata = getattr(constructor, "metadata", None)
    own = metadata.get("render_modes") if isinstance(metadata, Mapping) else None
    if render_mode is None or not isinstance(own, (list, tuple)) or not own:
        return
    shown = ["human"] if {"rgb_array", "rgb_array_list"} & set(own) else []  # gymnasium's wrappers do the rest
    accepted = sorted({*own, *shown, *(f"{mode}_list" for mode in own if mode != "human" and "_list" not in mode)})
    if render_mode not in accepted:
        raise InvalidSpecificationError(
            f"The environment {env_id!r} has no render_mode {render_mode!r}; {suggest(str(render_mode), accepted)}"
        )


def missing_dependency(env_id: str, where: str, error: Exception) -> InvalidSpecificationError:
    """Return the error for an environment whose packages are not installed.

    Args:
        env_id: its id.
        where: the module that needs them.
        error: what importing it raised.
    """
    words = f"{env_id} {where} {error}".lower()
    extra = next((extra for word, extra in EXTRAS.items() if word in words), None)
    newest = _newest_version(env_id, list(gymnasium.registry))
    is_old = newest not in (None, env_id) and extra is not None and _is_installed(PACKAGES[extra])
    if is_old:  # what it needs is no longer made
        remedy = f"use {newest!r}"
    else:
        remedy = f'pip install "maze[{extra}]"' if extra else "install the package that the message names"
    return InvalidSpecificationError(
        f"The environment {env_id!r} needs packages that are missing: {error} Remedy: {remedy}."
    )


def remedy_of_missing(error: Exception) -> str:
    """Return the end of a message about an error of somebody's own code: how the packages that it misses are installed.

    Args:
        error: any; where no package is missing, or none that an extra of maze brings, there is nothing to say.
    """
    words = set(re.split("[^a-z0-9]+", str(error).lower()))
    extra = next((extra for word, extra in EXTRAS.items() if word in words), None)
    return f' Remedy: pip install "maze[{extra}]".' if extra and isinstance(error, _not_installed()) else ""


def _is_installed(package: str) -> bool:
    try:
        return package in sys.modules or importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _newest_version(env_id: str, known: list[str]) -> str | None:
    """Return the id with the highest version among those with the same name, None where there is none."""
    stem = env_id.rpartition("-v")[0]
    versions = [other.rpartition("-v") for other in known]
    numbers = [int(number) for name, _, number in versions if stem and name == stem and number.isdigit()]
    return f"{stem}-v{max(numbers)}" if numbers else None


def unknown_id(name: str, env_id: str, legacy_ids: list[str]) -> InvalidSpecificationError:
    """Return the error for an id that is in no registry: the newer version of it, or the nearest names.

    Args:
        name: the id as it was given.
        env_id: the id without its module.
        legacy_ids: the ids of legacy gym.
    """
    known = sorted({*gymnasium.registry, *legacy_ids})
    version = env_id.rpartition("-v")[2]
    newest = _newest_version(env_id, known)
    unversioned = [other for other in known if other.rpartition("-v")[0] == env_id]
    start = f"Unknown environment {name!r}: "
    if newest is not None:
        older = version.isdigit() and int(version) < int(newest.rpartition("-v")[2])
        what = "this version is deprecated, use" if older else "there is no such version; the newest is"
        return InvalidSpecificationError(f"{start}{what} {newest!r}.")
    folded = {other.lower(): other for other in known}
    close = unversioned[-1:] or [
        folded[match] for match in difflib.get_close_matches(env_id.lower(), folded, n=5, cutoff=0.6)
    ]
    hint = f"did you mean {close[0]!r}? Close ids: {', '.join(close)}. " if close else "no id is similar. "
    remedy = (
        "gymnasium.pprint_registry() lists all ids; import the package that registers yours, or write 'package:Id-v0'."
    )
    return InvalidSpecificationError(f"{start}{hint}Remedy: {remedy}")


def legacy_gym() -> Any:
    """Return legacy gym, imported without a sound, or None where it is not installed."""
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("gym")
        except ImportError:
            return None
