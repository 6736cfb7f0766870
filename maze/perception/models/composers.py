"""Makes the whole model, policy and critic, from its configuration and the spaces of an environment.

Initial weights of user networks come from torch's own generator: whoever makes a composer seeds it before and puts it
back after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import UnionType
from typing import Any, TypeAlias

from gymnasium import spaces
from torch import nn

from maze.agents.critic import TorchStateCritic
from maze.agents.policy import TorchPolicy
from maze.agents.state_action_critic import TorchStateActionCritic
from maze.config.instantiate import instantiate
from maze.distributions.mapper import DistributionMapper
from maze.env import mask_keys
from maze.errors import InvalidSpecificationError
from maze.perception.builders import ConcatModelBuilder
from maze.perception.models.critics import StateCriticComposer
from maze.perception.models.network_specs import accepts
from maze.perception.models.policies import ProbabilisticPolicyComposer
from maze.perception.models.step_networks import by_step_key
from maze.types import AnyMapping, StepKey

Critic: TypeAlias = TorchStateCritic | TorchStateActionCritic

__all__ = ["CustomModelComposer", "TemplateModelComposer"]


class CustomModelComposer:
    """A model whose networks are given one by one.

    Args:
        action_spaces_dict: action space by step key.
        observation_spaces_dict: observation space by step key.
        agent_counts_dict: number of agents by step key.
        distribution_mapper_config: which distributions actions follow, see ``DistributionMapper``.
        policy: a mapping with ``_target_`` (usually of ``ProbabilisticPolicyComposer``), such a composer, a
            ``TorchPolicy``, or a policy network.
        critic: the same for ``StateCriticComposer`` and ``TorchStateCritic``, or for ``StateActionCriticComposer`` and
            ``TorchStateActionCritic``; None for no critic. A composer that takes ``policy`` is given the policy.

    Attributes:
        policy: the policy, with new weights.
        critic: the critic, or None.

    Raises:
        InvalidSpecificationError: where something cannot be made or does not fit.
    """

    policy: TorchPolicy
    critic: Critic | None

    def __init__(
        self,
        action_spaces_dict: Mapping[StepKey, spaces.Dict],
        observation_spaces_dict: Mapping[StepKey, spaces.Dict],
        agent_counts_dict: Mapping[StepKey, int],
        distribution_mapper_config: Sequence[AnyMapping] = (),
        policy: Any = None,
        critic: Any = None,
    ) -> None:
        self.action_spaces_dict = by_step_key(action_spaces_dict)
        self.observation_spaces_dict = by_step_key(observation_spaces_dict)
        self.agent_counts_dict = by_step_key(agent_counts_dict)
        self.distribution_mapper_config = distribution_mapper_config
        self.policy = self._make_policy(policy)
        self.critic = self._make_critic(critic)

    def _make_policy(self, specification: Any) -> TorchPolicy:
        arguments: dict[str, Any] = {
            "action_spaces_dict": self.action_spaces_dict,
            "observation_spaces_dict": self.observation_spaces_dict,
            "agent_counts_dict": self.agent_counts_dict,
            "distribution_mapper": {
                key: DistributionMapper(space, self.distribution_mapper_config)
                for key, space in self.action_spaces_dict.items()
            },
        }
        if isinstance(specification, Mapping):
            specification = instantiate(specification, _path_="model.policy", **arguments)
        elif isinstance(specification, nn.Module) and not isinstance(specification, TorchPolicy):
            specification = ProbabilisticPolicyComposer(networks=[specification], **arguments)
        policy = _composed(specification, "policy", TorchPolicy)
        if isinstance(policy, TorchPolicy):
            return policy
        raise InvalidSpecificationError(
            f"model.policy: {policy!r} is no policy; accepted: a mapping with _target_, a ProbabilisticPolicyComposer, "
            "a TorchPolicy or a network. Pass for example policy='flatten_concat'."
        )

    def _make_critic(self, specification: Any) -> Critic | None:
        if specification is None:
            return None
        arguments: dict[str, Any] = {
            "observation_spaces_dict": self.observation_spaces_dict,
            "agent_counts_dict": self.agent_counts_dict,
        }
        if isinstance(specification, Mapping):
            for name, value in (("action_spaces_dict", self.action_spaces_dict), ("policy", self.policy)):
                if accepts(specification, name, "model.critic"):
                    arguments[name] = value
            specification = instantiate(specification, _path_="model.critic", **arguments)
        elif isinstance(specification, nn.Module) and not isinstance(specification, Critic):
            specification = StateCriticComposer(networks=[specification], **arguments)
        critic = _composed(specification, "critic", Critic)
        if isinstance(critic, Critic):
            return critic
        raise InvalidSpecificationError(
            f"model.critic: {critic!r} is no critic; accepted: null, a mapping with _target_, a StateCriticComposer, a "
            "TorchStateCritic or a network. Pass for example critic='flatten_concat'."
        )


class TemplateModelComposer(CustomModelComposer):
    """A model whose networks a template builds from the spaces.

    The template supplies the networks wherever ``policy`` or ``critic`` is a mapping that has none (``networks:
    null``), so that it mixes with networks given one by one.

    Args:
        action_spaces_dict: action space by step key.
        observation_spaces_dict: observation space by step key.
        agent_counts_dict: number of agents by step key.
        distribution_mapper_config: which distributions actions follow, see ``DistributionMapper``.
        model_builder: the template: a ``ConcatModelBuilder`` or a mapping with ``_target_``.
        policy: as for ``CustomModelComposer``.
        critic: as for ``CustomModelComposer``.

    Raises:
        InvalidSpecificationError: where something cannot be made or does not fit.
    """

    def __init__(
        self,
        action_spaces_dict: Mapping[StepKey, spaces.Dict],
        observation_spaces_dict: Mapping[StepKey, spaces.Dict],
        agent_counts_dict: Mapping[StepKey, int],
        distribution_mapper_config: Sequence[AnyMapping] = (),
        model_builder: Any = None,
        policy: Any = None,
        critic: Any = None,
    ) -> None:
        builder = instantiate(model_builder, _path_="model.model_builder")
        if not isinstance(builder, ConcatModelBuilder):
            raise InvalidSpecificationError(
                f"model.model_builder: {builder!r} is no template; accepted: a ConcatModelBuilder or a mapping with "
                "_target_: maze.perception.builders.ConcatModelBuilder."
            )
        self.model_builder = builder
        super().__init__(
            action_spaces_dict, observation_spaces_dict, agent_counts_dict, distribution_mapper_config, policy, critic
        )

    def _make_policy(self, specification: Any) -> TorchPolicy:
        if _lacks_networks(specification):
            networks = self._template(self.model_builder.build_policy)
            specification = {**specification, "networks": networks}
        return super()._make_policy(specification)

    def _make_critic(self, specification: Any) -> Critic | None:
        if _lacks_networks(specification):
            builder = self.model_builder
            of_actions = accepts(specification, "action_spaces_dict", "model.critic")
            build = builder.build_state_action_critic if of_actions else builder.build_critic
            specification = {**specification, "networks": self._template(build)}
        return super()._make_critic(specification)

    def _template(self, build: Callable[..., nn.Module]) -> dict[StepKey, Callable[..., nn.Module]]:
        """Return what builds the network of each step key; masks of actions are no inputs of networks."""
        return {
            key: partial(build, left_out=mask_keys(space, self.action_spaces_dict[key]).values())
            for key, space in self.observation_spaces_dict.items()
        }


def _composed(specification: Any, name: str, wanted: type[nn.Module] | UnionType) -> Any:
    """Return what a composer makes, one with ``build()`` or one that offers what it made by name."""
    if isinstance(specification, wanted):
        return specification
    return specification.build() if hasattr(specification, "build") else getattr(specification, name, specification)


def _lacks_networks(specification: Any) -> bool:
    """Return whether the template has to supply the networks."""
    return isinstance(specification, Mapping) and specification.get("networks") is None
