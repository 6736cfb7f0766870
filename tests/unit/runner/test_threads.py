"""How many threads compute, and that nothing depends on when something is built."""

from __future__ import annotations

from pathlib import Path

import torch

from maze.runner import compute_threads
from tests.scripted import tiny_context, weights_of


def test_blocks_inside_of_blocks_put_back_what_surrounds_them() -> None:
    before = torch.get_num_threads()
    with compute_threads(1):
        with compute_threads(2):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_cudnn_repeats_itself_while_a_run_computes() -> None:
    cudnn = torch.backends.cudnn
    before = (cudnn.deterministic, cudnn.benchmark)
    with compute_threads(1), compute_threads(1):
        assert (cudnn.deterministic, cudnn.benchmark) == (True, False)
    assert (cudnn.deterministic, cudnn.benchmark) == before


def test_weights_are_the_same_whether_they_are_looked_at_or_trained_first(tmp_path: Path) -> None:
    """Several threads would initialise them with other last digits."""
    looked, trained = (tiny_context(tmp_path / name) for name in ("looked", "trained"))
    first = weights_of(looked)
    with compute_threads(1):
        assert weights_of(trained).tobytes() == first.tobytes()
    looked.train(1)
    trained.train(1)
    assert weights_of(trained).tobytes() == weights_of(looked).tobytes()
