"""Telling a run in MLflow what its agent played after it was loaded."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze.api.record.audience import Audience
from maze.api.record.calls import Call
from maze.api.record.run_record import calls_directory
from maze.artifacts import RunFiles, read_csv
from maze.config import RunConfig
from maze.errors import ArtifactError, TrackingError
from maze.tracking import RunDescription, RunStatus, resolve_store

if TYPE_CHECKING:
    from maze.rollout import Episodes

__all__ = ["tell_run"]

_LOGGER = logging.getLogger(__name__)


def tell_run(
    config: RunConfig,
    files: RunFiles | None,
    origin: Mapping[str, Any] | None,
    call: Call,
    episodes: Episodes,
    *,
    film: Callable[[], bytes],
    content: Mapping[str, Any],
) -> None:
    """Tell the MLflow run of an agent what it played; nobody where the run was untracked, or its store is not here.

    Args:
        config: of the loaded agent.
        files: of its run; None where they are not here.
        origin: what is known of an agent that came from MLflow, or None.
        call: that played.
        episodes: what it gave.
        film: makes a video of one of them, if the run wants one.
        content: the record of the run, with the call; empty where it is not here.
    """
    run_id = content.get("run_id") if origin is None else origin.get("run_id")
    settings = _settings(config, origin, content)
    place = Path.cwd() if files is None else files.root
    if not run_id or settings is None or (origin is not None and origin.get("is_staged")):
        return
    store = resolve_store(place, environment=None if settings.tracking.uri is None else _only(settings.tracking.uri))
    if store.database is not None and not store.database.is_file():
        return
    description = RunDescription(
        name=f"run {run_id}", experiment_name=settings.tracking.experiment_name, joins=str(run_id)
    )
    shown = RunFiles(place if files is None else files.root)
    audience = Audience(settings, shown, description, place=place, shown_dir=None, objects={}, silent=True)
    step = int((origin or {}).get("step") or 0) if files is None else _last_step(files)
    try:
        _tell(audience, files, call, episodes, film, content, step)
    except TrackingError as error:
        _LOGGER.warning("MLflow did not hear of what was played: %s", error)


def _tell(
    audience: Audience,
    files: RunFiles | None,
    call: Call,
    episodes: Episodes,
    film: Callable[[], bytes],
    content: Mapping[str, Any],
    step: int,
) -> None:
    audience.begin(trains=False, goes_on=True)
    status = RunStatus(content["status"]) if content.get("status") in [*RunStatus] else RunStatus.FINISHED
    try:
        audience.tell_numbers(call, step=step)
        if hasattr(episodes, "returns"):  # an evaluator of one's own may give anything
            audience.show_episodes(call, episodes, film() if files is not None else b"")
        if files is not None:
            audience.tracker.log_text(json.dumps(content, indent=2, sort_keys=True), "record/record.json")
            folder = calls_directory(files.record)
            for path in (path for path in sorted(folder.rglob("*")) if path.is_file()):
                audience.tracker.log_file(path, f"record/{path.parent.relative_to(files.root).as_posix()}")
    finally:
        audience.end(status)


def _settings(config: RunConfig, origin: Mapping[str, Any] | None, content: Mapping[str, Any]) -> RunConfig | None:
    """Return the configuration with the run's own tracking; None where it has none, or none that may be used.

    The record may be a stranger's, so that a store which it names hears nothing unless the caller named it as well.
    """
    recorded = (content.get("config") or {}).get("tracking") or {}
    if recorded.get("mode") == "off" or config.tracking.mode == "off":
        return None
    uri = config.tracking.uri if origin is None else origin.get("store")
    if origin is None and recorded.get("uri") != uri:
        return None
    name = recorded.get("experiment_name") or (origin or {}).get("experiment_name") or config.tracking.experiment_name
    return config.replace({"tracking.mode": "best_effort", "tracking.uri": uri, "tracking.experiment_name": name})


def _only(uri: str) -> dict[str, str]:
    return {"MLFLOW_TRACKING_URI": uri}


def _last_step(files: RunFiles) -> int:
    """Return how many environment steps the training had, so that its numbers and these stand in their order."""
    try:
        rows = read_csv(files.curve)
    except ArtifactError:
        return 0
    return int(rows[-1]["step"]) if rows else 0
