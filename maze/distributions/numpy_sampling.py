"""Draws actions from logits with NumPy alone: the acting side's fast path, a few microseconds a batch.

Each function mirrors one class of ``torch_dist`` and is tested against it.
"""

from __future__ import annotations

import numpy as np

from maze.types import Array

__all__ = ["sample_bernoulli", "sample_categorical", "sample_gaussian"]

_TINY = 1e-300


def sample_categorical(logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
    """Return one option per row, int64 of shape ``logits.shape[:-1]``.

    An exponential race (Gumbel-max) needs no normalisation and one draw per logit; it is in double precision, since
    single precision would draw options of negligible probability about once in ten million times.

    Args:
        logits: [..., n], any unnormalised log probabilities; -inf is never drawn.
        rng: the caller's generator; not used when deterministic.
        deterministic: take the most likely option, the first of equals.
    """
    if deterministic:
        return logits.argmax(-1)  # type: ignore[no-any-return]
    race = rng.standard_exponential(logits.shape)
    race += _TINY
    np.log(race, race)
    np.subtract(logits, race, race)
    return race.argmax(-1)  # type: ignore[no-any-return]


def sample_bernoulli(logits: Array, rng: np.random.Generator, deterministic: bool) -> Array:
    """Return zeros and ones, int8 of the shape of ``logits``, one with probability sigmoid(logit)."""
    threshold = 0.0 if deterministic else rng.logistic(size=logits.shape)
    return (logits > threshold).astype(np.int8)


def sample_gaussian(mean: Array, log_std: Array, rng: np.random.Generator, deterministic: bool) -> Array:
    """Return normal draws, float32 of the shape of ``mean``; the mean itself when deterministic."""
    if deterministic:
        return mean
    noise = rng.standard_normal(mean.shape, np.float32)
    noise *= np.exp(log_std)
    noise += mean
    return noise
