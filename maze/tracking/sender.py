"""Starting processes that use MLflow, so that the run's own process never imports it and keeps its environment."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from maze.tracking.store import StoreLocation

__all__ = ["LOG_NAME", "TRACKING_ENVIRONMENT", "ensure_sender", "last_words", "run_module", "stop_senders"]

LOG_NAME = "sender.log"

TRACKING_ENVIRONMENT: Mapping[str, str] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Variables for a process that uses MLflow: no telemetry, no minutes of retries, no progress bars."""

_SENDERS: dict[tuple[int, str, str], subprocess.Popen[bytes]] = {}
_SENDERS_LOCK = threading.Lock()


def ensure_sender(store: StoreLocation) -> subprocess.Popen[bytes]:
    """Return the process that sends this process's journals to the store, started if none is there.

    Raises:
        OSError: it cannot be started.
    """
    key = (os.getpid(), store.uri, str(store.spool))
    with _SENDERS_LOCK:
        sender = _SENDERS.get(key)
        if sender is None or sender.poll() is not None:
            arguments = [str(store.spool), store.uri, str(os.getpid())]
            sender = _SENDERS[key] = start_module("maze.tracking.mlflow_worker", arguments, store)
        return sender


@atexit.register
def _release_senders() -> None:
    """Let senders outlive this process, as they should, without a warning that nobody waits for them."""
    for sender in _SENDERS.values():
        if sender.poll() is None:
            sender.returncode = 0


def stop_senders() -> None:
    """End the processes that this one has started; what they have not sent stays in its journals."""
    with _SENDERS_LOCK:
        for sender in _SENDERS.values():
            sender.terminate()
            sender.wait()
        _SENDERS.clear()


def run_module(module: str, arguments: list[str], store: StoreLocation) -> int:
    """Run a module in a process for MLflow and return its exit status.

    Raises:
        OSError: it cannot be started.
    """
    return start_module(module, arguments, store).wait()


def start_module(module: str, arguments: list[str], store: StoreLocation) -> subprocess.Popen[bytes]:
    """Start a module in a process for MLflow, out of reach of the terminal's Ctrl-C; what it prints goes to a file.

    Raises:
        OSError: it cannot be started, or the file cannot be written.
    """
    store.prepare()
    source = str(Path(__file__).parents[2])
    path = os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part)
    with (store.directory / LOG_NAME).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **TRACKING_ENVIRONMENT, "PYTHONPATH": path},
            start_new_session=True,
        )


def last_words(store: StoreLocation) -> str:
    """Return the last line that a process for MLflow printed, or ""."""
    path = store.directory / LOG_NAME
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
