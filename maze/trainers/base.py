"""What all trainers share: the one epoch loop, and the state from which it goes on.

Nothing here imports torch when it is imported, so that configurations can be composed without it.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from maze import statistics
from maze.errors import TrainingError
from maze.trainers.algorithm import AlgorithmConfig, EpochListener, EpochReport, TrainingSummary, state_refused
from maze.trainers.schedules import Schedule
from maze.types import StateDict

if TYPE_CHECKING:
    from torch import Tensor

    from maze.agents import ActorCritic
    from maze.env import VectorEnv
    from maze.rollout import Collector, RolloutEvaluator, Workers
    from maze.seeding import TorchDraws
    from maze.statistics import EpisodeBatch, EventStats

__all__ = ["AlgorithmConfig", "EpochListener", "EpochReport", "Trainer", "TrainerParts", "TrainingSummary"]


@dataclass(frozen=True, slots=True)
class TrainerParts:
    """Collaborators of a trainer, composed elsewhere.

    Attributes:
        model: what is trained.
        collector: source of experience.
        evaluator: measures the policy after each epoch; None measures nothing.
        seeds: one for each environment that training plays with.
        generator: the learner's own randomness, for example to shuffle minibatches.
        make_vector_env: makes further environments, as many as it is told, for algorithms that play whole episodes.
        make_workers: makes the runner's workers, given a function that makes the worker of a number; the function has
            to be picklable by value, and so is ``make_vector_env``.
        draws: the run's stream for networks that draw from torch's global generator; None where no network does.
    """

    model: ActorCritic
    collector: Collector
    evaluator: RolloutEvaluator | None
    seeds: Sequence[int]
    generator: np.random.Generator
    make_vector_env: Callable[[int], VectorEnv]
    make_workers: Callable[[Callable[[int], Any]], Workers]
    draws: TorchDraws | None = None


ConfigT = TypeVar("ConfigT", bound=AlgorithmConfig)

_CALM = "Lower the learning rate, clip gradients (max_grad_norm) or scale the rewards."
"""What helps where learning itself blows numbers up."""


class Trainer(ABC, Generic[ConfigT]):
    """The epoch loop: update, report, evaluate, keep the best state, stop or go on.

    The state after the last update goes on being trained; ``best_state`` is what an agent should use. Training that is
    stopped in the middle of an epoch goes on there; an epoch that an error broke off is trained again from its start.

    Args:
        config: settings of the algorithm.
        parts: collaborators.

    Raises:
        InvalidSpecificationError: a network carries a state from step to step, and the algorithm cannot train that.
    """

    def __init__(self, config: ConfigT, parts: TrainerParts) -> None:
        _refuse_state(config, parts.model)
        self.config = config
        self.model = parts.model
        self.collector = parts.collector
        self.evaluator = parts.evaluator
        self.generator = parts.generator
        self.draws = parts.draws
        self.event_statistics = statistics.EpochStatistics()
        self.epoch = 0
        self.n_steps = 0
        self.best_epoch = 0
        self.best_return = -math.inf
        self._improved_epoch = 0
        self._measured: list[Mapping[str, Tensor | float]] = []  # by the updates of the epoch that is going on
        self._unfinished: int | None = None  # epoch at which a train() of the configured length began that was stopped
        self._epoch_start: StateDict | None = None  # while an epoch goes on, and after it broke off
        self.best_state = self._snapshot()

    @abstractmethod
    def update(self) -> Mapping[str, Tensor | float]:
        """Collect experience and learn from it once; return what is worth watching, not yet copied off the device."""

    def steps_of_update(self) -> int:
        """Return how many environment steps the last update took."""
        return self.collector.n_steps * self.collector.env.n_envs

    def drain_episodes(self) -> EpisodeBatch:
        """Return, and forget, the training episodes that ended since the last call."""
        return self.collector.episodes.drain()

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what training environments tell of their events since the last call."""
        return self.collector.env.drain_event_stats()

    def begins_anew(self, state: StateDict) -> bool:
        """Tell whether a state lacks environments that training goes on with, so that they begin new episodes."""
        collector = state["collector"]
        return bool(collector["started"]) and self.collector.env.begins_anew(collector["env"])

    def close(self) -> None:
        """Close everything that training holds open, the evaluator apart."""
        self.collector.env.close()

    @property
    def progress(self) -> float:
        """Share of the configured updates that are done, in [0, 1]; 0 where only patience ends training."""
        n_done = self.epoch * self.config.epoch_length + len(self._measured)
        return min(n_done / self.config.n_updates, 1.0) if self.config.n_updates else 0.0

    def present(self, setting: float | Schedule) -> float:
        """Return the present value of a setting that may follow a schedule."""
        return setting.at(self.progress) if isinstance(setting, Schedule) else setting

    @property
    def learns_no_more(self) -> bool:
        """Whether the learning rate's schedule has ended at 0, so that updates change nothing."""
        rate = getattr(self.config, "lr", None)
        return isinstance(rate, Schedule) and rate.end == 0.0 and self.progress >= rate.until

    @property
    def first_epoch_that_counts(self) -> int:
        """Epochs after which patience begins."""
        return 0

    def begin_epoch(self) -> None:
        """Do what is due before an epoch's first update; doing it once more, after an error, changes nothing."""

    @property
    def compares_states(self) -> bool:
        """Whether something says which state is the best; otherwise it is the last one."""
        return self.evaluator is not None

    def train(
        self,
        n_epochs: int | None = None,
        *,
        listeners: Sequence[EpochListener] = (),
        should_stop: Callable[[], bool] = lambda: False,
    ) -> TrainingSummary:
        """Train and return how it ended; calling again continues from the last state.

        Args:
            n_epochs: exactly as many epochs, patience or not, where one that was stopped halfway counts when it is
                complete. None takes ``n_epochs`` and ``patience`` of the configuration, or what is left of them where
                such a call was stopped before.
            listeners: are told about every epoch.
            should_stop: asked after every update; True ends training at once.

        Raises:
            TrainingError: a loss or a weight is not a finite number; the best state until then is kept.
        """
        if self._epoch_start is not None:  # an error broke the last epoch off
            self.load_state_dict(self._epoch_start)
        began, first_epoch = self.epoch, self._first_epoch(n_epochs)
        limit, patience = self.n_epochs_ahead(n_epochs), None if n_epochs is not None else self.config.patience
        self._unfinished = first_epoch if n_epochs is None else None
        reason = ""
        while not reason:
            if limit is not None and self.epoch - began >= limit:
                reason = "n_epochs"
            elif (
                patience is not None
                and self.epoch - max(self._improved_epoch, first_epoch, self.first_epoch_that_counts) >= patience
            ):
                reason = "patience"
            else:
                report = self._train_epoch(should_stop)
                if report is None:
                    reason = "stopped"
                else:
                    for listener in listeners:
                        listener.on_epoch(report)
        if reason != "stopped":
            self._unfinished = None
        elif not self.compares_states and self.model.is_finite:  # then the last state counts as the best
            self.best_state = self._snapshot()
        return TrainingSummary(reason, self.epoch - began, self.n_steps, self.best_epoch, self.best_return)

    def n_epochs_ahead(self, n_epochs: int | None = None) -> int | None:
        """Return how many epochs ``train(n_epochs)`` would train now at most; None where only patience ends it."""
        if n_epochs is not None:
            return n_epochs
        return self._first_epoch(None) + self.config.n_epochs - self.epoch if self.config.n_epochs else None

    def _first_epoch(self, n_epochs: int | None) -> int:
        """Return the epoch at which ``train(n_epochs)`` begins to count."""
        return self.epoch if n_epochs is not None or self._unfinished is None else self._unfinished

    def _train_epoch(self, should_stop: Callable[[], bool]) -> EpochReport | None:
        self._epoch_start = self.epoch_start()
        started = time.perf_counter()
        steps_before = self.n_steps
        if not self._measured:
            self.begin_epoch()
        while len(self._measured) < self.config.epoch_length:
            with self.draws.flowing() if self.draws is not None else nullcontext():
                self._measured.append(self.update())
            self.n_steps += self.steps_of_update()
            if should_stop():
                self._epoch_start = None
                return None
        seconds = time.perf_counter() - started
        self.epoch += 1
        metrics = self._means(self._measured)
        self._require_finite_weights()
        self._measured = []
        plots = {f"train/{name}": plot for name, plot in self.event_statistics.plots.items()}
        is_best = self._evaluate(metrics, plots)
        self._epoch_start = None
        spread = {f"train/{name}": value for name, value in self.event_statistics.distributions.items()}
        n_steps = self.n_steps - steps_before
        return EpochReport(self.epoch, self.n_steps, metrics, seconds, n_steps, is_best, spread, plots)

    def _means(self, measured: Sequence[Mapping[str, Tensor | float]]) -> dict[str, float]:
        """Return the epoch's means; tensors leave the device here, once."""
        metrics: dict[str, float] = {}
        episodes = self.drain_episodes()
        numbers = statistics.summarise_episodes(episodes.returns, episodes.lengths)
        metrics.update({f"train/{name}": float(value) for name, value in numbers.items() if not math.isnan(value)})
        told = self.event_statistics.reduce(self.drain_event_stats())
        metrics.update({f"train/{name}": value for name, value in told.items()})
        for name in measured[0]:
            values = [float(step[name]) for step in measured]
            mean = float(np.mean(values))
            if name.startswith("loss/") and not math.isfinite(mean):
                raise self._broke_down(f"{name} is {mean}", episodes)
            metrics[name] = mean
        return metrics

    def not_finite(self) -> list[str]:
        """Name what of the experience at hand is not a finite number somewhere, such as ``["rewards"]``."""
        return self.collector.not_finite()

    def _broke_down(self, what: str, episodes: EpisodeBatch) -> TrainingError:
        """Return the error for a loss that is not a number, with the reason as far as it can be seen."""
        found = self.not_finite()
        if not found and not np.isfinite(episodes.returns).all():
            found = ["rewards"]
        remedy = _CALM
        if found:
            remedy = (
                f"Not finite (nan or infinite) were the environment's {' and '.join(found)}: mend these, in the "
                "environment or in its wrappers. Where they follow from actions that are too large, bound the actions."
            )
        return TrainingError(f"{what} in epoch {self.epoch}; the best state until then is kept. {remedy}")

    def _require_finite_weights(self) -> None:
        """Refuse what the last update may have made: losses are measured before a step."""
        if not self.model.is_finite:
            raise TrainingError(
                f"Weights are no finite numbers after epoch {self.epoch}; the best state until then is kept. {_CALM}"
            )

    def _evaluate(self, metrics: dict[str, float], plots: dict[str, statistics.Plot]) -> bool:
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
        told = getattr(episodes, "plots", {})  # an evaluator of one's own may know of none
        plots.update({f"eval/{name}": plot for name, plot in told.items()})
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

    def whole_state(self) -> StateDict:
        """Return the state from which training goes on: the present one, or the one before an epoch that broke off.

        An error, or a second Ctrl-C, can come in the middle of an update. What that leaves is no state of training.
        The state is made to be written: large arrays are the trainer's own, which training changes.
        """
        return self.whole(self.epoch_start() if self._epoch_start is None else self._epoch_start)

    def epoch_start(self) -> StateDict:
        """Return the state before an epoch, for `load_state_dict` in this trainer and for `whole`.

        It is kept while the epoch goes on; algorithms with a large state override it and say where that was instead.
        """
        return self.state_dict()

    def whole(self, epoch_start: StateDict) -> StateDict:
        """Return what :meth:`state_dict` would have returned when `epoch_start` was called, for a file."""
        return epoch_start

    def state_dict(self) -> StateDict:
        """Return everything that further training depends on; between updates, that is exact."""
        evaluator_state = getattr(self.evaluator, "own_state", None)
        return {
            "model": self.model.snapshot(),
            "policy_generator": self.model.policy.generator.bit_generator.state,
            "collector": self.collector.state_dict(),
            "generator": self.generator.bit_generator.state,
            "draws": self.draws.state if self.draws is not None else None,
            "evaluator": evaluator_state() if evaluator_state is not None else None,
            "epoch": self.epoch,
            "n_steps": self.n_steps,
            "unfinished": self._unfinished,
            "event_statistics": self.event_statistics.state_dict(),
            "measured": [{name: float(value) for name, value in update.items()} for update in self._measured],
            "best": {
                "epoch": self.best_epoch,
                "improved_epoch": self._improved_epoch,
                "return": self.best_return,
                **self.best_state,
            },
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` returned, be it in another process."""
        self._epoch_start = None
        self.model.restore(state["model"])
        self.model.policy.generator.bit_generator.state = state["policy_generator"]
        self.collector.load_state_dict(state["collector"])
        self.generator.bit_generator.state = state["generator"]
        if self.draws is not None and state["draws"] is not None:
            self.draws.state = state["draws"]
        if state["evaluator"] is not None and self.evaluator is not None:
            self.evaluator.load_own_state(state["evaluator"])
        self.epoch, self.n_steps = int(state["epoch"]), int(state["n_steps"])
        self._unfinished = state["unfinished"]
        self.event_statistics.load_state_dict(state["event_statistics"])
        self._measured, best = [dict(update) for update in state["measured"]], state["best"]
        self.best_epoch, self.best_return = int(best["epoch"]), float(best["return"])
        self._improved_epoch = int(best["improved_epoch"])
        self.best_state = {"model": best["model"], "statistics": best["statistics"]}


def _refuse_state(config: AlgorithmConfig, model: ActorCritic) -> None:
    """Refuse networks that carry a state where the algorithm learns from single steps."""
    if model.has_state and not config.trains_state:
        raise state_refused(type(config))
