"""Seeds: named streams that never shift each other, the same on every machine."""

from __future__ import annotations

import threading

import numpy as np
import torch

from maze.seeding import MAX_SEED, derive_seed, draw_seed, drawn_from, numpy_generator, seeded_torch

# Changing these changes every recorded run.
GOLDEN = [1604298284, 948138504, 1691279589]
GOLDEN_INDEXED = 667375351


def test_streams_are_fixed_for_ever() -> None:
    assert [derive_seed(0, "weights"), derive_seed(0, "actions"), derive_seed(1, "weights")] == GOLDEN
    assert derive_seed(0, "train", 1) == GOLDEN_INDEXED


def test_streams_indices_and_bases_differ() -> None:
    seeds = {
        derive_seed(base, stream, index) for base in range(5) for stream in ("a", "b", "ab") for index in range(20)
    }
    assert len(seeds) == 5 * 3 * 20
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


def test_large_base_seeds_are_understood() -> None:
    assert derive_seed(2**63 - 1, "x") != derive_seed(2**31 - 1, "x")


def test_generators_repeat() -> None:
    first, again = (numpy_generator(3, "x").random(4).tolist() for _ in range(2))
    assert first == again
    assert first != numpy_generator(3, "y").random(4).tolist()


def test_drawn_seeds_are_in_range_and_differ() -> None:
    drawn = {draw_seed() for _ in range(50)}
    assert len(drawn) > 45
    assert all(0 <= seed <= MAX_SEED for seed in drawn)


def test_torchs_global_generator_is_put_back_also_after_an_error() -> None:
    before = torch.default_generator.get_state()
    numbers = []
    for _ in range(2):
        with seeded_torch(7):
            numbers.append(torch.rand(3).tolist())
    try:
        with seeded_torch(8):
            torch.rand(1)
            raise RuntimeError
    except RuntimeError:
        pass
    assert numbers[0] == numbers[1]
    assert torch.equal(torch.default_generator.get_state(), before)


def test_threads_take_turns() -> None:
    results: dict[int, list[float]] = {}

    def draw(seed: int) -> None:
        for _ in range(20):
            with seeded_torch(seed):
                results[seed] = [float(torch.rand(1)) for _ in range(20)]

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        with seeded_torch(seed):
            assert results[seed] == [float(torch.rand(1)) for _ in range(20)]
    assert not np.allclose(results[1], results[2])


def test_seeds_that_nobody_gives_come_from_the_run_at_work() -> None:
    def drawn() -> list[int]:
        with drawn_from(numpy_generator(3, "draws")):
            first = draw_seed()
            with drawn_from(numpy_generator(4, "draws")):
                inside = draw_seed()
            return [first, inside, draw_seed()]

    assert drawn() == drawn()
    assert len(set(drawn())) == 3
    assert draw_seed() != draw_seed()
