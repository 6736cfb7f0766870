"""Several worker processes of one owner, which are started, replaced and ended together."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from maze.config.own_code import object_name
from maze.errors import MazeError
from maze.processes.transfer import dump_handover
from maze.processes.worker_process import WorkerProcess

__all__ = ["WorkerGroup", "usable_cpus"]

_LEAVING_SECONDS = 5.0
_REPLACED_SECONDS = 1.0


def usable_cpus() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerGroup:
    """Processes with an object each; they end when this object is closed or collected, and with this process.

    Where one of them died, or an exchange with them was broken off, for example by Ctrl-C, nobody knows any more what
    the others are doing. Then all are replaced by fresh ones when something is asked of them next.

    Args:
        makers: for each process the function that makes its object.
        names: what messages call each of them.
        what: what is made, for messages.
        source: the user's function that makes it, for messages.
        error: class of the error that tells of the death of one.
        silent: let them print nothing.
        n_threads: threads of NumPy's matrix products in each of them.
        queued: let them read requests while they work.
        inherited: descriptors of files that they need, too.

    Raises:
        InvalidSpecificationError: a function cannot be handed to another process.
    """

    def __init__(
        self,
        makers: Sequence[Callable[[], Any]],
        names: Sequence[str],
        *,
        what: str,
        source: Any,
        error: type[MazeError],
        silent: bool = False,
        n_threads: int = 1,
        queued: bool = False,
        inherited: Sequence[int] = (),
    ) -> None:
        self._handovers = [dump_handover(make, queued=queued, what=f"{what}: {object_name(source)}") for make in makers]
        self._names = list(names)
        self._what, self._error = what, error
        self._make_process = partial(
            WorkerProcess, error=error, silent=silent, n_threads=n_threads, inherited=tuple(inherited)
        )
        self._members: list[WorkerProcess] = []
        self._closed = False
        self.in_order = True
        self._finalizer = weakref.finalize(self, _abandon, self._members, os.getpid())

    @property
    def members(self) -> list[WorkerProcess]:
        """The processes, none before `start`."""
        return self._members

    def is_ready(self) -> bool:
        """Tell whether the processes are there and wait for requests; otherwise `start` has to come first.

        Raises:
            MazeError: the group is closed.
        """
        if self._closed:
            raise self._error(f"{self._what}: closed already; make new ones.")
        return self.in_order and bool(self._members)

    def start(self) -> None:
        """Start the processes, fresh ones where there were some, and wait until their objects are made.

        Raises:
            Exception: what making an object raised.
        """
        _abandon(self._members, os.getpid(), _REPLACED_SECONDS)
        self.in_order = False
        try:
            for name in self._names:
                self._members.append(self._make_process(name))
            for member, handover in zip(self._members, self._handovers, strict=True):  # while all of them get ready
                member.hand_over(handover)
            self.results()
            self.in_order = True
        finally:
            if not self.in_order:
                _abandon(self._members, os.getpid())

    @contextmanager
    def exchange(self) -> Iterator[list[WorkerProcess]]:
        """Give a block the processes; where that raises before all answers have come, they are replaced later."""
        self.in_order = False
        yield self._members
        self.in_order = True

    def call(self, method: str, arguments: Sequence[Sequence[Any]]) -> list[Any]:
        """Call a method of every object, side by side, and return the results in their order.

        Args:
            method: its name.
            arguments: of each object's method.

        Raises:
            Exception: what the first of them that failed raised.
        """
        with self.exchange() as members:
            for member, given in zip(members, arguments, strict=True):
                member.submit(method, given)
            answers = [member.answer() for member in members]
        return _results(answers)

    def results(self) -> list[Any]:
        """Wait for an answer of every process; see `call`."""
        return _results([member.answer() for member in self._members])

    def close(self) -> None:
        """Close the objects and end the processes.

        Raises:
            Exception: what closing an object raised; all processes have ended all the same.
        """
        self._closed = True
        answers = []
        try:
            if self.in_order:
                for member in self._members:
                    member.quit()
                answers = [member.answer() for member in self._members]
        finally:
            self._finalizer()
        _results(answers)


def _results(answers: Sequence[tuple[Any, BaseException | None]]) -> list[Any]:
    for _, error in answers:
        if error is not None:
            raise error
    return [value for value, _ in answers]


def _abandon(members: list[WorkerProcess], owner: int, seconds: float = _LEAVING_SECONDS) -> None:
    """End processes, whatever they are doing; a copy of their owner, made by a fork, leaves them alone."""
    if os.getpid() != owner:
        return
    deadline = time.monotonic() + seconds
    for member in members:
        with contextlib.suppress(OSError):
            member.hang_up()
    for member in members:
        member.end(deadline)
    members.clear()
