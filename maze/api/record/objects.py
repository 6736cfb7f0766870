"""Live objects of a run on disk: by value, marked as code, with their source text for people to read.

An object that a configuration cannot describe (a lambda, a closure, an instance of a class of the user's own) is stored
with cloudpickle. Loading such a file runs code, so it happens only where the user says ``allow_code=True``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import pickle
import platform
import re
import threading
import types
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from maze.api.record.user_modules import import_copies, imports_of, read_sources, store_sources
from maze.artifacts import atomic_path, read_json, write_json, write_text
from maze.config.foreign import ForeignErrors, error_text
from maze.config.own_code import is_own_module, object_name, own_modules, source_of, text_of
from maze.errors import ArtifactError, InvalidSpecificationError

__all__ = [
    "allow_copies",
    "dumps",
    "load_objects",
    "loads",
    "read_copies",
    "read_index",
    "refusal",
    "store_objects",
]

Index: TypeAlias = dict[str, dict[str, Any]]
"""What a directory of objects holds, by dotted configuration path."""

NOTE = (
    "The .cloudpickle files are code that runs when they are loaded. maze loads them only with allow_code=True "
    "(maze-run: --allow-code), and imports the modules below code/ likewise. The .py and .txt files beside the "
    "objects are for reading and are never run."
)

_INDEX, _CODE = "index.json", "code"
_registering = threading.RLock()
"""cloudpickle keeps the modules that go by value in one place for the whole process."""


def dumps(thing: Any, *, by_name: Collection[str] = (), imported: set[str] | None = None) -> bytes:
    """Return an object as bytes that another process can load without the modules that define it.

    What belongs to Python, maze or an installed package is stored by name; everything else by value, with what it
    refers to in other modules of that kind.

    Args:
        thing: any object.
        by_name: top modules of the user's own that can be imported where the object is loaded.
        imported: gets the names of the modules that functions among what is stored by value import when they run.

    Raises:
        InvalidSpecificationError: it holds something that cannot be stored, such as an open file or a lock.
    """
    import cloudpickle  # type: ignore[import-untyped]  # noqa: PLC0415  (only where objects are given)

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        """Stores modules of the user's own that refer to each other, which cloudpickle alone cannot."""

        def reducer_override(self, obj: Any) -> Any:
            """Return how an object is made again, or NotImplemented for the usual way."""
            if type(obj) is types.ModuleType and is_own_module(obj.__name__) and _top(obj) not in by_name:
                state = {name: value for name, value in vars(obj).items() if name not in _MACHINERY}
                return _empty_module, (obj.__name__,), state
            reduced = super().reducer_override(obj)
            if imported is not None and isinstance(obj, types.FunctionType) and reduced is not NotImplemented:
                imported.update(imports_of(obj))
            return reduced

    stream = io.BytesIO()
    with _registering:
        known = set(cloudpickle.list_registry_pickle_by_value())
        modules = [module for module in own_modules() if module.__name__ not in known and _top(module) not in by_name]
        try:
            for module in modules:
                cloudpickle.register_pickle_by_value(module)
            with ForeignErrors(lambda error: InvalidSpecificationError(_cannot_be_stored(thing, error))):
                Pickler(stream).dump(thing)
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)
    return stream.getvalue()


def _cannot_be_stored(thing: Any, error: Exception) -> str:
    return (
        f"{object_name(thing)}: cannot be stored ({error_text(error)}); make what it holds inside "
        "of it instead, for example open files and connections in the function that makes an environment."
    )


_MACHINERY = frozenset({"__builtins__", "__cached__", "__loader__", "__spec__"})
"""What Python's import system keeps in a module, which no function of the module needs."""


def _top(module: types.ModuleType) -> str:
    return module.__name__.partition(".")[0]


def _empty_module(name: str) -> types.ModuleType:
    return types.ModuleType(name)


def loads(data: bytes) -> Any:
    """Return the object that :func:`dumps` wrote; this runs code, so the bytes have to be trusted.

    Args:
        data: the bytes.

    Raises:
        ArtifactError: they are damaged, or need a package that is not installed here.
    """
    with ForeignErrors(lambda error: ArtifactError(_cannot_be_loaded(error))):
        return pickle.loads(data)  # noqa: S301  (the caller has been told that it runs code, and allowed it)


def _cannot_be_loaded(error: Exception) -> str:
    return (
        f"a stored object cannot be loaded ({error_text(error)}); install what it needs in the version "
        "that the run's record names, or pass the object again."
    )


def store_objects(directory: Path, objects: Mapping[str, Any], modules: Collection[str] = ()) -> None:
    """Write objects with their source text, and copies of modules, and list them in ``index.json``.

    What is there already stays, unless it has the same path. For an object that cannot be stored the reason is kept.

    Args:
        directory: made if needed; nothing is written where there is nothing to store.
        objects: live objects by dotted configuration path. One object under several paths is stored once.
        modules: names of modules that the configuration names; those of the user's own are copied.
    """
    sources = read_sources(modules)
    if not objects and not sources:
        return
    index, imported = read_index(directory), set[str]()
    copied = {name.partition("/")[0].removesuffix(".py") for name in sources}
    stored: dict[int, dict[str, Any]] = {}
    for path, thing in objects.items():
        entry = stored.get(id(thing))
        if entry is None:
            taken = [other for name, item in index.items() if name != path for other in (item["file"], item["source"])]
            entry = stored[id(thing)] = _store(directory, _stem(path, taken), thing, copied, imported)
        index[path] = entry
    copies = store_sources(directory / _CODE, {**read_sources(imported), **sources})
    write_json(directory / _INDEX, {"note": NOTE, "objects": index, "modules": {**read_copies(directory), **copies}})


