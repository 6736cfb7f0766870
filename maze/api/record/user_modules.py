"""Copies of modules of the user's own, with which a stored run can be loaded.

A configuration that names ``my_module.MyNetwork`` needs that module again, in processes and places that never saw it.
"""

from __future__ import annotations

import ast
import contextlib
import dis
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from maze.artifacts import write_text
from maze.config.own_code import is_own_module, module_places
from maze.errors import ArtifactError, InvalidSpecificationError

__all__ = ["import_copies", "imports_of", "read_sources", "store_sources"]


def read_sources(names: Iterable[str]) -> dict[str, str]:
    """Return the source of modules of the user's own, and of those that they import, wherever the import stands.

    Args:
        names: modules as a configuration names them; others than the user's own are left out. Of a package all Python
            files are taken.

    Returns:
        Text by file name, relative to the directory from which it is imported: ``my_module.py``, ``package/nets.py``.
    """
    found: dict[str, str] = {}
    waiting, seen = [name.partition(".")[0] for name in names], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name == "__main__" or not is_own_module(name):
            continue
        seen.add(name)
        files = _python_files(module_places(name))
        found |= files
        waiting += [imported for text in files.values() for imported in _imports(text)]
    return dict(sorted(found.items()))


def _python_files(places: Sequence[str]) -> dict[str, str]:
    """Return the text of a module, or of all modules of a package."""
    found: dict[str, str] = {}
    for place in map(Path, places):
        package = place.parent if place.name == "__init__.py" else place if place.is_dir() else None
        files = [place] if package is None else sorted(package.rglob("*.py"))
        root = (place if package is None else package).parent
        for file in files:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found[file.relative_to(root).as_posix()] = file.read_text(encoding="utf-8")
    return {name: text for name, text in found.items() if name.endswith(".py")}


def _imports(text: str) -> set[str]:
    """Return the names of the top modules that a source imports."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def imports_of(function: types.FunctionType) -> set[str]:
    """Return the modules that a function, or one inside of it, imports when it runs."""
    package = function.__globals__.get("__package__") or ""
    names, waiting = set[str](), [function.__code__]
    while waiting:
        code = waiting.pop()
        waiting += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        steps = list(dis.get_instructions(code))
        for level, _, step in zip(steps, steps[1:], steps[2:], strict=False):
            if step.opname == "IMPORT_NAME":  # before it, the dots of a relative import, and the names
                names.add(package if level.argval else step.argval)
    return names - {""}


def store_sources(directory: Path, sources: Mapping[str, str]) -> dict[str, str]:
    """Write copies of modules.

    Args:
        directory: made if needed.
        sources: what :func:`read_sources` returned.

    Returns:
        sha256 of each file by its name.
    """
    for name, text in sources.items():
        write_text(directory / name, text)
    return {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in sources}


class _CopyLoader(importlib.abc.InspectLoader):
    """Runs the source of a copy as it was when it was checked; bytecode beside it is neither read nor written."""

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._source = source

    def get_source(self, fullname: str) -> str:
        """Return the text of the module."""
        del fullname
        return self._source

    def get_code(self, fullname: str) -> types.CodeType:
        """Return the compiled module."""
        return self.source_to_code(self.get_source(fullname), str(self._path))


class _Copies(importlib.abc.MetaPathFinder):
    """Finds modules among the copies that came with stored runs; the rest of the import system works as ever.

    It is put before Python's own finders once, when the first run with copies is loaded with ``allow_code=True``, and
    stays there, so that imports inside of functions work as well, in every thread. ``sys.path`` is never touched.
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[Path, str]] = {}
        self._folders: dict[str, Path] = {}

    def add(self, directory: Path, texts: Mapping[str, str]) -> None:
        """Let modules be found: text by file name, relative to a directory."""
        for name, text in texts.items():
            parts = name.removesuffix(".py").split("/")
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            self._files[module] = (directory / name, text)
            for depth in range(1, len(parts)):
                self._folders[".".join(parts[:depth])] = directory.joinpath(*parts[:depth])
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return where the copy of a module is; None for everything that is none of the copies."""
        del path, target
        folder = [str(self._folders[fullname])] if fullname in self._folders else None
        if fullname in self._files:
            file, text = self._files[fullname]
            loader = _CopyLoader(file, text)
            return importlib.util.spec_from_file_location(
                fullname, file, loader=loader, submodule_search_locations=folder
            )
        if folder is None:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)  # a package without __init__.py
        spec.submodule_search_locations = folder
        return spec


_copies = _Copies()


def import_copies(directory: Path, files: Mapping[str, str]) -> None:
    """Make copies of modules importable in this process, in which they win over files of the same name elsewhere.

    This allows their code to run. A module that is loaded already stays, and has to have the same source.

    Args:
        directory: where the copies are.
        files: sha256 by file name, as :func:`store_sources` returned it.

    Raises:
        ArtifactError: a copy is missing or is not what was stored.
        InvalidSpecificationError: another module of that name is loaded already.
    """
    texts = {name: _checked_text(directory, name, digest) for name, digest in files.items()}
    for top in sorted({name.partition("/")[0].removesuffix(".py") for name in texts}):
        own = {name: text for name, text in texts.items() if name == f"{top}.py" or name.startswith(f"{top}/")}
        if top in sys.modules:
            _require_same(top, own, directory)
        _copies.add(directory.resolve(), own)


def _checked_text(directory: Path, name: str, digest: str) -> str:
    path = directory / name
    try:
        if not path.resolve().is_relative_to(directory.resolve()):
            raise ArtifactError(f"{path}: lies outside of the run; the directory was not written by maze.")
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: the copy of a module cannot be read ({error}); restore the directory.") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise ArtifactError(f"{path}: is not the module that was stored with the run (its sha256 differs); restore it.")
    return data.decode("utf-8")


def _require_same(top: str, copies: Mapping[str, str], directory: Path) -> None:
    loaded = _python_files(module_places(top))
    for name, text in copies.items():
        if name in loaded and loaded[name] != text:
            raise InvalidSpecificationError(
                f"{directory / name}: the run needs this module, and another {top!r} is loaded already, from "
                f"{', '.join(module_places(top))}; load the run in a fresh process."
            )
