"""Where the store of runs is, decided once and the same way by every door: Python, command line and DVC stages.

The database keeps SQLite's default rollback journal. A write-ahead log would halve the time of a write (11-39 instead
of 30-60 ms with six writers), but no run waits for writes, the log needs shared memory, which network file systems and
some container mounts lack, and it makes the database three files, of which a copy of one loses data.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import yaml

__all__ = ["STORE_FOLDER", "StoreLocation", "find_project_root", "project_store", "resolve_store"]

STORE_FOLDER = ".maze"
"""Folder of everything that belongs to a project's runs and not to its history: database, artifacts, checkpoints."""

_COMPOSED = Path("build", "config.yaml")

_TEMPORARY_EXPERIMENTS = (".dvc", "tmp", "exps")


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """A store of runs.

    Attributes:
        uri: MLflow tracking URI.
        directory: the local ``.maze`` folder, where locks and unsent records are, also for a remote store.
        origin: what decided: the environment variable, a DVC root, a git repository or the working directory.
    """

    uri: str
    directory: Path
    origin: Literal["environment", "dvc", "git", "directory"]

    @property
    def database(self) -> Path | None:
        """Path of the SQLite database, or None for any other kind of store."""
        for prefix in ("sqlite:///", "sqlite+pysqlite:///"):
            if self.uri.startswith(prefix):
                path = self.uri.removeprefix(prefix).split("?", 1)[0]
                return Path(path) if path and path != ":memory:" else None
        return None

    @property
    def server(self) -> tuple[str, int] | None:
        """Host and port of a tracking server, or None where the store is not behind HTTP."""
        parts = urlsplit(self.uri)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            return None
        return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def spool(self) -> Path:
        """Folder of journals: what runs have written and the store has not yet confirmed."""
        return self.directory / "spool"

    @property
    def artifact_root(self) -> Path | None:
        """Absolute folder of artifacts of new experiments, beside the database; None where a server decides."""
        return None if self.database is None else self.database.absolute().parent / "mlartifacts"

    def prepare(self) -> None:
        """Make the folder, with a .gitignore of its own so that it never makes a working tree dirty.

        Raises:
            OSError: the folder cannot be written.
        """
        self.spool.mkdir(parents=True, exist_ok=True)
        ignore = self.directory / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")


def resolve_store(
    directory: Path | str | None = None, *, environment: Mapping[str, str] | None = None
) -> StoreLocation:
    """Return the store for a run.

    ``MLFLOW_TRACKING_URI`` wins. Otherwise it is an SQLite database in ``.maze/`` of ``$DVC_ROOT`` (which DVC sets for
    every stage, and which names the real repository also where a queued experiment runs in a temporary copy), else of
    the DVC root or git repository that encloses the directory, else of the one that encloses the working directory,
    else of the working directory itself, where ``maze-run ui`` looks.

    Args:
        directory: the run's directory, existing or not; the working directory when left out.
        environment: variables to read instead of the process's own.
    """
    variables = os.environ if environment is None else environment
    start = Path.cwd() if directory is None else Path(directory).absolute()
    root, origin = find_project_root(start, environment=variables)
    if root is None:
        root, origin = find_project_root(Path.cwd(), environment=variables)
    folder = (root or Path.cwd()) / STORE_FOLDER
    uri = variables.get("MLFLOW_TRACKING_URI", "").strip()
    if uri:
        return StoreLocation(uri=uri, directory=folder, origin="environment")
    return StoreLocation(uri=f"sqlite:///{(folder / 'mlflow.db').as_posix()}", directory=folder, origin=origin)


def project_store(directory: Path | str | None = None, *, uri: str | None = None) -> StoreLocation:
    """Return the store that commands look into: where the project's own pipeline sends its runs.

    That is what ``tracking.uri`` of its composed configuration names, else what :func:`resolve_store` says.

    Args:
        directory: in the project; the working directory when left out.
        uri: what the configuration of a certain run names; None where it names none, or no run is meant.
    """
    root, _ = find_project_root(Path.cwd() if directory is None else Path(directory).absolute())
    chosen = uri or (None if root is None else _composed_uri(root / _COMPOSED))
    return resolve_store(directory, environment={**os.environ, "MLFLOW_TRACKING_URI": chosen} if chosen else None)


def _composed_uri(path: Path) -> str | None:
    """Return what a composed configuration names; None where there is none, or it cannot be read."""
    try:
        uri = yaml.safe_load(path.read_text(encoding="utf-8"))["tracking"]["uri"]
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError):
        return None
    return uri if isinstance(uri, str) else None


def find_project_root(
    start: Path, *, environment: Mapping[str, str] | None = None
) -> tuple[Path | None, Literal["dvc", "git", "directory"]]:
    """Return the root of the enclosing project and what marks it, or ``(None, "directory")``.

    Args:
        start: a directory, which need not exist.
        environment: variables to read ``DVC_ROOT`` from instead of the process's own.
    """
    dvc_root = (os.environ if environment is None else environment).get("DVC_ROOT", "")
    if dvc_root and (Path(dvc_root) / ".dvc").is_dir():
        return _without_temporary_copy(Path(dvc_root).absolute()), "dvc"
    candidates = (start, *start.parents)
    for candidate in candidates:
        if (candidate / ".dvc" / "config").is_file():
            return _without_temporary_copy(candidate), "dvc"
    for candidate in candidates:
        if (candidate / ".git").exists():
            return candidate, "git"
    return None, "directory"


def _without_temporary_copy(root: Path) -> Path:
    """Return the repository whose temporary experiment copy ``root`` is, or ``root`` itself."""
    parts = root.parts
    width = len(_TEMPORARY_EXPERIMENTS)
    for index in range(len(parts) - width, 0, -1):
        if parts[index : index + width] == _TEMPORARY_EXPERIMENTS:
            return Path(*parts[:index])
    return root
