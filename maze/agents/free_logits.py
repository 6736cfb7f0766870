"""Learned vectors behind a network's logits, such as deviations that do not depend on the observation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from maze.agents.keyed_modules import module_name
from maze.distributions.mapper import DistributionMapper
from maze.types import Array

__all__ = ["append_free", "append_free_array", "free_logits_of"]


def free_logits_of(mapper: DistributionMapper) -> nn.ParameterDict:
    """Return the learned vectors that a mapper appends to the network's logits."""
    return nn.ParameterDict(
        {module_name(head): nn.Parameter(torch.tensor(value)) for head, value in mapper.free_parameters.items()}
    )


def append_free(logits: Tensor, free: nn.Module, head: str) -> Tensor:
    """Return the logits [B, n] with the head's learned vector behind every row, if it has one."""
    name = module_name(head)
    if name not in free:  # type: ignore[operator]
        return logits
    vector: Tensor = free[name]  # type: ignore[index]
    return torch.cat([logits, vector.expand(*logits.shape[:-1], -1)], -1)


def append_free_array(logits: Array, free: nn.Module, head: str) -> Array:
    """Do the same as ``append_free`` for arrays."""
    name = module_name(head)
    if name not in free:  # type: ignore[operator]
        return logits
    vector: Array = free[name].detach().cpu().numpy()  # type: ignore[index]
    return np.concatenate([logits, np.broadcast_to(vector, (*logits.shape[:-1], len(vector)))], -1)
