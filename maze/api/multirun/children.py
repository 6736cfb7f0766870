"""Processes of jobs: how they are started, how they leave with who started them, and what their exit codes mean."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil

from maze.api.leaving import leave_once
from maze.launchers import LAUNCHER_VARIABLE, Job

__all__ = ["leave_with_launcher", "python_job", "signal_of", "told_end"]

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def python_job(name: str, module: str, directory: Path, log: Path, *, n_threads: int) -> Job:
    """Return ``python -m module directory`` as a job for a launcher: with this Python and this search path.

    Args:
        name: what people call the job.
        module: a program of this package, whose one argument is a directory.
        directory: from which it reads what to do, and to which it writes what came of it.
        log: file for everything that it prints.
        n_threads: how many threads the libraries of its process may use.
    """
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return Job(
        name=name,
        command=(sys.executable, "-P", "-m", module, str(directory)),
        log=log,
        environment={
            **dict.fromkeys(_THREAD_VARIABLES, str(n_threads)),
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
        },
    )


def leave_with_launcher() -> None:
    """Let the process of a job stop in good order once the process that started it is gone, however that ended."""
    launcher = os.environ.get(LAUNCHER_VARIABLE, "")
    if launcher == str(os.getppid()):
        leave_once(lambda: str(os.getppid()) != launcher)
    elif launcher.isdecimal() and not psutil.pid_exists(int(launcher)):  # it was killed while this process was starting
        os.kill(os.getpid(), signal.SIGTERM)


def signal_of(exit_code: int, *, handled: bool = False) -> signal.Signals | None:
    """Return the signal that ended a process; None where it ended by itself.

    Args:
        exit_code: -n where signal n killed it.
        handled: the process is known to have left because of a signal that it saw itself, with 128 + n.
    """
    number = -exit_code if exit_code < 0 else exit_code - 128
    if number in set(signal.Signals) and (exit_code < 0 or handled):
        return signal.Signals(number)
    return None


def told_end(exit_code: int, *, handled: bool = False) -> str:
    """Say in one line how a process ended that did not say so itself; arguments as for :func:`signal_of`."""
    number = signal_of(exit_code, handled=handled)
    if number is not None:
        return f"its process was ended by signal {number.value} ({number.name})"
    return f"its process ended with exit status {exit_code} before it could say why"
