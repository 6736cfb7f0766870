"""The small trackers: what they write, and that they never disturb a run."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from maze.errors import TrackingError
from maze.tracking import FanOutTracker, JsonLinesTracker, NullTracker, RunDescription, RunStatus, Tracker

RUN = RunDescription(name="a", experiment_name="e")


class Recorder(Tracker):
    """Remembers its calls; raises at the end if told to."""

    def __init__(self, *, run_id: str | None = None, fails: bool = False) -> None:
        self.calls: list[str] = []
        self._run_id = run_id
        self._fails = fails

    @property
    def run_id(self) -> str | None:
        return self._run_id

    def start(self, description: RunDescription) -> None:
        self.calls.append(f"start {description.name}")

    def log_metrics(self, metrics: object, step: int) -> None:
        self.calls.append(f"metrics {step}")

    def log_image(self, image: bytes, name: str) -> None:
        self.calls.append(f"image {name} {image.decode()}")

    def finish(self, status: RunStatus = RunStatus.FINISHED) -> None:
        self.calls.append(f"finish {status}")
        if self._fails:
            raise TrackingError("required")


class Figure:
    def savefig(self, stream: object, **_: object) -> None:
        stream.write(b"png")


def test_json_lines_are_one_object_a_call_with_null_for_what_json_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "metrics.jsonl"
    tracker = JsonLinesTracker(path)
    tracker.start(RUN)
    tracker.log_metrics({"return": 1.5, "loss": float("nan")}, step=1)
    tracker.log_metrics({"return": float("inf")}, step=2)
    tracker.finish()
    tracker.log_metrics({"return": 9.0}, step=3)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"step": 1, "return": 1.5, "loss": None}, {"step": 2, "return": None}]


def test_json_lines_go_on_only_when_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    for append in (False, True, True):
        tracker = JsonLinesTracker(path, append=append)
        tracker.start(RUN)
        tracker.log_metrics({"a": 1}, step=0)
        tracker.finish()
    assert len(path.read_text().splitlines()) == 3


def test_an_unwritable_file_costs_one_warning_and_not_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    tracker = JsonLinesTracker(tmp_path / "file" / "metrics.jsonl")
    with caplog.at_level(logging.WARNING):
        tracker.start(RUN)
        tracker.log_metrics({"a": 1}, step=0)
        tracker.finish()
    assert len(caplog.records) == 1


def test_fan_out_serves_everybody_before_it_raises() -> None:
    first, second = Recorder(fails=True), Recorder(run_id="7")
    tracker = FanOutTracker([first, second])
    tracker.start(RUN)
    tracker.log_metrics({"a": 1.0}, step=4)
    tracker.log_figure(Figure(), "figures/curve")
    with pytest.raises(TrackingError, match="required"):
        tracker.finish(RunStatus.KILLED)
    expected = ["start a", "metrics 4", "image figures/curve.png png", "finish KILLED"]
    assert first.calls == second.calls == expected
    assert tracker.run_id == "7"


def test_null_tracker_keeps_nothing() -> None:
    tracker = NullTracker()
    tracker.start(RUN)
    tracker.log_metrics({"a": 1.0}, step=0)
    tracker.finish()
    assert tracker.run_id is None
