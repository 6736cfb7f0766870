"""Repeat a run from its record alone, and say whether it comes out the same to the last bit."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument(
        "source",
        metavar="RUN",
        help="directory of a run, outputs of a pipeline (out/train/0), MLflow run id, or models:/NAME@champion",
    )
    parser.add_argument("--silent", action="store_true", help="print nothing")
    parser.add_argument(
        "--allow-code", action="store_true", help="run the objects and modules that the run stored; trust it first"
    )
    parser.add_argument("--output-dir", type=Path, help="where the repetition goes (default: a temporary directory)")
    parser.add_argument(
        "--track", action="store_true", help="record the repetition in MLflow and with the run's own writers as well"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON, and nothing else")
    parser.epilog = "exit status: 0 bit-identical, 1 different, 2 wrong input or a run that cannot be repeated"


def run(arguments: argparse.Namespace) -> int:
    """Print the verdict; the exit status is 0 where the repetition is bit-identical, else 1."""
    from maze.api.replay.run import replay  # noqa: PLC0415

    report = replay(
        arguments.source,
        allow_code=arguments.allow_code,
        output_dir=arguments.output_dir,
        track=arguments.track,
        silent=arguments.json or arguments.silent,
    )
    if not arguments.silent:
        print(json.dumps(report.as_mapping(), indent=2, default=str) if arguments.json else report)
    return 0 if report.identical else 1
