"""Stopping in good order: Ctrl-C and SIGTERM end training after the current update, with the best state kept."""

from __future__ import annotations

import dataclasses
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["BrokenOff", "Interruption", "StopRequest", "stop_on_signals"]


class BrokenOff(KeyboardInterrupt):
    """Breaks a repeated training off where the recorded one was."""


@dataclasses.dataclass(frozen=True)
class Interruption:
    """Where a training was interrupted, so that its repetition is interrupted there as well.

    Attributes:
        n_epochs: how many epochs were complete.
        n_updates: how many updates of the next one were.
        breaks_off: the update that was going on was lost, and with it that epoch.
    """

    n_epochs: int
    n_updates: int
    breaks_off: bool

    def is_reached(self, n_epochs: int, n_updates: int) -> bool:
        """Say whether training has to end after an update.

        Args:
            n_epochs: epochs of the call that are complete.
            n_updates: updates since then.

        Raises:
            BrokenOff: it has, and what it did since the last epoch does not count.
        """
        if n_epochs < self.n_epochs or n_updates < max(1, self.n_updates):
            return False
        if self.breaks_off:
            raise BrokenOff
        return self.n_updates > 0  # otherwise the signal came when training had come to its own end


class StopRequest:
    """Remembers the signal that asked to stop."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def requested(self) -> bool:
        """Return whether a signal has come."""
        return self.signal_number is not None

    def raise_if_requested(self, message: str = "") -> None:
        """Do what the signal would have done: KeyboardInterrupt for Ctrl-C, an exit with 128 + n for the others.

        Args:
            message: what the interruption tells the user.
        """
        if self.signal_number == signal.SIGINT:
            raise KeyboardInterrupt(*([message] if message else []))
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
