"""Learning with networks that carry a state: rollouts and sequences are run through in the order of their steps.

The state of the policy before the first step comes with each rollout, that of the critic is kept here between them;
both were made by the weights of their time. Inside, states are zero where an episode begins, so that what is learned
from is what was acted on. Gradients flow through time within a sequence and end at its first step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from maze import functional
from maze.agents.joint_pass import Look
from maze.types import Array, StateDict

if TYPE_CHECKING:
    from torch import Tensor

    from maze.agents import ActorCritic, TorchStateCritic
    from maze.distributions import DictDistribution
    from maze.rollout import Rollout

__all__ = ["Recurrence"]


class Recurrence:
    """Runs a policy and a critic along T steps of N environments; one of the two may be without state.

    Args:
        model: of policy and critic.
        critic: its critic.
        n_envs: number of environments N.
    """

    def __init__(self, model: ActorCritic, critic: TorchStateCritic, n_envs: int) -> None:
        self.model = model
        self.critic = critic
        self._next = critic.initial_state(n_envs)  # of the critic before the next rollout, [N, ...]
        self._first = self._next  # before the last rollout, [N, ...]
        self._after: dict[str, Array] = {}  # after each observation of the last rollout, [T + 1, N, ...]
        self._policy_after: dict[str, Tensor] = {}  # of the policy after each step of the last rollout, [T, N, ...]

    def value(self, rollout: Rollout) -> Tensor:
        """Return the values of all observations [T + 1, N], and let the critic's state go on; once for each rollout."""
        observation = self.model.tensors(rollout.observation)
        self._first = self._next
        value, after = self.critic.value_over_time(
            observation, self.model.tensors(self._first), self.model.tensor(rollout.begins)
        )
        self._after = {key: part.detach().cpu().numpy() for key, part in after.items()}
        self._next = {key: part[-2].copy() for key, part in self._after.items()}
        return value

    @torch.no_grad()
    def assess(self, rollout: Rollout) -> tuple[Array, Tensor]:
        """Do what :meth:`value` does, without gradients, and ask the policy, too; once for each rollout.

        Returns:
            The values of all observations, float32 [T + 1, N], and the log probabilities of the actions, rows [T * N].
        """
        values: Array = self.value(rollout).cpu().numpy()
        distribution, self._policy_after = self.distribution(rollout)
        return values, distribution.log_prob(self.model.tensors(rollout.flat_action()))

    def truncated_value(self, rollout: Rollout) -> Array:
        """Return the values [K] of the last observations of truncated episodes, with the state that led there."""
        index = rollout.truncated_index
        state = {key: part.reshape(-1, *part.shape[2:])[index] for key, part in self._after.items()}
        return self.critic.predict({**rollout.truncated_observation, **state})

    def distribution(self, rollout: Rollout) -> tuple[DictDistribution, dict[str, Tensor]]:
        """Return the distribution over the actions of all steps, rows [T * N], and the state after each [T, N, ...]."""
        observation = {key: rows[:-1] for key, rows in self.model.tensors(rollout.observation).items()}
        begins = self.model.tensor(rollout.begins)[:-1]
        return self.model.policy.distribution_over_time(observation, self.model.tensors(rollout.state), begins)

    @torch.no_grad()
    def sequences(
        self, rollout: Rollout, learned: Mapping[str, Array], log_prob_old: Tensor, length: int
    ) -> dict[str, Tensor]:
        """Return what to learn from as S = T * N / length sequences, with the states before their first steps.

        Args:
            rollout: that was assessed last.
            learned: further quantities by name [T, N].
            log_prob_old: as :meth:`assess` returned it.
            length: of a sequence; a divisor of T.

        Returns:
            By name [S, length, ...], states [S, ...]; see :meth:`rows` and :meth:`look`.
        """
        steps = {f"observation/{key}": array[:-1] for key, array in rollout.observation.items()}
        steps |= {f"action/{key}": array for key, array in rollout.action.items()}
        steps |= {"begins": rollout.begins[:-1], **learned}
        tensors = self.model.tensors(steps)
        tensors["log_prob_old"] = log_prob_old.view(rollout.reward.shape)
        first, critic_after = self.model.tensors(self._first), self.model.tensors(self._after)
        states = {
            f"policy_state/{key}": _before(self.model.tensor(state), self._policy_after[key], length)
            for key, state in rollout.state.items()
        }
        states |= {
            f"critic_state/{key}": _before(state, critic_after[key][:-1], length) for key, state in first.items()
        }
        return {**{name: _cut(tensor, length) for name, tensor in tensors.items()}, **states}

    def rows(self, minibatch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a minibatch of B sequences of L steps with everything that is compared step by step as rows [L * B].

        What networks run along keeps the axes of time and batch [L, B, ...]; states are left as they are [B, ...].
        """
        rows: dict[str, Tensor] = {}
        for name, tensor in minibatch.items():
            if name.startswith(("policy_state/", "critic_state/")):
                rows[name] = tensor
            elif name == "begins" or name.startswith("observation/"):
                rows[name] = tensor.transpose(0, 1)
            else:
                rows[name] = tensor.transpose(0, 1).flatten(0, 1)
        return rows

    def look_at(self, rollout: Rollout) -> Look:
        """Look at the actions of all steps [T * N], and at all observations, and let the critic's state go on."""
        value = self.value(rollout).flatten()
        return Look(self.distribution(rollout)[0], self.model.tensors(rollout.flat_action()), value)

    def look(self, minibatch: Mapping[str, Tensor]) -> Look:
        """Look at all steps [L * B] of a minibatch that :meth:`rows` made."""
        observation, begins = functional.part(minibatch, "observation/"), minibatch["begins"]
        policy_state, critic_state = (functional.part(minibatch, f"{who}_state/") for who in ("policy", "critic"))
        distribution, _ = self.model.policy.distribution_over_time(observation, policy_state, begins)
        value, _ = self.critic.value_over_time(observation, critic_state, begins)
        return Look(distribution, functional.part(minibatch, "action/"), value.flatten(0, 1))

    def state_dict(self) -> StateDict:
        """Return the critic's state before the next rollout."""
        return {key: part.copy() for key, part in self._next.items()}

    def load_state_dict(self, state: StateDict) -> None:
        """Take over what :meth:`state_dict` returned."""
        self._next = {key: state[key].copy() for key in self._next}


def _cut(steps: Tensor, length: int) -> Tensor:
    """Return steps [T, N, ...] as sequences [T / length * N, length, ...]."""
    return steps.reshape(-1, length, *steps.shape[1:]).transpose(1, 2).flatten(0, 1)


def _before(first: Tensor, after: Tensor, length: int) -> Tensor:
    """Return the states before each sequence [T / length * N, ...], in the order of ``_cut``.

    Args:
        first: before the first step [N, ...].
        after: after each step [T, N, ...].
        length: of a sequence.
    """
    return torch.cat([first.unsqueeze(0), after[length - 1 : -1 : length]]).flatten(0, 1)
