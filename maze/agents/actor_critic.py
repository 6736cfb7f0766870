"""Policy and critic as one module, whose parameters can share one flat buffer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from maze.agents.critic import TorchStateCritic
from maze.agents.networks import device_of
from maze.agents.policy import TorchPolicy
from maze.agents.state_action_critic import TorchStateActionCritic
from maze.errors import ArtifactError, MazeError, suggest
from maze.types import FLOAT, Array, StateDict, StepKey

__all__ = ["ActorCritic"]


class ActorCritic(nn.Module):
    """What an actor-critic algorithm trains.

    State dictionaries name weights ``policy.networks.<step key>...`` and ``critic.networks.<step key>...``.

    Args:
        policy: the actor.
        critic: the critic of states or of actions, None for algorithms without one.
        device: where the parameters of both are moved; None leaves them where they are.
    """

    policy: TorchPolicy
    critic: TorchStateCritic | TorchStateActionCritic | None

    def __init__(
        self,
        policy: TorchPolicy,
        critic: TorchStateCritic | TorchStateActionCritic | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        super().__init__()
        self.policy = policy
        self.critic = critic
        self._flat: Tensor | None = None
        self._flat_gradient: Tensor | None = None
        if device is not None:
            self.to(device)

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return device_of(self) if self._flat is None else self._flat.device

    @property
    def has_state(self) -> bool:
        """Whether a network carries a state from step to step, see :mod:`maze.agents.network_state`."""
        return self.policy.has_state or (self.critic is not None and self.critic.has_state)

    @property
    def is_finite(self) -> bool:
        """Whether every parameter is a finite number."""
        parameters = self.parameters() if self._flat is None else [self._flat]
        return all(bool(parameter.isfinite().all()) for parameter in parameters)

    @property
    def flat_parameters(self) -> Tensor:
        """All parameters as one contiguous float32 vector [P]; change it in place and the networks change."""
        return self._require(self._flat)

    @property
    def flat_gradient(self) -> Tensor:
        """The gradients of ``flat_parameters`` [P]; ``backward`` adds to them until ``zero_gradients``."""
        return self._require(self._flat_gradient)

    def flatten_parameters_(self) -> Self:
        """Move all parameters and their gradients into one contiguous buffer each, of which they become views.

        Optimisers, gradient clipping, copying and comparing then take a few operations whatever the network. Gradients
        start at zero; reset them with ``zero_gradients``, since setting them to None would cut the views.

        Raises:
            MazeError: where parameters differ in device or are not float32.
        """
        parameters = list(self.parameters())
        kinds = {(parameter.dtype, parameter.device) for parameter in parameters}
        if len(kinds) != 1 or next(iter(kinds))[0] != torch.float32:
            raise MazeError(
                f"Parameters are of the kinds {sorted(map(str, kinds))}; one flat buffer accepts float32 on one "
                "device. Convert the networks with .float() and .to(device)."
            )
        flat = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
        gradient = torch.zeros_like(flat)
        sizes = [parameter.numel() for parameter in parameters]
        for parameter, values, gradients in zip(
            parameters, torch.split(flat, sizes), torch.split(gradient, sizes), strict=True
        ):
            parameter.data = values.view(parameter.shape)
            parameter.grad = gradients.view(parameter.shape) if parameter.requires_grad else None
        flat.grad = gradient
        self._flat, self._flat_gradient = flat, gradient
        return self

    def flat_part(self, module: nn.Module) -> slice:
        """Return where a module's parameters lie in ``flat_parameters``, for algorithms that train parts separately.

        Args:
            module: a part of the model, for example the policy.

        Raises:
            MazeError: the module's parameters do not lie side by side, since another part shares some of them.
        """
        flat = self.flat_parameters
        places = {parameter.data_ptr(): parameter.numel() for parameter in module.parameters()}
        size = sum(places.values())
        start = (min(places, default=flat.data_ptr()) - flat.data_ptr()) // flat.element_size()
        last = max(places, default=flat.data_ptr())
        if places and (last - flat.data_ptr()) // flat.element_size() + places[last] != start + size:
            raise MazeError(
                f"The parameters of {type(module).__name__} do not lie side by side, since another part of the model "
                "shares some of them."
            )
        return slice(start, start + size)

    def zero_gradients(self) -> None:
        """Set all gradients to zero, keeping them views of the flat buffer where there is one."""
        if self._flat_gradient is not None:
            self._flat_gradient.zero_()
        else:
            self.zero_grad(set_to_none=True)

    def tensor(self, value: Array) -> Tensor:
        """Return an array on the model's device, float64 as float32; on the CPU it may share the array's memory."""
        value = np.ascontiguousarray(value)
        if value.dtype == np.float64:
            value = value.astype(FLOAT)
        shared = torch.from_numpy(value) if value.flags.writeable else torch.tensor(value)
        return shared.to(self.device)

    def tensors(self, values: Mapping[str, Array]) -> dict[str, Tensor]:
        """Return arrays by key as tensors by key, see ``tensor``."""
        return {key: self.tensor(value) for key, value in values.items()}

    @torch.no_grad()
    def log_prob(
        self, observation: Mapping[str, Tensor], action: Mapping[str, Tensor], step_key: StepKey = 0
    ) -> Tensor:
        """Return the log probabilities [B] of actions under the policy as it is now, without gradients."""
        return self.policy.distribution(observation, step_key).log_prob(action)

    def snapshot(self) -> StateDict:
        """Return a copy of all weights, cheap enough to keep the best state of every epoch.

        Returns:
            ``parameters``, one after another [P], and ``buffers``, such as running means, by name.
        """
        if self._flat is not None:
            parameters = self._flat.detach().clone()
        else:
            parameters = torch.cat([parameter.detach().reshape(-1) for parameter in self.parameters()])
        buffers = {name: buffer.detach().clone() for name, buffer in self.named_buffers()}
        return {"parameters": parameters, "buffers": buffers}

    def restore(self, snapshot: StateDict) -> None:
        """Put back the weights of a snapshot of the same model, in place.

        Raises:
            ArtifactError: where the snapshot is of a model of another size.
        """
        parameters = list(self.parameters())
        sizes = [parameter.numel() for parameter in parameters]
        saved: Tensor = snapshot["parameters"]
        if saved.shape != (sum(sizes),):
            raise ArtifactError(
                f"The snapshot holds {saved.numel()} parameters; the model has {sum(sizes)}. "
                "Build it with the run's own configuration."
            )
        with torch.no_grad():
            if self._flat is not None:
                self._flat.copy_(saved)
            else:
                for parameter, value in zip(parameters, torch.split(saved, sizes), strict=True):
                    parameter.copy_(value.view(parameter.shape))
            for name, buffer in self.named_buffers():
                buffer.copy_(snapshot["buffers"][name])

    def export_weights(self) -> dict[str, Tensor]:
        """Return copies of all weights by name: on the CPU, contiguous and sharing no memory, as safetensors wants."""
        return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in self.state_dict().items()}

    def import_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Copy weights in by name, in place.

        Raises:
            ArtifactError: where names or shapes differ from the model's; nothing is changed then.
        """
        own = self.state_dict()
        missing = [name for name in own if name not in weights]
        unexpected = [name for name in weights if name not in own]
        if missing:
            raise ArtifactError(
                f"The weights lack {missing[0]!r}; they belong to another model; {suggest(missing[0], weights)}"
            )
        if unexpected:
            raise ArtifactError(
                f"The weights hold {unexpected[0]!r}, which this model does not have; {suggest(unexpected[0], own)}"
            )
        for name, tensor in own.items():
            if tensor.shape != weights[name].shape:
                raise ArtifactError(
                    f"The weights {name!r} have the shape {tuple(weights[name].shape)}; the model expects "
                    f"{tuple(tensor.shape)}. Build the model with the run's own configuration."
                )
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(weights[name])

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles own separate parameters again; call ``flatten_parameters_`` on them where wanted."""
        return {**self.__dict__, "_flat": None, "_flat_gradient": None}

    def _require(self, buffer: Tensor | None) -> Tensor:
        if buffer is None:
            raise MazeError("The parameters do not share one buffer yet; call flatten_parameters_() first.")
        return buffer

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Follow a move to another device, into a new flat buffer where there was one; optimisers must be made anew."""
        was_flat, self._flat, self._flat_gradient = self._flat is not None, None, None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self.flatten_parameters_() if was_flat else self
