"""Work that several workers do side by side, each with environments and a policy of its own.

An algorithm that plays whole episodes, or acts while it learns, says once what a worker is (any object with methods)
and then calls its methods. Where the workers are, in this process or in others, is the runner's business, and makes no
difference to results as long as they are taken in order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from maze.errors import MazeError

__all__ = ["LocalWorkers", "Workers"]


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
