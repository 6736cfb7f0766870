"""Looking classes and functions up in source files, without importing them.

Composing a configuration must not load torch, yet a misspelt class of a network can be told from its source alone.
What a file does not say plainly (compiled modules, names made while importing) is left to whoever imports it.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib.util
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from maze.errors import suggest

__all__ = ["Absent", "Definition", "find_module", "look_up"]

_LONGEST_WAY = 12
_NOT_FOLLOWED = "torch."
"""Packages whose own files are too long to be read at every start; what their packages import is taken as given."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Definition:
    """A class or function that stands in a source file.

    Attributes:
        name: the dotted name of the place where it is defined.
        arguments: names of the arguments that it accepts by keyword; None where they cannot all be told.
        named: those of them that are written down, also where there may be more.
    """

    name: str
    arguments: tuple[str, ...] | None
    named: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Absent:
    """What is certainly not there.

    Attributes:
        reason: why, as the end of a message.
    """

    reason: str


@dataclass(frozen=True)
class _Source:
    """What one module binds at its top level.

    Attributes:
        definitions: classes and functions by name.
        imports: module and name in it (None for the module itself) by the name that they are bound to.
        aliases: the name that a name is just another one for.
        others: all other names.
        stars: modules from which everything is imported.
        public: the names of ``__all__``, None where there is none to read.
        is_open: names may be made while the module is imported.
    """

    definitions: dict[str, ast.ClassDef | _Function] = field(default_factory=dict)
    imports: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    stars: list[str] = field(default_factory=list)
    public: list[str] | None = None
    is_open: bool = False

    def names(self) -> list[str]:
        """Return the names to suggest."""
        bound = [*self.definitions, *self.imports, *self.others]
        return self.public or [name for name in bound if not name.startswith("_")]


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


def _look_into(module: str, parts: list[str]) -> Definition | Absent | None:
    if len(parts) == 1 and find_module(f"{module}.{parts[0]}") is not None:
        return _bound(module, parts[0]) or Absent("it is a module; accepted: a class or a function.")
    found = _bound(module, parts[0])
    if found is None or isinstance(found, Absent):
        return found
    return found if len(parts) == 1 else None  # what a class holds may come from its bases


def _bound(module: str, name: str, way: int = 0) -> Definition | Absent | None:
    """Follow a name through imports to its definition."""
    source = _source_of(module)
    if source is None or way > _LONGEST_WAY:
        return None
    if name in source.definitions:
        node = source.definitions[name]
        return Definition(f"{module}.{name}", _arguments(module, node, way), _named(module, node, way))
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
    return Absent(f"{module} has no {name!r}; {suggest(name, _offered(module, source))}")


def _offered(module: str, source: _Source) -> list[str]:
    """The names to suggest: also modules of a package, and names of modules from which everything is imported."""
    spec = find_module(module)
    places = spec.submodule_search_locations if spec is not None else None
    names = [*source.names(), *(item.name for item in pkgutil.iter_modules(places or []) if item.name[0] != "_")]
    for star in source.stars:
        other = _source_of(star)
        names = [*names, *(other.names() if other is not None else [])]
    return names


def _arguments(module: str, node: ast.ClassDef | _Function, way: int) -> tuple[str, ...] | None:
    """Names that a function or a class's constructor accepts by keyword; None where the source does not tell."""
    if node.decorator_list or way > _LONGEST_WAY:
        return None
    if not isinstance(node, ast.ClassDef):
        return _keywords(node.args)
    methods = {item.name: item for item in node.body if isinstance(item, _Function)}
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


def _named(module: str, node: ast.ClassDef | _Function, way: int) -> tuple[str, ...]:
    """Names of the arguments that are written down where a function or a class's constructor is defined."""
    if node.decorator_list or way > _LONGEST_WAY:
        return ()
    if not isinstance(node, ast.ClassDef):
        return _written(node.args)
    own = next((item for item in node.body if isinstance(item, _Function) and item.name == "__init__"), None)
    if own is not None:
        return _written(own.args)[1:]
    if len(node.bases) == 1 and isinstance(node.bases[0], ast.Name):
        inherited = _bound(module, node.bases[0].id, way + 1)
        return inherited.named if isinstance(inherited, Definition) else ()
    return ()


def _written(arguments: ast.arguments) -> tuple[str, ...]:
    return tuple(argument.arg for argument in [*arguments.args, *arguments.kwonlyargs])


def _keywords(arguments: ast.arguments) -> tuple[str, ...] | None:
    if arguments.kwarg is not None or arguments.posonlyargs:
        return None
    return _written(arguments)


# --- files ------------------------------------------------------------------------------------------------------------


def find_module(name: str) -> ModuleSpec | None:
    """Find a module without importing its packages.

    Args:
        name: its dotted name.

    Returns:
        What is known of it; None where there is none.
    """
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module that was made by hand has no specification
        return None
    found = top
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        found = f"{found}.{part}"
        spec = PathFinder.find_spec(found, list(spec.submodule_search_locations))
    return spec


def _source_of(module: str) -> _Source | None:
    """Read a module's source; None where there is none to read."""
    spec = find_module(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin)
    package = module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
    try:
        return _read(path, package, path.stat().st_mtime_ns)
    except (OSError, SyntaxError, ValueError):
        return None


@functools.lru_cache(maxsize=256)
def _read(path: Path, package: str, changed: int) -> _Source:
    del changed  # only part of the key
    text = path.read_text(encoding="utf-8")
    if "attach_stub(" in text and path.with_suffix(".pyi").is_file():
        text = path.with_suffix(".pyi").read_text(encoding="utf-8")
    dynamic = "globals()" in text or "sys.modules[__name__]" in text or "\nexec(" in text
    source = _Source()
    tree = ast.parse(text)
    for node in _statements(tree.body):
        _note(node, package, source)
    public = _listed(tree.body)
    is_open = dynamic or "__getattr__" in source.definitions
    return dataclasses.replace(source, public=public, is_open=is_open)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those inside of conditions and attempts too."""
    for node in body:
        yield node
        for name in ("body", "orelse", "finalbody", "handlers"):
            inner = getattr(node, name, None)
            if isinstance(inner, list) and not isinstance(node, (ast.ClassDef, _Function)):
                yield from _statements(inner)


def _note(node: ast.stmt, package: str, source: _Source) -> None:
    """Take note of what one statement binds."""
    if isinstance(node, (ast.ClassDef, _Function)):
        source.definitions[node.name] = node
    elif isinstance(node, ast.Import):
        for alias in node.names:
            source.imports[alias.asname or alias.name.partition(".")[0]] = (alias.name, None)
    elif isinstance(node, ast.ImportFrom):
        home = _home(node, package)
        for alias in node.names:
            if alias.name == "*":
                source.stars.append(home)
            else:
                source.imports[alias.asname or alias.name] = (home, alias.name)
    else:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=meant)) if name not in source.others:
                source.aliases[name] = meant
            case ast.Assign(targets=[ast.Name(id=name)]):
                source.aliases.pop(name, None)
        source.others.update(
            item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
        )


def _home(node: ast.ImportFrom, package: str) -> str:
    """The absolute name of the module from which something is imported."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - (node.level - 1)]
    return ".".join([*base, *([node.module] if node.module else [])])


def _listed(body: list[ast.stmt]) -> list[str] | None:
    """Read ``__all__`` where it is a plain list."""
    for node in body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "__all__":
            value = getattr(node, "value", None)
            if isinstance(value, (ast.List, ast.Tuple)):
                return [str(item.value) for item in value.elts if isinstance(item, ast.Constant)]
    return None
