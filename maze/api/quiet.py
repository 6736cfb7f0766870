"""Keeping silent: nothing that a thread prints, or warns of, while it works for a silent context is shown.

Output belongs to the whole process, so while anybody works, what stands in place of ``sys.stdout`` and ``sys.stderr``
asks who writes: silent threads write into nothing, all others where they always did. The last one to finish puts the
streams back. Python's warnings, ``print`` and log handlers of last resort all write there. Handlers that hold a stream
of their own, and programs and compiled libraries (ALE's banner, MuJoCo's compiler) write to the process's descriptors;
these are redirected as well while a silent block is the work of the only thread. Beside others, as in a notebook,
they are left alone, since they could not be silenced without silencing those.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, TextIO, TypeVar, cast

__all__ = ["Output", "may_be_silent"]

_NAMES = ("stdout", "stderr")
_LOCK = threading.Lock()
_installed: dict[str, tuple[_Stream, Any]] = {}
_silent: dict[int, list[Output]] = {}
"""By thread, the blocks that keep it silent, the innermost last."""

_Method = TypeVar("_Method", bound=Callable[..., Any])


class _Stream:
    """Stands for a stream: is nothing for silent threads, and the stream itself for all others.

    Attributes:
        original: the stream.
    """

    original: Any

    def __init__(self, stream: Any) -> None:
        self.__dict__["original"] = stream

    def _of_this_thread(self) -> Any:
        blocks = _silent.get(threading.get_ident())
        return blocks[-1].nothing() if blocks else self.__dict__["original"]

    def write(self, text: str) -> int:
        """Write text, unless this thread is silent."""
        written: int = self._of_this_thread().write(text)
        return written

    def flush(self) -> None:
        """Flush the stream."""
        self._of_this_thread().flush()

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines, unless this thread is silent."""
        self._of_this_thread().writelines(lines)

    def __getattr__(self, name: str) -> Any:
        if "original" not in self.__dict__:  # while it is copied
            raise AttributeError(name)
        return getattr(self._of_this_thread(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._of_this_thread(), name, value)

    def __iter__(self) -> Any:
        return iter(self._of_this_thread())


class _Descriptors:
    """The process's descriptors 1 and 2, while they lead into nothing; all of it happens under the lock.

    Attributes:
        kept: by descriptor, a copy of it that still leads where it did.
    """

    def __init__(self) -> None:
        self.kept: dict[int, int] = {}

    def redirect(self) -> None:
        """Let both lead into nothing; one that is closed is left so."""
        self._flush()
        nothing = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            try:
                self.kept[descriptor] = os.dup(descriptor)
            except OSError:
                continue
            os.dup2(nothing, descriptor)
        os.close(nothing)

    def put_back(self) -> None:
        """Let both lead where they did; what C still holds for them is dropped with the rest."""
        if self.kept:
            self._flush()
        for descriptor, copy in self.kept.items():
            os.dup2(copy, descriptor)
            os.close(copy)
        self.kept.clear()

    @staticmethod
    def _flush() -> None:
        for name in _NAMES:
            stream = getattr(sys, name)
            with contextlib.suppress(AttributeError, OSError, ValueError):  # none, closed, or one without a flush
                stream.flush()
        ctypes.CDLL(None).fflush(None)


_descriptors = _Descriptors()


class Output:
    """A block of work; every one that may print or be silent while another thread is the opposite goes through it.

    Args:
        silent: show nothing that this thread writes inside.
    """

    _users = 0

    def __init__(self, *, silent: bool) -> None:
        self._is_silent = silent
        self._nothing: TextIO | None = None

    def nothing(self) -> TextIO:
        """Return a stream that keeps nothing of what is written; it is open until the block ends."""
        if self._nothing is None:
            self._nothing = open(os.devnull, "w", encoding="utf-8", errors="replace")  # noqa: SIM115, PTH123
        return self._nothing

    def __enter__(self) -> None:
        with _LOCK:
            if self._is_silent and not Output._users and threading.active_count() == 1:
                _descriptors.redirect()
            Output._users += 1
            for name in _NAMES:
                present = getattr(sys, name)
                if name in _installed or present is None:
                    continue
                stream = present if isinstance(present, _Stream) else _Stream(present)  # one that was put back late
                _installed[name] = (stream, stream.original)
                setattr(sys, name, stream)
            if self._is_silent:
                _silent.setdefault(threading.get_ident(), []).append(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with _LOCK:
            if self._is_silent:
                thread = threading.get_ident()
                _silent[thread].remove(self)
                if not _silent[thread]:
                    del _silent[thread]
            Output._users -= 1
            if not Output._users:
                _descriptors.put_back()
                for name, (stream, original) in _installed.items():
                    if getattr(sys, name) is stream:  # else somebody redirects it, and puts back what now passes on
                        setattr(sys, name, original)
                _installed.clear()
        if self._nothing is not None:
            self._nothing.close()


def may_be_silent(method: _Method) -> _Method:
    """Let a method show nothing where its object is silent (its attribute ``_silent``).

    Args:
        method: any method, also that of a property. One that is called ``train`` shows a progress bar otherwise.

    Returns:
        The method, with the same signature.
    """
    shows = method.__name__ == "train"

    @functools.wraps(method)
    def kept(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not (shows or self._silent):
            return method(self, *args, **kwargs)
        with Output(silent=self._silent):
            return method(self, *args, **kwargs)

    return cast(_Method, kept)
