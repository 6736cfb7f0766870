"""Write a new project that works at once: its pipeline runs, its tests pass, and its git repository has a commit."""

from __future__ import annotations

import importlib.util
import json
import keyword
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from maze.errors import InvalidSpecificationError
from maze.tracking import git_output

__all__ = ["NewProject", "create_project"]

_TEMPLATE = Path(__file__).parent / "template"
_PACKAGE = "my_project"
_PIPELINE = "pipeline.yaml"  # under its own name, DVC would take it for a part of this project
_TAKEN = ("conf", "maze", "stages", "tests", "build", "out", "outputs")
_SECONDS = 60.0


@dataclass(frozen=True)
class NewProject:
    """A project that was written.

    Attributes:
        root: its directory.
        package: name of its package.
        files: what was written, relative to the directory.
        committed: whether it is a git repository of its own with a first commit.
        remarks: what the user should know.
    """

    root: Path
    package: str
    files: tuple[Path, ...]
    committed: bool
    remarks: tuple[str, ...]


def create_project(directory: str | Path, *, name: str | None = None, git: bool = True) -> NewProject:
    """Write a new project.

    Args:
        directory: where; it must not exist, or be empty.
        name: of its package; made from that of the directory when None.
        git: make it a git repository with a first commit, unless it lies in one.

    Returns:
        What was written.

    Raises:
        InvalidSpecificationError: there is something already, or the name is none.
    """
    root = Path(directory).absolute()
    package = _package_name(root.name if name is None else name, is_given=name is not None)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InvalidSpecificationError(f"{root}: is there already; name a directory that is not, or an empty one.")
    requirement, remark = _requirement()
    files = list(_write(root, package))
    (root / "requirements.txt").write_text(f"{requirement}\npytest>=9\n", encoding="utf-8")
    files.append(Path("requirements.txt"))
    committed, problem = _commit(root) if git else (False, "")
    return NewProject(root, package, tuple(sorted(files)), committed, tuple(filter(None, (remark, problem))))


def _package_name(name: str, *, is_given: bool) -> str:
    """Return the name of the package; that of a directory is bent to one."""
    package = name if is_given else re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    if package[:1].isdigit() and not is_given:
        package = f"project_{package}"
    if not package.isidentifier() or not package.isascii() or keyword.iskeyword(package):
        raise InvalidSpecificationError(
            f"--name: {name!r} cannot be a package; accepted: letters, digits and '_', for example my_project."
        )
    if package in _TAKEN:
        raise InvalidSpecificationError(f"--name: {package!r} is taken by a folder of the project; use --name NAME.")
    found = importlib.util.find_spec(package)
    if package in sys.stdlib_module_names or (found is not None and found.origin is not None):
        raise InvalidSpecificationError(
            f"--name: {package!r} is not accepted: a library has this name, and the package would hide it; "
            f"use --name NAME, for example --name {package}_project."
        )
    return package


def _write(root: Path, package: str) -> Iterator[Path]:
    """Copy the template, and yield what was written; a leading underscore of a hidden name stands for its dot."""
    for folder, folders, names in os.walk(_TEMPLATE, followlinks=True):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):  # nor caches of checkers
            source = Path(folder) / name
            parts = [_real_name(part, package) for part in source.relative_to(_TEMPLATE).parts]
            target = root.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = source.read_text(encoding="utf-8")
            target.write_text(re.sub(rf"\b{_PACKAGE}\b", package, text), encoding="utf-8")
            yield target.relative_to(root)


def _real_name(part: str, package: str) -> str:
    if part in (_PACKAGE, _PIPELINE):
        return package if part == _PACKAGE else "dvc.yaml"
    return f".{part[1:]}" if part.startswith("_") and not part.startswith("__") else part


def _requirement() -> tuple[str, str]:
    """Return the line of requirements.txt for this maze, where pip found it, and a remark where others cannot."""
    version = metadata.version("maze")
    text = metadata.distribution("maze").read_text("direct_url.json")
    origin = json.loads(text) if text else {}
    url = str(origin.get("url", ""))
    commit = origin.get("vcs_info", {}).get("commit_id")
    if commit:
        return f"maze[sweep] @ {origin['vcs_info']['vcs']}+{url}@{commit}", ""
    if not url:
        return f"maze[sweep]=={version}", ""
    if not url.startswith("file:"):
        return f"maze[sweep] @ {url}", ""
    place = Path(unquote(urlsplit(url).path))
    remote, commit = _git(place, "remote", "get-url", "origin"), _git(place, "rev-parse", "HEAD")
    if remote and commit and "://" in remote:
        return f"maze[sweep] @ git+{remote}@{commit}", ""
    return f'-e "{place}"', (  # quoted, since it may hold spaces
        f"requirements.txt names maze where it is on this machine ({place}); put there where others and your "
        "continuous integration find it, for example maze @ git+https://HOST/maze@COMMIT"
    )


def _commit(root: Path) -> tuple[bool, str]:
    """Make a repository with a first commit, and say what kept it from that."""
    if _git(root, "rev-parse", "--is-inside-work-tree") == "true":
        return False, f"{root} lies in a git repository: commit the project there, and run dvc in its own directory"
    if _git(root, "init", "--quiet", "--initial-branch=main") is None:
        return False, "git could not make a repository: git init, git add --all, git commit"
    if _git(root, "add", "--all") is None or _git(root, "commit", "--quiet", "--message", "Begin") is None:
        return False, "git could not commit (who are you? git config user.name, user.email): git commit -m Begin"
    return True, ""


def _git(directory: Path, *words: str) -> str | None:
    """Return what git prints, or None where there is no git or it fails."""
    output = git_output(directory, *words, seconds=_SECONDS)
    return None if output is None else output.strip()
