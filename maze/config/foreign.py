"""Errors of code that is somebody's own, which may be of any class."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from maze.errors import MazeError

__all__ = ["ForeignErrors", "error_text"]


class ForeignErrors:
    """A block that runs somebody's own code, every error of which becomes one of maze; interruptions pass.

    Args:
        translate: makes the error of maze.
        passes: errors that pass as they are.
    """

    def __init__(self, translate: Callable[[Exception], MazeError], passes: type[Exception] | tuple[()] = ()) -> None:
        self._translate = translate
        self._passes = passes

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Raise the translated error, if there was one."""
        del kind
        if isinstance(error, Exception) and not isinstance(error, self._passes):
            raise self._translate(error) from error


def error_text(error: BaseException) -> str:
    """Return an error's class and message, as records and messages show it."""
    return f"{type(error).__name__}: {error}"
