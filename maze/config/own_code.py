"""Objects and modules of the user's own: which they are, what they are called, and their source text."""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import linecache
import re
import site
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["is_own_module", "module_places", "modules_of_ids", "object_name", "own_modules", "source_of", "text_of"]


def object_name(thing: Any) -> str:
    """Return the dotted name of a function or class, or that of an instance's class."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{getattr(named, '__module__', None) or '?'}.{named.__qualname__}"


def source_of(thing: Any) -> str | None:
    """Return the source of a function or class, or of an instance's class where that is the user's own.

    Args:
        thing: any object; of a ``functools.partial`` its function is taken.

    Returns:
        The text, or None where it is not at hand. Of a lambda it is the whole statement.
    """
    named = getattr(thing, "func", thing) if type(thing).__module__ == "functools" else thing
    candidates: list[Any] = [named, *([type(named)] if is_own_module(type(named).__module__) else [])]
    for candidate in candidates:
        try:
            return inspect.getsource(candidate)
        except (TypeError, OSError, IndexError, SyntaxError):
            found = _source_by_methods(candidate) if isinstance(candidate, type) else None
            if found is not None:
                return found
    return None


def _source_by_methods(cls: type) -> str | None:
    """Return the source of a class that no file holds, such as one of a notebook's cells, which its methods lead to."""
    functions = [inspect.unwrap(item) for item in vars(cls).values() if callable(item) and not isinstance(item, type)]
    for file in dict.fromkeys(item.__code__.co_filename for item in functions if isinstance(item, types.FunctionType)):
        text = "".join(linecache.getlines(file))
        try:
            nodes = list(_classes(ast.parse(text).body, ""))
        except (SyntaxError, ValueError):
            continue
        for name, node in reversed(nodes):
            if name == cls.__qualname__:
                first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
                return "".join(text.splitlines(keepends=True)[first - 1 : node.end_lineno])
    return None


def _classes(body: Iterable[ast.stmt], inside: str) -> Iterator[tuple[str, ast.ClassDef]]:
    """Yield classes by their qualified names, also those inside of classes and functions."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield inside + node.name, node
            yield from _classes(node.body, f"{inside}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(node.body, f"{inside}{node.name}.<locals>.")


def text_of(thing: Any) -> str:
    """Return an object's repr without memory addresses, which differ from run to run."""
    try:
        return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))
    except (ArithmeticError, AttributeError, LookupError, NameError, OSError, RuntimeError, TypeError, ValueError):
        return f"<{object_name(thing)}>"


def is_own_module(name: str) -> bool:
    """Say whether a module is neither part of Python or maze, nor installed as a package.

    Args:
        name: the module's name; it need not be loaded. What cannot be found is nobody's own.
    """
    if name == "__main__":
        return True
    top = name.partition(".")[0]
    if top == "maze" or top in sys.stdlib_module_names:
        return False
    if name in sys.modules:
        places = module_places(name) or module_places(top)
        return not any(_is_installed(place) for place in places)
    places = module_places(top)
    return bool(places) and not any(_is_installed(place) for place in places)


def modules_of_ids(values: Any) -> set[str]:
    """Return the user's own modules that are imported by environment ids such as ``my_module:MyEnv-v0``.

    Args:
        values: nested sections of a configuration, or arguments of calls; devices such as ``cuda:0`` are left out.
    """
    if isinstance(values, Mapping):
        return set().union(*(modules_of_ids(value) for key, value in values.items() if key != "device"))
    if isinstance(values, list | tuple):
        return set().union(*map(modules_of_ids, values))
    name = values.rpartition(":")[0] if isinstance(values, str) else ""
    return {part for part in (name, name.partition(":")[0]) if part and is_own_module(part)}


def own_modules() -> list[types.ModuleType]:
    """Return the loaded modules of the user's own, without ``__main__``."""
    names = [name for name in list(sys.modules) if name != "__main__" and is_own_module(name)]
    found = [(name, sys.modules.get(name)) for name in names]
    return [module for name, module in found if type(module) is types.ModuleType and module.__name__ == name]


def module_places(name: str) -> list[str]:
    """Return the file of a module, or the directories of a package without one, and load nothing for it."""
    module = sys.modules.get(name)
    if module is None:
        return [] if "." in name else _spec_places(name)
    try:
        contents = object.__getattribute__(module, "__dict__")  # asking a lazy module would load it
    except AttributeError:
        return []
    file = contents.get("__file__")
    if isinstance(file, str):
        return [file]
    try:
        return [str(place) for place in contents.get("__path__") or ()]
    except TypeError:
        return []


def _spec_places(top: str) -> list[str]:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    return [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or ())


@functools.cache
def _installed_roots() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    given = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return tuple({Path(path).resolve() for path in [*given, *site.getsitepackages(), site.getusersitepackages()]})


@functools.cache
def _is_installed(place: str) -> bool:
    """Say it of a module's file or directory; what is no link itself is where its folder is, which is asked once."""
    path = Path(place)
    return _is_below_roots(place if path.is_symlink() else str(path.parent))


@functools.cache
def _is_below_roots(place: str) -> bool:
    path = Path(place).resolve()
    return any(path.is_relative_to(root) for root in _installed_roots())
