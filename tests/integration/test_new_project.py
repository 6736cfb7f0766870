"""A new project works at once: its two commands, and its workflows on a pull request, really run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.project import REPOSITORY, SILENT, Project, clean_environment, copy_repository, shims
from tests.integration.workflows import run_job

pytestmark = pytest.mark.slow

SMALL = {"algorithm": {"n_epochs": 2}, "evaluation": {"n_episodes": 5}, "rollout": {"n_episodes": 2}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What maze-run init writes, in a place with a space in its name."""
    directory = tmp_path_factory.mktemp("new projects")
    environment = {**clean_environment(directory / "scratch"), "PYTHONPATH": str(REPOSITORY)}
    environment["PATH"] = shims(directory / "bin")
    written = Project(directory, environment).run("maze-run", "init", "warm-room")
    assert written.status == 0, written.text
    assert "next: cd warm-room && dvc repro && python -m pytest" in written.stdout
    return Project(directory / "warm-room", environment)


@pytest.fixture(scope="module")
def finished(project: Project) -> Project:
    """The project after the two commands of its README, exactly as they stand there."""
    readme = (project.root / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"## Two commands.*?```sh\n(.*?)```", readme, re.DOTALL)
    commands = block.splitlines()
    assert [command.partition("#")[0].strip() for command in commands] == ["dvc repro", "python -m pytest"]
    for command in commands:
        outcome = project.run("bash", "-c", command)
        assert outcome.status == 0, outcome.text
    project.commit()
    return project


def test_it_is_a_repository_with_a_first_commit_that_names_itself(project: Project) -> None:
    assert project.git("log", "--format=%s").splitlines()[-1] == "Begin"
    names = project.git("ls-files").splitlines()
    assert {"dvc.yaml", "params.yaml", "README.md", "requirements.txt", "conf/env/thermostat.yaml"} <= set(names)
    assert {"warm_room/thermostat.py", "stages/train.py", "tests/test_project.py"} <= set(names)
    assert {".github/workflows/checks.yml", ".github/workflows/nightly.yml", ".dvc/config"} <= set(names)
    for name in names:
        assert "my_project" not in (project.root / name).read_text(encoding="utf-8"), name


def test_its_stages_are_ours(project: Project) -> None:
    for path in (REPOSITORY / "stages").glob("*.py"):
        assert (project.root / "stages" / path.name).read_bytes() == path.read_bytes()


def test_the_two_commands_of_its_readme_work(finished: Project) -> None:
    assert finished.git("status", "--porcelain") == ""
    report = finished.json("out/report/metrics.json")
    assert report["n_seeds"] == 2
    assert report["mean_return"] > 40  # of 50; random heating comes to less than 20
    assert finished.repro().ran == []
    committed = finished.git("ls-files", "out", "build").splitlines()
    assert {"out/report/metrics.json", "out/report/record.json", "build/config.yaml"} <= set(committed)
    assert finished.dvc("metrics", "diff", "HEAD").stdout == ""
    checked = finished.run("maze-run", "doctor")
    assert checked.status == 0, checked.text


def test_a_pull_request_is_checked_and_compared_with_the_main_branch(finished: Project) -> None:
    remote = finished.root.parent / "remote"
    assert finished.dvc("remote", "add", "--default", "store", str(remote)).status == 0
    finished.write_params(set=SILENT)
    finished.repro()
    finished.commit()
    assert finished.dvc("push", "--run-cache").status == 0
    finished.git("switch", "--quiet", "--create", "shorter")
    finished.write_params(set={**SILENT, **SMALL})
    finished.repro()
    finished.commit()
    assert finished.dvc("push").status == 0
    clone = finished.clone("checked out")
    context = {
        "github.base_ref || github.event.repository.default_branch": "main",
        "github.ref": "refs/pull/1/merge",
    }
    done = run_job(clone, ".github/workflows/checks.yml", "check", context=context, without=["Environment"])
    assert done.failed == [], done.text
    assert "Running stage 'train@0'" in done.outcomes["The pipeline, small"].stdout
    assert done.outcomes["The pipeline, as it is committed"].ran == []
    assert "## Results beside origin/main" in done.summary
    changed = [line for line in done.summary.splitlines() if line.startswith("|") and "n_episodes" in line]
    assert any("| 100" in line and "| 5" in line for line in changed), done.summary
    assert "set.algorithm.n_epochs" in done.summary
    assert (clone.root / "dvc_plots" / "index.html").is_file()
    finished.git("switch", "--quiet", "main")


def test_a_failing_test_fails_the_check_and_the_report_is_written_all_the_same(finished: Project) -> None:
    clone = finished.clone("broken")
    clone.edit("warm_room/thermostat.py", lambda text: text.replace("0.2 * abs", "0.3 * abs"))
    context = {"github.base_ref || github.event.repository.default_branch": "main", "github.ref": "refs/heads/x"}
    done = run_job(clone, ".github/workflows/checks.yml", "check", context=context, without=["Environment"])
    assert done.failed == ["Tests"], done.text
    assert "The pipeline was not reached." in done.summary


@pytest.fixture(scope="module")
def nightly() -> dict[str, str]:
    return {"vars.CHAMPION || 'out/train/0'": "out/train/0", "vars.MLFLOW_TRACKING_URI": ""}


def test_the_agent_is_repeated_every_night(finished: Project, nightly: dict[str, str]) -> None:
    assert finished.dvc("checkout").status == 0
    clone = finished.clone("nightly")
    done = run_job(clone, ".github/workflows/nightly.yml", "replay", context=nightly, without=["Environment"])
    assert done.failed == [], done.text
    assert "bit-identical" in done.summary


def test_drift_fails_the_night_and_says_where(finished: Project, nightly: dict[str, str], tmp_path: Path) -> None:
    """Another version of maze, which computes advantages otherwise, and which requirements.txt does not tell of."""
    other = tmp_path / "another maze"
    copy_repository(other)
    drifted = Project(other, {})
    drifted.edit(
        "maze/functional/returns.py", lambda text: text.replace("reward + discount *", "reward + 0.9 * discount *")
    )
    clone = finished.clone("drifted")
    clone.environment = {**clone.environment, "PYTHONPATH": str(other)}
    done = run_job(clone, ".github/workflows/nightly.yml", "replay", context=nightly, without=["Environment"])
    assert done.failed == ["Train it again and compare"], done.text
    assert "differ" in done.summary


def test_the_workflows_are_understood_by_yaml_and_name_no_action_of_a_moving_branch(project: Project) -> None:
    for path in (project.root / ".github/workflows").glob("*.yml"):
        for action in re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action), action


def test_it_is_in_a_wheel_too(tmp_path: Path) -> None:
    source = tmp_path / "source"
    copy_repository(source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    target = tmp_path / "site"
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--target", str(target), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    template = target / "maze/api/new_project/template"
    for name in (
        "stages/train.py",
        "README.md",
        "_github/workflows/checks.yml",
        "_dvc/config",
        "my_project/thermostat.py",
    ):
        assert (template / name).is_file(), name
