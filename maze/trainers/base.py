"""What all algorithms share: the configuration's base class and the one epoch loop.

Nothing here imports torch when it is imported, so that configurations can be composed without it.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from pydantic import Field

from maze.config.validation import validate_fields
from maze.errors import InvalidSpecificationError, TrainingError
from maze.types import StateDict

if TYPE_CHECKING:
    from torch import Tensor

    from maze.agents import ActorCritic
    from maze.rollout import Collector, RolloutEvaluator

__all__ = ["AlgorithmConfig", "EpochListener", "EpochReport", "Trainer", "TrainerParts", "TrainingSummary"]


@dataclass(frozen=True, kw_only=True)
class AlgorithmConfig:
    """Fields that every algorithm has; checked when constructed.

    Attributes:
        trainer: dotted path of the trainer class, so that the configuration alone says what trains.
        n_epochs: epochs of one ``train()``; 0 trains until ``patience`` is used up.
        epoch_length: updates in an epoch, after which the policy is evaluated and metrics are written.
        patience: epochs without a better evaluation after which training stops; None never stops early.
        device: torch device of the learner, for example ``cpu`` or ``cuda``.
        rollout_evaluator: ``_target_`` mapping of the evaluator, or an evaluator; None evaluates nothing, and then
            the last state counts as the best.

    Raises:
        InvalidSpecificationError: a value has the wrong type or is out of range, or nothing would ever stop training.
    """

    trainer: ClassVar[str]

    n_epochs: Annotated[int, Field(ge=0)] = 50
    epoch_length: Annotated[int, Field(ge=1)] = 10
    patience: Annotated[int, Field(ge=1)] | None = 10
    device: str = "cpu"
    rollout_evaluator: Any = field(
        default_factory=lambda: {
            "_target_": "maze.rollout.evaluate.RolloutEvaluator",
            "n_episodes": 8,
            "deterministic": True,
        }
    )

    def __post_init__(self) -> None:
        validate_fields(self, path="algorithm")
        if isinstance(self.rollout_evaluator, bool | int | float | str | list | tuple):
            raise InvalidSpecificationError(
                f"algorithm.rollout_evaluator: {self.rollout_evaluator!r} is not accepted; accepted: a mapping "
                "with _target_, an evaluator, or null."
            )
        if self.n_epochs == 0 and (self.patience is None or self.rollout_evaluator is None):
            raise InvalidSpecificationError(
                "algorithm.n_epochs: 0 trains until patience is used up, and without patience and rollout_evaluator "
                "nothing would ever stop training; give n_epochs >= 1, or both of the others."
            )

    @property
    def n_updates(self) -> int:
        """Updates of one ``train()`` when it is not stopped early; 0 when only patience limits it."""
        return self.n_epochs * self.epoch_length


@dataclass(frozen=True, slots=True)
class EpochReport:
    """What is known after an epoch.

    Attributes:
        epoch: epochs since the run began, from 1.
        n_steps: environment steps since the run began.
        metrics: everything measured, by name; the same run gives the same values again.
        train_seconds: seconds spent collecting and learning in this epoch, evaluation apart.
        epoch_steps: environment steps in this epoch.
        is_best: the evaluation was the best so far, or there is none.
    """

    epoch: int
    n_steps: int
    metrics: Mapping[str, float]
    train_seconds: float
    epoch_steps: int
    is_best: bool

    @property
    def steps_per_second(self) -> float:
        """Environment steps per second of collecting and learning."""
        return self.epoch_steps / max(self.train_seconds, 1e-9)


class EpochListener(Protocol):
    """Is told about every epoch, for example to show or to record it."""

    def on_epoch(self, epoch: EpochReport, /) -> None:
        """Take note of a finished epoch."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """How a call of ``train()`` ended.

    Attributes:
        reason: ``n_epochs`` reached, ``patience`` used up, or ``stopped`` from outside.
        n_epochs: epochs of this call.
        n_steps: environment steps since the run began.
        best_epoch: epoch of the best state, 0 when it is the untrained one.
        best_return: mean return of its evaluation; NaN when nothing was evaluated.
    """

    reason: str
    n_epochs: int
    n_steps: int
    best_epoch: int
    best_return: float


@dataclass(frozen=True, slots=True)
class TrainerParts:
    """Collaborators of a trainer, composed elsewhere.

    Attributes:
        model: what is trained.
        collector: source of experience.
        evaluator: measures the policy after each epoch; None measures nothing.
        generator: the learner's own randomness, for example to shuffle minibatches.
    """

    model: ActorCritic
    collector: Collector
    evaluator: RolloutEvaluator | None
    generator: np.random.Generator


ConfigT = TypeVar("ConfigT", bound=AlgorithmConfig)


class Trainer(ABC, Generic[ConfigT]):
    """The epoch loop: update, report, evaluate, keep the best state, stop or go on.

    The state after the last update goes on being trained; ``best_state`` is what an agent should use.
    """

    def __init__(self, config: ConfigT, parts: TrainerParts) -> None:
        self.config = config
        self.model = parts.model
        self.collector = parts.collector
        self.evaluator = parts.evaluator
        self.generator = parts.generator
        self.epoch = 0
        self.n_steps = 0
        self.best_epoch = 0
        self.best_return = -math.inf
        self._improved_epoch = 0
        self.best_state = self._snapshot()

    @abstractmethod
    def update(self) -> Mapping[str, Tensor | float]:
        """Collect experience and learn from it once; return what is worth watching, not yet copied off the device."""

    def train(
        self,
        n_epochs: int | None = None,
        *,
        listeners: Sequence[EpochListener] = (),
        should_stop: Callable[[], bool] = lambda: False,
    ) -> TrainingSummary:
        """Train and return how it ended; calling again continues from the last state.

        Args:
            n_epochs: exactly as many epochs, patience or not; None takes ``n_epochs`` and ``patience`` of the
                configuration.
            listeners: are told about every epoch.
            should_stop: asked after every update; True ends training at once.

        Raises:
            TrainingError: a loss is not a finite number; the best state until then is kept.
        """
        limit, patience = (self.config.n_epochs, self.config.patience) if n_epochs is None else (n_epochs, None)
        first_epoch = self.epoch
        reason = "n_epochs"
        while n_epochs is None or self.epoch - first_epoch < limit:
            report = self._train_epoch(should_stop)
            if report is None:
                reason = "stopped"
                if self.evaluator is None:  # then the last state counts as the best
                    self.best_state = self._snapshot()
                break
            for listener in listeners:
                listener.on_epoch(report)
            if n_epochs is None and self.epoch - first_epoch == limit:
                break
            if patience is not None and self.epoch - max(self._improved_epoch, first_epoch) >= patience:
                reason = "patience"
                break
        return TrainingSummary(reason, self.epoch - first_epoch, self.n_steps, self.best_epoch, self.best_return)

    def _train_epoch(self, should_stop: Callable[[], bool]) -> EpochReport | None:
        started = time.perf_counter()
        steps_before = self.n_steps
        measured: list[Mapping[str, Tensor | float]] = []
        for _ in range(self.config.epoch_length):
            measured.append(self.update())
            self.n_steps += self.collector.n_steps * self.collector.env.n_envs
            if should_stop():
                return None
        seconds = time.perf_counter() - started
        self.epoch += 1
        metrics = self._means(measured)
        is_best = self._evaluate(metrics)
        return EpochReport(self.epoch, self.n_steps, metrics, seconds, self.n_steps - steps_before, is_best)

    def _means(self, measured: Sequence[Mapping[str, Tensor | float]]) -> dict[str, float]:
        """Return the epoch's means; tensors leave the device here, once."""
        metrics: dict[str, float] = {}
        episodes = self.collector.episodes.drain()
        metrics["train/n_episodes"] = float(len(episodes.returns))
        if len(episodes.returns):
            metrics["train/mean_return"] = float(np.mean(episodes.returns))
            metrics["train/mean_length"] = float(np.mean(episodes.lengths))
        for name in measured[0]:
            values = [float(step[name]) for step in measured]
            mean = float(np.mean(values))
            if name.startswith("loss/") and not math.isfinite(mean):
                raise TrainingError(
                    f"{name} is {mean} in epoch {self.epoch}; the best state until then is kept. "
                    "Lower the learning rate, clip gradients (max_grad_norm) or scale the rewards."
                )
            metrics[name] = mean
        return metrics

    def _evaluate(self, metrics: dict[str, float]) -> bool:
        """Measure the policy, keep it if it is the best; on equal returns the one that trained longer is kept."""
        if self.evaluator is None:
            self.best_return, self.best_epoch, self._improved_epoch = math.nan, self.epoch, self.epoch
            self.best_state = self._snapshot()
            return True
        self.evaluator.load_statistics(self.collector.env.statistics_state())
        self.model.eval()
        episodes = self.evaluator.evaluate(self.model.policy)
        self.model.train()
        metrics.update({f"eval/{name}": value for name, value in episodes.statistics.items() if value is not None})
        mean_return = episodes.mean_return
        if mean_return > self.best_return:
            self._improved_epoch = self.epoch
        if mean_return < self.best_return or math.isnan(mean_return):
            return False
        self.best_return, self.best_epoch = mean_return, self.epoch
        self.best_state = self._snapshot()
        return True

    def _snapshot(self) -> StateDict:
        """Return what acting depends on: weights and normalisation statistics."""
        return {"model": self.model.snapshot(), "statistics": self.collector.env.statistics_state()}

    def resume(self, *, epoch: int, n_steps: int, best_epoch: int, best_return: float) -> None:
        """Count on from an earlier session, the best state of which is the model as it is now.

        Args:
            epoch: epochs of the earlier session.
            n_steps: its environment steps.
            best_epoch: epoch of its best state.
            best_return: mean return of that state's evaluation.
        """
        self.epoch, self.n_steps = epoch, n_steps
        self.best_epoch, self.best_return, self._improved_epoch = best_epoch, best_return, best_epoch
        self.best_state = self._snapshot()

    def state_dict(self) -> StateDict:
        """Return everything that further training depends on."""
        return {
            "model": self.model.snapshot(),
            "collector": self.collector.state_dict(),
            "generator": self.generator.bit_generator.state,
            "epoch": self.epoch,
            "n_steps": self.n_steps,
            "best": {
                "epoch": self.best_epoch,
                "improved_epoch": self._improved_epoch,
                "return": self.best_return,
                **self.best_state,
            },
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` returned."""
        self.model.restore(state["model"])
        self.collector.load_state_dict(state["collector"])
        self.generator.bit_generator.state = state["generator"]
        self.epoch = int(state["epoch"])
        self.n_steps = int(state["n_steps"])
        best = state["best"]
        self.best_epoch = int(best["epoch"])
        self._improved_epoch = int(best["improved_epoch"])
        self.best_return = float(best["return"])
        self.best_state = {"model": best["model"], "statistics": best["statistics"]}
