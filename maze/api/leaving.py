"""Leaving with whom one works for: no process of a job or a stage goes on once nobody waits for what it makes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from types import FrameType

import psutil

__all__ = ["STAGE_VARIABLE", "leave_once", "leave_with_dvc"]

STAGE_VARIABLE = "DVC_STAGE"
"""Set by DVC for the commands of a stage, to its name."""

_SHELLS = frozenset({"ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "yash", "zsh"})
_LOOK_SECONDS = 0.5


def leave_once(is_gone: Callable[[], bool]) -> None:
    """Let this process stop in good order, as after SIGTERM, less than two seconds after something became true.

    Args:
        is_gone: says so; it is called twice a second, in a thread that keeps no process from ending.
    """

    def watch() -> None:
        while not is_gone():
            time.sleep(_LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="leaving", daemon=True).start()


def leave_with_dvc() -> None:
    """Let the process of a stage stop in good order once the DVC that runs it is gone; by hand, nothing changes.

    SIGTERM becomes an exit with status 143, so that a stage that plays episodes tells MLflow, too, that it was ended.
    """
    stage = os.environ.get(STAGE_VARIABLE)
    if stage is None:
        return
    line = _line_of_descent(stage)
    signal.signal(signal.SIGTERM, _exit)
    leave_once(lambda: _is_broken(line))


def _exit(signal_number: int, frame: FrameType | None) -> None:
    del frame
    sys.exit(128 + signal_number)


def _line_of_descent(stage: str) -> list[int]:
    """Return the ids of this process's parent, the parent's parent, and so on up to DVC.

    DVC gives a command to a shell. Most shells become the command if it is a single one; others wait for it, as does
    what a command begins with, such as ``uv run``: they live on without DVC.
    """
    line = [os.getppid()]
    try:
        while line[-1] > 1 and _is_between(psutil.Process(line[-1]), stage):
            line.append(psutil.Process(line[-1]).ppid())
    except psutil.Error:  # it has ended meanwhile, and the watch will see that
        pass
    return line


def _is_between(process: psutil.Process, stage: str) -> bool:
    """Return whether a process stands between a stage and its DVC: a shell, or whatever DVC told of the stage."""
    if process.name().lstrip("-") in _SHELLS:
        return True
    try:
        return bool(process.environ().get(STAGE_VARIABLE) == stage)
    except psutil.AccessDenied:  # macOS shows nobody the environment of its own programs
        return False


def _is_broken(line: list[int]) -> bool:
    """Return whether a process of the line is gone, and what it had started has been given to another one."""
    try:
        return os.getppid() != line[0] or any(
            psutil.Process(child).ppid() != parent for child, parent in pairwise(line)
        )
    except psutil.NoSuchProcess:
        return True
