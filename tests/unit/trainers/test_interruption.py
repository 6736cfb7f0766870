"""Training that was interrupted, wherever that happened, ends as training that was not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from maze.errors import TrainingError
from maze.runner import AgentRunner
from maze.trainers import IMPALA, EpochReport, Trainer
from tests.scripted import counting, tiny_context
from tests.unit.trainers.test_base import BOTH, same, trainer_of, written


class Reports:
    """Keeps what every epoch reported."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, dict[str, float]]] = []

    def on_epoch(self, epoch: EpochReport) -> None:
        self.seen.append((epoch.epoch, epoch.n_steps, dict(epoch.metrics)))


def after(n_calls: int) -> Callable[[], bool]:
    """Return a function that says True from its n-th call on."""
    calls = iter(range(1, 10_000))
    return lambda: next(calls) >= n_calls


@BOTH
@pytest.mark.parametrize("n_updates", [1, 3, 4, 5])  # an epoch has three
def test_stopping_anywhere_and_going_on_changes_nothing(algorithm: str, n_updates: int, tmp_path: Path) -> None:
    whole, broken = (trainer_of(tmp_path, algorithm=algorithm, wrappers="vector_obs") for _ in range(2))
    expected, given = Reports(), Reports()
    whole.train(3, listeners=[expected])
    stopped = broken.train(3, listeners=[given], should_stop=after(n_updates))
    assert (stopped.reason, stopped.n_epochs) == ("stopped", (n_updates - 1) // 3)
    assert broken.epoch == (n_updates - 1) // 3
    assert broken.n_steps == n_updates * 8 * 2
    fresh = trainer_of(tmp_path, algorithm=algorithm, wrappers="vector_obs")
    fresh.load_state_dict(broken.state_dict())
    for trainer in (broken, fresh):
        reports = Reports()
        trainer.train(3 - broken.epoch if trainer is broken else 3 - stopped.n_epochs, listeners=[reports])
        assert given.seen + reports.seen == expected.seen
        assert same(trainer.state_dict(), whole.state_dict())


def test_the_configured_number_of_epochs_is_finished_after_an_interruption(tmp_path: Path) -> None:
    values = {"algorithm.n_epochs": 4}
    trainer = trainer_of(tmp_path, values)
    assert trainer.train(should_stop=after(5)).reason == "stopped"
    resumed = trainer_of(tmp_path, values)
    resumed.load_state_dict(trainer.state_dict())
    assert resumed.n_epochs_ahead() == 3
    summary = resumed.train()
    assert (summary.reason, summary.n_epochs, resumed.epoch) == ("n_epochs", 3, 4)
    assert resumed.n_epochs_ahead() == 4
    assert resumed.train().n_epochs == 4  # nothing was left over: a call of its own


def test_patience_counts_on_over_an_interruption(tmp_path: Path) -> None:
    def scripted() -> Trainer[Any]:
        trainer = trainer_of(tmp_path, {"algorithm.n_epochs": 50, "algorithm.patience": 3})
        returns = iter([5.0, 1.0, 1.0, 1.0, 1.0, 1.0])
        evaluation = lambda policy: SimpleNamespace(mean_return=next(returns), statistics={})  # noqa: E731
        trainer.evaluator = SimpleNamespace(load_statistics=lambda state: None, evaluate=evaluation)  # type: ignore[assignment]
        return trainer

    whole, broken = scripted(), scripted()
    assert (whole.train().reason, whole.epoch) == ("patience", 4)
    broken.train(should_stop=after(8))
    assert broken.epoch == 2
    assert (broken.train().reason, broken.epoch) == ("patience", 4)


class Faulty:
    """Lets an update fail halfway: experience was collected and nothing learned from it."""

    def __init__(self, trainer: Trainer[Any], at: int) -> None:
        self.left = at
        owner: Any = trainer if isinstance(trainer, IMPALA) else trainer.collector
        self.collect, owner.collect = owner.collect, self

    def __call__(self) -> Any:
        rollout = self.collect()
        self.left -= 1
        if self.left == 0:
            raise ConnectionError("the simulator is gone")
        return rollout


@BOTH
@pytest.mark.parametrize("at", [1, 5])
def test_an_epoch_that_an_error_broke_off_is_trained_again(algorithm: str, at: int, tmp_path: Path) -> None:
    whole, broken = (trainer_of(tmp_path, algorithm=algorithm, wrappers="vector_obs") for _ in range(2))
    expected, given = Reports(), Reports()
    whole.train(3, listeners=[expected])
    Faulty(broken, at)
    with pytest.raises(ConnectionError):
        broken.train(3, listeners=[given])
    state = written(broken, tmp_path)
    assert state["epoch"] == len(given.seen) == (at - 1) // 3
    fresh = trainer_of(tmp_path, algorithm=algorithm, wrappers="vector_obs")
    fresh.load_state_dict(state)
    for trainer in (fresh, broken):
        reports = Reports()
        trainer.train(3 - len(given.seen), listeners=[reports])
        assert given.seen + reports.seen == expected.seen
        assert same(trainer.state_dict(), whole.state_dict())


def test_a_listener_that_fails_loses_no_epoch(tmp_path: Path) -> None:
    def fail(epoch: EpochReport) -> None:
        raise OSError("no space left")

    trainer = trainer_of(tmp_path)
    with pytest.raises(OSError, match="no space"):
        trainer.train(2, listeners=[SimpleNamespace(on_epoch=fail)])
    assert trainer.whole_state()["epoch"] == trainer.epoch == 1
    assert trainer.train(1).n_epochs == 1


def test_weights_that_are_no_numbers_are_no_state_of_training(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", env=lambda: counting([4], nan_after=30))
    with pytest.raises(TrainingError):
        rc.train()
    state = rc.trainer.whole_state()
    assert state["epoch"] == 1
    assert np.isfinite(state["model"]["parameters"].numpy()).all()


def test_evaluations_go_on_where_they_were(tmp_path: Path) -> None:
    """The environment's episodes depend on how many there were before, those of evaluations, too."""

    def fresh() -> Trainer[Any]:
        rc = tiny_context(tmp_path / "unused", env=lambda: counting([2, 3, 5, 7, 11, 13]))
        return AgentRunner(rc.config, {"env": lambda: counting([2, 3, 5, 7, 11, 13])}).trainer

    whole, half = fresh(), fresh()
    expected, given, resumed = Reports(), Reports(), Reports()
    whole.train(4, listeners=[expected])
    half.train(2, listeners=[given])
    other = fresh()
    other.load_state_dict(half.state_dict())
    other.train(2, listeners=[resumed])
    lengths = [metrics["eval/mean_length"] for _, _, metrics in expected.seen]
    assert len(set(lengths)) > 1
    assert given.seen + resumed.seen == expected.seen
