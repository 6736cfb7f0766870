"""Open MLflow's user interface on the runs of this project."""

from __future__ import annotations

import argparse
import os
import socket
import sys

from maze.errors import InvalidSpecificationError

__all__ = ["add_arguments", "check_port", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("--port", type=int, default=5000, help="port on this machine (default: 5000)")


def run(arguments: argparse.Namespace) -> int:
    """Become MLflow's server, on this machine's own address alone."""
    from maze.tracking import project_store  # noqa: PLC0415
    from maze.tracking.sender import TRACKING_ENVIRONMENT  # noqa: PLC0415
    from maze.tracking.view import view_addresses  # noqa: PLC0415

    store = project_store()
    if store.server is not None:
        print(f"the runs are on a server: {store.uri}")
        return 0
    check_port(arguments.port)
    store.prepare()
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store.uri]
    command += ["--host", "127.0.0.1", "--port", str(arguments.port), "--workers", "1"]
    address = f"http://127.0.0.1:{arguments.port}"
    print(f"MLflow on {address} (takes some seconds; Ctrl-C ends it)", flush=True)
    views = {} if store.database is None else view_addresses(store.database, address)
    for name, view in views.items():
        print(f"runs of {name!r}, with the columns that tell them apart: {view}", flush=True)
    return os.execve(command[0], command, {**os.environ, **TRACKING_ENVIRONMENT})  # noqa: S606  (no shell is wanted)


def check_port(port: int) -> None:
    """Refuse a port that cannot be used, before the server takes seconds to find out."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        raise InvalidSpecificationError(
            f"--port: {port} cannot be used ({error}); accepted is a free port from 1024 to 65535, for example 5001."
        ) from error
