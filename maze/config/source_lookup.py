"""Looking classes and functions up in source files, without importing them.

Composing a configuration must not load torch, yet a misspelt class of a network can be told from its source alone.
What a file does not say plainly (compiled modules, names made while importing) is left to whoever imports it.
"""

from __future__ import annotations

import ast
import builtins
import pkgutil
import sys
from dataclasses import dataclass, field

from maze.config.source_files import Function, Source, find_module, source_of
from maze.errors import suggest

__all__ = ["Absent", "Definition", "derives_from", "look_up", "needed_arguments"]

_LONGEST_WAY = 12
_NOT_FOLLOWED = "torch."
"""Packages whose own files are too long to be read at every start; what their packages import is taken as given."""


@dataclass(frozen=True)
class Definition:
    """A class or function that stands in a source file.

    Attributes:
        name: the dotted name of the place where it is defined.
        arguments: names of the arguments that it accepts by keyword; None where they cannot all be told.
        named: those of them that are written down, also where there may be more.
        needed: those that are written down and have no default.
    """

    name: str
    arguments: tuple[str, ...] | None
    named: tuple[str, ...] = field(default=(), compare=False)
    needed: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Absent:
    """What is certainly not there.

    Attributes:
        reason: why, as the end of a message.
    """

    reason: str


def look_up(target: str) -> Definition | Absent | None:
    """Find a class or function in the source of its module.

    Args:
        target: its dotted name, also one under which a package offers it.

    Returns:
        Where it is defined, that it is certainly absent, or None where only importing would tell.
    """
    parts = target.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:length])
        if find_module(module) is not None:
            return _look_into(module, parts[length:])
    return Absent(f"there is no module {parts[0]!r}; is it installed?")


def needed_arguments(target: str) -> tuple[str, ...]:
    """Return the arguments without which a class or function cannot be called, as far as its source tells.

    Args:
        target: its dotted name; the file of one of torch's is read, which takes some milliseconds.
    """
    found = look_up(target)
    if isinstance(found, Definition) and found.name.startswith(_NOT_FOLLOWED):
        found = _bound(*_split(found.name))
    return found.needed if isinstance(found, Definition) else ()


def derives_from(target: str, base: str) -> bool | None:
    """Say whether a class derives from another one, or is that one.

    Args:
        target: the dotted name of the class.
        base: the dotted name of the place where the other one is defined, in a package of neither torch nor Python.

    Returns:
        None where the sources do not tell: for functions, and for what is not written there.
    """
    found = look_up(target)
    return _derives(found.name, base) if isinstance(found, Definition) else None


def _derives(name: str, base: str, way: int = 0) -> bool | None:
    if name == base:
        return True
    if name.startswith(_NOT_FOLLOWED) or _is_of_python(name):
        return False
    module, own = _split(name)
    source = source_of(module)
    node = None if source is None else source.definitions.get(own)
    if source is None or not isinstance(node, ast.ClassDef) or way > _LONGEST_WAY:
        return None
    answers = [_base_derives(module, source, item, base, way + 1) for item in node.bases]
    return True if True in answers else None if None in answers else False


def _base_derives(module: str, source: Source, node: ast.expr, base: str, way: int) -> bool | None:
    """Say whether one of a class's bases derives from another class; generic ones are written with brackets."""
    first, *rest = ast.unparse(node.value if isinstance(node, ast.Subscript) else node).split(".")
    if first in source.imports:
        name = ".".join(part for part in (*source.imports[first], *rest) if part)
        found = Definition(name, None) if _is_of_python(name) else look_up(name)
    else:
        found = None if rest else _bound(module, first)
    if isinstance(found, Absent) and hasattr(builtins, first):
        return False
    return _derives(found.name, base, way) if isinstance(found, Definition) else None


