"""Serve a registered policy over HTTP: MLflow's own server answers observations with actions."""

from __future__ import annotations

import argparse
import os
import re
import sys

from maze.cli.ui import check_port
from maze.errors import InvalidSpecificationError

__all__ = ["add_arguments", "run"]

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_EPILOG = """a request holds observations, one or several, as the environment gives them, the answer one action each:
  curl http://127.0.0.1:5001/invocations -H 'Content-Type: application/json' -d '{"inputs": [[0.0, 0.1, 0.0, -0.1]]}'
Other shapes are refused with status 400. "params": {"deterministic": false} samples actions. What is served runs
in this environment; nothing is installed.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument(
        "model", metavar="MODEL", help="models:/NAME@champion, models:/NAME/VERSION, or NAME for its champion"
    )
    parser.add_argument("--port", type=int, default=5001, help="port on this machine (default: 5001)")
    parser.epilog = _EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Become MLflow's server of one model, on this machine's own address alone."""
    from maze.tracking import project_store  # noqa: PLC0415
    from maze.tracking.asking import asking  # noqa: PLC0415
    from maze.tracking.sender import TRACKING_ENVIRONMENT  # noqa: PLC0415

    store = project_store()
    model = _model_uri(arguments.model)
    check_port(arguments.port)
    name, version = re.split("[/@]", model.removeprefix("models:/"), maxsplit=1)
    with asking("maze.tracking.mlflow_registry", {"action": "find", "name": name, "version": version}, store):
        pass  # MLflow's own error would be its traceback
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", model, "--env-manager", "local"]
    command += ["--host", "127.0.0.1", "--port", str(arguments.port)]
    print(f"{model} on http://127.0.0.1:{arguments.port}/invocations (takes some seconds; Ctrl-C ends it)", flush=True)
    environment = {**os.environ, **TRACKING_ENVIRONMENT, "MLFLOW_TRACKING_URI": store.uri}
    return os.execve(command[0], command, environment)  # noqa: S606  (no shell is wanted)


def _model_uri(word: str) -> str:
    """Return what MLflow calls a model."""
    if re.fullmatch(r"models:/[^/@]+[/@][^/@]+", word):
        return word
    if _RUN_ID.fullmatch(word) or "/" in word or not word.strip():
        raise InvalidSpecificationError(
            f"{word!r} is no registered policy; accepted is models:/NAME@champion, models:/NAME/VERSION or NAME. "
            "maze-run promote RUN registers one."
        )
    return f"models:/{word}@champion"
