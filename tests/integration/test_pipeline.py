"""The pipeline from nothing to its results, and what a change of it re-runs."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.project import SILENT, Outcome, Project

pytestmark = pytest.mark.slow

RECORDS = ("out/record", "out/report/record.json")
SEED_STAGES = ["train@0", "rollout@0", "evaluate@0"]
EVERYTHING = ["compose", *SEED_STAGES, "report"]


@dataclass
class History:
    """What happened in one repository, in this order.

    Attributes:
        project: the repository.
        outcomes: outcome of each step, by name.
        files: names of files after the first run.
        locks: content of dvc.lock after single steps.
        composed: content of build/config.yaml after single steps.
        bytecode: whether Python had written bytecode into the package before the second run.
    """

    project: Project
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    locks: dict[str, Any] = field(default_factory=dict)
    composed: dict[str, Any] = field(default_factory=dict)
    bytecode: bool = False

    def note(self, step: str, outcome: Outcome) -> None:
        """Keep a step's outcome and what it left."""
        assert outcome.status == 0, f"{step}: {outcome.text}"
        self.outcomes[step] = outcome
        self.locks[step] = self.project.yaml("dvc.lock")["stages"]
        self.composed[step] = self.project.yaml("build/config.yaml")

    def ran(self, step: str) -> list[str]:
        """Return the stages that a step ran."""
        return self.outcomes[step].ran


@pytest.fixture(scope="module")
def first(make_project: Callable[..., Project]) -> History:
    """A repository that has run the pipeline twice, unchanged, and once with other tags."""
    project = make_project(set=SILENT)
    history = History(project)
    history.note("first", project.dvc("repro"))
    history.files = project.files("out") | project.files("build")
    history.bytecode = any((project.root / "maze").rglob("__pycache__/*.pyc"))
    history.note("second", project.dvc("repro"))
    project.write_params(tags={"purpose": "another"})
    history.note("tags", project.dvc("repro"))
    history.note("forced", project.dvc("repro", "--force"))
    project.commit()
    return history


@pytest.fixture(scope="module")
def history(first: History) -> History:
    """The same repository after experiments."""
    project = first.project
    first.note("ppo", project.dvc("exp", "run", "--name", "with-ppo", "-S", "algorithm=ppo"))
    first.note("back", project.dvc("exp", "run", "-S", "algorithm=null"))
    first.note("evaluation", project.dvc("exp", "run", "-S", "++set.evaluation.n_episodes=3"))
    first.note("seeds", project.dvc("exp", "run", "--name", "two-seeds", "-S", "seeds=[0,1]"))
    return first


def difference(history: History, *arguments: str) -> Any:
    """Return what a diff command says between the first commit and the experiment with PPO."""
    return history.project.dvc(*arguments, "--json", "main", "with-ppo").json()


def test_first_run_writes_every_file(first: History) -> None:
    assert first.ran("first") == EVERYTHING
    assert first.files == {
        "build/config.yaml",
        "out/train/0/agent/config.yaml",
        "out/train/0/agent/spaces.json",
        "out/train/0/agent/statistics.npz",
        "out/train/0/agent/weights.safetensors",
        "out/train/0/curve.csv",
        "out/train/0/metrics.json",
        "out/train/0/metrics.jsonl",
        "out/rollout/0/episodes.parquet",
        "out/rollout/0/metrics.json",
        "out/rollout/0/steps.npz",
        "out/evaluate/0/episodes.parquet",
        "out/evaluate/0/metrics.json",
        "out/copies/train/0/curve.csv",
        "out/copies/train/0/metrics.json",
        "out/copies/rollout/0/metrics.json",
        "out/copies/evaluate/0/metrics.json",
        "out/record/train/0.json",
        "out/record/rollout/0.json",
        "out/record/evaluate/0.json",
        "out/report/metrics.json",
        "out/report/record.json",
        "out/report/plots/episode_lengths.png",
        "out/report/plots/learning_curve.csv",
        "out/report/plots/learning_curve.png",
        "out/report/plots/returns.csv",
        "out/report/plots/returns.png",
    }


