"""How torch and NumPy compute while a run does: with how many threads, and with algorithms that repeat themselves."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["compute_threads"]


class _ThreadLimit:
    """How many blocks limit threads just now; the last to end puts back what the first one found."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_blocks = 0
        self.torch_before = 0
        self.cudnn_before = (False, False)  # deterministic, benchmark
        self.blas: Any = None
        self.of_thread = threading.local()
        self._controller: Any = None
        self._n_modules = 0

    def controller(self) -> Any:
        """Return what knows the libraries of this process, found anew (in half a millisecond) after any import."""
        from threadpoolctl import ThreadpoolController  # noqa: PLC0415

        if self._controller is None or self._n_modules != len(sys.modules):
            self._controller, self._n_modules = ThreadpoolController(), len(sys.modules)
        return self._controller


_THREAD_LIMIT = _ThreadLimit()  # the limits themselves belong to the process, and so does their count


@contextmanager
def compute_threads(n_threads: int) -> Iterator[None]:
    """Run a block with as many threads for torch and NumPy, and put back what was set before.

    Small networks are faster with one thread, and one thread makes sums come out the same everywhere. On a GPU, cuDNN
    takes algorithms that give the same again. Blocks may stand in each other, and those of several threads may overlap.
    """
    import torch  # noqa: PLC0415

    cudnn = torch.backends.cudnn

    shared = _THREAD_LIMIT
    with shared.lock:
        if shared.n_blocks == 0:
            shared.torch_before = torch.get_num_threads()
            shared.blas = shared.controller().limit(limits=n_threads, user_api="blas")
            shared.cudnn_before = (cudnn.deterministic, cudnn.benchmark)
            cudnn.deterministic, cudnn.benchmark = True, False
        shared.n_blocks += 1
        torch.set_num_threads(n_threads)
        outside = getattr(shared.of_thread, "n_threads", None)
        shared.of_thread.n_threads = n_threads
    try:
        yield
    finally:
        with shared.lock:
            shared.n_blocks -= 1
            shared.of_thread.n_threads = outside
            torch.set_num_threads(shared.torch_before if outside is None else outside)
            if shared.n_blocks == 0:
                shared.blas.restore_original_limits()
                cudnn.deterministic, cudnn.benchmark = shared.cudnn_before
