"""Makes critics from networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gymnasium import spaces
from torch import nn

from maze.agents.critic import TorchStateCritic
from maze.perception.models.network_specs import (
    by_step_key,
    check_outputs,
    make_network,
    observation_shapes,
    specifications_by_step_key,
)
from maze.types import StepKey

__all__ = ["StateCriticComposer"]


class StateCriticComposer:
    """Gives every step key a network that estimates state values.

    Networks are called with ``obs_shapes``, a dictionary of shapes without the batch axis, which wins over a value of
    the same name in a mapping. Nothing is made before ``build`` is called, so that weights follow the seed of the run
    that builds them.

    Args:
        observation_spaces_dict: observation space by step key.
        agent_counts_dict: number of agents by step key; agents share the critic of their step.
        networks: a list in the order of the step keys or a mapping by step key, of mappings with ``_target_``,
            modules, or classes or functions that make modules.
    """

    def __init__(
        self,
        observation_spaces_dict: Mapping[StepKey, spaces.Dict],
        agent_counts_dict: Mapping[StepKey, int] | None = None,
        networks: Sequence[Any] | Mapping[StepKey, Any] | None = None,
    ) -> None:
        self.observation_spaces_dict = by_step_key(observation_spaces_dict)
        self.agent_counts_dict = by_step_key(agent_counts_dict or dict.fromkeys(self.observation_spaces_dict, 1))
        self.networks = networks
        self._critic: TorchStateCritic | None = None
        specifications_by_step_key(networks, tuple(self.observation_spaces_dict), "critic")

    @property
    def critic(self) -> TorchStateCritic:
        """The critic, built at the first use and the same ever after."""
        if self._critic is None:
            self._critic = self.build()
        return self._critic

    def build(self) -> TorchStateCritic:
        """Return a critic of new networks; modules that were given as such are used themselves.

        Raises:
            InvalidSpecificationError: where a network cannot be made or does not fit the spaces.
        """
        step_keys = tuple(self.observation_spaces_dict)
        specifications = specifications_by_step_key(self.networks, step_keys, "critic")
        networks: dict[StepKey, nn.Module] = {}
        for key in step_keys:
            space = self.observation_spaces_dict[key]
            path = f"critic.networks[{key}]"
            network = make_network(specifications[key], path, obs_shapes=observation_shapes(space))
            networks[key] = check_outputs(network, space, {"value": (1,)}, path)
        return TorchStateCritic(networks)