def test_results_hold_their_keys(first: History) -> None:
    project = first.project
    evaluation = project.json("out/evaluate/0/metrics.json")
    assert {"mean_return", "std_return", "n_episodes", "mean_length"} <= set(evaluation)
    assert evaluation["n_episodes"] == 2
    assert evaluation["mean_return"] == evaluation["mean_length"]  # CartPole gives 1 for every step
    report = project.json("out/report/metrics.json")
    assert {"mean_return", "iqm_return"} <= set(report)
    assert any("low" in name or "interval" in name for name in report), sorted(report)
    assert math.isclose(report["mean_return"], evaluation["mean_return"])
    with (project.root / "out/train/0/curve.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    # 8 environments of the experiment's runner become 2, times 20 steps, 2 updates, 2 epochs
    assert [int(row["step"]) for row in rows] == [80, 160]
    assert all(row["return"] for row in rows)
    record = project.json("out/record/train/0.json")
    assert record["status"] == "FINISHED"
    assert record["config"]["seeding"] == {"env_base_seed": 0, "agent_base_seed": 0}


def test_no_result_says_when_where_or_how_fast_it_was_made(first: History) -> None:
    record = first.project.json("out/record/train/0.json")
    assert record["steps_per_second"] > 0
    results = [name for name in first.files if not name.startswith(RECORDS) and not name.endswith((".png", ".parquet"))]
    for name in results:
        content = (first.project.root / name).read_bytes()
        for forbidden in (b"per_second", str(first.project.root).encode(), record["tags"]["git.commit"].encode()):
            assert forbidden not in content, f"{name} holds {forbidden!r}"


def test_second_run_runs_nothing_although_python_writes_bytecode(first: History) -> None:
    assert first.bytecode
    assert first.ran("second") == []
    assert first.outcomes["second"].restored == []


def test_tags_run_nothing(first: History) -> None:
    assert first.ran("tags") == []


def test_forcing_gives_the_same_hashes_of_everything_but_the_records(first: History) -> None:
    assert first.ran("forced") == EVERYTHING

    def hashes(step: str) -> dict[tuple[str, str, str], Any]:
        return {
            (name, kind, entry["path"]): entry["md5"]
            for name, stage in first.locks[step].items()
            for kind in ("deps", "outs")
            for entry in stage[kind]
            if not entry["path"].startswith(RECORDS)
        }

    assert hashes("forced") == hashes("first")
    assert len(hashes("first")) > 20


def test_experiment_with_another_algorithm_runs_everything(history: History) -> None:
    assert history.ran("ppo") == EVERYTHING
    assert history.composed["first"]["algorithm"]["_target_"].endswith("A2CAlgorithmConfig")
    assert history.composed["ppo"]["algorithm"]["_target_"].endswith("PPOAlgorithmConfig")


def test_return_to_an_earlier_choice_restores_from_the_cache(history: History) -> None:
    assert history.ran("back") == ["compose", "report"]
    assert history.outcomes["back"].restored == SEED_STAGES
    for stage in SEED_STAGES:
        outs = history.locks["back"][stage]["outs"]
        assert outs == history.locks["forced"][stage]["outs"]


def test_evaluation_value_runs_composition_evaluation_and_report(history: History) -> None:
    assert history.ran("evaluation") == ["compose", "evaluate@0", "report"]
    assert history.composed["evaluation"]["evaluation"]["n_episodes"] == 3
    assert history.project.json("out/evaluate/0/metrics.json")["n_episodes"] == 3


def test_another_seed_trains_that_seed_alone(history: History) -> None:
    assert history.ran("seeds") == ["train@1", "rollout@1", "evaluate@1", "report"]
    record = history.project.json("out/report/record.json")
    assert record["seeds"] == [0, 1]


def test_params_keep_their_comments_and_values(history: History) -> None:
    assert history.project.params()["set"] == {"tracking": {"mode": "off"}, "evaluation": {"n_episodes": 3}}


def test_exp_show_has_composed_values_and_metrics(history: History) -> None:
    shown = history.project.dvc("exp", "show", "--json").json()
    baseline = shown[-1]
    runs = {entry["name"]: entry["revs"][0]["data"] for entry in baseline["experiments"]}
    ppo = runs["with-ppo"]
    assert ppo["params"]["params.yaml"]["data"]["algorithm"] == "ppo"
    assert ppo["params"]["build/config.yaml"]["data"]["algorithm"]["clip_range"] == 0.2
    assert ppo["metrics"]["out/evaluate/0/metrics.json"]["data"]["n_episodes"] == 2
    assert "iqm_return" in runs["two-seeds"]["metrics"]["out/report/metrics.json"]["data"]
    assert "out/evaluate/1/metrics.json" in runs["two-seeds"]["metrics"]


def test_params_diff_has_choices_and_composed_values(history: History) -> None:
    changed = difference(history, "params", "diff")
    assert changed["params.yaml"]["algorithm"] == {"old": None, "new": "ppo"}
    assert changed["build/config.yaml"]["algorithm._target_"]["new"].endswith("PPOAlgorithmConfig")
    assert changed["build/config.yaml"]["algorithm.clip_range"]["new"] == 0.2


def test_metrics_diff_has_results(history: History) -> None:
    changed = difference(history, "metrics", "diff", "--all")
    numbers = changed["out/evaluate/0/metrics.json"]["mean_return"]
    assert {"old", "new", "diff"} <= set(numbers)
    assert math.isclose(numbers["new"] - numbers["old"], numbers["diff"])


def test_plots_diff_has_curves(history: History) -> None:
    plots = difference(history, "plots", "diff")
    text = str(plots)
    assert "out/train/0/curve.csv" in text.replace("\\\\", "/")
    assert "learning_curve.png" in text


@pytest.fixture(scope="module")
def edited(history: History) -> History:
    """The same repository after edits of files."""
    project = history.project

    def step(name: str, file: str) -> None:
        project.edit(file, lambda text: f"{text}\n# a remark\n")
        history.note(name, project.dvc("repro"))

    step("unused module", "conf/policy/flatten_concat.yaml")
    step("report", "maze/report/plots.py")
    step("trainer", "maze/trainers/a2c.py")
    return history


def test_edit_of_an_unused_module_composes_and_runs_nothing_else(edited: History) -> None:
    assert edited.ran("unused module") == ["compose"]


def test_edit_of_the_report_reports_alone(edited: History) -> None:
    assert edited.ran("report") == ["report"]


def test_edit_of_a_trainer_trains_again_and_plays_only_with_agents_that_changed(edited: History) -> None:
    assert sorted(edited.ran("trainer")) == ["compose", "report", "train@0", "train@1"]
