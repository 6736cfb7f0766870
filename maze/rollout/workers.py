"""Work that several workers do side by side, each with environments and a policy of its own.

An algorithm that plays whole episodes, or acts while it learns, says once what a worker is (any object with methods)
and then calls its methods. Where the workers are, in this process or in others, is the runner's business, and makes no
difference to results as long as they are taken in order.
"""

from __future__ import annotations

import select
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from maze.errors import MazeError

if TYPE_CHECKING:
    from maze.processes import WorkerProcess

__all__ = ["LocalWorkers", "ProcessWorkers", "Workers"]


class Workers(ABC):
    """Some workers, each of which does one thing at a time, in the order in which it was asked.

    Attributes:
        n_workers: how many there are.
    """

    n_workers: int

    @abstractmethod
    def submit(self, worker: int, method: str, *arguments: Any) -> None:
        """Ask a worker to call one of its methods; the result waits for `receive`.

        Args:
            worker: its number, from 0.
            method: name of the method.
            arguments: of the method: arrays, numbers, texts and containers of them.
        """

    @abstractmethod
    def receive(self, worker: int | None = None) -> tuple[int, Any]:
        """Wait for a result.

        Args:
            worker: whose next result; None takes the one that is there first, of whichever worker.

        Returns:
            Number of the worker, and what its method returned.

        Raises:
            Exception: what the method raised.
            MazeError: the worker ended, or was asked for nothing.
        """

    @abstractmethod
    def close(self) -> None:
        """Close all workers (their ``close`` is called, if they have one); they cannot be asked any more."""

    def call(self, method: str, arguments: Sequence[Sequence[Any]]) -> list[Any]:
        """Have every worker call a method, and return the results in the order of the workers.

        Args:
            method: name of the method.
            arguments: for each worker, the arguments.
        """
        for worker, given in enumerate(arguments):
            self.submit(worker, method, *given)
        return [self.receive(worker)[1] for worker in range(len(arguments))]


class LocalWorkers(Workers):
    """Workers in this process, which work when they are asked: the same results, one after another.

    Args:
        make_worker: makes the worker of a number.
        n_workers: how many.
    """

    def __init__(self, make_worker: Callable[[int], Any], n_workers: int) -> None:
        self.n_workers = n_workers
        self._workers = [make_worker(index) for index in range(n_workers)]
        self._results: deque[tuple[int, Any]] = deque()

    def submit(self, worker: int, method: str, *arguments: Any) -> None:
        """Call the method now; see :class:`Workers`."""
        self._results.append((worker, getattr(self._workers[worker], method)(*arguments)))

    def receive(self, worker: int | None = None) -> tuple[int, Any]:
        """Return the oldest result; see :class:`Workers`."""
        for position, (owner, result) in enumerate(self._results):
            if worker is None or owner == worker:
                del self._results[position]
                return owner, result
        raise MazeError(f"Worker {worker} was asked for nothing; submit() comes first.")

    def close(self) -> None:
        """Close all workers that can be closed."""
        for worker in self._workers:
            close = getattr(worker, "close", None)
            if close is not None:
                close()
        self._workers = []


class ProcessWorkers(Workers):
    """Workers in processes of their own, which work side by side.

    They end with `close`, when this object is collected, and when this process ends, however it does. Where one dies,
    or waiting for it is broken off, for example by Ctrl-C, whatever was asked is forgotten, and `submit` next finds
    workers that were made anew.

    Args:
        make_worker: makes the worker of a number, in its process; is handed over by value where it cannot be imported
            there, and may be asked again.
        n_workers: how many.
        silent: let them print nothing.
        n_threads: threads of torch and of NumPy's matrix products in each of them.

    Raises:
        InvalidSpecificationError: the function cannot be handed to another process.
        Exception: what making a worker raised.
    """

    def __init__(
        self, make_worker: Callable[[int], Any], n_workers: int, *, silent: bool = False, n_threads: int = 1
    ) -> None:
        from maze.processes import WorkerGroup  # noqa: PLC0415  (only who asks for processes pays for them)

        self.n_workers = n_workers
        self._group = WorkerGroup(
            [partial(make_worker, index) for index in range(n_workers)],
            [f"worker process {index}" for index in range(n_workers)],
            what="workers",
            source=make_worker,
            error=MazeError,
            silent=silent,
            n_threads=n_threads,
            queued=True,
        )
        self._waiting = [0] * n_workers  # how many results each of them owes
        self._group.start()

    def submit(self, worker: int, method: str, *arguments: Any) -> None:
        """Ask a worker to call one of its methods; see :class:`Workers`."""
        if not self._group.is_ready():
            self._waiting = [0] * self.n_workers
            self._group.start()
        with self._group.exchange() as members:
            members[worker].submit(method, arguments)
            self._waiting[worker] += 1

    def receive(self, worker: int | None = None) -> tuple[int, Any]:
        """Wait for a result; see :class:`Workers`."""
        worker, (result, error) = self._receive(worker)
        if error is not None:
            raise error
        return worker, result

    def _receive(self, worker: int | None) -> tuple[int, tuple[Any, BaseException | None]]:
        """Wait for a result, or for the error of the method."""
        owed = [n for n in range(self.n_workers) if self._waiting[n] and worker in (None, n)]
        if not owed or not self._group.is_ready():
            raise MazeError(f"Worker {worker} was asked for nothing; submit() comes first.")
        with self._group.exchange() as members:
            chosen = owed[0] if len(owed) == 1 else _first_ready(members, owed)
            answer = members[chosen].answer()
            self._waiting[chosen] -= 1
        return chosen, answer

    def call(self, method: str, arguments: Sequence[Sequence[Any]]) -> list[Any]:
        """Have every worker call a method; where several fail, the error is that of the first one."""
        for worker, given in enumerate(arguments):
            self.submit(worker, method, *given)
        answers = [self._receive(worker)[1] for worker in range(len(arguments))]
        for _, error in answers:
            if error is not None:
                raise error
        return [result for result, _ in answers]

    def close(self) -> None:
        """Close all workers and end their processes."""
        self._group.close()


def _first_ready(members: Sequence[WorkerProcess], chosen: Sequence[int]) -> int:
    """Return the number of a process whose answer is there, or which has ended."""
    poller = select.poll()
    numbers = {members[number].fileno(): number for number in chosen}
    for descriptor in numbers:
        poller.register(descriptor, select.POLLIN)
    while True:
        for descriptor, _ in poller.poll(1000):
            return numbers[descriptor]
        for number in chosen:
            if not members[number].is_alive():
                return number
