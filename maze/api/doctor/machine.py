"""Checks of the machine: Python, packages, torch, the store of runs, disk space, places to write."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from maze.api.doctor.finding import Finding, ok, problem, warning
from maze.tracking import StoreLocation, installed_version, project_store, public_version
from maze.tracking.journal import JournalReader, pending_journals
from maze.tracking.store import find_project_root

__all__ = ["check_disk", "check_outputs", "check_packages", "check_python", "check_store", "check_torch"]

_PYTHON = (3, 11)
_LOCK = "requirements.lock"
_RESULTS = "out/report/record.json"
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;#]+)")
_REQUIRED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LITTLE, _VERY_LITTLE = 5 * 2**30, 2**30


def check_python(directory: Path) -> Iterator[Finding]:
    """Compare Python's version with the one that is needed."""
    del directory
    version = platform.python_version()
    if sys.version_info[:2] < _PYTHON:
        yield problem("python", f"{version} is too old", "use Python 3.11 or newer; ./dev makes such an environment")
    else:
        yield ok("python", f"{version} ({sys.executable})")


def check_packages(directory: Path) -> Iterator[Finding]:
    """Look for missing packages, and compare versions with the lock of the project where it has one."""
    missing = sorted(name for name in _required() if installed_version(name) is None)
    if missing:
        yield problem("packages", f"not installed: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    root = find_project_root(directory)[0] or directory
    lock = root / _LOCK
    if not lock.is_file():
        yield ok("packages", f"all are installed; there is no {_LOCK} to compare with")
        return
    pinned = {name: (installed_version(name), version) for name, version in _PINNED.findall(lock.read_text("utf-8"))}
    other = [
        f"{name} {found or 'missing'} instead of {version}"
        for name, (found, version) in pinned.items()
        if found is None or public_version(found) != public_version(version)
    ]
    if other:
        shown = ", ".join(other[:5]) + (f" and {len(other) - 5} more" if len(other) > 5 else "")
        yield warning(
            "packages",
            f"other versions than in {lock}: {shown}",
            f"pip install -r {_LOCK}; results may differ from those of other machines until then",
        )
    elif not missing:
        builds = [f"{name} {found}" for name, (found, version) in pinned.items() if found and found != version]
        left_open = f"; it leaves builds open, here {', '.join(builds)}" if builds else ""
        yield ok("packages", f"all versions as in {lock}{left_open}")


def _required() -> list[str]:
    """Names of the packages that maze cannot do without; none where maze itself is not installed as a package."""
    try:
        lines = importlib.metadata.requires("maze") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = (_REQUIRED.match(line) for line in lines if "extra ==" not in line)
    return [match.group() for match in found if match is not None]


def check_torch(directory: Path) -> Iterator[Finding]:
    """Load torch, say how it was built and what it can use, and whether the project's results come from this build."""
    try:
        import torch  # noqa: PLC0415  (seconds, and the one thing that may fail here)
    except (ImportError, OSError) as error:  # a library that it links to may be missing
        yield problem("torch", f"cannot be loaded: {str(error).splitlines()[0]}", "pip install --force-reinstall torch")
        return
    yield from _check_results(directory, str(torch.__version__))
    built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU only"
    threads = f"{torch.get_num_threads()} threads (a run takes runner.torch_threads, one by default)"
    if torch.version.cuda and not torch.cuda.is_available():
        yield warning(
            "torch",
            f"{torch.__version__}, built for {built}, finds no GPU",
            "algorithm.device=cpu works; for cuda check the driver with nvidia-smi",
        )
        return
    gpus = f", {torch.cuda.device_count()} GPU" if torch.cuda.is_available() else ""
    yield ok("torch", f"{torch.__version__}, {built}{gpus}, {threads}")


def _check_results(directory: Path, version: str) -> Iterator[Finding]:
    """Compare torch with the one that the results of the project's pipeline come from."""
    record = (find_project_root(directory)[0] or directory) / _RESULTS
    try:
        then = json.loads(record.read_text(encoding="utf-8"))["tags"]["version.torch"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if then == version:
        return
    kind = "build" if public_version(str(then)) == public_version(version) else "version"
    yield warning(
        "torch",
        f"{version} is another {kind} than {then}, from which the results in {record.parent} come",
        f"nothing, unless results are to be equal to the last bit: another {kind} rounds differently",
    )


def check_store(directory: Path) -> Iterator[Finding]:
    """Look whether runs can be written into the store, and whether some still wait for it."""
    store = project_store(directory)
    if store.database is None:
        yield ok("tracking", f"{store.uri} is not on this machine and was not contacted")
    else:
        yield _check_database(store, store.database)
    try:
        waiting = sum(JournalReader(journal).is_abandoned() for journal in pending_journals(store.spool))
    except (OSError, ValueError, KeyError) as error:
        yield problem("tracking", f"{store.spool}: cannot be read ({error})", "maze-run tracking flush says more")
        return
    if waiting:
        yield warning(
            "tracking",
            f"{waiting} records of runs in {store.spool} wait to be sent to the store",
            "maze-run tracking flush",
        )


def _check_database(store: StoreLocation, database: Path) -> Finding:
    remedy = f"give yourself the right to write {database.parent}, or set MLFLOW_TRACKING_URI to another place"
    refusal = _cannot_write(database.parent)
    if refusal:
        return problem("tracking", f"{database.parent} cannot be written ({refusal})", remedy)
    if not database.exists():
        return ok("tracking", f"{store.uri} will be made by the first run")
    try:
        connection = sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=2.0)
        try:
            connection.execute("PRAGMA schema_version").fetchone()
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return warning("tracking", f"{database} is in use by another process", "wait; runs do so by themselves")
        return problem("tracking", f"{database} cannot be used ({error})", remedy)
    except sqlite3.DatabaseError as error:
        move = f"move it away (mv {database} {database}.damaged); the next run makes a new one"
        return problem("tracking", f"{database} is damaged ({error})", move)
    return ok("tracking", store.uri)


def check_disk(directory: Path) -> Iterator[Finding]:
    """Look how much space is left."""
    free = shutil.disk_usage(_existing(directory)).free
    amount = f"{free / 2**30:.1f} GiB free"
    remedy = "remove old runs below outputs/, or run: dvc gc --workspace"
    if free < _VERY_LITTLE:
        yield problem("disk", amount, remedy)
    elif free < _LITTLE:
        yield warning("disk", amount, remedy)
    else:
        yield ok("disk", amount)


def check_outputs(directory: Path) -> Iterator[Finding]:
    """Look whether the places of runs can be written."""
    for name in ("outputs", "out"):
        place = directory / name
        if name == "out" and not place.exists():
            continue
        refusal = "it is a file" if place.is_file() else _cannot_write(place)
        if refusal:
            remedy = "give yourself the right to write it, or name another place: --run-dir DIRECTORY"
            yield problem("outputs", f"{place} cannot be written ({refusal})", remedy)
        else:
            yield ok("outputs", f"{place} can be written")


def _existing(place: Path) -> Path:
    return next(path for path in (place, *place.parents) if path.exists())


def _cannot_write(directory: Path) -> str:
    """Return why no file can be made in a directory, or in the one that it would be made in; "" where one can."""
    try:
        with tempfile.TemporaryFile(dir=_existing(directory)):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__
