"""Makes critics of actions from networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from torch import nn

from maze.agents.state_action_critic import TorchStateActionCritic, action_input_shapes, all_discrete
from maze.errors import InvalidSpecificationError
from maze.perception.models.network_specs import check_outputs, make_network, observation_shapes
from maze.perception.models.step_networks import by_step_key, specifications_by_step_key
from maze.types import StepKey

__all__ = ["StateActionCriticComposer", "StepStateActionCriticComposer"]

_N_NETWORKS = 2


class StateActionCriticComposer:
    """Gives every step key two networks that estimate values of actions, as soft actor-critic needs them.

    Networks are called with ``obs_shapes``, the shapes of the observations and, unless all action heads are Discrete,
    of the actions by head (Discrete and MultiDiscrete as ones and zeros); and with ``output_shapes``, which is
    ``{"q_value": (1,)}``, or the number of actions by head. Nothing is made before ``build`` is called.

    Args:
        observation_spaces_dict: observation space by step key.
        action_spaces_dict: action space by step key.
        agent_counts_dict: number of agents by step key; agents share the critic of their step.
        networks: a list in the order of the step keys or a mapping by step key, of mappings with ``_target_``, or
            classes or functions that make modules; each is used twice, for two networks with different weights.
    """

    def __init__(
        self,
        observation_spaces_dict: Mapping[StepKey, spaces.Dict],
        action_spaces_dict: Mapping[StepKey, spaces.Dict],
        agent_counts_dict: Mapping[StepKey, int] | None = None,
        networks: Sequence[Any] | Mapping[StepKey, Any] | None = None,
    ) -> None:
        self.observation_spaces_dict = by_step_key(observation_spaces_dict)
        self.action_spaces_dict = by_step_key(action_spaces_dict)
        self.agent_counts_dict = by_step_key(agent_counts_dict or dict.fromkeys(self.observation_spaces_dict, 1))
        self.networks = networks
        self._critic: TorchStateActionCritic | None = None
        specifications_by_step_key(networks, tuple(self.observation_spaces_dict), "critic")

    @property
    def critic(self) -> TorchStateActionCritic:
        """The critic, built at the first use and the same ever after."""
        if self._critic is None:
            self._critic = self.build()
        return self._critic

    def build(self) -> TorchStateActionCritic:
        """Return a critic of new networks.

        Raises:
            InvalidSpecificationError: where a network cannot be made or does not fit the spaces.
        """
        step_keys = tuple(self.observation_spaces_dict)
        specifications = specifications_by_step_key(self.networks, step_keys, "critic")
        networks = {key: self._twins(key, specifications[key]) for key in step_keys}
        return TorchStateActionCritic(networks, self.action_spaces_dict)

    def _twins(self, key: StepKey, specification: Any) -> list[nn.Module]:
        """Return the checked networks of one step key."""
        path = f"critic.networks[{key}]"
        if isinstance(specification, nn.Module):
            raise InvalidSpecificationError(
                f"{path}: a {type(specification).__name__} is one network; a critic of actions needs two with "
                "different weights. Pass its class, a function that makes it, or a mapping with _target_."
            )
        inputs, outputs = self._input_space(key), self._output_shapes(key)
        twins = []
        for _ in range(_N_NETWORKS):
            network = make_network(
                specification, path, obs_shapes=observation_shapes(inputs), output_shapes=dict(outputs)
            )
            twins.append(check_outputs(network, inputs, outputs, path))
        return twins

    def _input_space(self, key: StepKey) -> spaces.Dict:
        """Return the space of everything that a network reads."""
        observations: spaces.Dict = self.observation_spaces_dict[key]
        actions: spaces.Dict = self.action_spaces_dict[key]
        if all_discrete(actions):
            return observations
        inputs: dict[str, spaces.Space[Any]] = dict(observations.spaces)
        for head, shape in action_input_shapes(actions).items():
            if head in inputs:
                raise InvalidSpecificationError(
                    f"critic: {head!r} is the key of an observation and of an action; rename one in a wrapper."
                )
            inputs[head] = spaces.Box(-np.inf, np.inf, shape, np.float32)
        return spaces.Dict(inputs)

    def _output_shapes(self, key: StepKey) -> dict[str, tuple[int, ...]]:
        """Return what a network puts out."""
        actions = self.action_spaces_dict[key]
        return action_input_shapes(actions) if all_discrete(actions) else {"q_value": (1,)}


StepStateActionCriticComposer = StateActionCriticComposer
"""The same, by its longer name: one critic for each step key."""
