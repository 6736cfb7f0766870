"""Whether git knows who commits, which DVC needs to put changes of a working tree aside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from maze.api.doctor.finding import Finding, ok, warning
from maze.errors import InvalidSpecificationError
from maze.tracking import git_output

__all__ = ["check_identity", "require_identity"]

_EXAMPLES = {"name": "'Your Name'", "email": "you@example.com"}


def check_identity(directory: Path) -> Iterator[Finding]:
    """Look whether an experiment can begin in a working tree with changes."""
    if not (directory / "dvc.yaml").is_file() or git_output(directory, "rev-parse", "--git-dir") is None:
        return
    known = {part: _identity(directory, part) for part in _EXAMPLES}
    missing = [part for part, value in known.items() if not value]
    if missing:
        yield warning(
            "identity",
            f"git's user.{' and user.'.join(missing)} not set: dvc exp run fails where tracked files have changed",
            _remedy(missing),
        )
    else:
        yield ok("identity", f"commits are {known['name']} <{known['email']}>'s")


def require_identity(project: Path) -> None:
    """Refuse to begin an experiment that DVC would break off, since it cannot put the changes of the project aside.

    Args:
        project: where dvc.yaml is.

    Raises:
        InvalidSpecificationError: says the commands of git that help.
    """
    missing = [part for part in _EXAMPLES if not _identity(project, part)]
    changed = missing and git_output(project, "status", "--porcelain", "--untracked-files=no")
    if changed:
        n_files = len(changed.splitlines())
        raise InvalidSpecificationError(
            f"git does not know who you are (user.{', user.'.join(missing)}), and DVC has to put aside the changes of "
            f"{n_files} file{'s' if n_files > 1 else ''} in {project}; type: {_remedy(missing)}"
        )


def _identity(directory: Path, part: str) -> str:
    """Return a name or address as DVC finds it, which looks at neither $EMAIL nor the name of the host."""
    given = os.environ.get(f"GIT_COMMITTER_{part.upper()}")
    return given or (git_output(directory, "config", "--get", f"user.{part}") or "").strip()


def _remedy(missing: list[str]) -> str:
    return " && ".join(f"git config --global user.{part} {_EXAMPLES[part]}" for part in missing)
