"""The state critic: how much return a policy can expect from an observation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from maze.agents.network_state import NetworkState, StateShapes, run_over_time, state_shapes_of, zero_state
from maze.agents.networks import ArrayForward, StepNetworks, device_of
from maze.types import Array, StepKey

__all__ = ["TorchStateCritic"]


class TorchStateCritic(nn.Module):
    """Estimates state values for every step key with a network of its own.

    Args:
        networks: by step key; ``forward`` maps tensors [B, ...] by observation key to ``{"value": [B, 1]}``.
        device: where the parameters live.
    """

    networks: StepNetworks

    def __init__(self, networks: Mapping[StepKey, nn.Module], device: str | torch.device = "cpu") -> None:
        super().__init__()
        self.networks = StepNetworks(networks)
        self._state_shapes = {key: shapes for key, net in self.networks.items() if (shapes := state_shapes_of(net))}
        self._forwards = {key: ArrayForward(network) for key, network in self.networks.items()}
        self.to(device)

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return device_of(self)

    def value(self, observation: Mapping[str, Tensor], step_key: StepKey = 0) -> Tensor:
        """Return the state values [B] of a batch of observations [B, ...], with gradients."""
        value: Tensor = self.networks[step_key](observation)["value"]
        return value.squeeze(-1)

    def value_over_time(
        self,
        observation: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        begins: Tensor,
        step_key: StepKey = 0,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run along sequences with gradients, as :func:`maze.agents.network_state.run_over_time` does.

        Args:
            observation: by key [T, N, ...].
            state: of the first step, by key [N, ...].
            begins: whether an episode begins at a step, bool [T, N].
            step_key: whose network.

        Returns:
            The state values of all steps [T, N], and the state after each step [T, N, ...].
        """
        outputs = run_over_time(self.networks[step_key], observation, state, begins)
        return outputs["value"].squeeze(-1), {name: outputs[name] for name in self.state_shapes(step_key)}

    @property
    def has_state(self) -> bool:
        """Whether some network carries a state from step to step."""
        return bool(self._state_shapes)

    def state_shapes(self, step_key: StepKey = 0) -> StateShapes:
        """Return the shapes of the state that a network carries; empty where it carries none."""
        return self._state_shapes.get(str(step_key), {})

    def initial_state(self, n_rows: int, step_key: StepKey = 0) -> NetworkState:
        """Return the state with which N episodes begin, by key [N, ...]; empty for networks without state."""
        return zero_state(self.state_shapes(step_key), n_rows)

    def predict(self, observation: Mapping[str, Array], step_key: StepKey = 0) -> Array:
        """Return the state values, float32 [N], of arrays [N, ...]: without gradients, as fast as possible.

        Args:
            observation: by key [N, ...]; of networks with state, the state is among them.
            step_key: whose network.
        """
        value: Array = self._forwards[str(step_key)](observation)["value"]
        return value[..., 0]

    def forward(self, observation: Mapping[str, Tensor]) -> Tensor:
        """Return the values of the first step key, so that the module can be called, exported and summarised."""
        return self.value(observation, next(iter(self.networks.keys())))

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Follow a move to another device or dtype."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for forward in self._forwards.values():
            forward.reset()
        return self
