"""A check of everything that a user trips over, with the remedy for each; nothing is changed and no network is used."""

from __future__ import annotations

from pathlib import Path

from maze.api.doctor.finding import Finding
from maze.api.doctor.identity import check_identity
from maze.api.doctor.machine import check_disk, check_outputs, check_packages, check_python, check_store, check_torch
from maze.api.doctor.project import check_dependencies, check_dvc, check_git, check_params

__all__ = ["Finding", "examine"]

_CHECKS = (
    check_python,
    check_packages,
    check_torch,
    check_git,
    check_identity,
    check_dvc,
    check_params,
    check_dependencies,
    check_store,
    check_disk,
    check_outputs,
)


def examine(directory: str | Path = ".") -> list[Finding]:
    """Check the machine and the project in a directory.

    Args:
        directory: where the project is.

    Returns:
        What was found, problems and good things alike, in a fixed order.
    """
    place = Path(directory).absolute()
    return [finding for check in _CHECKS for finding in check(place)]
