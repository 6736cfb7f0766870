"""Compare experiments: results with intervals, who is likely better, and what differs between them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from maze.cli.playing_arguments import add_playing_arguments

if TYPE_CHECKING:
    from maze.api.comparison.compare import ExperimentComparison

__all__ = ["add_arguments", "run"]

_WIDTH = 160

_EPILOG = """an experiment is
  a directory     of a run, of several runs or a multi-run, of a project whose pipeline has run (. for this one)
  a revision      an experiment of DVC, a branch, a tag or a commit in which the pipeline had run
  a run in MLflow its id or a beginning of it, its name, models:/NAME@champion; a parent stands for its agents
Runs under one name that differ in more than their seeds are compared with each other. The first one is what the others
are compared with. Nothing is trained, and nothing in the working tree is changed.

examples:
  maze-run compare main with-ppo                  two revisions of the pipeline
  maze-run compare outputs/*/* --episodes 100     runs, evaluated anew in the same episodes
  maze-run compare . 3f2a9c1d models:/cart@champion --output comparison
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT", help="what to compare; see below")
    parser.add_argument("--output", type=Path, help="write comparison.png, comparison.md and comparison.json there")
    anew = "evaluate all agents anew in so many episodes, the same for all"
    add_playing_arguments(parser, episodes=anew, default=None, intervals="all intervals")
    parser.epilog = _EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison, and write it where that was asked for."""
    from maze.api.arguments import absolute_directory  # noqa: PLC0415
    from maze.api.comparison.compare import compare_experiments  # noqa: PLC0415

    if arguments.output is not None:
        absolute_directory(arguments.output, "--output")
    found = compare_experiments(
        arguments.experiments,
        n_episodes=arguments.episodes,
        confidence=arguments.confidence,
        allow_code=arguments.allow_code,
    )
    written = [] if arguments.output is None else found.save(arguments.output)
    if arguments.json:
        print(json.dumps(found.comparison.as_mapping(), indent=2))
    else:
        _print(found, written)
    return 0


def _print(found: ExperimentComparison, written: list[Path]) -> None:
    from rich.console import Console  # noqa: PLC0415

    from maze import report  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)  # a file has no right edge
    for table in report.comparison_tables(found.comparison):
        console.print(table)
    for note in found.comparison.notes:
        console.print(f"- {note}", markup=False, highlight=False)
    for path in written:
        print(path)
