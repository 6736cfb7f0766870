"""One process for each slice of the pipeline: what a stage writes for a seed is never written by two at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from maze.errors import ArtifactError, MazeError

__all__ = ["SliceTakenError", "alone_on"]

_PATIENCE_SECONDS = 20.0


class SliceTakenError(MazeError):
    """Another process works on the same slice and does not leave; the message names it."""


@contextmanager
def alone_on(path: Path, doing: str, say: Callable[[str], None]) -> Iterator[None]:
    """Let no other process do the same while the block runs; one that is just leaving is waited for.

    The kernel releases the lock when the process ends, however it does.

    Args:
        path: of the lock, without a suffix; the file of this name with ``.pid`` says who has it.
        doing: what the process does, for messages, such as ``training seed 0``.
        say: is told where the process has to wait.

    Raises:
        SliceTakenError: another process does it and has not ended within 20 seconds.
        ArtifactError: the lock cannot be written.
    """
    lock, owner = FileLock(path.with_name(f"{path.name}.lock")), path.with_name(f"{path.name}.pid")
    try:
        owner.parent.mkdir(parents=True, exist_ok=True)
        _take(lock, owner, doing, say)
        owner.write_text(f"{os.getpid()}\n", encoding="utf-8")
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be written ({error}); make its folder one in which you may write."
        ) from error
    try:
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _take(lock: FileLock, owner: Path, doing: str, say: Callable[[str], None]) -> None:
    """Acquire a lock, saying so where that has to wait."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another process ({_named(owner)}) is {doing}; waiting up to {_PATIENCE_SECONDS:.0f} s for it to end")
    else:
        return
    try:
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except Timeout:
        pid = _read(owner)
        remedy = f"or end it (kill {pid}), " if pid else ""
        raise SliceTakenError(
            f"another process ({_named(owner)}) is {doing}; wait until it has ended, {remedy}and run this again."
        ) from None


def _named(owner: Path) -> str:
    return f"pid {_read(owner) or 'unknown'}"


def _read(owner: Path) -> str:
    """Return the id of who has a lock; nothing in the moment between taking it and saying so."""
    try:
        return owner.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
