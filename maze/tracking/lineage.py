"""Where a run came from: the commit and what differs from it, DVC's experiment, the environment, the code."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from maze.tracking.builds import installed_version
from maze.tracking.git import git_output

__all__ = [
    "DvcFacts",
    "GitFacts",
    "Lineage",
    "code_digest",
    "collect_lineage",
    "dvc_facts",
    "environment_lock",
    "git_facts",
    "stage_key",
    "versions",
]

GENERATED = ("params.yaml", "dvc.lock", "build", "out", "promoted")
"""Paths that DVC and promotions change, and that say nothing about whether the code was committed."""

_PATCHED_SUFFIXES = (".py", ".pyi")
_MAX_PATCHED_FILES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GitFacts:
    """The state of a git working tree; every value is empty where there is no repository or no commit.

    Attributes:
        commit: full hash of HEAD.
        branch: short name of the branch, or "" where HEAD is detached.
        dirty: something other than the generated files differs from HEAD, or is untracked.
        patch: what turns HEAD into the working tree: all tracked files, and untracked Python files.
        patch_sha256: hash of the patch, or "" where it is empty.
        shallow: the history is cut off, as in many CI checkouts.
    """

    commit: str = ""
    branch: str = ""
    dirty: bool = False
    patch: str = ""
    patch_sha256: str = ""
    shallow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DvcFacts:
    """What DVC says to a stage through its environment; every value is empty outside of one.

    Attributes:
        experiment: name of the experiment (``dvc exp run``), "" for ``dvc repro``.
        baseline: commit that the experiment starts from.
        stage: name of the stage.
        root: the repository, also where the stage runs in a temporary copy of it.
    """

    experiment: str = ""
    baseline: str = ""
    stage: str = ""
    root: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Everything a run records about its origin.

    Attributes:
        tags: short facts, for tags and for the stage's record.
        artifacts: artifact name to text: lock of the environment, patch, ``dvc.lock``, ``params.yaml``.
    """

    tags: Mapping[str, str]
    artifacts: Mapping[str, str]


def collect_lineage(directory: Path | str | None = None) -> Lineage:
    """Return the lineage of a run whose code and parameters are in ``directory`` (default: the working directory)."""
    root = Path.cwd() if directory is None else Path(directory)
    git = git_facts(root)
    dvc = dvc_facts()
    lock = environment_lock()
    tags = {
        "git.commit": git.commit or "unknown",
        "git.branch": git.branch or ("detached" if git.commit else "unknown"),
        "git.dirty": str(git.dirty).lower(),
        "env.lock_sha256": _sha256(lock),
        **{f"version.{name}": version for name, version in versions().items()},
    }
    artifacts = {"repro/environment.txt": lock}
    if git.shallow:
        tags["git.shallow"] = "true"
    if git.patch:
        tags["git.patch_sha256"] = git.patch_sha256
        artifacts["repro/uncommitted.patch"] = git.patch
    tags |= {
        f"dvc.exp.{name}": value for name, value in (("name", dvc.experiment), ("baseline", dvc.baseline)) if value
    }
    for name in ("dvc.lock", "params.yaml"):
        text = _read(root / name)
        if text is not None:
            artifacts[f"repro/{name}"] = text
            tags[f"{name}.sha256"] = _sha256(text)
    return Lineage(tags=tags, artifacts=artifacts)


