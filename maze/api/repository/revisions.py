"""Revisions of the project by name: commits, branches, tags, and the experiments that DVC keeps beside them."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from maze.errors import ArtifactError
from maze.tracking import find_project_root, git_bytes, git_output

__all__ = ["Repository", "Revision"]

EXPERIMENTS = "refs/exps/"
_GIT_SECONDS = 60.0
_HASH_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit that can hold results of the pipeline.

    Attributes:
        name: as people call it; the beginning of the hash where it has no name.
        commit: full hash.
        experiment: name of the DVC experiment; "" for a commit of the history.
        baseline: commit from which the experiment started; "" for a commit of the history.
        time: when it was committed, in seconds since 1970; 0 where that was not asked for.
    """

    name: str
    commit: str
    experiment: str = ""
    baseline: str = ""
    time: int = 0


class Repository:
    """The git repository around a directory, read and never changed.

    Args:
        root: directory of the project: with ``dvc.yaml``, or the top of the repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def around(cls, directory: Path) -> Repository | None:
        """Return the repository of the project that encloses a directory; None where there is none."""
        root, _ = find_project_root(directory)
        if root is None:
            return None
        repository = cls(root)
        return repository if repository.git("rev-parse", "--git-dir") is not None else None

    def git(self, *arguments: str) -> str | None:
        """Return what a git command prints; None where it fails or git is missing."""
        return git_output(self.root, *arguments, seconds=_GIT_SECONDS)

    def experiments(self) -> list[Revision]:
        """Return the experiments that DVC keeps, from the oldest to the youngest; those it works on are left out."""
        listing = self.git(
            "for-each-ref", "--sort=creatordate", "--format=%(refname) %(objectname) %(creatordate:unix)", EXPERIMENTS
        )
        found = []
        for line in (listing or "").splitlines():
            reference, commit, time = line.split(" ")
            parts = reference.removeprefix(EXPERIMENTS).split("/")
            if len(parts) == 3 and len(parts[1]) == _HASH_DIGITS - 2:  # others are the queue, stashes and DVC's own
                found.append(
                    Revision(parts[2], commit, experiment=parts[2], baseline=parts[0] + parts[1], time=int(time))
                )
        return found

    def find(self, name: str) -> Revision | None:
        """Return what a name means: an experiment of DVC, or anything that git understands as a commit; else None.

        Raises:
            ArtifactError: several experiments have the name.
        """
        named = [experiment for experiment in self.experiments() if experiment.name == name]
        if len(named) > 1:
            known = ", ".join(f"{one.commit[:10]} (of {one.baseline[:7]})" for one in named)
            raise ArtifactError(f"{name!r} is the name of {len(named)} experiments; name the commit: {known}.")
        if named:
            return named[0]
        commit = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return None if not commit else Revision(name, commit.strip())

    def names(self) -> list[str]:
        """Return the names of experiments, branches and tags."""
        references = self.git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags") or ""
        return [*(one.name for one in self.experiments()), *references.split()]

    def commits_with(self, path: str) -> list[Revision]:
        """Return the commits of all branches and tags that changed a file, from the oldest to the youngest."""
        listing = self.git("log", "--branches", "--tags", "HEAD", "--reverse", "--format=%H %ct", "--", path) or ""
        entries = (line.split() for line in listing.splitlines())
        return [Revision(commit[:7], commit, time=int(time)) for commit, time in entries]

    def extract(self, revision: Revision, paths: tuple[str, ...], target: Path) -> None:
        """Write what git has of some files and folders in a revision below a directory.

        Args:
            revision: a commit of this repository.
            paths: relative to the project; those that the revision does not have are left out.
            target: an empty directory.

        Raises:
            ArtifactError: git cannot read the commit.
        """
        listing = self.git("ls-tree", "-z", "--name-only", revision.commit, "--", *paths)
        present = [name for name in (listing or "").split("\0") if name]
        if not present:
            return
        archive = git_bytes(self.root, "archive", "--format=tar", revision.commit, "--", *present, seconds=_GIT_SECONDS)
        if archive is None:
            raise ArtifactError(f"{revision.name}: git cannot read commit {revision.commit}; try git fsck.")
        root = target.resolve()
        with tarfile.open(fileobj=BytesIO(archive)) as stream:  # by hand: Python 3.11.2's tarfile has no filters yet
            for member in stream:
                place, content = (root / member.name).resolve(), stream.extractfile(member) if member.isfile() else None
                if content is not None and place.is_relative_to(root):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(content.read())
