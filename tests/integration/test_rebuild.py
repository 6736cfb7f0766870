"""A lost MLflow store comes back from git alone where DVC's cache is lost too, and is completed once that is back."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.integration.project import Outcome, Project
from tests.integration.tracked import TrackedRun, agents, tracked_runs

pytestmark = pytest.mark.slow

PIPELINE = """
import subprocess, sys
from pathlib import Path
from stages.compose import compose
from stages.evaluate import evaluate
from stages.report import report
from stages.rollout import rollout
from stages.train import train

def run(*command):
    subprocess.run(command, check=True)

compose()
text = Path("params.yaml").read_text()
for seed, seeds in enumerate(["[0]", "[0, 1]"]):
    Path("params.yaml").write_text(f"{text}\\nseeds: {seeds}\\n")
    for stage in (train, rollout, evaluate):
        sys.argv[1:] = ["--seed", str(seed)]
        stage()
    report()
    run(sys.executable, "-m", "dvc", "commit", "--force", "--quiet")
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", f"seeds {seeds}")
"""
"""All stages for a seed, and then for one more, in one process: much faster than one for each of them."""


@dataclass
class History:
    """A project whose store and cache were lost, and what became of them.

    Attributes:
        project: with a result of seed 0, then one of the seeds 0 and 1, and a commit in which the report is missing.
        commits: beginnings of the hashes of these three.
        before: runs in MLflow before it was lost.
        in_part: runs after a rebuild without most of DVC's cache.
        complete: runs after the cache was back, and lost again.
        outcomes: of rebuilds, by what was the case.
    """

    project: Project
    commits: list[str]
    before: list[TrackedRun] = field(default_factory=list)
    in_part: list[TrackedRun] = field(default_factory=list)
    complete: list[TrackedRun] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def cache(self) -> Path:
        return self.project.root / ".dvc" / "cache" / "files" / "md5"

    def cached(self, digest: str) -> Path:
        return self.cache / digest[:2] / digest[2:]

    def digests(self, commit: str) -> dict[str, str]:
        """Return the hash of each output by its path."""
        stages = yaml.safe_load(self.project.git("show", f"{commit}:dvc.lock"))["stages"]
        return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", ())}

    def rebuild(self, case: str, *options: str) -> None:
        self.outcomes[case] = self.project.maze_run("tracking", "rebuild", *options)

    def artifacts(self) -> dict[str, int]:
        """Return when each artifact in the store was written."""
        root = self.project.root / ".maze" / "mlartifacts"
        return {path.as_posix(): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def history(make_project: Callable[..., Project]) -> History:
    project = make_project(set={"evaluation": {"n_episodes": 2}, "rollout": {"n_episodes": 2}})
    project.edit("params.yaml", lambda text: re.sub(r"^seeds:.*\n(- .*\n)*", "", text, flags=re.MULTILINE))
    outcome = project.python("-c", PIPELINE)
    assert outcome.status == 0, outcome.text
    project.git("rm", "--quiet", "--cached", "out/report/record.json")
    project.edit("dvc.lock", lambda text: f"{text}# another run of a stage\n")
    project.git("add", "dvc.lock")
    project.git("commit", "--quiet", "--message", "no report")
    settings = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {project.root.parent / 'remote'}\n"
    (project.root / ".dvc" / "config.local").write_text(settings, encoding="utf-8")
    outcome = project.dvc("push", "--all-commits")
    assert outcome.status == 0, outcome.text
    commits = project.git("log", "--reverse", "--format=%h", "--abbrev=7", "--", "dvc.lock").split()
    assert len(commits) == 3
    return History(project, commits, before=tracked_runs(project))


@pytest.fixture(scope="module")
def in_part(history: History) -> History:
    """The project without its store, without one file of seed 0's policy, and without anything of seed 1 and plots."""
    project = history.project
    first, second = (history.digests(commit) for commit in history.commits[:2])
    agent = json.loads(history.cached(first["out/train/0/agent"]).read_text(encoding="utf-8"))
    weights = next(entry["md5"] for entry in agent if entry["relpath"] == "weights.safetensors")
    lost = {digest for path, digest in second.items() if path not in first} - {*first.values()}
    for digest in {weights, *lost, first["out/report/plots"], second["out/report/plots"]}:
        history.cached(digest).unlink(missing_ok=True)
    shutil.rmtree(project.root / ".maze")
    project.git("clean", "--quiet", "--force", "-d", "-x", "out")  # only the cache has what git ignores
    history.rebuild("in part")
    history.in_part = tracked_runs(project)
    written = history.artifacts()
    history.rebuild("again", "--verbose", "--allow-missing")
    assert history.artifacts() == written  # nothing was told twice
    return history


