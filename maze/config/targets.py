"""Which classes and functions a configuration may name, and how they are found.

Only modules on an allow-list can be named, so that a configuration from a stranger cannot run arbitrary code. Users
declare their own modules with the configuration key ``allowed_modules`` or with `allow_modules`.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib
import pkgutil
import types
from collections.abc import Iterable, Iterator
from typing import Any

from maze.config.offered import meant_by, offered_as
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["BUILT_IN_MODULES", "allow_modules", "check_target", "dotted_name", "is_within", "resolve_target"]

BUILT_IN_MODULES: tuple[str, ...] = ("maze", "torch.nn", "torch.optim", "gymnasium", "gym")
"""Modules whose classes and functions any configuration may name."""

_NATIVE_MODULES = ("torch._C",)
"""Where torch keeps the compiled functions that ``torch.nn.functional`` offers."""

_PROGRAM_MODULES = ("maze.api", "maze.cli", "maze.testing", "maze.tracking")
"""Parts of maze that run and load whole runs, code that they stored included; no component is among them."""

_declared: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("maze_allowed_modules", default=())


@contextlib.contextmanager
def allow_modules(modules: Iterable[str]) -> Iterator[None]:
    """Let configurations name classes and functions of more modules while the block runs.

    The permission belongs to the calling thread (it is a context variable), and ends with the block.

    Args:
        modules: module names; what lies below them is included. Usually ``config.allowed_modules``.
    """
    token = _declared.set((*_declared.get(), *modules))
    try:
        yield
    finally:
        _declared.reset(token)


def is_within(name: str, modules: Iterable[str]) -> bool:
    """Say whether a dotted name is one of some modules, or lies below one.

    Args:
        name: the dotted name.
        modules: names of modules.
    """
    return any(name == module or name.startswith(module + ".") for module in modules)


def _allowed(extra: Iterable[str] = ()) -> tuple[str, ...]:
    return (*BUILT_IN_MODULES, *_declared.get(), *extra)


def check_target(target: object, path: str = "_target_", allowed_modules: Iterable[str] = ()) -> str:
    """Check a dotted name against the allow-list without importing anything.

    Args:
        target: the dotted name of a class or function.
        path: the configuration key where it stands, for the message.
        allowed_modules: modules that are allowed besides the built-in and the declared ones.

    Returns:
        The name; ``gym.spaces`` is spelled ``gymnasium.spaces``.

    Raises:
        InvalidSpecificationError: if it is not a dotted name of an allowed module.
    """
    if not isinstance(target, str) or not all(part.isidentifier() for part in target.split(".")) or "." not in target:
        meant = meant_by(target) or " accepted: for example 'torch.nn.Tanh'."
        raise InvalidSpecificationError(f"{path}: {target!r} is not the dotted name of a class or function;{meant}")
    allowed = _allowed(allowed_modules)
    if not is_within(target, allowed):
        raise InvalidSpecificationError(
            f"{path}: {target!r} does not belong to an allowed module ({', '.join(allowed)}). If you trust it, declare "
            f"it: allowed_modules: [{target.partition('.')[0]}] in the configuration.{_instead(target)}"
        )
    return "gymnasium." + target.removeprefix("gym.") if is_within(target, ("gym.spaces",)) else target


def _instead(target: str) -> str:
    meant = offered_as(target)
    return "" if meant is None else f" maze has {meant!r}."


def resolve_target(target: str, path: str = "_target_") -> Any:
    """Import the class or function that a dotted name stands for.

    Args:
        target: for example ``"torch.nn.Tanh"``; ``gym.spaces.*`` means ``gymnasium.spaces.*``.
        path: the configuration key where it stands, for the message.

    Returns:
        The class or function.

    Raises:
        InvalidSpecificationError: if the module is not allowed (also when an allowed module merely imports what is
            named), cannot be imported, or has no such name.
    """
    name = check_target(target, path)
    parts = name.split(".")
    found: Any = _import(parts[0], name, path)
    for index, part in enumerate(parts[1:], start=1):
        parent = found
        found = getattr(parent, part, None)
        if found is None and isinstance(parent, types.ModuleType):
            found = _import(".".join(parts[: index + 1]), name, path, parent)
        if found is None:
            meant = meant_by(name) or f" {suggest(part, _public_names(parent, part == parts[-1]))}"
            raise InvalidSpecificationError(f"{path}: {name!r} was not found:{meant}")
    _check_identity(found, name, path)
    return found


def _public_names(owner: object, is_last: bool) -> list[str]:
    """Names to suggest; modules inside only where one may be meant, or nothing else is there."""
    public = list(getattr(owner, "__all__", []))
    inside = [module.name for module in pkgutil.iter_modules(getattr(owner, "__path__", []))]
    names = public if public and is_last else [*public, *inside]
    return names or [name for name in dir(owner) if not name.startswith("_")]


def _import(module: str, name: str, path: str, parent: types.ModuleType | None = None) -> Any:
    """Import one module of the way to `name`; None where its package has no such module."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise InvalidSpecificationError(f"{path}: {name!r} cannot be imported: {error}.") from error
        if parent is not None:
            return None
        raise InvalidSpecificationError(f"{path}: {name!r}: there is no module {module!r}; is it installed?") from error
    except ImportError as error:
        raise InvalidSpecificationError(f"{path}: {name!r} cannot be imported: {error}.") from error


def _check_identity(found: Any, name: str, path: str) -> None:
    """Refuse what an allowed module only imported from elsewhere, such as ``maze.errors.difflib``."""
    if not callable(found):
        raise InvalidSpecificationError(
            f"{path}: {name!r} is a {type(found).__name__}; accepted: a class or a function."
        )
    home = getattr(found, "__module__", None)
    if is_within(str(home), _PROGRAM_MODULES):
        raise InvalidSpecificationError(
            f"{path}: {name!r} runs or loads whole runs, and is no component that a configuration could name."
        )
    allowed = _allowed()
    if home is None and isinstance(found, types.BuiltinFunctionType):
        home = getattr(getattr(found, "__self__", None), "__name__", None) or name.rpartition(".")[0]
    if not is_within(home or "", (*allowed, *_NATIVE_MODULES)):
        raise InvalidSpecificationError(
            f"{path}: {name!r} really is {home}.{getattr(found, '__qualname__', '?')}, "
            f"which does not belong to an allowed module ({', '.join(allowed)})."
        )


def dotted_name(thing: Any) -> str | None:
    """Return the dotted name of a class or function if an allowed configuration could name it, else None."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not module or not name or "<" in name or not is_within(module, _allowed()):
        return None
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}.{name}" if found is thing else None
