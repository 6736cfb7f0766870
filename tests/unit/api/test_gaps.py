"""What is missing of a result, by the run that shows it and in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze.api.gaps import Gaps, is_shown
from maze.api.restored_stages import Part

EVERYTHING = {
    "out/report/metrics.json",
    "out/report/plots/returns.png",
    "out/train/0/curve.csv",
    *(f"out/train/0/agent/{name}" for name in ("config.yaml", "weights.safetensors", "spaces.json", "statistics.npz")),
    *(f"out/{stage}/0/metrics.json" for stage in ("train", "rollout", "evaluate")),
    *(f"out/record/{stage}/0.json" for stage in ("train", "rollout", "evaluate")),
    *(f"out/{stage}/0/episodes.parquet" for stage in ("rollout", "evaluate")),
}
"""The files that every result of seed 0 has."""


def gaps(*lost: str) -> Gaps:
    """Return the gaps of a result whose other files are all named and at hand."""
    return Gaps.of(Path("nowhere"), [0], dict.fromkeys(EVERYTHING, True) | dict.fromkeys(lost, False))


@pytest.mark.parametrize(
    ("file", "stage", "part"),
    [
        ("out/train/0/agent", "train", Part.POLICY),
        ("out/train/0/agent/objects/env.pkl", "train", Part.POLICY),
        ("out/train/0/curve.csv", "train", Part.CURVE),
        ("out/rollout/0/metrics.json", "rollout", Part.NUMBERS),
        ("out/evaluate/0/episodes.parquet", "evaluate", Part.EPISODES),
        ("out/record/rollout/0.json", "rollout", Part.RECORD),
        ("out/copies/train/0", "train", Part.SHOWN),
        ("out/copies/train/0/shown/model/policy.svg", "train", Part.SHOWN),
    ],
)
def test_a_file_belongs_to_a_stage_of_an_agent(file: str, stage: str, part: Part) -> None:
    assert is_shown(file, [0])
    assert not is_shown(file, [1, 10])
    assert gaps(file).of_agent(0) == {stage: {part: [file]}}
    assert gaps(file).of_report() == {}


def test_plots_belong_to_the_report() -> None:
    for file in ("out/report/plots", "out/report/plots/returns.png"):
        assert gaps(file).of_report() == {"figures and tables over all seeds": [file]}
        assert gaps(file).of_agent(0) == {}


@pytest.mark.parametrize(
    "file",
    [
        "out/train/0/metrics.jsonl",
        "out/rollout/0/steps.npz",
        "out/copies/train/0/curve.csv",
        "out/report/record.json",
        "out/report/plots.txt",
        "data/demonstrations.npz",
        "out/train/best/agent",
    ],
)
def test_files_that_no_run_shows_are_not_needed(file: str) -> None:
    assert not is_shown(file, [0])


def test_nothing_is_missing_where_everything_is_at_hand(tmp_path: Path) -> None:
    assert gaps().files == ()
    for name in EVERYTHING:  # in the directory itself, named by nobody
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert Gaps.of(tmp_path, [0], {}).files == ()


def test_what_every_result_has_is_missed_although_nobody_names_it(tmp_path: Path) -> None:
    assert set(Gaps.of(tmp_path, [0], {}).files) == EVERYTHING - {"out/report/plots/returns.png"}


def test_a_directory_whose_list_is_lost_is_missed_once(tmp_path: Path) -> None:
    named = {name: True for name in EVERYTHING if "/agent/" not in name} | {"out/train/0/agent": False}
    assert Gaps.of(tmp_path, [0], named).files == ("out/train/0/agent",)
