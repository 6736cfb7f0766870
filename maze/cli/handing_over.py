"""Handing over to another program, such that what asks this one to stop stops the other one in good order."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

import psutil

__all__ = ["run_in_good_order"]


def run_in_good_order(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program to its end, which SIGTERM and SIGHUP bring about as Ctrl-C does.

    DVC puts HEAD and its references back where SIGINT stops it, and nowhere else. While a stage runs it hears no
    SIGINT, but waits for the stage; in a terminal, Ctrl-C tells both.

    Args:
        command: words of the program.
        environment: its variables.

    Returns:
        Its exit status, or 128 + n where signal n has come meanwhile.
    """
    asked: list[int] = []
    started: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        asked.append(number)
        for pid in started:
            _interrupt(pid)

    with _handled(ask), subprocess.Popen(command, env=environment) as process:
        started.append(process.pid)
        if asked:  # while it was being started
            _interrupt(process.pid)
        while True:
            try:
                status = process.wait()
                break
            except KeyboardInterrupt:  # the terminal told the program, too, which ends in good order
                continue
    return 128 + asked[0] if asked else status


@contextmanager
def _handled(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle SIGTERM and SIGHUP while the block runs, unless whoever started this process has it ignore them."""
    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _interrupt(pid: int) -> None:
    """Do what Ctrl-C does: tell a process, and all that it has started in its group, which others have left."""
    try:
        process, group = psutil.Process(pid), os.getpgid(pid)
        told = [*process.children(recursive=True), process]
    except (psutil.NoSuchProcess, ProcessLookupError):  # it has just ended
        return
    for each in told:
        try:
            if os.getpgid(each.pid) == group:
                each.send_signal(signal.SIGINT)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