def git_facts(directory: Path) -> GitFacts:
    """Return the state of the working tree around a directory; works without git, repository or commit."""
    if git_output(directory, "rev-parse", "--is-inside-work-tree") != "true\n":
        return GitFacts()
    top = Path((git_output(directory, "rev-parse", "--show-toplevel") or str(directory)).rstrip("\n"))
    excluded = [f":(exclude,top){name}" for name in GENERATED]
    status = git_output(top, "status", "--porcelain", "-z", "--untracked-files=all", "--", ".", *excluded) or ""
    commit = (git_output(top, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()
    if not commit:
        return GitFacts(dirty=bool(status))
    patch = _patch(top, status, excluded) if status else ""
    return GitFacts(
        commit=commit,
        branch=(git_output(top, "symbolic-ref", "--short", "--quiet", "HEAD") or "").strip(),
        dirty=bool(status),
        patch=patch,
        patch_sha256=_sha256(patch) if patch else "",
        shallow=git_output(top, "rev-parse", "--is-shallow-repository") == "true\n",
    )


def dvc_facts(environment: Mapping[str, str] | None = None) -> DvcFacts:
    """Return what DVC says about the stage that is running.

    Args:
        environment: variables to read instead of the process's own.
    """
    variables = os.environ if environment is None else environment
    return DvcFacts(
        experiment=variables.get("DVC_EXP_NAME", ""),
        baseline=variables.get("DVC_EXP_BASELINE_REV", ""),
        stage=variables.get("DVC_STAGE", ""),
        root=variables.get("DVC_ROOT", ""),
    )


@functools.cache
def environment_lock() -> str:
    """Return every installed distribution as ``name==version``, one a line, sorted."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name, version = _name_and_version(distribution)
        if name:
            found.setdefault(name.lower().replace("_", "-"), version)
    return "".join(sorted(f"{name}=={version}\n" for name, version in found.items()))


def _name_and_version(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    """Return two headers of a distribution; parsing whole files as e-mails takes fifteen times as long."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    headers = text.partition("\n\n")[0]
    found = dict(re.findall(r"^(Name|Version):[ \t]*(.*?)[ \t]*$", headers, re.MULTILINE))
    return found.get("Name", ""), found.get("Version", "")


def versions() -> dict[str, str]:
    """Return the versions that results depend on most, with their builds, without importing any of the packages."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("maze", "torch", "numpy", "gymnasium"):
        version = installed_version(name)
        if version is not None:
            found[name] = version
    return found


def code_digest(paths: Iterable[Path | str], data: Iterable[Path | str] = ()) -> str:
    """Return a hash over the Python files in directories and files, independent of where the checkout is.

    Args:
        paths: directories, searched with everything below, and files; their order does not matter.
        data: those among them of which every file counts, not Python alone.

    Raises:
        FileNotFoundError: a path does not exist, so that a typing mistake is not taken for "no code".
    """
    entries: set[tuple[str, str]] = set()
    whole = set(map(Path, data))
    for path in map(Path, paths):
        if path.is_file():
            entries.add((path.name, _file_sha256(path)))
            continue
        if not path.is_dir():
            raise FileNotFoundError(f"{path} is neither a file nor a directory.")
        for source in path.rglob("*" if path in whole else "*.py"):
            if "__pycache__" not in source.parts and source.is_file():
                entries.add((f"{path.name}/{source.relative_to(path).as_posix()}", _file_sha256(source)))
    return _sha256(json.dumps(sorted(entries)))


def stage_key(config_digest: str, seed: int, code_digest: str, experiment_name: str = "") -> str:
    """Return the identity by which the stages of one agent find their run in the store.

    Args:
        config_digest: hash of the resolved configuration.
        seed: base seed.
        code_digest: hash of the code that the stages depend on.
        experiment_name: name of the DVC experiment, "" for ``dvc repro``.
    """
    return _sha256(json.dumps([config_digest, int(seed), code_digest, experiment_name]))


def _patch(top: Path, status: str, excluded: list[str]) -> str:
    """Return what turns HEAD into the working tree; of untracked files only Python, since others may be secret."""
    tracked = git_output(top, "diff", "--binary", "--no-color", "--no-ext-diff", "HEAD", "--", ".", *excluded) or ""
    untracked = [entry[3:] for entry in status.split("\0") if entry.startswith("?? ")]
    sources = sorted(name for name in untracked if name.endswith(_PATCHED_SUFFIXES))[:_MAX_PATCHED_FILES]
    added = [
        git_output(
            top, "diff", "--binary", "--no-color", "--no-ext-diff", "--no-index", "--", os.devnull, name, accept=(0, 1)
        )
        for name in sources
    ]
    return tracked + "".join(text or "" for text in added)


def _read(path: Path) -> str | None:
    """Return the text of a file, or None where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _file_sha256(path: Path) -> str:
    """Return the hash of a file, with line endings of any platform counted as one."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _sha256(text: str) -> str:
    """Return the hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
