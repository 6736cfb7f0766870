"""The benchmark of learning: what it measures fits its presets, it can be broken off, and it reports what it found."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from maze import RunContext
from maze.config import group_options
from tests.integration.project import REPOSITORY

BENCHMARKS = REPOSITORY / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module ``learning``, which finds its neighbours as it does when it is run, and is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location("learning", BENCHMARKS / "learning.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "learning", module)
    spec.loader.exec_module(module)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        monkeypatch.setenv(name, "1")  # restored afterwards
    yield module
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def call(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["learning.py", *map(str, arguments)])
    benchmark.main()


LONGEST_EPISODE = 500
"""Steps of CartPole's."""


def steps_of(preset: str) -> int:
    """Return how many steps of its environments a preset trains for, at most; of a clone, how many it is shown."""
    config = RunContext(experiment=preset).config
    skipped = [wrapper["n_steps"] for wrapper in config.section("wrappers") if "StepSkip" in wrapper["_target_"]]
    algorithm, n_envs = config.section("algorithm"), config.runner.concurrency
    updates = algorithm["n_epochs"] * algorithm["epoch_length"]
    if config.choices["algorithm"] == "bc":
        return 10 * LONGEST_EPISODE
    if config.choices["algorithm"] == "es":
        return updates * algorithm["n_rollouts_per_update"] * LONGEST_EPISODE
    actions = algorithm["n_rollout_steps"] * n_envs
    first = -(-algorithm.get("initial_buffer_size", 0) // actions)  # which the first update takes, instead of its own
    return (updates - 1 + max(first, 1)) * actions * (skipped or [1])[0]


def test_presets_take_the_budget_that_they_are_compared_at_and_do_not_stop_early(benchmark: ModuleType) -> None:
    for preset, task in benchmark.LEARNING_TASKS.items():
        assert preset in group_options("experiment")
        config = RunContext(experiment=preset).config
        assert (config.env.name, config.choices["algorithm"]) == (task.env, task.algorithm)
        assert 0.95 * task.budget <= steps_of(preset) <= task.budget
        assert config.algorithm.patience is None


def test_normalised_scores_are_0_for_random_play_and_1_for_the_published_mean(benchmark: ModuleType) -> None:
    task = benchmark.LEARNING_TASKS["pendulum_ppo"]
    assert task.normalised(task.random_mean) == 0.0
    assert task.normalised(task.zoo_mean) == 1.0


def test_it_trains_goes_on_where_it_was_broken_off_and_reports(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "N_EPISODES", 3)
    results, images = tmp_path / "learning.jsonl", tmp_path / "images"
    short = ["--set", "algorithm.n_epochs=2", "--set", "algorithm.n_rollout_steps=32", "--results", results]
    run = ["run", "--preset", "pendulum_ppo", *short]
    call(benchmark, monkeypatch, *run, "--seeds", 1)
    call(benchmark, monkeypatch, *run, "--seeds", 2)
    lines = benchmark.read_lines(results)
    assert [line["seed"] for line in lines] == [0, 1]
    assert "seed 0: there already" in capsys.readouterr().err
    assert lines[0]["steps"] == 2 * 2 * 32 * 4
    assert [step for step, _ in lines[0]["curve"]] == [256, 512]
    for which in ("best", "last"):  # what the environment counts, not the scaled rewards that training sees
        assert -1900 < lines[0][which]["min"] <= lines[0][which]["mean"] < -500
    assert all(-1900 < value < -500 for _, value in lines[0]["curve"])

    call(benchmark, monkeypatch, "table", "--results", results, "--images", images)
    table = capsys.readouterr().out
    mean = sum(line["best"]["mean"] for line in lines) / 2
    assert f"| pendulum_ppo | 512 | maze, 2 seeds | {mean:.1f} (" in table
    assert "-172.2 ± 104.2" in table
    assert [path.name for path in images.iterdir()] == ["pendulum_ppo_maze.png"]


def test_other_settings_are_other_trainings(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(benchmark, "N_EPISODES", 1)
    results = tmp_path / "learning.jsonl"
    for n_steps in (2, 3):
        short = ("algorithm.n_epochs=1", "algorithm.epoch_length=1", f"algorithm.n_rollout_steps={n_steps}")
        settings = [word for setting in short for word in ("--set", setting)]
        call(
            benchmark, monkeypatch, "run", "--preset", "mountaincar_continuous_ppo", *settings, "--seeds", 1,
            "--results", results,
        )  # fmt: skip
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["steps"] for line in lines] == [20, 30]  # each action is taken ten times
    assert len({line["identity"] for line in lines}) == 2