@pytest.fixture(scope="module")
def complete(in_part: History) -> History:
    """The same after DVC's cache was fetched and the store rebuilt, and once more after the cache was lost again."""
    project = in_part.project
    outcome = project.dvc("fetch", "--all-commits")
    assert outcome.status == 0, outcome.text
    in_part.rebuild("complete")
    shutil.rmtree(in_part.cache)
    in_part.rebuild("lost again")
    in_part.complete = tracked_runs(project)
    return in_part


def test_what_git_holds_is_in_the_store(in_part: History) -> None:
    again = {run.tags["maze.rebuilt_from"]: run for run in in_part.in_part}
    assert {run.id for run in in_part.before} == set(again)
    for run in in_part.before:
        made = again[run.id]
        assert (made.name, made.status, made.experiment) == (run.name, run.status, run.experiment)
        assert made.params == run.params
        told = {name: points for name, points in run.history.items() if not _only_tracked(name)}
        assert {name: made.history.get(name) for name in told} == told
        for name in ("maze.key", "maze.kind", "maze.config_sha", "git.commit", "seed"):
            assert made.tags.get(name) == run.tags.get(name), name
        assert "config/resolved.yaml" in made.files


def _only_tracked(name: str) -> bool:
    """Say whether a metric is one that only MLflow is told: how long something took."""
    return name.startswith("system/") or name.endswith("time_epoch")


def test_runs_say_what_they_lack(in_part: History) -> None:
    (first,), (second,) = agents(in_part.in_part, seed="0"), agents(in_part.in_part, seed="1")
    assert first.tags["maze.missing"].startswith("Neither git nor DVC's cache had: train: policy. To complete this run")
    assert {"tables/evaluate_episodes.csv", "figures/evaluate_returns.png"} < set(first.files)
    assert (first.stages["train"], first.stages["evaluate"]) == ("incomplete", "ran")
    assert "train: policy, record" in second.tags["maze.missing"]
    assert "evaluate: episodes (table, figures), record" in second.tags["maze.missing"]
    assert "figures/learning_curve.png" in second.files
    (parent,) = [run for run in in_part.in_part if run.tags["maze.kind"] == "pipeline"]
    assert "figures and tables over all seeds; files of its agents" in parent.tags["maze.missing"]
    assert not any("maze.model" in run.tags for run in in_part.in_part)


def test_the_summary_tells_each_reason_once_and_the_remedy(in_part: History) -> None:
    outcome = in_part.outcomes["in part"]
    assert outcome.status == 1
    assert outcome.stdout.splitlines() == ["0 results with 0 agents are in the store"]
    first, second, third = in_part.commits
    lines = outcome.stderr.splitlines()
    assert lines[0].startswith(f"2 more with 3 agents are there in part ({first}, {second}): ")
    assert "  dvc fetch --all-commits" in lines
    assert lines[-3] == "1 holds no result:"
    assert lines[-2].startswith(f"  {third}: out/report/record.json is not in git there")
    assert "weights.safetensors" not in outcome.stderr


def test_details_are_told_when_they_are_asked_for(in_part: History) -> None:
    outcome = in_part.outcomes["again"]
    assert outcome.status == 0
    first, second, third = in_part.commits
    lines = outcome.stderr.splitlines()
    begin = lines.index(f"{first}: 1 agent, without")
    assert lines[begin + 1 : begin + 4] == [
        "  out/report/plots",
        "  out/train/0/agent/weights.safetensors",
        f"{second}: 2 agents, without",
    ]
    assert "  out/evaluate/1/episodes.parquet" in lines
    assert any(line.startswith(f"{third}: ") for line in lines)


def test_runs_are_completed_in_place_and_stay_so(complete: History) -> None:
    for case in ("complete", "lost again"):
        outcome = complete.outcomes[case]
        assert outcome.status == 0, outcome.text
        first, second, _ = complete.commits
        assert outcome.stdout.splitlines() == [
            f"{first}: 1 agent",
            f"{second}: 2 agents",
            "2 results with 3 agents are in the store",
        ]
        assert "maze.missing" not in outcome.stderr
    assert {run.id for run in complete.complete} == {run.id for run in complete.in_part}
    before = {run.id: run for run in complete.before}
    for run in complete.complete:
        earlier = before[run.tags["maze.rebuilt_from"]]
        assert "maze.missing" not in run.tags
        assert run.stages == earlier.stages
        assert run.history == {name: points for name, points in earlier.history.items() if not _only_tracked(name)}
        assert set(earlier.files) - set(run.files) <= {"repro/environment.txt"}
    assert all("maze.model" in run.tags for run in agents(complete.complete))


def test_a_policy_that_is_back_can_be_loaded(complete: History) -> None:
    (run,) = agents(complete.complete, seed="1")
    load = "from maze import RunContext; import sys; rc = RunContext.load(sys.argv[1], silent=True)\n"
    outcome = complete.project.python("-c", f"{load}print(rc.config.seeding.env_base_seed)", run.id)
    assert outcome.stdout.split() == ["1"], outcome.text
