"""The benchmarks of speed: each script runs, and what is compared does the same work on both sides."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.project import REPOSITORY

BENCHMARKS = REPOSITORY / "benchmarks"
SHORT = ("--seconds", "0", "--set", "n_episodes=2", "--set", "n_envs=2")


def run(script: str, *arguments: Any, cwd: Path) -> list[str]:
    """Run a benchmark as people do and return the lines that it printed."""
    command = [sys.executable, "-P", str(BENCHMARKS / script), *map(str, arguments)]
    finished = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": f"{BENCHMARKS}{os.pathsep}{REPOSITORY}"}


@pytest.mark.parametrize("peer", ["maze", "bare"])
def test_acting_plays_whole_episodes_of_the_same_network(peer: str, tmp_path: Path) -> None:
    line = json.loads(run("acting.py", "--peer", peer, "--task", "cartpole-episodes", *SHORT, cwd=tmp_path)[-1])
    assert (line["steps"], line["episodes"]) == (1000, 2)  # it balances to the end
    assert line["steps_per_second"] == pytest.approx(line["steps"] / line["seconds"], rel=0.01)


@pytest.mark.parametrize("task", ["cartpole-rollout", "cartpole-collect"])
def test_acting_records_and_collects(task: str, tmp_path: Path) -> None:
    line = json.loads(run("acting.py", "--peer", "maze", "--task", task, *SHORT, cwd=tmp_path)[-1])
    assert line["steps"] == {"cartpole-rollout": 1000, "cartpole-collect": 256}[task]


def test_a_comparison_can_be_made_in_pieces(tmp_path: Path) -> None:
    file = tmp_path / "pairs.json"
    common = ("acting", "--task", "cartpole-episodes-8", "--peer", "bare", "--repeats", 1, "--seconds", 0)
    for first_seed in (0, 1):
        lines = run("compare.py", *common, "--first-seed", first_seed, "--json", file, "--add", cwd=tmp_path)
    assert "2 runs each, in turns; threads: 1" in lines
    report = json.loads(file.read_text())
    assert [record["seed"] for record in report["ours"]] == [record["seed"] for record in report["peer"]] == [0, 1]
    assert [record["peer"] for record in report["ours"]] == ["maze", "maze"]
    ratios = report["ratios"]["steps_per_second"]["paired_ratios"]
    assert ratios == [
        ours["steps_per_second"] / peer["steps_per_second"]
        for ours, peer in zip(report["ours"], report["peer"], strict=True)
    ]


def test_throughput_tells_how_much_memory_was_used(tmp_path: Path) -> None:
    line = json.loads(run("throughput.py", "--peer", "maze", "--task", "a2c-cartpole", "--steps", 40, cwd=tmp_path)[-1])
    assert 50 < line["peak_memory_mb"] < 2000
    assert isinstance(line["child_memory_mb"], list)


def test_startup_measures_import_help_and_composing(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in run("startup.py", "--repeats", 1, cwd=tmp_path)]
    assert [line["measure"] for line in lines] == ["import", "help", "compose"]
    assert all(line["reached"] is (line["median"] <= line["bar"]) for line in lines)


def test_startup_compares_runs_with_and_without_tracking(tmp_path: Path) -> None:
    line = json.loads(run("startup.py", "tracking", "--repeats", 1, "--steps", 1, cwd=tmp_path)[-1])
    seconds = line["process_seconds"]
    assert line["median"] == pytest.approx(seconds["best_effort"][0] - seconds["off"][0], abs=0.02)
    assert len(line["steps_per_second"]["best_effort"]) == len(line["steps_per_second"]["off"]) == 1