def _is_of_python(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


def _split(name: str) -> tuple[str, str]:
    module, _, own = name.rpartition(".")
    return module, own


def _look_into(module: str, parts: list[str]) -> Definition | Absent | None:
    if len(parts) == 1 and find_module(f"{module}.{parts[0]}") is not None:
        return _bound(module, parts[0]) or Absent("it is a module; accepted: a class or a function.")
    found = _bound(module, parts[0], is_last=len(parts) == 1)
    if found is None or isinstance(found, Absent):
        return found
    return found if len(parts) == 1 else None  # what a class holds may come from its bases


def _bound(module: str, name: str, way: int = 0, *, is_last: bool = True) -> Definition | Absent | None:
    """Follow a name through imports to its definition; only what is no class may be a module."""
    source = source_of(module)
    if source is None or way > _LONGEST_WAY:
        return None
    if name in source.definitions:
        node = source.definitions[name]
        return Definition(f"{module}.{name}", _arguments(module, node, way), *_named(module, node, way))
    if name in source.imports:
        home, original = source.imports[name]
        is_module = original is not None and find_module(f"{home}.{original}") is not None
        if home.startswith(_NOT_FOLLOWED) and not is_module:
            return Definition(f"{home}.{original}", None)
        return None if original is None else _bound(home, original, way + 1)
    if name in source.others:
        meant = _bound(module, source.aliases[name], way + 1) if name in source.aliases else None
        return meant if isinstance(meant, Definition) else None
    is_open = source.is_open
    for star in source.stars:
        found = _bound(star, name, way + 1)
        if isinstance(found, Definition):
            return found
        is_open |= found is None
    if is_open or find_module(f"{module}.{name}") is not None:
        return None
    return Absent(f"{module} has no {name!r}; {suggest(name, _offered(module, source, is_last))}")


def _offered(module: str, source: Source, is_last: bool) -> list[str]:
    """The names to suggest: also of modules from which everything is imported, and modules where one may be meant."""
    names = source.names()
    for star in source.stars:
        other = source_of(star)
        names = [*names, *(other.names() if other is not None else [])]
    if names and is_last:
        return names
    spec = find_module(module)
    places = spec.submodule_search_locations if spec is not None else None
    return [*names, *(item.name for item in pkgutil.iter_modules(places or []) if item.name[0] != "_")]


def _arguments(module: str, node: ast.ClassDef | Function, way: int) -> tuple[str, ...] | None:
    """Names that a function or a class's constructor accepts by keyword; None where the source does not tell."""
    if node.decorator_list or way > _LONGEST_WAY:
        return None
    if not isinstance(node, ast.ClassDef):
        return _keywords(node.args)
    methods = {item.name: item for item in node.body if isinstance(item, Function)}
    if "__new__" in methods or node.keywords:
        return None
    if "__init__" in methods:
        own = methods["__init__"]
        named = None if own.decorator_list else _keywords(own.args)
        return None if named is None else named[1:]
    if len(node.bases) == 1 and isinstance(node.bases[0], ast.Name):
        inherited = _bound(module, node.bases[0].id, way + 1)
        return inherited.arguments if isinstance(inherited, Definition) else None
    return None if node.bases else ()


def _named(module: str, node: ast.ClassDef | Function, way: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the arguments that are written down where a function or constructor is defined, and the needed ones."""
    if node.decorator_list or way > _LONGEST_WAY:
        return (), ()
    if not isinstance(node, ast.ClassDef):
        return _written(node.args), _without_default(node.args)
    own = next((item for item in node.body if isinstance(item, Function) and item.name == "__init__"), None)
    if own is not None:
        itself = _written(own.args)[:1]
        return _written(own.args)[1:], tuple(name for name in _without_default(own.args) if name not in itself)
    if len(node.bases) == 1 and isinstance(node.bases[0], ast.Name):
        inherited = _bound(module, node.bases[0].id, way + 1)
        if isinstance(inherited, Definition) and not _is_of_python(inherited.name):  # such as NamedTuple, a function
            return inherited.named, inherited.needed
    return (), ()


def _written(arguments: ast.arguments) -> tuple[str, ...]:
    return tuple(argument.arg for argument in [*arguments.args, *arguments.kwonlyargs])


def _without_default(arguments: ast.arguments) -> tuple[str, ...]:
    placed = [*arguments.posonlyargs, *arguments.args]
    needed = [*placed[: len(placed) - len(arguments.defaults)]]
    needed += [item for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if not default]
    return tuple(item.arg for item in needed)


def _keywords(arguments: ast.arguments) -> tuple[str, ...] | None:
    if arguments.kwarg is not None or arguments.posonlyargs:
        return None
    return _written(arguments)
