"""Memory that a setting asks for, and there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from maze.errors import InvalidSpecificationError

__all__ = ["reserving"]


@contextmanager
def reserving(setting: str, amount: str) -> Iterator[None]:
    """Run a block that reserves memory and does nothing else, so that an error names the setting that asked for it.

    Args:
        setting: dotted path of it, for example ``"algorithm.batch_size"``.
        amount: what it asked for, for example ``"1000 steps"``.

    Raises:
        InvalidSpecificationError: so much cannot be reserved, or even counted.
    """
    try:
        yield
    except (MemoryError, OverflowError, ValueError) as error:  # NumPy refuses shapes beyond all bounds as values
        raise InvalidSpecificationError(f"{setting}: {amount} do not fit into memory; give fewer.") from error
