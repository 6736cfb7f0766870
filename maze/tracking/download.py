"""Getting a saved agent, or the record of a run, back out of the store."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maze.errors import ArtifactError, nearest_path
from maze.tracking.sender import last_words, run_module
from maze.tracking.store import project_store, resolve_store

__all__ = ["download_agent", "download_run", "origin_of"]

_LEVELS = 6
"""How deep below its answer a download may lie."""

_RUN_ID = re.compile(r"[0-9a-f]{32}")


def download_agent(
    reference: str, *, directory: Path | str | None = None, environment: Mapping[str, str] | None = None
) -> Path:
    """Return a local folder with the agent of a run or of a registered model.

    Args:
        reference: a run id, ``models:/<name>/<version>``, ``models:/<name>@<alias>`` or ``models:/<model id>``.
        directory: where to look for the store from; the working directory when left out.
        environment: variables to read instead of the process's own.

    Raises:
        ArtifactError: the reference has another form, or the store does not have such an agent.
    """
    _check_form(reference)
    return _download("maze.tracking.mlflow_download", reference, directory, environment)


def download_run(
    reference: str, *, directory: Path | str | None = None, environment: Mapping[str, str] | None = None
) -> Path:
    """Return a local folder with the record of a run and what it needs to be repeated, the agent included.

    Args:
        reference: a run id, or ``models:/<name>/<version>``, ``models:/<name>@<alias>`` for the run that made it.
        directory: where to look for the store from; the working directory when left out.
        environment: variables to read instead of the process's own.

    Raises:
        ArtifactError: it has another form, or the store does not have the record of such a run.
    """
    _check_form(reference)
    return _download("maze.tracking.mlflow_download_run", reference, directory, environment)


def origin_of(agent: Path) -> dict[str, Any] | None:
    """Return what the store said of the run that made a downloaded agent; None for an agent from elsewhere.

    Args:
        agent: its folder.

    Returns:
        ``store`` (its URI), ``run_id``, ``key``, ``run_dir``, ``is_staged``, ``experiment_name`` and ``step``.
    """
    for folder in list(agent.parents)[:_LEVELS]:
        answer = folder / "answer.json"
        if folder.parent.name == "agents" and answer.is_file():
            try:
                found = json.loads(answer.read_text(encoding="utf-8")).get("origin")
            except (OSError, ValueError):
                return None
            return dict(found) if found else None
    return None


def _check_form(reference: str) -> None:
    """Refuse what cannot be in a store."""
    if not _RUN_ID.fullmatch(reference) and not reference.startswith("models:/"):
        raise ArtifactError(
            f"{reference!r} is neither an existing run directory nor an MLflow run id (32 hexadecimal digits) nor "
            f"models:/name/version or models:/name@alias; {nearest_path(reference)}Copy the id from the run's page "
            "(maze-run ui), or name a run directory."
        )


def _download(module: str, reference: str, directory: Path | str | None, environment: Mapping[str, str] | None) -> Path:
    """Let a process fetch what a reference names, and return the folder; an earlier one of it is replaced.

    Raises:
        ArtifactError: the store does not have it.
    """
    store = project_store(directory) if environment is None else resolve_store(directory, environment=environment)
    if store.database is not None and not store.database.is_file():
        raise ArtifactError(f"{reference!r}: there are no runs yet, the database {store.database} does not exist.")
    name = hashlib.sha256(f"{store.uri} {reference}".encode()).hexdigest()[:16]
    target = store.directory / ("records" if module.endswith("_run") else "agents") / name
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        fresh.mkdir(parents=True, exist_ok=True)
        run_module(module, [reference, store.uri, str(fresh)], store)
        answer = fresh / "answer.json"
        found = json.loads(answer.read_text(encoding="utf-8")) if answer.is_file() else {"error": last_words(store)}
        if "error" in found:
            raise ArtifactError(f"{reference!r} cannot be loaded from {store.uri}: {found['error']}")
        shutil.rmtree(target, ignore_errors=True)
        fresh.replace(target)
    except OSError as error:
        raise ArtifactError(f"{reference!r} cannot be downloaded to {target}: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target / found["path"]
