"""One worker process, seen from its owner."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from maze.errors import MazeError
from maze.processes import child
from maze.processes.channel import Channel, Parts
from maze.processes.serving import CALL, ENDED, FAILED, QUIT, STAYED
from maze.processes.transfer import dumps, loads

__all__ = ["WorkerProcess"]

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_DEATH_SECONDS = 5.0


class WorkerProcess:
    """A process in which one object lives.

    It does one thing at a time: every request has to be answered before the next one, unless it reads ahead. The first
    one is `hand_over`.

    Args:
        name: what messages call it, for example ``"worker process 1 (environments 4 to 7)"``.
        error: class of the error that tells of its death.
        silent: let it print nothing.
        n_threads: threads of NumPy's matrix products, and of torch where the object needs that.
        inherited: descriptors of files that it needs, too.

    Raises:
        MazeError: the process cannot be started.
    """

    def __init__(
        self,
        name: str,
        *,
        error: type[MazeError],
        silent: bool,
        n_threads: int,
        inherited: Sequence[int] = (),
    ) -> None:
        self.name = name
        self._error = error
        ours, theirs = socket.socketpair()
        with theirs:
            output = subprocess.DEVNULL if silent else None
            try:
                with _stop_signals_held_back():
                    self.process = subprocess.Popen(
                        [sys.executable, "-P", str(Path(child.__file__)), str(theirs.fileno())],
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        pass_fds=[theirs.fileno(), *inherited],
                        env={**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(n_threads))},
                    )
            except OSError as failure:
                ours.close()
                raise error(f"{name} cannot be started ({failure}); use fewer processes, or runner='dev'.") from failure
        self._channel = Channel(ours, self._check_alive)
        self._socket = ours

    def hand_over(self, parts: Parts) -> None:
        """Tell the process where modules are, and what it makes its object of; the answer has to be waited for.

        Args:
            parts: see `dump_handover`.

        Raises:
            MazeError: the process has ended.
        """
        told = json.dumps({"path": [str(place) for place in sys.path], "owner": os.getpid()}).encode()
        try:
            self._socket.sendall(struct.pack("<I", len(told)) + told)
            self._channel.send(CALL, parts)
        except OSError as failure:
            self._raise_ended(failure)

    def fileno(self) -> int:
        """Return a descriptor to wait for an answer at."""
        return self._channel.fileno()

    def signal(self, code: bytes) -> None:
        """Let the object hear a signal; the answer has to be waited for.

        Raises:
            MazeError: the process has ended.
        """
        try:
            self._channel.signal(code)
        except OSError as failure:
            self._raise_ended(failure)

    def submit(self, method: str, arguments: Sequence[Any]) -> None:
        """Let the object call a method; the answer has to be waited for.

        Raises:
            MazeError: the process has ended.
        """
        parts = dumps((method, tuple(arguments)))
        try:
            self._channel.send(CALL, parts)
        except OSError as failure:
            self._raise_ended(failure)

    def answer(self) -> tuple[Any, BaseException | None]:
        """Wait for the next answer.

        Returns:
            What the method returned, or whether the object said True to the signal; and the error that it raised.

        Raises:
            MazeError: the process has ended.
        """
        try:
            code = self._channel.wait()
            if code == STAYED:
                return False, None
            if code == ENDED:
                return True, None
            value = loads(self._channel.receive())
        except (EOFError, OSError) as failure:
            self._raise_ended(failure)
        if code == FAILED:
            return None, value.as_error(f"{self.name}, pid {self.process.pid}")
        return value, None

    def quit(self) -> None:
        """Ask the object to close and the process to leave; the answer has to be waited for."""
        self.signal(QUIT)

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self.process.poll() is None

    def _check_alive(self) -> None:
        if not self.is_alive():
            raise EOFError

    def _raise_ended(self, failure: BaseException) -> NoReturn:
        """Tell how the process ended."""
        try:
            code = self.process.wait(_DEATH_SECONDS)
        except subprocess.TimeoutExpired:
            how = "closed its connection"
        else:
            how = f"ended with exit code {code}" if code >= 0 else f"was killed by {_signal_name(-code)}"
        raise self._error(
            f"{self.name}, pid {self.process.pid}, {how}; where memory was short, use fewer processes "
            "(runner.n_processes), and to see what an environment does, runner='dev'."
        ) from failure

    def hang_up(self) -> None:
        """Close the connection, upon which the process leaves when it has done what it is doing."""
        self._channel.close()

    def end(self, deadline: float) -> None:
        """Wait for the process to leave after `hang_up`, and kill it at a time of ``time.monotonic()``."""
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


@contextmanager
def _stop_signals_held_back() -> Iterator[None]:
    """Start a process in which the signals to stop wait until it knows what to do with them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, child.STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
