"""The state-action critic: how much return a policy can expect after an action, estimated twice.

Source: Fujimoto et al., Addressing function approximation error in actor-critic methods, 2018 (the smaller of two
estimates; targets that follow slowly).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Self

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from maze.agents.fused_networks import FusedNetworks, fuse_networks
from maze.agents.network_state import state_shapes_of
from maze.agents.networks import StepNetworks, device_of
from maze.errors import MazeError
from maze.types import Array, StepKey

__all__ = ["ActionEncoder", "TorchStateActionCritic", "action_input_shapes", "all_discrete", "encode_actions"]


class TorchStateActionCritic(nn.Module):
    """Estimates values of actions with several networks for every step key, each with a slower target network.

    Where all heads of an action space are Discrete, a network puts out the value of every action, by head; the value
    of a joint action is the sum over the heads. Otherwise the actions are inputs beside the observations (see
    ``encode_actions``), and a network puts out ``q_value``.

    Args:
        networks: by step key, the networks (usually two); ``forward`` maps tensors [B, ...] by key to ``{"q_value":
            [B, 1]}``, or by action head to [B, number of actions].
        action_spaces: by step key.
        device: where the parameters live.
    """

    def __init__(
        self,
        networks: Mapping[StepKey, Sequence[nn.Module]],
        action_spaces: Mapping[StepKey, spaces.Dict],
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__()
        self.networks = StepNetworks({key: nn.ModuleList(parts) for key, parts in networks.items()})
        self.target_networks = copy.deepcopy(self.networks).requires_grad_(False)
        self.action_spaces = {str(key): space for key, space in action_spaces.items()}
        self._encoders = {key: ActionEncoder(space) for key, space in self.action_spaces.items()}
        self._fused: dict[tuple[str, bool], FusedNetworks] = {}
        self.to(device)

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return device_of(self)

    @property
    def has_state(self) -> bool:
        """Whether some network carries a state from step to step."""
        return any(state_shapes_of(member) for key in self.networks for member in self._members(key, target=False))

    def value(
        self,
        observation: Mapping[str, Tensor],
        action: Mapping[str, Tensor],
        step_key: StepKey = 0,
        *,
        target: bool = False,
        learn: bool = True,
    ) -> Tensor:
        """Return each network's values [K, B] of a batch of actions.

        Args:
            observation: by key [B, ...].
            action: by head [B, *action_shape], as environments take them.
            step_key: whose networks.
            target: ask the target networks, which have no gradients with respect to their weights.
            learn: False lets gradients reach the actions and observations, but not the networks' weights.
        """
        space = self.action_spaces[str(step_key)]
        if not all_discrete(space):
            inputs = {**observation, **self._encoders[str(step_key)](action)}
            return self._outputs(inputs, step_key, target, learn)["q_value"][..., 0]
        total: Tensor | None = None
        for head, values in self.values_of_all_actions(observation, step_key, target=target, learn=learn).items():
            index = (action[head].long() - _start(space[head])).expand(len(values), -1).unsqueeze(-1)
            taken = values.gather(-1, index).squeeze(-1)
            total = taken if total is None else total + taken
        if total is None:
            raise MazeError(f"The action space of the step key {step_key!r} has no heads.")
        return total

    def values_of_all_actions(
        self, observation: Mapping[str, Tensor], step_key: StepKey = 0, *, target: bool = False, learn: bool = True
    ) -> dict[str, Tensor]:
        """Return each network's values [K, B, number of actions] by head, where all heads are Discrete.

        Args:
            observation: by key [B, ...].
            step_key: whose networks.
            target: ask the target networks.
            learn: as for `value`.

        Raises:
            MazeError: where some head is not Discrete.
        """
        space = self.action_spaces[str(step_key)]
        if not all_discrete(space):
            raise MazeError(f"The action space {space} is not discrete; ask for the value of given actions.")
        outputs = self._outputs(observation, step_key, target, learn)
        return {head: outputs[head] for head in space.spaces}

    @torch.no_grad()
    def update_targets(self, tau: float) -> None:
        """Move the target networks towards the networks by the fraction ``tau``; 1 copies them."""
        for goal, parameter in zip(self.target_networks.parameters(), self.networks.parameters(), strict=True):
            goal.lerp_(parameter, tau)
        self.copy_buffers()

    @torch.no_grad()
    def copy_buffers(self) -> None:
        """Give the target networks the networks' buffers, such as running means."""
        for copied, buffer in zip(self.target_networks.buffers(), self.networks.buffers(), strict=True):
            copied.copy_(buffer)

    def fuse_networks_(self) -> Self:
        """Compute all networks of a step key in one go from now on, wherever they are dense and equally built.

        Values are the same, up to rounding, and ``backward`` goes on filling the parameters' gradients;
        ``torch.autograd.grad`` no longer finds these.
        """
        for key in self.action_spaces:
            for target in (False, True):
                fused = fuse_networks(self._members(key, target))
                if fused is not None:
                    self._fused[key, target] = fused
        return self

    def _outputs(self, inputs: Mapping[str, Tensor], step_key: StepKey, target: bool, learn: bool) -> dict[str, Tensor]:
        """Return what all networks of a step key put out, by key [K, B, n]."""
        fused = self._fused.get((str(step_key), target))
        if fused is not None:
            return fused(inputs, learn=learn)
        members = self._members(step_key, target)
        with nullcontext() if learn else _frozen(members):
            outputs = [network(inputs) for network in members]
        return {key: torch.stack([output[key] for output in outputs]) for key in outputs[0]}

    def _members(self, step_key: StepKey, target: bool) -> list[nn.Module]:
        """Return the networks of a step key."""
        return list((self.target_networks if target else self.networks)[step_key].children())


