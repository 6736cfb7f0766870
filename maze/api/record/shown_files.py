"""What a run shows beside its numbers, as files: for people without a store, and for a store that is made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maze.artifacts import atomic_path, read_json, write_text
from maze.tracking import Tracker
from maze.tracking.names import clean_name

__all__ = ["DISTRIBUTIONS", "ShownFiles", "shown_artifacts"]

DISTRIBUTIONS = "statistics/distributions.json"
"""How values were spread, epoch by epoch."""


class ShownFiles(Tracker):
    """Keeps texts and images as files, under their names as artifacts; a later one replaces an earlier one.

    Other than trackers of stores it raises what goes wrong, since its files are outputs of a run like all others.

    Args:
        directory: where they go; it is made with the first of them.

    Raises:
        ArtifactError: the disk is full or the place not writable.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def log_text(self, text: str, name: str) -> None:
        """Write a text file."""
        write_text(self._directory / clean_name(name), text)

    def log_image(self, image: bytes, name: str) -> None:
        """Write the bytes of an image file."""
        with atomic_path(self._directory / clean_name(name)) as temporary:
            temporary.write_bytes(image)

    def take_over(self, directory: Path) -> None:
        """Begin with the distributions that an earlier run has kept in a directory, if it has."""
        earlier, own = (place / DISTRIBUTIONS for place in (directory, self._directory))
        if earlier.is_file() and not own.exists():
            write_text(own, earlier.read_text(encoding="utf-8"))

    def distributions(self) -> dict[str, list[dict[str, Any]]]:
        """Return how values were spread in the epochs until now, by name; nothing where that is not kept.

        Raises:
            ArtifactError: the file is damaged.
        """
        path = self._directory / DISTRIBUTIONS
        return dict(read_json(path)) if path.is_file() else {}


def shown_artifacts(directory: Path) -> dict[str, Path]:
    """Return the files that were kept in a directory, by their names as artifacts."""
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {path.relative_to(directory).as_posix(): path for path in files}
