"""Arrays that several processes see, in memory without a name, so that nothing can be left behind."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from maze.types import Array

__all__ = ["ArrayLayout", "SharedArrays"]

ArrayLayout: TypeAlias = Mapping[str, tuple[tuple[int, ...], Any]]
"""Shape and dtype of arrays by name."""

_ALIGNMENT = 64


class SharedArrays:
    """Zeroed arrays by name, which worker processes get by pickling this object.

    They live as long as anybody uses one of them. A process has to inherit `descriptor` to get them.

    Args:
        layout: shape and dtype of each array.
    """

    def __init__(self, layout: ArrayLayout) -> None:
        self._layout = {name: (tuple(shape), np.dtype(dtype)) for name, (shape, dtype) in layout.items()}
        size = max(1, sum(_room(shape, dtype) for shape, dtype in self._layout.values()))
        self.descriptor = _anonymous_file(size)
        weakref.finalize(self, os.close, self.descriptor)
        self.arrays = self._map()

    def _map(self) -> dict[str, Array]:
        """Return the arrays as views of the file's memory."""
        memory = mmap.mmap(self.descriptor, os.fstat(self.descriptor).st_size)
        arrays, offset = {}, 0
        for name, (shape, dtype) in self._layout.items():
            arrays[name] = np.ndarray(shape, dtype, buffer=memory, offset=offset)
            offset += _room(shape, dtype)
        return arrays

    def __getstate__(self) -> dict[str, Any]:
        return {"_layout": self._layout, "descriptor": self.descriptor}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._layout, self.descriptor = state["_layout"], state["descriptor"]
        self.arrays = self._map()
        os.close(self.descriptor)  # the memory stays


def _room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return how many bytes an array takes, up to where the next one begins."""
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _anonymous_file(size: int) -> int:
    """Return the descriptor of a file of zeros that is in no folder, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("maze")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
