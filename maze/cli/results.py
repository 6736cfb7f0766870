"""Show the results of the pipeline and where to look for more."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the stages have written (default: out)")


def run(arguments: argparse.Namespace) -> int:
    """Print a table of all seeds."""
    from maze.api.reporting import show_results  # noqa: PLC0415
    from maze.artifacts import read_json  # noqa: PLC0415

    show_results(read_json(arguments.out / "report" / "record.json")["seeds"], arguments.out)
    return 0
