"""Every random number of a run comes from a generator that the run owns; this module derives them.

One base seed is spread over independent streams by name, so that adding a stream never shifts another one.
Source: NumPy's SeedSequence (O'Neill's seed_seq alternative), which guarantees well-mixed, independent children.
"""

from __future__ import annotations

import secrets
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MAX_SEED", "TorchDraws", "derive_seed", "draw_seed", "drawn_from", "numpy_generator", "seeded_torch"]

_TORCH_LOCK = threading.RLock()  # reentrant: a stream may flow within another one

MAX_SEED = 2**31 - 1
"""The largest seed that gymnasium, NumPy and torch all accept."""


_DRAWS: ContextVar[np.random.Generator | None] = ContextVar("maze_draws", default=None)


def draw_seed() -> int:
    """Return a fresh seed in [0, MAX_SEED]: from the run that is at work, see `drawn_from`, else from entropy."""
    generator = _DRAWS.get()
    if generator is not None:
        return int(generator.integers(MAX_SEED + 1))
    return secrets.randbelow(MAX_SEED + 1)


@contextmanager
def drawn_from(generator: np.random.Generator) -> Iterator[None]:
    """Run a block, in this thread, in which seeds that nobody gives come from a generator, so that it can be repeated.

    Args:
        generator: of the run; it moves on with every seed.
    """
    token = _DRAWS.set(generator)
    try:
        yield
    finally:
        _DRAWS.reset(token)


@lru_cache(maxsize=4096)  # evaluations play the same episodes again and again
def derive_seed(base_seed: int, stream: str, index: int = 0) -> int:
    """Return the seed of one named stream.

    Args:
        base_seed: seed of the whole run, >= 0.
        stream: name of the consumer, for example ``"train_env"``.
        index: which of several equal consumers.

    Returns:
        A seed in [0, MAX_SEED], the same for the same arguments on every machine.
    """
    entropy = np.random.SeedSequence([base_seed, zlib.crc32(stream.encode()), index])
    return int(entropy.generate_state(1, np.uint32)[0]) & MAX_SEED


def numpy_generator(base_seed: int, stream: str, index: int = 0) -> np.random.Generator:
    """Return a NumPy generator for one named stream of the run."""
    return np.random.Generator(np.random.PCG64(derive_seed(base_seed, stream, index)))


@contextmanager
def seeded_torch(seed: int) -> Iterator[None]:
    """Run a block with torch's global generator seeded, and put the generator back.

    For code that can draw from nothing else, such as the initialisation of a user's module. One thread at a time.
    """
    import torch  # noqa: PLC0415  (composing a configuration uses this module and must not load torch)

    with _TORCH_LOCK, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


class TorchDraws:
    """A run's own stream of random numbers for code that draws from torch's global generator, such as dropout.

    Args:
        seed: where the stream begins.
        device: where the code draws besides; the stream seeds a GPU's own generator anew for every block.

    Attributes:
        state: where the stream is between two blocks.
    """

    def __init__(self, seed: int, device: str = "cpu") -> None:
        import torch  # noqa: PLC0415

        self._gpus = [device] if device.startswith("cuda") else []
        self.state: Tensor = torch.Generator().manual_seed(seed).get_state()

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Run a block in which torch's global generator gives this stream, and put it back; one thread at a time."""
        import torch  # noqa: PLC0415

        with _TORCH_LOCK, torch.random.fork_rng(devices=self._gpus):
            torch.default_generator.set_state(self.state)
            for gpu in self._gpus:
                with torch.cuda.device(gpu):
                    torch.cuda.manual_seed(int(torch.randint(2**63 - 1, ())))
            try:
                yield
            finally:
                self.state = torch.default_generator.get_state()
