"""Check this machine and the project here for everything that a user trips over."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maze.api.doctor.examination import Finding

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.epilog = "Nothing is changed, and no network is used. Exit status 1 where there is a problem."


def run(arguments: argparse.Namespace) -> int:
    """Print what was found, and for everything that is not well what to do about it."""
    from maze.api.doctor.examination import examine  # noqa: PLC0415

    findings = examine(Path.cwd())
    n_problems = sum(finding.status == "problem" for finding in findings)
    if arguments.json:
        print(
            json.dumps({"problems": n_problems, "findings": [dataclasses.asdict(item) for item in findings]}, indent=2)
        )
    else:
        _print(findings, n_problems)
    return 1 if n_problems else 0


def _print(findings: list[Finding], n_problems: int) -> None:
    for finding in findings:
        print(f"{finding.status:<8} {finding.check:<13} {finding.message}")
        if finding.remedy:
            print(f"{'':<22} -> {finding.remedy}")
    n_warnings = sum(finding.status == "warning" for finding in findings)
    print(
        f"{n_problems or 'no'} problem{'s' * (n_problems != 1)}, {n_warnings or 'no'} warning{'s' * (n_warnings != 1)}"
    )
