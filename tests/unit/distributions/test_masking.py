"""Masked logits: nothing impossible is drawn, counted or learned from, for tensors and arrays alike."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces

from maze.distributions import DistributionMapper
from maze.distributions.masking import mask_logits, mask_logits_array, n_possible

LOGITS = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.5, 0.0, -1.0, 2.0]])
MASK = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.int8)
KEYS = {"action": "action_mask"}


def test_probabilities_entropy_and_gradients_are_those_of_what_is_possible() -> None:
    logits = LOGITS.clone().requires_grad_()
    mapper = DistributionMapper(spaces.Dict({"action": spaces.Discrete(4, start=1)}))
    distribution = mapper.distribution(mask_logits({"action": logits}, {"action_mask": MASK}, KEYS))
    log_prob = distribution.log_prob({"action": torch.tensor([3, 4])})
    p = 1.0 / (1.0 + math.exp(-2.0))  # of the third action beside the first
    torch.testing.assert_close(log_prob.exp(), torch.tensor([p, 1.0]))
    entropy = -p * math.log(p) - (1 - p) * math.log(1 - p)
    torch.testing.assert_close(distribution.entropy(), torch.tensor([entropy, 0.0]))
    (log_prob.sum() + distribution.entropy().sum()).backward()
    assert logits.grad is not None
    assert (logits.grad[MASK == 0] == 0).all()
    assert logits.grad[0, 2] != 0
    other = mapper.distribution(mask_logits({"action": LOGITS.flip(-1)}, {"action_mask": MASK}, KEYS))
    q = 1.0 / (1.0 + math.exp(2.0))
    expected = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    assert distribution.kl(other)[0].item() == pytest.approx(expected, rel=1e-5)


def test_arrays_are_masked_as_tensors_are() -> None:
    masked = mask_logits({"action": LOGITS, "other": LOGITS}, {"action_mask": MASK}, KEYS)
    array = mask_logits_array({"action": LOGITS.numpy(), "other": LOGITS.numpy()}, {"action_mask": MASK.numpy()}, KEYS)
    assert all(np.array_equal(masked[head].numpy(), array[head]) for head in ("action", "other"))
    assert array["action"].dtype == np.float32


def test_a_mask_that_allows_nothing_leaves_everything_equally_likely() -> None:
    nothing = torch.zeros(1, 4, dtype=torch.int8)
    mapper = DistributionMapper(spaces.Dict({"action": spaces.Discrete(4)}))
    distribution = mapper.distribution(mask_logits({"action": LOGITS[:1]}, {"action_mask": nothing}, KEYS))
    assert distribution.entropy().item() == pytest.approx(math.log(4))


def test_possible_actions_are_counted_and_an_empty_mask_counts_as_a_full_one() -> None:
    masks = {"action_mask": torch.cat([MASK, torch.zeros(1, 4, dtype=torch.int8)]), "other": MASK}
    counts = n_possible(masks, KEYS)
    assert {head: count.tolist() for head, count in counts.items()} == {"action": [2, 1, 4]}
    halves = n_possible({"action_mask": torch.tensor([[0.5, 0.0, 1.0]])}, KEYS)  # boxes of floats are masks as well
    assert halves["action"].tolist() == [2]
    assert n_possible(masks, {}) == {}
