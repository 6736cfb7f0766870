"""Policy and critic look at the same observations at once, with no work done twice and few nodes in the graph.

In torch's gradient graph every operation costs as much as a layer of a few dozen units. Networks that are dense run
outside of it, and so do the log probabilities of discrete actions, whose gradients take three operations; the graph
begins where something else begins. Blocks that policy and critic share run once for both, however large they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from maze.agents.critic import TorchStateCritic
from maze.agents.fused_networks import DetachedOutputs, fuse_networks
from maze.agents.policy import TorchPolicy
from maze.distributions.torch_dist import DictDistribution
from maze.types import StepKey

__all__ = ["JointPass", "Known", "Look", "SharingNetwork"]

Known: TypeAlias = dict[nn.Module, Any]
"""What blocks have put out so far, for the networks that share them."""


@runtime_checkable
class SharingNetwork(Protocol):
    """A network that can take the outputs of shared blocks from those who ran them before."""

    def forward_knowing(self, observation: Mapping[str, Tensor], known: Known) -> dict[str, Tensor]:
        """Return what ``forward`` does; blocks in ``known`` are not run, and those that are run are added to it.

        Args:
            observation: tensors [B, ...] by key, the same ones for everybody who passes ``known`` on.
            known: outputs of blocks; changed.
        """
        ...


class Look:
    """What a policy thinks of the actions that were taken, and a critic of the observations; and the way back.

    Losses of policy gradients depend on these numbers alone. Their gradients with respect to them, which the losses'
    formulas give, go on from here to the networks' parameters.

    Args:
        distribution: over the actions of A rows.
        action: by head [A, ...].
        value: of B rows, those above first.
        policy_outputs: of the policy's network, where it ran outside of the graph.
        critic_outputs: of the critic's network, where it ran outside of the graph.
        plain_logits: the outputs of the policy's network by head [A, n], where the distribution knows their gradient.

    Attributes:
        distribution: over the actions, [A] of them.
        log_prob: of the actions that were taken, without gradients, [A].
        value: of the observations, without gradients, [B].
    """

    def __init__(
        self,
        distribution: DictDistribution,
        action: Mapping[str, Tensor],
        value: Tensor,
        *,
        policy_outputs: DetachedOutputs | None = None,
        critic_outputs: DetachedOutputs | None = None,
        plain_logits: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.distribution = distribution
        self._action = action
        self._policy_outputs = policy_outputs
        self._critic_outputs = critic_outputs
        self._plain_logits = plain_logits
        self._log_prob = distribution.log_prob(action)
        self._value = value
        self.log_prob = self._log_prob.detach()
        self.value = value.detach()

    def backward(self, of_log_prob: Tensor | None, of_entropy: float, of_value: Tensor) -> None:
        """Add the gradient of a loss to the parameters' gradients; once.

        Args:
            of_log_prob: gradient with respect to each log probability, [A]; None where the policy does not learn.
            of_entropy: gradient with respect to the mean entropy; without effect where the policy does not learn.
            of_value: gradient with respect to the values of the first rows, [at most B].
        """
        in_graph = [] if of_log_prob is None else self._policy_backward(of_log_prob, of_entropy)
        if self._critic_outputs is not None:
            rest = len(self.value) - len(of_value)
            column = functional.pad(of_value, (0, rest)) if rest else of_value
            self._critic_outputs.outputs["value"].grad = column.unsqueeze(-1)
        else:
            in_graph.append((self._value[: len(of_value)], of_value))
        learned = [(end, gradient) for end, gradient in in_graph if end.requires_grad]
        if learned:
            torch.autograd.backward(*zip(*learned, strict=True))  # type: ignore[arg-type]
        for outputs in (self._policy_outputs, self._critic_outputs):
            if outputs is not None:
                outputs.backward()

    def _policy_backward(self, of_log_prob: Tensor, of_entropy: float) -> list[tuple[Tensor, Tensor]]:
        """Give logits their gradients where a formula says them; return what the graph has to do otherwise."""
        if self._plain_logits is not None:
            of_each = of_entropy / len(of_log_prob)
            gradients = self.distribution.logits_gradient(self._action, of_log_prob, of_each)
            if self._policy_outputs is None:
                return [(self._plain_logits[head], gradient) for head, gradient in gradients.items()]
            for head, gradient in gradients.items():
                self._policy_outputs.outputs[head].grad = gradient
            return []
        in_graph = [(self._log_prob, of_log_prob)]
        if of_entropy:
            entropy = self.distribution.entropy().mean()
            in_graph.append((entropy, torch.full_like(entropy, of_entropy)))
        return in_graph


class JointPass:
    """Asks a policy and a critic of states together.

    Both must be networks without state. Weights may change between looks, modules may not be exchanged.

    Args:
        policy: the policy.
        critic: the critic.
        step_key: whose networks.
    """

    def __init__(self, policy: TorchPolicy, critic: TorchStateCritic, step_key: StepKey = 0) -> None:
        self._policy = policy
        self._step_key = step_key
        self._policy_network = policy.network(step_key)
        self._critic_network = critic.networks[step_key]
        self._share = _share(self._policy_network, self._critic_network)
        self._fused = {
            network: fused
            for network in (self._policy_network, self._critic_network)
            if not self._share and (fused := fuse_networks([network])) is not None
        }
        self._knows_gradient = policy.puts_out_plain_logits(step_key)

    def look(self, observation: Mapping[str, Tensor], action: Mapping[str, Tensor], *, learn: bool = True) -> Look:
        """Look at B observations, and at the actions that were taken after the first A of them.

        Args:
            observation: by key [B, ...].
            action: by head [A, ...].
            learn: keep what the way back needs.
        """
        n_rows = len(next(iter(action.values())))
        rows = {key: value[:n_rows] for key, value in observation.items()}
        with torch.set_grad_enabled(learn):
            if self._share:
                return self._look_sharing(observation, rows, action)
            logits, policy_outputs = self._run(self._policy_network, rows, learn)
            values, critic_outputs = self._run(self._critic_network, observation, learn)
            ways = {"policy_outputs": policy_outputs, "critic_outputs": critic_outputs}
            return self._seen(logits, values, rows, action, **ways)

    def _seen(
        self,
        logits: dict[str, Tensor],
        values: Mapping[str, Tensor],
        observation: Mapping[str, Tensor],
        action: Mapping[str, Tensor],
        **ways_back: DetachedOutputs | None,
    ) -> Look:
        """Return what networks' outputs mean."""
        plain_logits = logits if self._knows_gradient else None
        if plain_logits is not None:  # the graph ends at them
            logits = {head: each.detach() for head, each in logits.items()}
        distribution = self._policy.distribution_of(logits, observation, self._step_key)
        return Look(distribution, action, values["value"].squeeze(-1), plain_logits=plain_logits, **ways_back)

    def _run(
        self, network: nn.Module, observation: Mapping[str, Tensor], learn: bool
    ) -> tuple[dict[str, Tensor], DetachedOutputs | None]:
        """Run a network; a dense one outside of the gradient graph, and then return the way back."""
        fused = self._fused.get(network)
        if fused is None:
            return network(observation), None
        detached = fused.detached(observation, learn=learn)
        return detached.outputs, detached

    def _look_sharing(
        self, observation: Mapping[str, Tensor], rows: Mapping[str, Tensor], action: Mapping[str, Tensor]
    ) -> Look:
        """Run shared blocks once, on all rows."""
        assert isinstance(self._policy_network, SharingNetwork)  # noqa: S101  (seen by _share)
        assert isinstance(self._critic_network, SharingNetwork)  # noqa: S101
        known: Known = {}
        logits = self._policy_network.forward_knowing(observation, known)
        values = self._critic_network.forward_knowing(observation, known)
        n_rows = len(next(iter(action.values())))
        return self._seen({head: value[:n_rows] for head, value in logits.items()}, values, rows, action)


def _share(policy_network: nn.Module, critic_network: nn.Module) -> bool:
    """Return whether networks share blocks, and know how to run them once."""
    shared = set(policy_network.parameters()) & set(critic_network.parameters())
    return bool(shared) and all(isinstance(network, SharingNetwork) for network in (policy_network, critic_network))
