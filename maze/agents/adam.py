"""Adam over one flat parameter buffer.

``torch.optim`` loads torch's compiler stack on first use, which takes longer than training CartPole does, and loops
over parameters in Python. Every parameter of an agent lives in one buffer here, so one step is a handful of in-place
operations whatever the network.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from maze.types import StateDict

__all__ = ["Adam"]


class Adam:
    """Adaptive moment estimation, with the global gradient norm clipped first.

    Args:
        parameters: all parameters as one flat tensor, changed in place, [P].
        gradients: their gradients, [P]; read only when not clipped.
        beta1: how much of the running mean of gradients stays in each step, in [0, 1).
        beta2: how much of the running mean of their squares stays in each step, in [0, 1).
        epsilon: added to the root of the second moment.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1.
    """

    def __init__(
        self, parameters: Tensor, gradients: Tensor, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self.parameters = parameters
        self.gradients = gradients
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self._mean = torch.empty_like(parameters)
        self._square = torch.empty_like(parameters)
        self._scratch = torch.empty_like(parameters)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all steps until now, so that the next one is a first step."""
        self.n_steps = 0
        self._mean.zero_()
        self._square.zero_()

    @torch.no_grad()
    def step(self, learning_rate: float, max_grad_norm: float = 0.0) -> Tensor | None:
        """Change the parameters once.

        Args:
            learning_rate: step size, > 0.
            max_grad_norm: scale gradients down to this Euclidean norm where they exceed it; 0 leaves them.

        Returns:
            Euclidean norm of the gradients as they were given, a scalar tensor; None where it was not needed.
        """
        gradients, norm = self.gradients, None
        if max_grad_norm > 0.0:
            norm = torch.linalg.vector_norm(gradients)
            scale = (max_grad_norm / (norm + 1e-6)).clamp_(max=1.0)
            gradients.mul_(scale)
        self.n_steps += 1
        self._mean.lerp_(gradients, 1.0 - self.beta1)
        self._square.mul_(self.beta2).addcmul_(gradients, gradients, value=1.0 - self.beta2)
        bias1 = 1.0 - self.beta1**self.n_steps
        bias2 = math.sqrt(1.0 - self.beta2**self.n_steps)
        torch.sqrt(self._square, out=self._scratch)
        self._scratch.add_(self.epsilon * bias2)
        self.parameters.addcdiv_(self._mean, self._scratch, value=-learning_rate * bias2 / bias1)
        return norm

    def state_dict(self) -> StateDict:
        """Return the moments, each [P], and the number of steps."""
        return {"n_steps": self.n_steps, "mean": self._mean.clone(), "square": self._square.clone()}

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` returned."""
        self.n_steps = int(state["n_steps"])
        self._mean.copy_(state["mean"])
        self._square.copy_(state["square"])
