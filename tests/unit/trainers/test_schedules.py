"""Schedules: values worked out by hand, and their place in a configuration."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from maze import InvalidSpecificationError, PPOAlgorithmConfig, RunContext
from maze.trainers import Schedule
from tests.scripted import tiny_context


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Schedule(start=1.0), [1.0, 0.75, 0.5, 0.0]),
        (Schedule(start=1.0, end=3.0), [1.0, 1.5, 2.0, 3.0]),
        (Schedule(start=1.0, until=0.5), [1.0, 0.5, 0.0, 0.0]),
        (Schedule(start=2.0, kind="cosine"), [2.0, 1.0 + 2.0**-0.5, 1.0, 0.0]),
        (Schedule(start=16.0, end=1.0, kind="exponential"), [16.0, 8.0, 4.0, 1.0]),
    ],
)
def test_values_at_a_quarter_half_and_the_end(schedule: Schedule, values: list[float]) -> None:
    assert [schedule.at(progress) for progress in (0.0, 0.25, 0.5, 1.0)] == pytest.approx(values)


def test_a_mapping_stands_for_a_schedule() -> None:
    config = PPOAlgorithmConfig(lr={"start": 0.01, "end": 0.001}, clip_range={"start": 0.2})  # type: ignore[arg-type]
    assert config.lr == Schedule(start=0.01, end=0.001)
    assert config.clip_range == Schedule(start=0.2)


@pytest.mark.parametrize(
    ("lr", "message"),
    [
        ({"begin": 1.0}, r"^algorithm\.lr\.begin: no such key of Schedule"),
        ({"end": 1.0}, r"^algorithm\.lr\.start: missing"),
        ({"start": "high"}, r"^algorithm\.lr: schedule\.start: 'high' is not accepted"),
        ({"start": 1.0, "kind": "square"}, r"schedule\.kind: 'square' .*'linear' or 'cosine' or 'exponential'"),
        ({"start": 1.0, "kind": "exponential"}, r"exponential needs start and end > 0"),
        ({}, r"^algorithm\.lr: \{\} .*accepted: number > 0 or mapping with start, end, kind, until"),
        ({"start": 0.0}, r"^algorithm\.lr\.start: 0\.0 is not accepted; accepted: number > 0\."),
        ([1.0], r"^algorithm\.lr: \[1\.0\] .*accepted: number > 0 or mapping with start, end, kind, until"),
    ],
)
def test_what_is_no_schedule_is_refused_by_name(lr: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        PPOAlgorithmConfig(lr=lr)


@pytest.mark.parametrize("end", ["start", "end"])
def test_values_that_the_field_refuses_are_refused_in_its_schedule(end: str) -> None:
    schedule = {"start": 0.2, "end": 0.1, end: 1000}
    message = rf"^algorithm\.clip_range\.{end}: 1000\.0 is not accepted; accepted: number > 0 and <= 10\.$"
    with pytest.raises(InvalidSpecificationError, match=message):
        PPOAlgorithmConfig(clip_range=schedule)  # type: ignore[arg-type]


def test_one_end_of_a_schedule_may_be_zero_and_both_where_zero_is_a_value() -> None:
    warm_up, off = Schedule(start=0.0, end=0.001), Schedule(start=0.0, end=0.0)
    config = PPOAlgorithmConfig(lr=warm_up, entropy_coef=off)
    assert (config.lr, config.entropy_coef) == (warm_up, off)


def test_training_on_after_the_learning_rate_ended_at_zero_warns_once(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", {"algorithm.lr": {"start": 0.01, "end": 0.0}}, silent=False)
    rc.train()
    before = rc.trainer.model.snapshot()["parameters"]
    with pytest.warns(UserWarning, match=r"^algorithm\.lr: its schedule has ended at 0.*give it an end > 0"):
        rc.train(1)
    assert torch.equal(rc.trainer.model.snapshot()["parameters"], before)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rc.train(1)


def test_a_schedule_needs_an_end_of_training() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^algorithm\.lr: a schedule .*n_epochs is 0"):
        PPOAlgorithmConfig(lr=Schedule(start=1.0), n_epochs=0)


@pytest.mark.parametrize("form", ["object", "mapping"])
def test_training_follows_a_schedule_through_interruptions(form: str, tmp_path: Path) -> None:
    schedule = {"start": 0.01, "end": 0.0, "kind": "linear", "until": 0.5}
    values: dict[str, Any] = {"n_epochs": 4, "epoch_length": 2, "n_rollout_steps": 8, "rollout_evaluator": None}

    def context(name: str) -> RunContext:
        choice: dict[str, Any] = (
            {"algorithm": PPOAlgorithmConfig(lr=Schedule(**schedule), **values)}  # type: ignore[arg-type]
            if form == "object"
            else {"algorithm": "ppo", "overrides": {f"algorithm.{key}": value for key, value in values.items()}}
        )
        overrides = {**choice.pop("overrides", {}), "tracking.mode": "off"}
        if form == "mapping":
            overrides["algorithm.lr"] = schedule
        return RunContext(**choice, overrides=overrides, seed=1, silent=True, run_dir=tmp_path / name)

    whole, parts = context("whole"), context("parts")
    whole.train(4)
    parts.train(1)
    parts.train(3)
    assert whole.trainer.present(Schedule(**schedule)) == 0.0  # type: ignore[arg-type]
    assert (whole.trainer.model.flat_parameters == parts.trainer.model.flat_parameters).all()
    loaded = RunContext.load(tmp_path / "whole")
    assert loaded.config.algorithm.lr.start == 0.01
