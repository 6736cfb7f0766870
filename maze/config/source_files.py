"""Reading what Python files bind at their top level, without importing them."""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

__all__ = ["Function", "Source", "find_module", "source_of"]

Function = ast.FunctionDef | ast.AsyncFunctionDef
"""Functions, as they stand in a source file."""


@dataclass(frozen=True)
class Source:
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

    definitions: dict[str, ast.ClassDef | Function] = field(default_factory=dict)
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


def source_of(module: str) -> Source | None:
    """Read a module's source.

    Args:
        module: its dotted name.

    Returns:
        What it binds; None where there is no source to read.
    """
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
def _read(path: Path, package: str, changed: int) -> Source:
    del changed  # only part of the key
    text = path.read_text(encoding="utf-8")
    if "attach_stub(" in text and path.with_suffix(".pyi").is_file():
        text = path.with_suffix(".pyi").read_text(encoding="utf-8")
    dynamic = "globals()" in text or "sys.modules[__name__]" in text or "\nexec(" in text
    source = Source()
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
            if isinstance(inner, list) and not isinstance(node, (ast.ClassDef, Function)):
                yield from _statements(inner)


def _note(node: ast.stmt, package: str, source: Source) -> None:
    """Take note of what one statement binds."""
    if isinstance(node, (ast.ClassDef, Function)):
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
