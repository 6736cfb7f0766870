"""Soft actor-critic (SAC), for continuous and for discrete actions, on its own or from demonstrations.

Objective: ``E[sum_t gamma^t * (r_t + alpha * H(pi(.|s_t)))]``, maximised from replayed transitions. Two critics learn
``r + gamma * (1 - terminated) * V(s')`` with ``V(s) = E[min_k Q_k(s, a) - alpha * log pi(a|s)]``, where the next value
is that of slowly following copies; the policy maximises V; the temperature alpha holds the entropy at a target.

Sources: Haarnoja et al., Soft Actor-Critic Algorithms and Applications, 2018; Christodoulou, Soft Actor-Critic for
Discrete Action Settings, 2019.
Deviations: several environments may act side by side. Densities are those of actions scaled to [-1, 1], whatever the
bounds of the box. The target entropy of n discrete actions is half of the largest, ``0.5 * log n``, where Christodoulou
takes 0.98 of it, which keeps a policy close to random; n are those that a mask allows in a state, where there is one.
Values add up over several discrete heads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

import numpy as np
from gymnasium import spaces
from pydantic import Field

from maze import agents, distributions, functional, rollout
from maze.config.instantiate import instantiate
from maze.distributions.masking import n_possible
from maze.errors import InvalidSpecificationError
from maze.rollout.memory import reserving
from maze.trainers.base import AlgorithmConfig, Trainer, TrainerParts
from maze.trainers.schedules import Schedule
from maze.types import FLOAT, StateDict

if TYPE_CHECKING:
    from torch import Tensor

    from maze.env import VectorEnv
    from maze.rollout import ActingPolicy, Transitions

__all__ = ["SAC", "SACAlgorithmConfig"]

UnitInterval = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
SHARE_OF_LARGEST_ENTROPY = 0.5
"""Of discrete actions, at which their entropy is held."""


@dataclass(frozen=True, kw_only=True)
class SACAlgorithmConfig(AlgorithmConfig):
    """Settings of SAC; the other fields are explained in :class:`AlgorithmConfig`.

    Attributes:
        n_rollout_steps: steps of each environment between updates.
        num_batches_per_iter: gradient steps of an update, each on a batch of its own; the more environments act side by
            side, the more it takes to learn as much from a step.
        batch_size: transitions of a batch.
        lr: learning rate of Adam, for policy and critics; a number or a :class:`Schedule`.
        gamma: discount of a reward one step later.
        max_grad_norm: largest Euclidean norm of the gradient, of the policy's and of the critics'; 0 does not clip.
        tau: fraction by which target critics move towards the critics; values take about ``1 / (tau * (1 - gamma))``
            gradient steps to grow to their size.
        target_update_interval: gradient steps from one such move to the next.
        entropy_coef: the temperature, weight of the entropy; with ``entropy_tuning`` its first value. A number or,
            without tuning, a schedule.
        entropy_tuning: learn the temperature, so that the entropy stays at its target.
        target_entropy_multiplier: how often the target is minus one nat for each number of a continuous action, or half
            the largest entropy of the discrete ones that are possible in a state.
        entropy_coef_lr: learning rate of the temperature.
        replay_buffer_size: transitions that are kept, of all environments together.
        initial_buffer_size: transitions that are collected before anything is learnt.
        initial_sampling_policy: ``_target_`` mapping of the policy that collects these, made with
            ``action_spaces_dict`` and, where its constructor names them, ``observation_spaces_dict``, or such a policy;
            None lets the learning policy do it.
        initial_demonstrations: what :func:`maze.load_trajectories` reads, a run's directory or a list of them, whose
            steps are learnt from beside the replayed ones, count as collected, and are never forgotten; None for none.
    """

    trainer: ClassVar[str] = "maze.trainers.sac.SAC"
    needs_critic: ClassVar[bool] = True
    critic_values: ClassVar[Literal["states", "actions"]] = "actions"

    epoch_length: Count = 500
    n_rollout_steps: Count = 1
    num_batches_per_iter: Count = 4
    batch_size: Count = 256
    lr: Positive | Schedule = 0.001
    gamma: UnitInterval = 0.99
    max_grad_norm: NonNegative = 0.0
    tau: UnitInterval = 0.02
    target_update_interval: Count = 1
    entropy_coef: NonNegative | Schedule = 0.2
    entropy_tuning: bool = True
    target_entropy_multiplier: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    entropy_coef_lr: Positive = 0.0007
    replay_buffer_size: Count = 1_000_000
    initial_buffer_size: Count = 1_000
    initial_sampling_policy: Any = field(default_factory=lambda: {"_target_": "maze.agents.random_policy.RandomPolicy"})
    initial_demonstrations: str | tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.entropy_tuning and not (isinstance(self.entropy_coef, float) and self.entropy_coef > 0.0):
            raise InvalidSpecificationError(
                f"algorithm.entropy_coef: {self.entropy_coef!r} is not accepted with entropy_tuning, which learns it "
                "from a first value > 0; give one, or entropy_tuning: false."
            )
        if self.initial_demonstrations == ():
            raise InvalidSpecificationError(
                "algorithm.initial_demonstrations: an empty list is not accepted; accepted: the directory of a run or "
                "of a rollout whose steps were recorded, a list of them, or null."
            )
        if self.initial_buffer_size > self.replay_buffer_size:
            raise InvalidSpecificationError(
                f"algorithm.initial_buffer_size: {self.initial_buffer_size} is not accepted; accepted are numbers up "
                f"to replay_buffer_size, {self.replay_buffer_size}."
            )


class SAC(Trainer[SACAlgorithmConfig]):
    """Acts, replays, and steps critics, policy and temperature on each batch."""

    def __init__(self, config: SACAlgorithmConfig, parts: TrainerParts) -> None:
        import torch  # noqa: PLC0415  (composing a configuration imports this module)

        self.critic = _critic_of_actions(config, parts)
        self.log_scale = _log_scale_of_actions(parts.model.policy)
        model, env = parts.model, parts.collector.env
        spare_steps = config.epoch_length * config.n_rollout_steps
        self.replay = rollout.make_replay(env, config.replay_buffer_size, spare_steps, config.initial_demonstrations)
        with reserving("algorithm.batch_size", f"{config.batch_size} transitions"):
            np.empty((config.batch_size, spaces.flatdim(env.observation_space)), FLOAT)
        super().__init__(config, parts)
        self.critic.fuse_networks_()
        model.policy.fuse_networks_()
        policy, critic, target = map(model.flat_part, (model.policy, self.critic.networks, self.critic.target_networks))
        if critic.start < policy.stop:
            raise InvalidSpecificationError("critic: shares layers with the policy, and SAC trains the two separately.")
        parameters, gradients = model.flat_parameters, model.flat_gradient
        self.policy_optimizer = agents.Adam(parameters[policy], gradients[policy])
        self.critic_optimizer = agents.Adam(parameters[critic], gradients[critic])
        self.target_parameters = parameters[target]
        self.has_buffers = any(True for _ in self.critic.networks.buffers())
        first = math.log(cast("float", config.entropy_coef)) if config.entropy_tuning else 0.0
        self.log_temperature = torch.full((1,), first, device=model.device)
        self.temperature_optimizer = agents.Adam(self.log_temperature, torch.zeros_like(self.log_temperature))
        self.noise = torch.Generator(model.device).manual_seed(int(parts.generator.integers(2**63)))
        self.first_policy = _first_policy(config.initial_sampling_policy, env)
        self.mask_keys = model.policy.mask_keys()
        unmasked = [part for head, part in env.action_space.spaces.items() if head not in self.mask_keys]
        self.target_entropy = config.target_entropy_multiplier * _target_entropy(unmasked)  # of what no mask limits
        self.n_gradient_steps = 0
        self._steps_of_update = 0

    def update(self) -> Mapping[str, Tensor | float]:
        """Act, then learn from batches of what was replayed; losses are those of the last batch."""
        self._steps_of_update = 0
        if len(self.replay) < self.config.initial_buffer_size:
            self.collect_first()
        else:
            self.collect()
        measured: Mapping[str, Tensor | float] = {}
        for _ in range(self.config.num_batches_per_iter):
            measured = self.learn(self.replay.sample(self.config.batch_size, self.generator))
        return measured

    def collect(self) -> None:
        """Act for some steps and remember them."""
        collected = self.collector.collect()
        self.replay.extend(collected)
        self._steps_of_update += collected.n_steps

    def collect_first(self) -> None:
        """Let another policy act until there is enough to learn from."""
        acting = self.collector.policy
        self.collector.policy = self.first_policy or acting
        try:
            while len(self.replay) < self.config.initial_buffer_size:
                self.collect()
        finally:
            self.collector.policy = acting

    def learn(self, batch: Transitions) -> Mapping[str, Tensor | float]:
        """Step the critics, then the policy and the temperature, then the target critics."""
        import torch  # noqa: PLC0415

        observation = self.model.tensors(batch.observation)
        with torch.no_grad():
            next_value, _ = self.soft_value(self.model.tensors(batch.next_observation), target=True)
            discount = self.model.tensor(~batch.terminated) * self.config.gamma
            target = functional.one_step_target(self.model.tensor(batch.reward), discount, next_value)
        value = self.critic.value(observation, self.model.tensors(batch.action))
        critic_loss = functional.squared_error_of_critics(value, target)
        self.step(self.critic_optimizer, critic_loss)

        state_value, entropy = self.soft_value(observation, target=False)
        policy_loss = -state_value.mean()
        self.step(self.policy_optimizer, policy_loss)
        temperature = self.temperature
        if self.config.entropy_tuning:
            self.step_temperature(entropy.detach(), self.target_entropy_of(observation))
        self.n_gradient_steps += 1
        if self.n_gradient_steps % self.config.target_update_interval == 0:
            self.target_parameters.lerp_(self.critic_optimizer.parameters, self.config.tau)
            if self.has_buffers:
                self.critic.copy_buffers()
        return {
            "loss/policy": policy_loss.detach(),
            "loss/value": critic_loss.detach(),
            "policy/entropy": entropy.detach().mean(),
            "policy/entropy_coef": temperature,
            "value/mean": value.detach().mean(),
        }

    def soft_value(self, observation: Mapping[str, Tensor], *, target: bool) -> tuple[Tensor, Tensor]:
        """Return the value of states under the present policy, and its entropy or an estimate of it, [B] each.

        Args:
            observation: by key [B, ...].
            target: ask the target critics.
        """
        distribution, temperature = self.model.policy.distribution(observation), self.temperature
        if self.log_scale is not None:
            action, log_prob = distribution.sample_with_log_prob(self.noise)
            log_prob = log_prob + self.log_scale
            action_value = self.critic.value(observation, action, target=target, learn=False)
            return functional.soft_value(action_value, log_prob, temperature), -log_prob
        values = self.critic.values_of_all_actions(observation, target=target, learn=False)
        heads = cast("Mapping[str, distributions.Categorical]", distribution.heads)
        parts = [
            functional.soft_value_of_discrete(values[name], head.log_probs, temperature) for name, head in heads.items()
        ]
        return sum(parts[1:], parts[0]), distribution.entropy()

    @property
    def temperature(self) -> Tensor | float:
        """The present weight of the entropy."""
        if self.config.entropy_tuning:
            return self.log_temperature.exp()
        return self.present(self.config.entropy_coef)

    def step(self, optimizer: agents.Adam, loss: Tensor) -> None:
        """Change some parameters once, down the gradient of a loss."""
        optimizer.gradients.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(self.present(self.config.lr), self.config.max_grad_norm)

    def target_entropy_of(self, observation: Mapping[str, Tensor]) -> Tensor | float:
        """Return what the entropy should be, in nats: one number, or one for each state [B] where masks limit it."""
        largest = [n.log() for n in n_possible(observation, self.mask_keys).values()]
        return self.target_entropy + self.config.target_entropy_multiplier * SHARE_OF_LARGEST_ENTROPY * sum(largest)

    def step_temperature(self, entropy: Tensor, target: Tensor | float) -> None:
        """Raise the temperature where the entropy [B] is below its target, and lower it where it is above."""
        slope = functional.temperature_gradient(entropy, target)
        self.temperature_optimizer.gradients.copy_(slope)
        self.temperature_optimizer.step(self.config.entropy_coef_lr)

    def steps_of_update(self) -> int:
        """Return how many environment steps the last update took."""
        return self._steps_of_update

    def not_finite(self) -> list[str]:
        """Name what of the replayed experience is not a finite number somewhere."""
        return self.replay.not_finite()

    # --- state ----------------------------------------------------------------------------------------------------

    def state_dict(self) -> StateDict:
        """Return everything that further training depends on."""
        return {**self._state_without_replay(), "replay": self.replay.state_dict()}

    def epoch_start(self) -> StateDict:
        """Return the state before an epoch; of the replay, which may be large, how far it had come."""
        return {**self._state_without_replay(), "replay": self.replay.mark()}

    def whole(self, epoch_start: StateDict) -> StateDict:
        """Return what :meth:`state_dict` would have returned then, for a file; the replay as it lies in memory."""
        return {**epoch_start, "replay": self.replay.whole(epoch_start["replay"])}

    def _state_without_replay(self) -> StateDict:
        return {
            **super().state_dict(),
            "policy_optimizer": self.policy_optimizer.state_dict(),
            "critic_optimizer": self.critic_optimizer.state_dict(),
            "temperature_optimizer": self.temperature_optimizer.state_dict(),
            "log_temperature": self.log_temperature.clone(),
            "noise": self.noise.get_state(),
            "n_gradient_steps": self.n_gradient_steps,
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` or :meth:`epoch_start` returned."""
        super().load_state_dict(state)
        for name in ("policy_optimizer", "critic_optimizer", "temperature_optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.log_temperature.copy_(state["log_temperature"])
        self.noise.set_state(state["noise"])
        self.n_gradient_steps = int(state["n_gradient_steps"])
        replay, env = state["replay"], self.collector.env
        if isinstance(replay, rollout.ReplayMark):
            self.replay.go_back(replay)
        else:
            self.replay.load_state_dict(replay)
        if state["collector"]["started"] and env.begins_anew(state["collector"]["env"]):
            self.replay.begin(env.observation)


def _critic_of_actions(config: SACAlgorithmConfig, parts: TrainerParts) -> agents.TorchStateActionCritic:
    """Return the model's critic, if it is of the kind that gives values to actions."""
    critic = parts.model.critic
    if isinstance(critic, agents.TorchStateActionCritic):
        return critic
    given = "null" if critic is None else f"one of states ({type(critic).__name__})"
    raise InvalidSpecificationError(
        f"critic: {type(config).__name__} needs a critic of actions and model.critic is {given}; pass "
        "critic='template_state_action' (with model='vector_obs') or critic='flatten_concat_state_action'."
    )


def _first_policy(given: Any, env: VectorEnv) -> ActingPolicy | None:
    """Return the policy that collects what learning begins with, None for the one that learns."""
    made = instantiate(
        given,
        _path_="algorithm.initial_sampling_policy",
        _offered_={"observation_spaces_dict": {0: env.observation_space}},
        action_spaces_dict={0: env.action_space},
    )
    if made is not None and not callable(getattr(made, "act", None)):
        raise InvalidSpecificationError(
            f"algorithm.initial_sampling_policy: {made!r} has no method act; accepted are a mapping with _target_, "
            "a policy such as maze.RandomPolicy, or null."
        )
    return cast("ActingPolicy | None", made)


def _log_scale_of_actions(policy: agents.TorchPolicy) -> float | None:
    """Return by how much densities over the policy's boxes are below those over [-1, 1]; None for discrete actions."""
    heads = {name: head for mapper in policy.distribution_mappers.values() for name, head in mapper.heads.items()}
    if all(isinstance(head, distributions.CategoricalHead) for head in heads.values()):
        return None
    for name, head in heads.items():
        if not isinstance(head, distributions.SquashedGaussianHead):
            raise InvalidSpecificationError(
                f"action {name!r}: SAC does not accept {type(head).__name__}; accepted are bounded Box actions with "
                "squashed_gaussian, or Discrete actions with categorical, all of one kind. Bound or convert them in an "
                "ActionWrapper (a MultiDiscrete is several Discrete heads), or train with PPO."
            )
    return sum(head.log_scale for head in heads.values() if isinstance(head, distributions.SquashedGaussianHead))


def _target_entropy(heads: Iterable[spaces.Space[Any]]) -> float:
    """Return what the entropy should be, in nats, of actions scaled to [-1, 1]."""
    total = 0.0
    for part in heads:
        if isinstance(part, spaces.Discrete):
            total += SHARE_OF_LARGEST_ENTROPY * math.log(int(part.n))
        else:
            total -= math.prod(part.shape or ())
    return total
