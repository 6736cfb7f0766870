"""Masks of impossible actions, which the observation brings and the logits obey.

Impossible actions get so small a logit that they are never drawn, have no part in entropy and Kullback-Leibler
divergence, and pass no gradient on. Where a mask allows nothing, as environments often say after an episode's last
step, everything is equally likely. ``maze.env.mask_keys`` says which observations are masks.

Source: Huang and Ontanon, A Closer Look at Invalid Action Masking in Policy Gradient Algorithms, 2022.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from maze.types import Array

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["IMPOSSIBLE", "mask_logits", "mask_logits_array", "n_possible"]

IMPOSSIBLE = -1e8
"""Logit of an impossible action; finite, because the entropy of -inf is undefined."""


def mask_logits(
    logits: Mapping[str, Tensor], observation: Mapping[str, Tensor], keys: Mapping[str, str]
) -> dict[str, Tensor]:
    """Return the logits [B, n] by head, with those of impossible actions replaced.

    Args:
        logits: by head.
        observation: by key; masks are [B, n].
        keys: of the masks, by head.
    """
    masked = {head: logits[head].masked_fill(observation[key] == 0, IMPOSSIBLE) for head, key in keys.items()}
    return {**logits, **masked}


def mask_logits_array(
    logits: Mapping[str, Array], observation: Mapping[str, Array], keys: Mapping[str, str]
) -> dict[str, Array]:
    """Do the same as `mask_logits` for arrays."""
    impossible = np.float32(IMPOSSIBLE)
    masked = {head: np.where(observation[key] == 0, impossible, logits[head]) for head, key in keys.items()}
    return {**logits, **masked}


def n_possible(observation: Mapping[str, Tensor], keys: Mapping[str, str]) -> dict[str, Tensor]:
    """Return how many actions are possible in each state, int64 [B] by head; all of them where a mask allows nothing.

    Args:
        observation: by key; masks are [B, n].
        keys: of the masks, by head.
    """
    counts = {}
    for head, key in keys.items():
        mask = observation[key]
        count = (mask != 0).sum(-1)
        counts[head] = count.masked_fill(count == 0, mask.shape[-1])
    return counts
