"""Stopping in good order: Ctrl-C and SIGTERM end training after the current update, with the best state kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["StopRequest", "stop_on_signals"]


class StopRequest:
    """Remembers the signal that asked to stop."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def requested(self) -> bool:
        """Return whether a signal has come."""
        return self.signal_number is not None

    def raise_if_requested(self) -> None:
        """Do what the signal would have done: KeyboardInterrupt for Ctrl-C, an exit with 128 + n for the others."""
        if self.signal_number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.signal_number is not None:
            raise SystemExit(128 + self.signal_number)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn SIGINT, SIGTERM and SIGHUP into a request while the block runs; a second signal acts at once.

    Handlers are set in the main thread only, since Python allows no other, and put back when the block ends.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def handle(signal_number: int, frame: FrameType | None) -> None:
        del frame
        if request.requested():
            request.signal_number = signal_number
            request.raise_if_requested()
        request.signal_number = signal_number

    for watched in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        previous[watched] = signal.signal(watched, handle)
    try:
        yield request
    finally:
        for signal_number, handler in previous.items():
            signal.signal(signal_number, handler if handler is not None else signal.SIG_DFL)
