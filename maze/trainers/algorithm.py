"""What every algorithm is told and what it tells: the configuration's base class, and reports of its progress.

Nothing here imports torch when it is imported, so that configurations can be composed without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field

from maze.config.validation import ExplainedKeywords, validate_fields, validate_plain
from maze.errors import InvalidSpecificationError
from maze.trainers.schedules import Schedule

if TYPE_CHECKING:
    from maze.statistics import Distribution, Plot

__all__ = ["AlgorithmConfig", "EpochListener", "EpochReport", "TrainingSummary", "state_refused"]


def state_refused(algorithm: type[Any]) -> InvalidSpecificationError:
    """Return the error for networks with state where an algorithm learns from single steps.

    Args:
        algorithm: the class of its configuration.
    """
    return InvalidSpecificationError(
        f"model: its networks carry a state from step to step, and {algorithm.__name__} learns from steps out of their "
        "order. Train with algorithm='ppo' or 'a2c', or give the networks stacked observations: "
        "model='vector_obs_rnn' with wrappers='vector_obs_rnn'."
    )


@dataclass(frozen=True, kw_only=True)
class AlgorithmConfig(ExplainedKeywords):
    """Fields that every algorithm has; checked when constructed.

    Attributes:
        trainer: dotted path of the trainer class, so that the configuration alone says what trains and loads no torch;
            the class itself where it cannot be imported, as in a script or notebook.
        required: fields that null, their default, is no value for, and what a message says to give; for what nobody
            can know beforehand, such as the place of data.
        needs_critic: whether the model has to have a critic, so that one without is refused before anything is made.
        has_actors: whether actors play, each with a share of the environments, so that those of the trainer's own
            collector only hold the normalisation statistics; there is one of them then.
        critic_values: what the critic gives a value to, ``states`` or ``actions``; one that was chosen and is of the
            other kind is refused, and where none was chosen, one of this kind is taken.
        trains_state: whether it can train networks that carry a state from step to step; others are refused.
        n_epochs: epochs of one ``train()``; 0 trains until ``patience`` is used up.
        epoch_length: updates in an epoch, after which the policy is evaluated and metrics are written.
        patience: epochs without a better evaluation after which training stops; None never stops early.
        device: torch device of the learner, for example ``cpu`` or ``cuda``.
        rollout_evaluator: ``_target_`` mapping of the evaluator, or an evaluator; None evaluates nothing, and then
            the last state counts as the best.

    Raises:
        InvalidSpecificationError: a value has the wrong type or is out of range, or nothing would ever stop training.
    """

    trainer: ClassVar[str | type[Any]]
    required: ClassVar[Mapping[str, str]] = MappingProxyType({})
    needs_critic: ClassVar[bool] = False
    has_actors: ClassVar[bool] = False
    critic_values: ClassVar[Literal["states", "actions"]] = "states"
    trains_state: ClassVar[bool] = False

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
        for name, schedule in self.schedules.items():
            self._check_schedule(name, schedule)

    @property
    def schedules(self) -> dict[str, Schedule]:
        """The fields that follow a schedule."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Schedule)}

    def _check_schedule(self, name: str, schedule: Schedule) -> None:
        """Refuse what never ends, and values that the field refuses as a number; 0 is accepted at one of the ends."""
        if self.n_epochs == 0:
            raise InvalidSpecificationError(
                f"algorithm.{name}: a schedule needs to know how long training takes, and algorithm.n_epochs "
                "is 0; give n_epochs >= 1, or a number instead of the schedule."
            )
        for end, value in {"start": schedule.start, "end": schedule.end}.items():
            if value or schedule.start == schedule.end:
                validate_plain(type(self), name, value, f"algorithm.{name}.{end}")

    @property
    def repeatable(self) -> bool:
        """Whether training with the same seed gives the same bits; the record of a run says so where it does not."""
        return True

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
        distributions: how values were spread in this epoch, by name, of what is watched so.
        plots: figures of this epoch that events declare, not drawn yet, by name.
    """

    epoch: int
    n_steps: int
    metrics: Mapping[str, float]
    train_seconds: float
    epoch_steps: int
    is_best: bool
    distributions: Mapping[str, Distribution] = field(default_factory=dict)
    plots: Mapping[str, Plot] = field(default_factory=dict)

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
