"""Behavioural cloning (BC): learn to act as recorded demonstrations do.

Objective: ``E[log pi(a|s)] + c_e * H(pi)`` over the demonstrated observations s and actions a, maximised by gradient
steps on shuffled minibatches; the log probabilities of several action heads add up. No environment is stepped, but for
evaluating the policy after each epoch.

Source: Pomerleau, Efficient Training of Artificial Neural Networks for Autonomous Navigation, 1991.
Deviations: maximum likelihood under the policy's own distributions instead of a squared error, and some episodes are
kept apart for validation.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from maze import agents, functional, rollout
from maze.errors import ArtifactError, InvalidSpecificationError
from maze.trainers.algorithm import AlgorithmConfig
from maze.trainers.base import Trainer, TrainerParts
from maze.trainers.schedules import Schedule
from maze.types import StateDict

if TYPE_CHECKING:
    from torch import Tensor

    from maze.rollout import TrajectoryDataset
    from maze.statistics import Plot

__all__ = ["BC", "BCAlgorithmConfig"]

_VALIDATION_ROWS = 4096
"""Steps that are validated at once."""
_REMEDY = (
    "give the directory of a run, or of its rollout, whose steps were recorded: record some with "
    "rollout(record_trajectory=True), then algorithm.demonstrations=RUN/rollout."
)


@dataclass(frozen=True, kw_only=True)
class BCAlgorithmConfig(AlgorithmConfig):
    """Settings of behavioural cloning; the other fields are explained in :class:`AlgorithmConfig`.

    An update goes through all demonstrations once, and environment steps, of which there are none, are counted in
    demonstrated steps that were learned from. Without an evaluator the state with the smallest validation loss is the
    best, and ``patience`` counts epochs without a smaller one.

    Attributes:
        demonstrations: what to learn from, as :func:`maze.rollout.load_trajectories` understands it: directory of a run
            or of a rollout whose steps were recorded, or a list of them.
        validation_percentage: episodes that are not learned from but measured after each epoch, in percent; 0 for none.
        batch_size: steps of a minibatch; the last one of an update holds what is left.
        lr: learning rate of Adam; a number or a :class:`Schedule`.
        entropy_coef: weight of the entropy bonus, which keeps the policy from being too sure; a number or a schedule.
        max_grad_norm: largest Euclidean norm of the gradient; 0 does not clip.
    """

    trainer: ClassVar[str] = "maze.trainers.bc.BC"
    required: ClassVar[Mapping[str, str]] = MappingProxyType({"demonstrations": _REMEDY})

    n_epochs: Annotated[int, Field(ge=0)] = 100
    epoch_length: Annotated[int, Field(ge=1)] = 1
    patience: Annotated[int, Field(ge=1)] | None = 20
    demonstrations: str | Path | tuple[str | Path, ...] | None = None
    validation_percentage: Annotated[float, Field(ge=0.0, lt=100.0)] = 20.0
    batch_size: Annotated[int, Field(ge=1)] = 100
    lr: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | Schedule = 0.001
    entropy_coef: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | Schedule = 0.0
    max_grad_norm: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.demonstrations
        if given is not None:
            texts = str(given) if isinstance(given, str | Path) else tuple(str(place) for place in given)
            object.__setattr__(self, "demonstrations", texts)


class BC(Trainer[BCAlgorithmConfig]):
    """Passes over demonstrations, and validation on episodes that were kept apart.

    Raises:
        ArtifactError: there are no demonstrations, or their files are damaged.
        InvalidSpecificationError: they are not of this environment with these wrappers, or too few to be split.
    """

    def __init__(self, config: BCAlgorithmConfig, parts: TrainerParts) -> None:
        if config.demonstrations is None:
            raise InvalidSpecificationError(f"algorithm.demonstrations: null is not accepted; {_REMEDY}")
        env = parts.collector.env
        dataset = rollout.load_trajectories(config.demonstrations).fitted(env.observation_space, env.action_space)
        dataset.require_statistics_of(env.statistics_state())
        env.load_statistics(dataset.statistics)  # the policy acts on what it has learned from
        super().__init__(config, parts)
        self.optimizer = agents.Adam(parts.model.flat_parameters, parts.model.flat_gradient)
        self.best_validation_loss = math.inf
        self._identity = _digest(dataset)
        n_validation = _n_validation(config.validation_percentage, dataset.n_episodes)
        order = parts.generator.permutation(dataset.n_episodes)  # whole episodes: steps of one are much alike
        kept, held_out = np.sort(order[n_validation:]), np.sort(order[:n_validation])
        self.n_rows = int(dataset.lengths[kept].sum())
        self._training = self._as_batch(dataset.select(kept))
        self._validation = self._as_batch(dataset.select(held_out)) if n_validation else {}

    def update(self) -> Mapping[str, Tensor | float]:
        """Go through the demonstrations once, in shuffled minibatches; losses are means over all of them."""
        permutation = self.model.tensor(self.generator.permutation(self.n_rows))
        sums: dict[str, Tensor | float] = {}
        n_left = self.n_rows
        for minibatch in functional.minibatches(self._training, permutation, self.config.batch_size):
            loss, measured = self.loss(minibatch)
            self.step(loss)
            n_rows = min(self.config.batch_size, n_left)
            n_left -= n_rows
            sums = {name: sums.get(name, 0.0) + value * (n_rows / self.n_rows) for name, value in measured.items()}
        return sums

    def steps_of_update(self) -> int:
        """Return how many demonstrated steps the last update learned from."""
        return self.n_rows

    def loss(self, minibatch: Mapping[str, Tensor]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Return the loss of one minibatch and what is worth watching."""
        distribution = self.model.policy.distribution(_part(minibatch, "observation/"))
        policy_loss = -distribution.log_prob(_part(minibatch, "action/")).mean()
        entropy = distribution.entropy().mean()
        loss = policy_loss - self.present(self.config.entropy_coef) * entropy
        return loss, {"loss/policy": policy_loss.detach(), "policy/entropy": entropy.detach()}

    def step(self, loss: Tensor) -> None:
        """Change the parameters once, down the gradient of a loss."""
        self.model.zero_gradients()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step(self.present(self.config.lr), self.config.max_grad_norm)

    def validate(self) -> dict[str, float]:
        """Return how well the policy predicts the episodes that were kept apart; nothing where there are none.

        Returns:
            ``validation/loss``, the mean negative log likelihood; ``validation/accuracy``, the share of discrete
            choices that its most likely action hits; ``validation/mean_squared_error`` of its most likely action where
            actions are continuous. The latter two by head (``..._<head>``) where there are several.
        """
        import torch  # noqa: PLC0415  (composing a configuration must not load it)

        if not self._validation:
            return {}
        self.model.eval()
        sums: defaultdict[str, float] = defaultdict(float)
        n_rows = len(next(iter(self._validation.values())))
        with torch.no_grad():
            for start in range(0, n_rows, _VALIDATION_ROWS):
                rows = {name: values[start : start + _VALIDATION_ROWS] for name, values in self._validation.items()}
                action = _part(rows, "action/")
                distribution = self.model.policy.distribution(_part(rows, "observation/"))
                sums["validation/loss"] -= float(distribution.log_prob(action).sum(dtype=torch.float64))
                for head, likely in distribution.mode().items():
                    name, errors = _errors(likely, action[head])
                    name = f"validation/{name}" if len(action) == 1 else f"validation/{name}_{head}"
                    sums[name] += float(errors.sum(dtype=torch.float64)) / max(1, math.prod(errors.shape[1:]))
        self.model.train()
        return {name: total / n_rows for name, total in sums.items()}

    @property
    def compares_states(self) -> bool:
        """Whether something says which state is the best: an evaluator or, without one, the validation loss."""
        return super().compares_states or bool(self._validation)

    def _evaluate(self, metrics: dict[str, float], plots: dict[str, Plot]) -> bool:
        """Measure the policy on both, and keep it if it is the best."""
        metrics.update(self.validate())
        if self.evaluator is not None or not self._validation:
            return super()._evaluate(metrics, plots)
        loss = metrics["validation/loss"]
        if not loss < self.best_validation_loss:
            return False
        self.best_validation_loss, self.best_return = loss, math.nan
        self.best_epoch = self._improved_epoch = self.epoch
        self.best_state = self._snapshot()
        return True

    def state_dict(self) -> StateDict:
        """Return everything that further training depends on."""
        return {
            **super().state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best_validation_loss": self.best_validation_loss,
            "demonstrations": self._identity,
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` returned.

        Raises:
            ArtifactError: the demonstrations are others than those that were learned from.
        """
        if state["demonstrations"] != self._identity:
            raise ArtifactError(
                f"the demonstrations in {self.config.demonstrations!r} are others than those that were learned from; "
                "restore them"
            )
        super().load_state_dict(state)
        self.optimizer.load_state_dict(state["optimizer"])
        self.best_validation_loss = float(state["best_validation_loss"])

    def _as_batch(self, dataset: TrajectoryDataset) -> dict[str, Tensor]:
        """Return observations and actions of a dataset on the model's device."""
        return {
            **{f"observation/{key}": self.model.tensor(values) for key, values in dataset.observation.items()},
            **{f"action/{head}": self.model.tensor(values) for head, values in dataset.action.items()},
        }


def _n_validation(percentage: float, n_episodes: int) -> int:
    """Return how many episodes are kept apart: at least one where any are asked for, and never all."""
    if percentage == 0.0:
        return 0
    if n_episodes < 2:
        raise InvalidSpecificationError(
            f"algorithm.validation_percentage: {percentage:g} is not accepted, since the demonstrations are one "
            "episode, which cannot be split; give 0, or record more episodes."
        )
    return min(max(1, round(n_episodes * percentage / 100.0)), n_episodes - 1)


def _errors(likely: Tensor, action: Tensor) -> tuple[str, Tensor]:
    """Return what is measured of a head's most likely actions, and its values [B, *action_shape]."""
    if action.is_floating_point():
        return "mean_squared_error", (likely - action).square()
    return "accuracy", likely == action


def _digest(dataset: TrajectoryDataset) -> str:
    """Return what tells the demonstrations from others: a hash of all actions, rewards and ends."""
    digest = hashlib.sha256()
    for values in (*dataset.action.values(), dataset.reward, dataset.terminated, dataset.starts):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _part(rows: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): values for name, values in rows.items() if name.startswith(prefix)}
