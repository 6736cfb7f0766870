"""What the pipeline had written in a revision: from git, and through dvc.lock from DVC's cache; nothing is run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from maze.api.repository.revisions import Repository, Revision
from maze.errors import ArtifactError

__all__ = ["OutputReader"]

_TRACKED = ("out", "build", "params.yaml", "dvc.yaml", "dvc.lock")
_DVC_SECONDS = 120.0


class OutputReader:
    """Brings back results of revisions, each in a directory of its own, without touching the working tree.

    Args:
        repository: where they are.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._cache: Path | None = None

    def read(self, revision: Revision, target: Path, wanted: Callable[[str], bool]) -> list[str]:
        """Write a revision's results below a directory.

        Args:
            revision: a commit of the repository.
            target: an empty directory; ``out/``, ``build/``, ``params.yaml`` and ``dvc.lock`` come to stand there.
            wanted: says of a path in the project whether it is needed from DVC's cache.

        Returns:
            Files that DVC's cache does not have here.

        Raises:
            ArtifactError: the revision holds no results, or a file of it cannot be read.
        """
        self._repository.extract(revision, _TRACKED, target)
        lock = target / "dvc.lock"
        if not lock.is_file():
            raise ArtifactError(
                f"{revision.name}: commit {revision.commit[:10]} holds no results of the pipeline (no dvc.lock); name "
                "an experiment or a commit in which `dvc repro` had run, a run directory or an MLflow run."
            )
        missing = []
        for entry in _locked_outputs(lock):
            path = str(entry["path"])
            digest = entry.get("md5")
            if digest and not (target / path).exists() and ".." not in Path(path).parts:
                missing += [name for name in self._restore(path, str(digest), target, wanted) if wanted(name)]
        return missing

    def _restore(self, path: str, digest: str, target: Path, wanted: Callable[[str], bool]) -> Iterator[str]:
        """Copy one output from the cache, file by file, and yield what is not there."""
        if not digest.endswith(".dir"):
            if wanted(path) and not self._copy(digest, target / path):
                yield path
            return
        listing = self._place(digest)
        if not listing.is_file():
            yield path
            return
        for entry in json.loads(listing.read_text(encoding="utf-8")):
            name = f"{path}/{entry['relpath']}"
            if wanted(name) and ".." not in Path(name).parts and not self._copy(entry["md5"], target / name):
                yield name

    def _copy(self, digest: str, target: Path) -> bool:
        source = self._place(digest)
        if not source.is_file():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return True

    def _place(self, digest: str) -> Path:
        """Return where DVC keeps the content with a hash."""
        if self._cache is None:
            self._cache = _cache_directory(self._repository.root)
        return self._cache / "files" / "md5" / digest[:2] / digest[2:]


def _locked_outputs(lock: Path) -> Iterator[dict[str, Any]]:
    try:
        stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
        for stage in stages.values():
            yield from stage.get("outs", ())
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{lock.name}: cannot be read ({error}); resolve conflicts in it, or run dvc repro."
        ) from error


def _cache_directory(root: Path) -> Path:
    """Ask DVC where its cache is, which can be shared by several projects."""
    try:
        result = subprocess.run(
            [sys.executable, "-m", "dvc", "cache", "dir"],
            capture_output=True,
            text=True,
            cwd=root,
            timeout=_DVC_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ArtifactError(f"DVC cannot be asked where its cache is ({error}); try: dvc cache dir") from error
    if result.returncode != 0 or not result.stdout.strip():
        raise ArtifactError(f"DVC does not say where its cache is ({result.stderr.strip()}); try: dvc cache dir")
    place = Path(result.stdout.strip().splitlines()[-1])
    return place if place.is_absolute() else root / place
