"""Train the jobs of a multi-run, and show how each of them ended."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from maze.errors import InvalidSpecificationError

if TYPE_CHECKING:
    from maze.api.multirun.sweep import Sweep

__all__ = ["run_jobs"]

_WIDTH = 200


def run_jobs(arguments: argparse.Namespace, given: Mapping[str, Any]) -> int:
    """Compose all jobs, train them, and print a table.

    Args:
        arguments: of ``maze-run train``.
        given: what its words say, as arguments of a RunContext.

    Returns:
        Exit status: 0 when all jobs finished, 1 when any did not.

    Raises:
        InvalidSpecificationError: something is wrong in any job.
    """
    from maze.api.multirun.sweep import JobFailure, Sweep  # noqa: PLC0415
    from maze.cli.listing import print_info  # noqa: PLC0415

    if "seed" in given and arguments.seed is not None:
        raise InvalidSpecificationError("seed: given as --seed and as seed=...; give one of the two.")
    sweep = Sweep.compose(
        {"seed": arguments.seed, **given},
        run_dir=arguments.run_dir,
        config_dir=arguments.config_dir,
        config_name=arguments.config_name,
        silent=arguments.silent,
        resume=arguments.resume,
    )
    if arguments.info:
        return print_info(sweep.config[0].to_mapping(), arguments.config_name, arguments.config_dir)
    if arguments.cfg:
        for job in sweep.jobs:
            print(f"---\n# job {job.index}: {job.description}\n{job.config.to_yaml()}", end="")
        return 0
    results = sweep.train()
    if not arguments.silent:
        _show(sweep)
    return int(any(isinstance(result, JobFailure) for result in results))


def _show(sweep: Sweep) -> None:
    from rich.console import Console  # noqa: PLC0415

    from maze.report.jobs import job_table  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)  # nobody reads a file with names broken over lines
    console.print(job_table(sweep.record.rows()))
    directory = sweep.record.directory
    print(f"run directories are in: {directory}\nnext: maze-run evaluate {shlex.quote(str(directory))}/RUN_DIR")
