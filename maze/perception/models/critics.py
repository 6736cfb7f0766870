"""Makes critics of states from networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gymnasium import spaces
from torch import nn

from maze.agents.critic import TorchStateCritic
from maze.agents.policy import TorchPolicy
from maze.errors import InvalidSpecificationError
from maze.perception.models.network_specs import accepts, check_outputs, make_network, observation_shapes
from maze.perception.models.step_networks import by_step_key, specifications_by_step_key
from maze.types import StepKey

__all__ = ["SharedStateCriticComposer", "StateCriticComposer", "StepStateCriticComposer"]


class StateCriticComposer:
    """Gives every step key a network that estimates state values.

    Networks are called with ``obs_shapes``, a dictionary of shapes without the batch axis, which wins over a value of
    the same name in a mapping. Nothing is made before ``build`` is called, so that weights follow the seed of the run
    that builds them.

    A network whose constructor takes ``policy_network`` is given the policy's network of the same step key (None where
    agents have networks of their own), so that it can share layers with it: a layer that is an attribute of both
    learns from both, and is stored with both.

    Args:
        observation_spaces_dict: observation space by step key.
        agent_counts_dict: number of agents by step key; agents share the critic of their step.
        networks: a list in the order of the step keys or a mapping by step key, of mappings with ``_target_``,
            modules, or classes or functions that make modules.
        policy: the policy whose networks may be shared.
    """

    def __init__(
        self,
        observation_spaces_dict: Mapping[StepKey, spaces.Dict],
        agent_counts_dict: Mapping[StepKey, int] | None = None,
        networks: Sequence[Any] | Mapping[StepKey, Any] | None = None,
        policy: TorchPolicy | None = None,
    ) -> None:
        self.observation_spaces_dict = by_step_key(observation_spaces_dict)
        self.agent_counts_dict = by_step_key(agent_counts_dict or dict.fromkeys(self.observation_spaces_dict, 1))
        self.networks = networks
        self._policy = policy
        self._critic: TorchStateCritic | None = None
        self._specifications()

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
        specifications = self._specifications()
        return TorchStateCritic({key: self._network(key, specifications[key]) for key in self.observation_spaces_dict})

    def _specifications(self) -> dict[StepKey, Any]:
        """Return what the network of each step key is made from."""
        return specifications_by_step_key(self.networks, tuple(self.observation_spaces_dict), "critic")

    def _network(self, key: StepKey, specification: Any) -> nn.Module:
        """Return the checked network of one step key."""
        space = self.observation_spaces_dict[key]
        path = f"critic.networks[{key}]"
        arguments: dict[str, Any] = {"obs_shapes": observation_shapes(space)}
        if self._policy is not None and accepts(specification, "policy_network", path):
            networks = self._policy.networks
            arguments["policy_network"] = dict(networks.items()).get(str(key))
        network = make_network(specification, path, **arguments)
        return check_outputs(network, space, {"value": (1,)}, path)


StepStateCriticComposer = StateCriticComposer
"""The same, by its longer name: one critic for each step key."""


class SharedStateCriticComposer(StateCriticComposer):
    """Gives all step keys one network that estimates state values; their observations have to be alike.

    Args:
        observation_spaces_dict: observation space by step key, all equal.
        agent_counts_dict: number of agents by step key; agents share the critic.
        networks: a list with one entry: a mapping with ``_target_``, a module, or a class or function that makes one.
        stack_observations: put the observations of all steps and agents into one; with one step and one agent there is
            nothing to put together.
        policy: the policy whose networks may be shared.

    Raises:
        InvalidSpecificationError: where observation spaces differ, or observations of several steps or agents are to
            be stacked.
    """

    def __init__(
        self,
        observation_spaces_dict: Mapping[StepKey, spaces.Dict],
        agent_counts_dict: Mapping[StepKey, int] | None = None,
        networks: Sequence[Any] | Mapping[StepKey, Any] | None = None,
        stack_observations: bool = False,
        policy: TorchPolicy | None = None,
    ) -> None:
        super().__init__(observation_spaces_dict, agent_counts_dict, networks, policy)
        self.stack_observations = stack_observations
        first, *others = self.observation_spaces_dict.items()
        for key, space in others:
            if space != first[1]:
                raise InvalidSpecificationError(
                    f"critic: step key {key!r} has the observation space {space}, step key {first[0]!r} has "
                    f"{first[1]}; one critic for all needs them to be equal. Use StateCriticComposer."
                )
        if stack_observations and sum(map(int, self.agent_counts_dict.values())) > 1:
            raise InvalidSpecificationError(
                "critic.stack_observations: True is offered for one step and one agent; use StateCriticComposer, which "
                "gives each step a critic."
            )

    def build(self) -> TorchStateCritic:
        """Return a critic with one new network; a module that was given as such is used itself.

        Raises:
            InvalidSpecificationError: where the network cannot be made or does not fit the spaces.
        """
        first = next(iter(self.observation_spaces_dict))
        network = self._network(first, self._specifications()[first])
        return TorchStateCritic(dict.fromkeys(self.observation_spaces_dict, network))

    def _specifications(self) -> dict[StepKey, Any]:
        """Return what the one network is made from, by the first step key."""
        return specifications_by_step_key(self.networks, tuple(self.observation_spaces_dict)[:1], "critic")
