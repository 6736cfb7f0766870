"""Files that wrappers write, one for each episode, and where these go."""

from __future__ import annotations

from pathlib import Path

__all__ = ["EpisodeFiles"]


class EpisodeFiles:
    """Gives every episode a file of its own: ``episode-00001``, ``episode-00002``, ..., and overwrites none.

    Args:
        directory: where the files go. One that is not absolute lies in the directory of the run, once `place_within`
            has told that; without a run it is relative to the working directory.
        suffix: of the files, such as ``".gif"``.
    """

    def __init__(self, directory: str | Path, suffix: str) -> None:
        self._given = Path(directory)
        self.directory = self._given
        self._suffix = suffix
        self._number = 0  # of the last file that is known to be there

    def place_within(self, directory: Path) -> None:
        """Let files go below a directory, unless they have a place of their own."""
        self.directory = directory / self._given
        self._number = 0

    def next(self) -> Path:
        """Return a new, empty file; environments beside this one, in other processes too, get others."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self._number:
            numbers = [int(path.stem.rpartition("-")[2]) for path in self.directory.glob(f"episode-*{self._suffix}")]
            self._number = max(numbers, default=0)
        while True:
            self._number += 1
            path = self.directory / f"episode-{self._number:05d}{self._suffix}"
            try:
                path.open("xb").close()
            except FileExistsError:
                continue
            return path
