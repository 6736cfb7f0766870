"""Look after the tracking store: send what could not be sent before."""

from __future__ import annotations

import argparse
import sys

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("action", choices=["flush"], help="flush: send records that wait for the store")


def run(arguments: argparse.Namespace) -> int:
    """Send waiting records; exit status 1 when some still wait."""
    del arguments
    from maze.tracking import flush_spool, resolve_store  # noqa: PLC0415

    sent, problems = flush_spool(resolve_store())
    print(f"{sent} runs sent")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0
