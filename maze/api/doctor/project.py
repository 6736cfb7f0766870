"""Checks of the project in a directory: git, DVC, params.yaml, and the files that its pipeline depends on."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from maze.api.doctor.finding import Finding, ok, problem, warning
from maze.errors import InvalidSpecificationError
from maze.tracking import git_facts, git_output

__all__ = ["check_dependencies", "check_dvc", "check_git", "check_params"]

_MARKER = re.compile(r"(<{7}|={7}|>{7}|\|{7})( |$)")
_MOST = 10


def check_git(directory: Path) -> Iterator[Finding]:
    """Look whether a run's record can name the code that it ran."""
    if git_output(directory, "rev-parse", "--is-inside-work-tree") != "true\n":
        yield warning(
            "git",
            f"{directory} is in no git repository, so that runs cannot name the code that they ran",
            "git init && git add --all && git commit -m 'Begin'",
        )
        return
    unmerged = sorted({line.partition("\t")[2] for line in _lines(directory, "ls-files", "--unmerged")})
    if unmerged:
        yield problem(
            "git", f"a merge is not finished: {_some(unmerged)}", "mend these files, git add them, git commit"
        )
    facts = git_facts(directory)
    if not facts.commit:
        yield warning("git", "there is no commit yet", "git add --all && git commit -m 'Begin'")
        return
    if facts.shallow:
        yield warning(
            "git", "the history is cut off (shallow clone); others may lack the commits", "git fetch --unshallow"
        )
    if facts.dirty:
        yield warning(
            "git",
            f"the working tree differs from commit {facts.commit[:8]}",
            "git commit; until then runs keep the difference as a patch",
        )
    else:
        yield ok("git", f"commit {facts.commit[:8]} on {facts.branch or 'no branch (detached HEAD)'}")


def check_dvc(directory: Path) -> Iterator[Finding]:
    """Look whether DVC can read the pipeline and its lock."""
    if not (directory / "dvc.yaml").is_file():
        yield ok("dvc", "there is no pipeline (dvc.yaml) here")
        return
    if not any((place / ".dvc").is_dir() for place in (directory, *directory.parents)):
        yield problem("dvc", "there is a dvc.yaml, but no DVC repository", "dvc init")
    try:
        version = importlib.metadata.version("dvc")
    except importlib.metadata.PackageNotFoundError:
        yield problem("dvc", "dvc is not installed", "pip install dvc")
        version = ""
    findings = [
        *_check_yaml(directory / "dvc.yaml", "mend that line, or git checkout dvc.yaml"),
        *_check_yaml(
            directory / "dvc.lock",
            "keep one side whole (git checkout --ours dvc.lock, or --theirs), then dvc repro",
        ),
    ]
    yield from findings
    if version and not findings:
        yield ok("dvc", f"{version}, dvc.yaml and dvc.lock can be read")


def check_params(directory: Path) -> Iterator[Finding]:
    """Look whether params.yaml describes something that can be run."""
    path = directory / "params.yaml"
    if not (directory / "dvc.yaml").is_file():
        return
    if not path.is_file():
        yield problem("params.yaml", "is missing", "git checkout params.yaml")
        return
    unreadable = list(_check_yaml(path, "mend that line, or git checkout params.yaml"))
    yield from unreadable
    if unreadable:
        return
    from maze.api.specs import from_params  # noqa: PLC0415  (loads Hydra)

    params = _load(path)
    if not isinstance(params, dict) or "seeds" not in params:
        yield problem("params.yaml", "says no seeds", "add a line: seeds: [0]")
        return
    try:
        from_params(params)
    except InvalidSpecificationError as error:
        yield problem("params.yaml", str(error), "change that value in params.yaml")
        return
    yield ok("params.yaml", f"composes; seeds: {', '.join(map(str, params['seeds']))}")


def check_dependencies(directory: Path) -> Iterator[Finding]:
    """Look for files that the pipeline depends on and that only this directory has."""
    path = directory / "dvc.yaml"
    if not path.is_file() or list(_check_yaml(path, "")):
        return
    needed, made = _dependencies(_load(path))
    missing = [name for name in needed if not (directory / name).exists() and not name.startswith(tuple(made))]
    if missing:
        yield problem("dependencies", f"dvc.yaml names what is not there: {_some(missing)}", "make or remove them")
    present = [name for name in needed if (directory / name).exists()]
    untracked = _lines(directory, "ls-files", "--others", "--exclude-standard", "--", *present) if present else []
    if untracked:
        yield problem(
            "dependencies",
            f"the pipeline depends on files that git does not know: {_some(untracked)}",
            "git add them; queued experiments and other checkouts lack them until then",
        )
    if not missing and not untracked:
        yield ok("dependencies", "git knows all files that the pipeline depends on")


def _dependencies(pipeline: Any) -> tuple[list[str], list[str]]:
    """Return what stages need and what stages make; names with ``${...}`` in them up to there."""
    stages = pipeline.get("stages") if isinstance(pipeline, dict) else None
    bodies = stages.values() if isinstance(stages, dict) else ()
    needed: set[str] = set()
    made: set[str] = {"\0"}
    for stage in bodies:
        body = stage.get("do", stage) if isinstance(stage, dict) else {}
        needed |= {item for item in _listed(body, "deps") if isinstance(item, str) and "${" not in item}
        for kind in ("outs", "metrics", "plots"):
            names = [next(iter(item), "") if isinstance(item, dict) else item for item in _listed(body, kind)]
            made |= {str(name).partition("${")[0] for name in names}
    return sorted(name for name in needed if not _is_made(name, made)), sorted(made)


def _listed(body: Any, name: str) -> list[Any]:
    """Return a list of a stage; DVC itself says what is wrong where it is none."""
    listed = body.get(name) if isinstance(body, dict) else None
    return listed if isinstance(listed, list) else []


def _is_made(name: str, made: set[str]) -> bool:
    """Say whether something is, holds, or is within what a stage makes."""
    return any(out.startswith(name) or name.startswith(out) for out in made if out)


def _check_yaml(path: Path, remedy: str) -> Iterator[Finding]:
    """Yield a problem where a file exists and is no YAML, with the number of the line."""
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        yield problem(path.name, f"cannot be read ({error})", remedy)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if _MARKER.match(line):
            yield problem(path.name, f"line {number}: a merge conflict was left: {line.strip()}", remedy)
            return
    try:
        _load(path)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        yield problem(path.name, f"{where}is no YAML: {error.problem or error.context}", remedy)
    except (YAMLError, ValueError) as error:
        yield problem(path.name, f"is no YAML: {str(error).splitlines()[0]}", remedy)


def _load(path: Path) -> Any:
    """Read YAML 1.2, as DVC does."""
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def _lines(directory: Path, *words: str) -> list[str]:
    return (git_output(directory, *words) or "").splitlines()


def _some(names: list[str]) -> str:
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
