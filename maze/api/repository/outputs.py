"""What the pipeline had written in a revision: from git, and through dvc.lock from DVC's cache; nothing is run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from maze.api.repository.revisions import Repository, Revision
from maze.errors import ArtifactError

__all__ = ["OutputReader", "is_kept_by_dvc"]

LOCK = "dvc.lock"
_TRACKED = ("out", "build", "params.yaml", "dvc.yaml", LOCK)
_DVC_SECONDS = 120.0
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The compiled parser where there is one: a lock of many seeds is long."""


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
        if not self.extract(revision, target):
            raise ArtifactError(
                f"{revision.name}: commit {revision.commit[:10]} holds no results of the pipeline (no dvc.lock); name "
                "an experiment or a commit in which `dvc repro` had run, a run directory or an MLflow run."
            )
        return self.restore(target, wanted)

    def extract(self, revision: Revision, target: Path) -> bool:
        """Write what git holds of a revision's results below an empty directory; return whether it holds any.

        Raises:
            ArtifactError: git cannot read the commit.
        """
        self._repository.extract(revision, _TRACKED, target)
        return (target / LOCK).is_file()

    def restore(self, root: Path, wanted: Callable[[str], bool]) -> list[str]:
        """Copy from DVC's cache what a directory lacks of the results that its ``dvc.lock`` names.

        Args:
            root: where results stand as in the project.
            wanted: says of a path in the project whether it is needed.

        Returns:
            Files that DVC's cache does not have here; a directory where it does not even know what was in it.

        Raises:
            ArtifactError: ``dvc.lock`` cannot be read.
        """
        absent = [one for one in self._named(root, wanted) if not (root / one[0]).exists()]
        return [name for name, digest in absent if not self._copy(digest, root / name)]

    def at_hand(self, root: Path, wanted: Callable[[str], bool]) -> dict[str, bool]:
        """Say of each wanted file that ``dvc.lock`` names whether it is there, or would be after :meth:`restore`.

        Args:
            root: where results stand as in the project.
            wanted: says of a path in the project whether it is needed.

        Returns:
            By file; by directory where DVC does not know here what was in it.

        Raises:
            ArtifactError: ``dvc.lock`` cannot be read.
        """
        named = self._named(root, wanted)
        return {name: (root / name).exists() or self._place(digest).is_file() for name, digest in named}

    def _named(self, root: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
        """Yield the wanted files that ``dvc.lock`` names, with their hashes; a directory where its list is lost."""
        for entry in _locked_outputs(root / LOCK):
            path, digest = str(entry["path"]), str(entry.get("md5") or "")
            listing = self._place(digest) if digest.endswith(".dir") else None
            below = [(path, digest)] if digest else []
            if listing is not None and listing.is_file():
                below = [(f"{path}/{one['relpath']}", str(one["md5"])) for one in _listed(listing)]
            yield from ((name, found) for name, found in below if ".." not in Path(name).parts and wanted(name))

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


def _listed(listing: Path) -> list[dict[str, Any]]:
    """Return the entries of DVC's list of a directory."""
    try:
        return list(json.loads(listing.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError(
            f"{listing}: DVC's cache is damaged there ({error}); remove the file, then dvc fetch."
        ) from error


def is_kept_by_dvc(path: Path) -> bool:
    """Return whether DVC keeps a file or folder, so that a change of it would be one of the pipeline's results.

    Args:
        path: an output of a stage that has run, data that was added, or something within these.

    Raises:
        ArtifactError: a ``dvc.lock`` cannot be read.
    """
    path = path.absolute()
    for child, folder in pairwise([path, *path.parents]):
        if (folder / f"{child.name}.dvc").is_file():
            return True
        lock = folder / LOCK
        if lock.is_file() and any(path.is_relative_to(folder / str(out["path"])) for out in _locked_outputs(lock)):
            return True
        if (folder / ".dvc").is_dir():
            return False
    return False


def _locked_outputs(lock: Path) -> Iterator[dict[str, Any]]:
    try:
        stages = yaml.load(lock.read_text(encoding="utf-8"), _LOADER)["stages"]  # noqa: S506 - both loaders are safe
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
