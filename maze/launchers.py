"""Where the jobs of a multi-run go: each into a process of its own, one after another or several side by side.

A launcher is any object with ``launch(jobs, on_end)``; these two need nothing but this machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, runtime_checkable

from maze.errors import InvalidSpecificationError

__all__ = ["LAUNCHER_VARIABLE", "Job", "JobResult", "JoblibLauncher", "Launcher", "SerialLauncher"]

LAUNCHER_VARIABLE = "MAZE_LAUNCHER_PID"
"""Environment variable that tells a job's process whose child it is, so that it can leave with it."""

STOPPED = -signal.SIGTERM
"""Exit code of a job that was not started any more, because all of them were stopped."""

_GRACE_SECONDS = 20.0
_LONGEST_OUTPUT = 2**20


@dataclass(frozen=True)
class Job:
    """A command that runs in a process of its own.

    Attributes:
        name: what people call it.
        command: the program and its arguments.
        log: file to which everything goes that the process prints; it is appended to.
        environment: variables to set besides those of this process.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JobResult:
    """How a job ended.

    Attributes:
        name: the job's name.
        exit_code: 0 when it worked; -n when signal n killed it.
        seconds: how long it ran.
        output: what it printed, the last MiB of it.
    """

    name: str
    exit_code: int
    seconds: float
    output: str


OnEnd = Callable[[JobResult], None]


@runtime_checkable
class Launcher(Protocol):
    """Runs jobs; one that fails does not stop the others."""

    def launch(self, jobs: Sequence[Job], on_end: OnEnd | None = None) -> list[JobResult]:
        """Run all jobs and wait for them.

        Args:
            jobs: what to run.
            on_end: is called as soon as a job has ended, never twice at a time.

        Returns:
            The results, in the order of the jobs.
        """
        ...


class SerialLauncher:
    """Runs one job after another."""

    def launch(self, jobs: Sequence[Job], on_end: OnEnd | None = None) -> list[JobResult]:
        """Run all jobs and wait for them; see :class:`Launcher`.

        Raises:
            KeyboardInterrupt: Ctrl-C, after the running job has been told to stop and has ended.
        """
        with _running_processes(on_end) as processes:
            return [processes.run(job) for job in jobs]


class JoblibLauncher:
    """Runs several jobs side by side, with joblib.

    Args:
        n_jobs: how many at a time; -1 is one for each CPU, -2 leaves one CPU free, and so on, as joblib counts.

    Raises:
        InvalidSpecificationError: ``n_jobs`` is no whole number, or 0.
    """

    def __init__(self, n_jobs: int = -1) -> None:
        if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs == 0:
            raise InvalidSpecificationError(
                f"launcher.n_jobs: {n_jobs!r} is not accepted; accepted: a whole number >= 1, or -1 for one a CPU."
            )
        self.n_jobs = n_jobs

    def launch(self, jobs: Sequence[Job], on_end: OnEnd | None = None) -> list[JobResult]:
        """Run all jobs and wait for them; see :class:`Launcher`.

        Raises:
            KeyboardInterrupt: Ctrl-C, after all running jobs have been told to stop and have ended.
        """
        from joblib import Parallel, delayed  # noqa: PLC0415  (only who launches jobs needs it)

        with _running_processes(on_end) as processes:
            work = Parallel(n_jobs=self.n_jobs, backend="threading", batch_size=1, pre_dispatch="n_jobs")
            return list(work(delayed(processes.run)(job) for job in jobs))


class _Processes:
    """The processes of one launch, which stop together."""

    def __init__(self, on_end: OnEnd | None) -> None:
        self.signal_number: int | None = None
        self._on_end = on_end
        self._lock = threading.RLock()
        self._telling = threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()
        self._last_resort: threading.Timer | None = None

    def run(self, job: Job) -> JobResult:
        """Run one job to its end."""
        job.log.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        with job.log.open("ab") as log:
            begin = log.tell()
            exit_code = self._wait(job, log)
        result = JobResult(job.name, exit_code, time.perf_counter() - started, _tail(job.log, begin))
        self._tell(result)
        return result

    def _tell(self, result: JobResult) -> None:
        if self._on_end is None:
            return
        told = False
        try:
            with self._telling:
                self._on_end(result)
            told = True
        finally:
            if not told:  # whoever listens broke down, and nobody waits for the other jobs any more
                self.stop()

    def _wait(self, job: Job, log: Any) -> int:
        with self._lock:
            if self._stopping.is_set():
                return STOPPED
            try:
                process = subprocess.Popen(
                    list(job.command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **job.environment, LAUNCHER_VARIABLE: str(os.getpid())},
                    start_new_session=True,  # Ctrl-C comes to this process, which tells its jobs in good order
                )
            except OSError as error:
                log.write(f"{job.name}: cannot be started: {error}\n".encode())
                return 127
            self._running[process.pid] = process
            if self._stopping.is_set():  # a signal came in between
                process.terminate()
        try:
            return process.wait()
        finally:
            _kill(process)  # still runs only where an exception came from elsewhere
            with self._lock:
                del self._running[process.pid]

    def stop(self) -> None:
        """Ask all processes to end, start no more, and kill after a while what is still there."""
        with self._lock:
            if self._stopping.is_set():
                self.kill()
                return
            self._stopping.set()
            for process in self._running.values():
                process.terminate()
            self._last_resort = threading.Timer(_GRACE_SECONDS, self.kill)
            self._last_resort.daemon = True
            self._last_resort.start()

    def kill(self) -> None:
        """Kill all processes, with what they have started."""
        with self._lock:
            for process in self._running.values():
                _signal_group(process)

    def close(self) -> None:
        """Leave nothing running."""
        with self._lock:
            self._stopping.set()
            for process in self._running.values():
                _kill(process)
            if self._last_resort is not None:
                self._last_resort.cancel()


def _kill(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that has not been waited for, and all others of its session's first group."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()


def _tail(log: Path, begin: int) -> str:
    """Return what was written to a log since it had ``begin`` bytes."""
    with log.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(begin, end - _LONGEST_OUTPUT))
        return stream.read().decode("utf-8", errors="replace")


@contextmanager
def _running_processes(on_end: OnEnd | None) -> Iterator[_Processes]:
    """Give a block its processes; none outlives it.

    In the main thread, SIGINT, SIGTERM and SIGHUP are passed on to the processes as a request to stop, and do what they
    do once those have ended; a second one kills them. The handlers that were there are put back.
    """
    processes = _Processes(on_end)
    previous: dict[int, Any] = {}

    def handle(signal_number: int, frame: FrameType | None) -> None:
        del frame
        processes.signal_number = signal_number
        processes.stop()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a job in the background of a script
                previous[number] = signal.signal(number, handle)
    try:
        yield processes
    finally:
        processes.close()
        for watched, handler in previous.items():
            signal.signal(watched, handler if handler is not None else signal.SIG_DFL)
    if processes.signal_number == signal.SIGINT:
        raise KeyboardInterrupt
    if processes.signal_number is not None:
        raise SystemExit(128 + processes.signal_number)
