"""NumPy draws follow the distributions that torch computes log probabilities of."""

from __future__ import annotations

import numpy as np
import pytest

from maze.distributions.numpy_sampling import sample_bernoulli, sample_categorical, sample_gaussian


def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def test_categorical_frequencies_match_probabilities() -> None:
    probabilities = np.array([0.1, 0.2, 0.7])
    logits = np.tile(np.log(probabilities) + 3.0, (50_000, 1)).astype(np.float32)
    drawn = sample_categorical(logits, generator(), deterministic=False)
    assert drawn.dtype == np.int64
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 50_000, probabilities, atol=0.01)
    assert np.array_equal(drawn, sample_categorical(logits, generator(), deterministic=False))


def test_impossible_options_are_never_drawn() -> None:
    logits = np.tile(np.array([-np.inf, 0.0, np.finfo(np.float32).min], np.float32), (10_000, 1))
    assert set(sample_categorical(logits, generator(), deterministic=False).tolist()) == {1}


def test_deterministic_takes_the_mode_and_leaves_the_generator_alone() -> None:
    rng = generator()
    before = rng.bit_generator.state
    logits = np.array([[0.0, 2.0], [1.0, 1.0]], np.float32)
    assert sample_categorical(logits, rng, deterministic=True).tolist() == [1, 0]
    assert sample_bernoulli(logits - 1.0, rng, deterministic=True).tolist() == [[0, 1], [0, 0]]
    assert sample_gaussian(logits, logits, rng, deterministic=True) is logits
    assert rng.bit_generator.state == before


def test_bernoulli_frequencies_match_probabilities() -> None:
    drawn = sample_bernoulli(np.full((50_000, 1), -1.0, np.float32), generator(), deterministic=False)
    assert drawn.dtype == np.int8
    assert drawn.mean() == pytest.approx(1 / (1 + np.exp(1.0)), abs=0.01)


def test_gaussian_moments() -> None:
    mean = np.full((50_000, 1), 3.0, np.float32)
    drawn = sample_gaussian(mean, np.full_like(mean, np.log(0.2)), generator(), deterministic=False)
    assert drawn.dtype == np.float32
    assert drawn.mean() == pytest.approx(3.0, abs=0.01)
    assert drawn.std() == pytest.approx(0.2, abs=0.01)
