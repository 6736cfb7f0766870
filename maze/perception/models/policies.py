"""Makes policies from networks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gymnasium import spaces
from torch import nn

from maze.agents.policy import TorchPolicy
from maze.distributions.mapper import DistributionMapper
from maze.env import mask_keys
from maze.errors import InvalidSpecificationError, suggest
from maze.perception.models.network_specs import check_outputs, make_network, observation_shapes
from maze.perception.models.step_networks import by_step_key, specifications_by_step_key
from maze.types import StepKey

__all__ = ["ProbabilisticPolicyComposer"]


class ProbabilisticPolicyComposer:
    """Gives every step key a network and a distribution over its actions.

    Networks are called with ``obs_shapes`` and ``action_logits_shapes``, both dictionaries of shapes without the batch
    axis, which win over values of the same name in a mapping. Nothing is made before ``build`` is called, so that
    weights follow the seed of the run that builds them.

    Args:
        action_spaces_dict: action space by step key.
        observation_spaces_dict: observation space by step key.
        distribution_mapper: one mapper, or one by step key.
        networks: a list in the order of the step keys or a mapping by step key, of mappings with ``_target_``,
            modules, or classes or functions that make modules.
        substeps_with_separate_agent_nets: step keys in which every agent has a network of its own.
        agent_counts_dict: number of agents by step key; by default one each.
    """

    def __init__(
        self,
        action_spaces_dict: Mapping[StepKey, spaces.Dict],
        observation_spaces_dict: Mapping[StepKey, spaces.Dict],
        distribution_mapper: DistributionMapper | Mapping[StepKey, DistributionMapper],
        networks: Sequence[Any] | Mapping[StepKey, Any] | None,
        substeps_with_separate_agent_nets: Collection[StepKey] | None = (),
        agent_counts_dict: Mapping[StepKey, int] | None = None,
    ) -> None:
        self.action_spaces_dict = by_step_key(action_spaces_dict)
        self.observation_spaces_dict = by_step_key(observation_spaces_dict)
        self.distribution_mapper = distribution_mapper
        self.networks = networks
        if isinstance(substeps_with_separate_agent_nets, str) or not isinstance(
            substeps_with_separate_agent_nets or (), Collection
        ):
            raise InvalidSpecificationError(
                f"policy.substeps_with_separate_agent_nets: {substeps_with_separate_agent_nets!r} is not accepted; "
                "accepted: a list of step keys."
            )
        self.substeps_with_separate_agent_nets = list(substeps_with_separate_agent_nets or ())
        self.agent_counts_dict = by_step_key(agent_counts_dict or dict.fromkeys(self.action_spaces_dict, 1))
        self._policy: TorchPolicy | None = None
        separate = by_step_key(dict.fromkeys(self.substeps_with_separate_agent_nets))
        for key in separate:
            if key not in self.action_spaces_dict:
                raise InvalidSpecificationError(
                    f"policy.substeps_with_separate_agent_nets: there is no step key {key!r}; "
                    f"{suggest(key, self.action_spaces_dict)}"
                )
        self._separate = tuple(separate)
        specifications_by_step_key(networks, tuple(self.action_spaces_dict), "policy")

    @property
    def policy(self) -> TorchPolicy:
        """The policy, built at the first use and the same ever after."""
        if self._policy is None:
            self._policy = self.build()
        return self._policy

    def build(self) -> TorchPolicy:
        """Return a policy of new networks; modules that were given as such are used themselves.

        Raises:
            InvalidSpecificationError: where a network cannot be made or does not fit the spaces.
        """
        step_keys = tuple(self.action_spaces_dict)
        specifications = specifications_by_step_key(self.networks, step_keys, "policy")
        mappers = {key: self._mapper(key) for key in step_keys}
        networks: dict[StepKey, nn.Module] = {}
        for key in step_keys:
            if key not in self._separate:
                networks[key] = self._network(specifications[key], key, mappers[key], first=True)
                continue
            for agent in range(int(self.agent_counts_dict.get(key, 1))):
                networks[f"{key}-{agent}"] = self._network(specifications[key], key, mappers[key], first=agent == 0)
        return TorchPolicy(
            networks,
            mappers,
            observation_shapes={key: observation_shapes(self.observation_spaces_dict[key]) for key in step_keys},
            separate_agent_steps=self._separate,
            mask_keys={
                key: mask_keys(self.observation_spaces_dict[key], self.action_spaces_dict[key]) for key in step_keys
            },
        )

    def _network(self, specification: Any, key: StepKey, mapper: DistributionMapper, *, first: bool) -> nn.Module:
        """Return one checked network."""
        space = self.observation_spaces_dict[key]
        path = f"policy.networks[{key}]"
        network = make_network(
            specification,
            path,
            copy_instance=not first,
            obs_shapes=observation_shapes(space),
            action_logits_shapes=mapper.logits_shapes,
        )
        return check_outputs(network, space, mapper.logits_shapes, path)

    def _mapper(self, key: StepKey) -> DistributionMapper:
        """Return the distribution mapper of a step key."""
        given = self.distribution_mapper
        mapper = by_step_key(given).get(key) if isinstance(given, Mapping) else given
        if not isinstance(mapper, DistributionMapper):
            raise InvalidSpecificationError(
                f"policy.distribution_mapper has no mapper for the step key {key!r}; accepted: a DistributionMapper or "
                "a mapping of them by step key."
            )
        if mapper.action_space != self.action_spaces_dict[key]:
            raise InvalidSpecificationError(
                f"policy.distribution_mapper is for the action space {mapper.action_space}; step key {key!r} has "
                f"{self.action_spaces_dict[key]}. Pass one mapper per step key, made for its space."
            )
        return mapper
