"""Asking git, in the one way in which this package does it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["git_bytes", "git_output"]


def git_bytes(directory: Path, *arguments: str, accept: tuple[int, ...] = (0,), seconds: float = 20.0) -> bytes | None:
    """Return what a git command prints; its words are those of English, and it takes no locks that can be left.

    Args:
        directory: where the command runs.
        arguments: the command and its arguments.
        accept: exit statuses that are no failure.
        seconds: how long it may take.

    Returns:
        Its output, or None where it fails, takes too long, or git is missing.
    """
    try:
        result = subprocess.run(
            ["git", "-C", str(directory), *arguments],
            capture_output=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout if result.returncode in accept else None


def git_output(directory: Path, *arguments: str, accept: tuple[int, ...] = (0,), seconds: float = 20.0) -> str | None:
    """Return what a git command prints as text, as :func:`git_bytes` does; what is no UTF-8 is replaced."""
    output = git_bytes(directory, *arguments, accept=accept, seconds=seconds)
    return None if output is None else output.decode("utf-8", "replace")
