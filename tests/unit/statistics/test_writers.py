"""Writers take the same statistics to different places."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from maze.errors import ArtifactError, InvalidSpecificationError
from maze.statistics import (
    ConsoleWriter,
    JsonLinesWriter,
    TensorboardWriter,
    TrackerWriter,
    WriterGroup,
    distribution_of,
)
from maze.tracking import Tracker

STATS = {
    "BaseEnvEvents/kpi/mean/served": 0.75,
    "loss/policy": float("nan"),
    "actions": distribution_of(np.array([1, 1, 0])),
}


class Notes(Tracker):
    def __init__(self) -> None:
        self.metrics: list[tuple[dict[str, float], int]] = []
        self.texts: dict[str, str] = {}

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        self.metrics.append((dict(metrics), step))

    def log_text(self, text: str, name: str) -> None:
        self.texts[name] = text


def test_json_lines_and_a_group_of_writers(tmp_path: Path) -> None:
    path = tmp_path / "new" / "statistics.jsonl"
    writer = JsonLinesWriter(path)
    group = WriterGroup([writer, JsonLinesWriter(tmp_path / "second.jsonl")])
    group.write("train", STATS, step=40)
    assert json.loads(path.read_text()) == {
        "step": 40,
        "path": "train",
        "BaseEnvEvents/kpi/mean/served": 0.75,
        "loss/policy": None,
        "actions": {"categories": [0, 1], "counts": [1, 2]},
    }
    assert (tmp_path / "second.jsonl").read_text() == path.read_text()
    group.close()
    group.close()
    with pytest.raises(ArtifactError, match="was closed"):
        group.write("train", STATS, step=80)
    again = JsonLinesWriter(path, append=True)
    again.write("eval", {"mean_return": 1.0}, step=80)
    again.close()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [40, 80]
    with pytest.raises(ArtifactError, match="cannot be written"):
        JsonLinesWriter(path / "below_a_file.jsonl")


def test_the_console_shows_step_path_and_value() -> None:
    stream = io.StringIO()
    ConsoleWriter(Console(file=stream, width=120)).write("train", STATS, step=12_000)
    rows = [line for line in stream.getvalue().splitlines() if "12,000" in line]
    assert len(rows) == 3
    assert "train/BaseEnvEvents/kpi/mean/served" in rows[0]
    assert "0.75" in rows[0]
    assert "1: 67%, 0: 33%" in rows[2]


def test_a_tracker_gets_numbers_at_once_and_distributions_at_the_end() -> None:
    notes = Notes()
    writer = TrackerWriter(notes)
    writer.write("train", STATS, step=1)
    writer.write("train", STATS, step=2)
    assert [step for _, step in notes.metrics] == [1, 2]
    assert list(notes.metrics[0][0]) == ["train/BaseEnvEvents/kpi/mean/served", "train/loss/policy"]
    assert not notes.texts
    writer.close()
    (text,) = notes.texts.values()
    assert json.loads(text) == {
        "train/actions": [{"step": step, "categories": [0, 1], "counts": [1, 2]} for step in (1, 2)]
    }


def test_tensorboard_reads_what_was_written_or_is_told_to_be_installed(tmp_path: Path) -> None:
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        with pytest.raises(InvalidSpecificationError, match=r"pip install 'maze\[tensorboard\]'"):
            TensorboardWriter(tmp_path)
        return
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    writer = TensorboardWriter(tmp_path / "events")
    writer.write("train", {name: value for name, value in STATS.items() if name != "loss/policy"}, step=7)
    writer.write("eval", {"mean_return": 2.5}, step=7)
    writer.close()
    read = EventAccumulator(str(tmp_path / "events"))
    read.Reload()
    (scalar,) = read.Scalars("train_BaseEnvEvents/kpi/mean/served")
    assert (scalar.step, scalar.value) == (7, 0.75)
    assert read.Scalars("eval_BaseEnvEvents/reward/mean")[0].value == 2.5
    (histogram,) = read.Histograms("train/actions")
    assert (histogram.histogram_value.num, histogram.histogram_value.sum) == (3, 2)