@contextmanager
def _frozen(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Let what is computed in a block pass no gradients to the modules' parameters."""
    learning = [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


class ActionEncoder:
    """Turns actions into what critics read: float32 by head, about as large as 1.

    Discrete and MultiDiscrete become ones and zeros. A Box that is bounded on all sides is scaled to [-1, 1]; others,
    and MultiBinary, stay as they are.

    Args:
        space: the action space.
    """

    def __init__(self, space: spaces.Dict) -> None:
        self._space = space
        self._boxes = {head: _center_and_half_width(part) for head, part in space.spaces.items()}

    def __call__(self, action: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return actions by head [B, ...], encoded."""
        return {head: self._encoded(head, action[head]) for head in self._space.spaces}

    def _encoded(self, head: str, action: Tensor) -> Tensor:
        box = self._boxes[head]
        if box is None:
            return _encoded(self._space[head], action)
        center, half_width = (torch.as_tensor(part, device=action.device) for part in box)
        return (action.float() - center) / half_width


def all_discrete(space: spaces.Dict) -> bool:
    """Return whether all heads of an action space are Discrete."""
    return all(isinstance(part, spaces.Discrete) for part in space.spaces.values())


def action_input_shapes(space: spaces.Dict) -> dict[str, tuple[int, ...]]:
    """Return the shape of each encoded action by head, see ``encode_actions``.

    Raises:
        MazeError: where a head is of another kind.
    """
    return {head: _encoded_shape(head, part) for head, part in space.spaces.items()}


def encode_actions(space: spaces.Dict, action: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return actions as float32 by head, see ``ActionEncoder``.

    Args:
        space: the action space.
        action: by head [B, *action_shape].
    """
    return ActionEncoder(space)(action)


def _encoded_shape(head: str, space: spaces.Space[Any]) -> tuple[int, ...]:
    if isinstance(space, spaces.Discrete):
        return (int(space.n),)
    if isinstance(space, spaces.MultiDiscrete):
        return (int(space.nvec.sum()),)
    if isinstance(space, spaces.Box | spaces.MultiBinary):
        return tuple(space.shape)
    raise MazeError(
        f"The action {head!r} has the space {space}; a critic of actions accepts Box, Discrete, MultiDiscrete and "
        "MultiBinary. Flatten it in an ActionWrapper."
    )


def _center_and_half_width(space: spaces.Space[Any]) -> tuple[Array, Array] | None:
    """Return float32 arrays for a bounded box that is not [-1, 1] already, None for everything else."""
    if not isinstance(space, spaces.Box) or not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        return None
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    if ((low == -1.0) & (high == 1.0)).all() or not (low < high).all():
        return None
    return ((low + high) / 2.0).astype(np.float32), ((high - low) / 2.0).astype(np.float32)


def _encoded(space: spaces.Space[Any], action: Tensor) -> Tensor:
    if isinstance(space, spaces.Discrete):
        return nn.functional.one_hot(action.long() - _start(space), int(space.n)).float()
    if isinstance(space, spaces.MultiDiscrete):
        sizes = space.nvec.flatten().tolist()
        start = torch.as_tensor(space.start.flatten(), device=action.device)
        index = action.long().reshape(-1, math.prod(space.shape)) - start
        return torch.cat([nn.functional.one_hot(index[:, i], size).float() for i, size in enumerate(sizes)], -1)
    return action.float()


def _start(space: spaces.Space[Any]) -> int:
    return int(space.start) if isinstance(space, spaces.Discrete) else 0