def _stem(path: str, taken: Collection[str | None]) -> str:
    """Return a file name without ending for a path: the path itself, made fit for every file system."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", path)[:100].strip(".") or "object"
    if any(name is not None and name.rpartition(".")[0].lower() == stem.lower() for name in taken):
        return f"{stem}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"
    return stem


def _store(directory: Path, stem: str, thing: Any, by_name: Collection[str], imported: set[str]) -> dict[str, Any]:
    text, ending = _text(thing)
    source = f"{stem}.{ending}"
    write_text(directory / source, text)
    entry: dict[str, Any] = {
        "name": object_name(thing),
        "source": source,
        "file": None,
        "python": platform.python_version(),
        "cloudpickle": importlib.metadata.version("cloudpickle"),
    }
    try:
        data = dumps(thing, by_name=by_name, imported=imported)
    except InvalidSpecificationError as error:
        return {**entry, "reason": str(error)}
    entry["file"] = f"{stem}.cloudpickle"
    with atomic_path(directory / entry["file"]) as temporary:
        temporary.write_bytes(data)
    return {**entry, "sha256": hashlib.sha256(data).hexdigest()}


def _text(thing: Any) -> tuple[str, str]:
    """Return what people read of an object, and the ending of the file for it."""
    source = source_of(thing)
    if source is None:
        return f"{text_of(thing)}\n", "txt"
    if isinstance(thing, type | types.FunctionType):
        return source, "py"
    comment = "\n# ".join(text_of(thing).splitlines())
    return f"# {comment}\n\n{source}", "py"


def read_index(directory: Path) -> Index:
    """Return what a directory of objects holds, by dotted configuration path; nothing is loaded.

    Raises:
        ArtifactError: its index is damaged.
    """
    objects = _read(directory, "objects")
    if not all(isinstance(entry, dict) and _is_entry(entry) for entry in objects.values()):
        raise ArtifactError(f"{directory / _INDEX}: does not describe stored objects; restore the directory.")
    return objects


def _is_entry(entry: Mapping[str, Any]) -> bool:
    named = (entry.get("name"), entry.get("source"), entry.get("file") or "")
    return "file" in entry and all(isinstance(value, str) for value in named)


def read_copies(directory: Path) -> dict[str, str]:
    """Return the copies of modules that a directory of objects holds: sha256 by file name.

    Raises:
        ArtifactError: its index is damaged.
    """
    return _read(directory, "modules")


def _read(directory: Path, part: str) -> dict[str, Any]:
    path = directory / _INDEX
    content = read_json(path) if path.is_file() else {}
    entries = content.get(part, {}) if isinstance(content, dict) else None
    if not isinstance(entries, dict):
        raise ArtifactError(f"{path}: does not describe stored {part}; restore the directory.")
    return entries


def allow_copies(directory: Path) -> None:
    """Make the modules that are stored with objects importable; call it only where the user allowed code.

    Raises:
        ArtifactError: a copy is missing or damaged.
        InvalidSpecificationError: another module of that name is loaded already.
    """
    import_copies(directory / _CODE, read_copies(directory))


def load_objects(directory: Path, *, allow_code: bool, without: Collection[str] = ()) -> dict[str, Any]:
    """Return stored objects by dotted configuration path; what is stored once is one object under all its paths.

    Args:
        directory: where :func:`store_objects` wrote them.
        allow_code: run their code, which loading means.
        without: paths whose objects are given anew; they are not loaded.

    Raises:
        InvalidSpecificationError: there are objects and ``allow_code`` is False, or one could not be stored.
        ArtifactError: a file is missing or is not the one that was stored, or the Python version is another.
    """
    index = {path: entry for path, entry in read_index(directory).items() if path not in without}
    if index and allow_code is not True:
        raise InvalidSpecificationError(refusal(directory, index))
    for path, entry in index.items():
        if entry["file"] is None:
            raise InvalidSpecificationError(
                f"{path}: {entry['name']} could not be stored with the run ({entry.get('reason')}); pass it again: "
                f"{path.partition('.')[0]}=... Its source is in {directory / entry['source']}."
            )
    if index:
        allow_copies(directory)
    loaded: dict[str, Any] = {}
    for path, entry in index.items():
        if entry["file"] not in loaded:
            loaded[entry["file"]] = _load(directory, path, entry)
    return {path: loaded[entry["file"]] for path, entry in index.items()}


def refusal(directory: Path, index: Index) -> str:
    """Return why objects are not loaded without ``allow_code``, and what to do."""
    listed = "; ".join(f"{path} ({entry['name']}, see {directory / entry['source']})" for path, entry in index.items())
    return (
        f"{directory}: the run holds objects, and loading them runs their code: {listed}. What runs "
        "is in the .cloudpickle files, with the functions that it calls. If you trust it, pass "
        "allow_code=True (maze-run: --allow-code); or pass the objects again, for example env=..."
    )


def _load(directory: Path, path: str, entry: Mapping[str, Any]) -> Any:
    file = directory / Path(entry["file"]).name
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{file}: the object {path} cannot be read ({error}); restore the directory.") from error
    if hashlib.sha256(data).hexdigest() != entry.get("sha256"):
        raise ArtifactError(f"{file}: is not the file that was stored for {path} (its sha256 differs); restore it.")
    stored, running = str(entry.get("python", "")), platform.python_version()
    if stored.split(".")[:2] != running.split(".")[:2]:
        raise ArtifactError(
            f"{file}: {path} was stored by Python {stored}, and this is {running}; code that is stored by value needs "
            "the same Python. Use that version, or pass the object again."
        )
    return loads(data)
