"""The workflows of this project on a pull request and at night: their steps really run, in fresh clones."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
import yaml

from tests.integration.project import REPOSITORY, SILENT, Project, shims
from tests.integration.workflows import WorkflowRun, run_job

pytestmark = pytest.mark.slow

WORKFLOWS = REPOSITORY / ".github" / "workflows"
PULL_REQUEST = {"github.base_ref || github.event.repository.default_branch": "main"}
NIGHT = {"vars.CHAMPION || 'out/train/0'": "out/train/0", "vars.MLFLOW_TRACKING_URI": ""}


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Project:
    """A repository whose results, and those of another branch, are in a remote cache."""
    project = make_project(set=SILENT)
    remote = project.root.parent / "remote"
    assert project.dvc("remote", "add", "--default", "store", str(remote)).status == 0
    project.repro()
    project.commit()
    assert project.dvc("push", "--run-cache").status == 0
    project.git("switch", "--quiet", "--create", "more-episodes")
    project.write_params(set={**SILENT, "evaluation": {"n_episodes": 3}})
    project.repro()
    project.commit()
    assert project.dvc("push").status == 0
    return project


def run_here(
    clone: Project, workflow: str, job: str, context: dict[str, str], without: Collection[str] = ()
) -> WorkflowRun:
    """Run a job with the environment that is there, as if ./dev had made it in the clone."""
    venv = clone.root.parent / f"{clone.root.name} environment"
    venv.mkdir()
    (venv / "lib").symlink_to(Path(sys.prefix) / "lib")
    (venv / "pyvenv.cfg").write_bytes((Path(sys.prefix) / "pyvenv.cfg").read_bytes())
    shims(venv / "bin")  # maze-run with the clone's own code
    for name in ("python", "dvc"):
        (venv / "bin" / name).symlink_to(Path(sys.executable).parent / name)
    described = [
        str(clone.root),
        *((clone.root / name).read_text() for name in ("requirements.lock", "pyproject.toml")),
    ]
    stamp = described[0] + "\n" + described[1] + described[2].rstrip("\n")
    (venv / ".maze-installed").write_text(f"{stamp}\n", encoding="utf-8")
    project = Project(clone.root, {**clone.environment, "MAZE_VENV": str(venv)})
    done = run_job(project, workflow, job, context=context, without=without)
    assert "installing the environment" not in done.text
    return done


def test_a_pull_request_is_compared_with_the_main_branch(project: Project) -> None:
    clone = project.clone("checked out")
    done = run_here(clone, ".github/workflows/pipeline.yml", "compare", PULL_REQUEST)
    assert done.failed == [], done.text
    assert list(done.outcomes) == [
        "Environment",
        "What is wrong here",
        "Pull the cache",
        "The pipeline, small",
        "The pipeline, as it is committed",
        "Report",
        "Plots",
    ]
    assert done.outcomes["The pipeline, as it is committed"].ran == []
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.summary.splitlines() if "|" in line]
    [episodes] = [row for row in rows if row[:2] == ["out/evaluate/0/metrics.json", "n_episodes"]]
    assert episodes[2:4] == ["2", "3"]
    assert any(row[:2] == ["params.yaml", "set.evaluation.n_episodes"] for row in rows)
    assert "## Comparison" in done.summary
    [main] = [row for row in rows if row[0] == "origin/main"]
    [here] = [row for row in rows if row[0] == "."]
    assert (main[1:3], here[1:3]) == (["1", "2"], ["1", "3"])  # seeds and episodes, from what git and the cache hold
    assert 0.0 <= float(here[-1].partition(",")[0]) <= 1.0, "the chance to be better"
    assert (clone.root / "comparison" / "comparison.png").stat().st_size > 1000
    assert (clone.root / "report.md").read_text(encoding="utf-8") == done.summary
    assert (clone.root / "dvc_plots" / "index.html").is_file()


def test_a_pull_request_that_changes_nothing_says_so(project: Project) -> None:
    clone = project.clone("the same")
    clone.git("switch", "--quiet", "main")
    assert clone.dvc("pull").status == 0
    steps = ("What is wrong here", "Pull the cache", "The pipeline, small", "The pipeline, as it is committed", "Plots")
    done = run_here(clone, ".github/workflows/pipeline.yml", "compare", PULL_REQUEST, without=steps)
    assert done.failed == [], done.text
    assert "All metrics are the same.\n\n### Parameters\n\nAll params are the same." in done.summary


def test_a_commit_without_its_results_is_run_and_named(project: Project) -> None:
    clone = project.clone("forgotten")
    clone.write_params(set={**SILENT, "evaluation": {"n_episodes": 4}})
    clone.commit()
    done = run_here(clone, ".github/workflows/pipeline.yml", "compare", PULL_REQUEST)
    assert done.failed == [], done.text
    assert done.outcomes["The pipeline, as it is committed"].ran == ["compose", "report"]  # the small one evaluated it
    assert clone.json("out/evaluate/0/metrics.json")["n_episodes"] == 4
    assert "params.yaml" in done.summary.partition("not up to date")[2]


def test_a_wrong_value_fails_and_the_report_says_that_the_pipeline_was_not_reached(project: Project) -> None:
    clone = project.clone("wrong")
    clone.write_params(algorithm="pppo")
    done = run_here(clone, ".github/workflows/pipeline.yml", "compare", PULL_REQUEST)
    assert done.failed[0] == "What is wrong here", done.text
    assert "algorithm: 'pppo' not found; did you mean 'ppo'?" in done.outcomes["What is wrong here"].stdout
    assert "The pipeline was not reached." in done.summary


def test_the_champion_is_repeated_every_night_and_drift_fails(project: Project) -> None:
    clone = project.clone("night")
    done = run_here(clone, ".github/workflows/nightly.yml", "replay", NIGHT)
    assert done.failed == [], done.text
    assert "bit-identical" in done.summary

    drifted = project.clone("drifted")
    drifted.edit(
        "maze/functional/returns.py", lambda text: text.replace("reward + discount *", "reward + 0.9 * discount *")
    )
    done = run_here(drifted, ".github/workflows/nightly.yml", "replay", NIGHT)
    assert done.failed == ["Train it again and compare"], done.text
    assert "differ" in done.summary


def test_the_champion_of_a_shared_store_is_repeated_as_well(project: Project) -> None:
    """By its alias, beside the address of the store; the clone at night knows neither the run nor its directory."""
    day = project.clone("day")
    store = f"sqlite:///{day.root.parent / 'shared.db'}"
    day.write_params(set={**SILENT, "tracking": {"mode": "required", "uri": store}})
    day.repro("--force")
    promoted = day.run("maze-run", "promote", "out/train/0", "--name", "cartpole", "--episodes", "3")
    assert promoted.status == 0, promoted.text
    shutil.rmtree(day.root)
    named = dict(zip(NIGHT, ("models:/cartpole@champion", store), strict=True))
    done = run_here(project.clone("shared"), ".github/workflows/nightly.yml", "replay", named)
    assert done.failed == [], done.text
    assert "## Replay of models:/cartpole@champion" in done.summary
    assert "bit-identical" in done.summary


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_workflows_may_do_little_and_use_actions_of_fixed_versions(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    assert content["permissions"] == {"contents": "read"}
    for action in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action), action
    for job in content["jobs"].values():
        for step in job["steps"]:  # what others write, such as the name of a branch, is no part of a command
            assert "${{" not in step.get("run", ""), step
