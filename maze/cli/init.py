"""Begin a new project: an environment, a configuration tree, the pipeline, tests and workflows, which work at once."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="where; made if it is not there")
    parser.add_argument("--name", help="name of its package (default: that of the directory)")
    parser.add_argument("--no-git", action="store_true", help="make no git repository")
    parser.epilog = "Two commands work at once there: dvc repro, and python -m pytest."


def run(arguments: argparse.Namespace) -> int:
    """Write it, and say what to type next."""
    from maze.api.new_project.create import create_project  # noqa: PLC0415

    project = create_project(arguments.directory, name=arguments.name, git=not arguments.no_git)
    for remark in project.remarks:
        print(f"note: {remark}", file=sys.stderr)
    print(f"{len(project.files)} files in {project.root}")
    place = os.path.relpath(project.root)
    place = f"./{place}" if place.startswith("-") else place
    print(f"next: cd {shlex.quote(place)} && dvc repro && python -m pytest")
    return 0
