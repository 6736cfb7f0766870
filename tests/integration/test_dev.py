"""The script ``./dev``, the lock file and what continuous integration calls."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.project import REPOSITORY, Outcome, Project, clean_environment

INSTALLERS = ("pip", "ensurepip")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A place with spaces that holds what ./dev needs, and an environment in which everything is installed."""
    root = tmp_path / "a place with spaces"
    root.mkdir()
    for name in ("dev", "requirements.lock", "pyproject.toml"):
        shutil.copy2(REPOSITORY / name, root / name)
    return Project(root, {**clean_environment(tmp_path), "MAZE_VENV": str(prepared(tmp_path / "an environment", root))})


def prepared(venv: Path, root: Path) -> Path:
    """Make a directory that ./dev takes for a finished environment of the project at ``root``."""
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (venv / "bin" / "python").chmod(0o755)
    (venv / ".maze-installed").write_text(fingerprint(root))
    return venv


def fingerprint(root: Path) -> str:
    """Return what ./dev writes when it has installed everything."""
    parts = (f"{root.resolve()}\n", (root / "requirements.lock").read_text(), (root / "pyproject.toml").read_text())
    return "".join(parts).rstrip("\n") + "\n"


def dev(project: Project, *arguments: str, **variables: str) -> Outcome:
    return project.run(str(project.root / "dev"), *arguments, **variables)


def test_the_script_is_posix_shell() -> None:
    project = Project(REPOSITORY, dict(os.environ))
    assert (REPOSITORY / "dev").read_text().startswith("#!/bin/sh\n")
    for script in ("dev", ".ci/run"):
        outcome = project.run("sh", "-n", script)
        assert outcome.status == 0, outcome.text
        assert os.access(REPOSITORY / script, os.X_OK)


@pytest.mark.parametrize("arguments", [("help",), ("--help",), ()])
def test_help_names_the_commands_and_installs_nothing(arguments: tuple[str, ...], tmp_path: Path) -> None:
    environment = {**clean_environment(tmp_path), "MAZE_VENV": str(tmp_path / "none")}
    outcome = Project(REPOSITORY, environment).run("./dev", *arguments)
    assert outcome.status == 0, outcome.text
    for command in ("repro", "test", "check", "docs", "ui", "browser", "lock"):
        assert f"./dev {command}" in outcome.stdout
    assert not (tmp_path / "none").exists()


def test_a_command_runs_in_the_environment_from_anywhere(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    project_elsewhere = Project(elsewhere, project.environment)
    show = 'import os; print(os.getcwd(), os.environ["VIRTUAL_ENV"], os.environ["DVC_NO_ANALYTICS"], sep="|")'
    outcome = project_elsewhere.run(str(project.root / "dev"), "python", "-c", show, PYTHONPATH="/nowhere")
    assert outcome.status == 0, outcome.text
    assert outcome.stdout.strip() == f"{elsewhere}|{project.environment['MAZE_VENV']}|1"
    assert outcome.stderr == ""


def test_arguments_arrive_as_they_were(project: Project) -> None:
    outcome = dev(project, "python", "-c", "import sys; print(sys.argv[1:])", "a b", "$HOME", "*", "")
    assert outcome.stdout.strip() == "['a b', '$HOME', '*', '']"


def test_telemetry_is_off_and_the_environments_programs_come_first(project: Project) -> None:
    show = "import os; print([os.environ.get(n) for n in ('MLFLOW_DISABLE_TELEMETRY', 'DO_NOT_TRACK', 'PYTHONPATH')])"
    assert dev(project, "python", "-c", show, PYTHONPATH="/nowhere").stdout.strip() == "['true', 'true', None]"
    path = dev(project, "sh", "-c", 'printf %s "$PATH"').stdout
    assert path.split(":")[0] == f"{project.environment['MAZE_VENV']}/bin"


def test_the_status_of_the_command_is_the_scripts(project: Project) -> None:
    assert dev(project, "sh", "-c", "exit 7").status == 7
    assert dev(project, "no-such-command").status == 127


def test_nothing_is_done_twice_and_a_changed_lock_is_installed(project: Project, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    python = Path(project.environment["MAZE_VENV"]) / "bin" / "python"
    python.write_text(f'#!/bin/sh\necho "$*" >>"{calls}"\n')
    assert dev(project, "true").status == 0
    assert not calls.exists()
    with (project.root / "requirements.lock").open("a") as lock:
        lock.write("another==1.0\n")
    assert dev(project, "true").status == 0
    installed = calls.read_text().splitlines()
    assert [line.split()[:3] for line in installed] == [["-m", "pip", "install"]] * 2
    assert str(project.root / "requirements.lock") in installed[0]
    assert "--editable" in installed[1]
    assert dev(project, "true").status == 0
    assert calls.read_text().splitlines() == installed


def test_a_failed_installation_is_repeated(project: Project) -> None:
    python = Path(project.environment["MAZE_VENV"]) / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    (project.root / "requirements.lock").write_text("another==1.0\n")
    assert dev(project, "true").status != 0
    assert not (python.parents[1] / ".maze-installed").exists()
    python.write_text("#!/bin/sh\nexit 0\n")
    assert dev(project, "true").status == 0


@pytest.fixture
def fresh(project: Project, tmp_path: Path) -> Project:
    """The project without an environment, in which pip finds no package, whatever the network is like."""
    index = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "MAZE_VENV": str(tmp_path / "new environment")}
    return Project(project.root, {**project.environment, **index})


def python_called(name: str, place: Path) -> str:
    """Make a Python 3.11 that says who it is when it makes an environment, and return the PATH that begins with it."""
    place.mkdir()
    script = f'#!/bin/sh\n[ "$2" = venv ] && echo made by {name} >&2\nexec "{sys.executable}" "$@"\n'
    (place / "python3.11").write_text(script)
    (place / "python3.11").chmod(0o755)
    return f"{place}{os.pathsep}{os.environ['PATH']}"


def test_a_failure_of_pip_says_what_to_do_and_the_next_attempt_begins_anew(fresh: Project, tmp_path: Path) -> None:
    venv = Path(fresh.environment["MAZE_VENV"])
    outcome = dev(fresh, "true", PATH=python_called("one", tmp_path / "one"))
    assert outcome.status == 1
    *_, before, last = outcome.stderr.splitlines()
    assert "No matching distribution" in before
    assert last.startswith("dev: pip could not install what requirements.lock lists: see above; ")
    assert "PIP_INDEX_URL" in last
    assert "python3.11 on PATH" in last
    assert "made by one" in outcome.stderr
    (venv / "left over").touch()
    again = dev(fresh, "true", PATH=python_called("another", tmp_path / "another"))
    assert "made by another" in again.stderr
    assert not (venv / "left over").exists()


def test_an_environment_of_ones_own_is_used_and_never_cleared(fresh: Project) -> None:
    venv = Path(fresh.environment["MAZE_VENV"])
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    (venv / "mine").touch()
    assert "dev: pip could not install" in dev(fresh, "true").stderr
    (venv / "bin" / "python").unlink()
    outcome = dev(fresh, "true")
    assert outcome.status == 1
    assert "python is not Python 3.11 with pip; remove" in outcome.stderr
    assert (venv / "mine").exists()


def test_the_projects_own_environment_is_made_anew_where_its_python_is_broken(fresh: Project) -> None:
    venv = fresh.root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (venv / "left over").touch()
    outcome = dev(fresh, "true", MAZE_VENV=str(venv))
    assert "dev: pip could not install" in outcome.stderr
    assert (venv / "bin" / "pip").exists()
    assert not (venv / "left over").exists()


def test_a_directory_of_other_things_is_left_alone(fresh: Project) -> None:
    venv = Path(fresh.environment["MAZE_VENV"])
    venv.mkdir()
    (venv / "thesis.tex").touch()
    outcome = dev(fresh, "true")
    assert (outcome.status, (venv / "thesis.tex").exists()) == (1, True)
    assert "holds other things than an environment" in outcome.stderr


def test_a_missing_python_is_named(project: Project, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "cat", "rm", "mkdir"):
        (tools / name).symlink_to(Path(str(shutil.which(name))))
    outcome = dev(project, "true", PATH=str(tools), MAZE_VENV=str(tmp_path / "fresh"))
    assert outcome.status != 0
    assert "Python 3.11" in outcome.stderr
    assert "install it" in outcome.stderr


def test_a_relative_environment_belongs_to_the_callers_directory(project: Project) -> None:
    place = prepared(project.root / "mine", project.root)
    outcome = dev(project, "python", "-c", "import os; print(os.environ['VIRTUAL_ENV'])", MAZE_VENV="mine")
    assert outcome.stdout.strip() == str(place)


def test_the_lock_holds_exact_versions_and_nothing_else() -> None:
    lines = [line for line in (REPOSITORY / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    exact = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!]*")
    assert [line for line in lines if not exact.fullmatch(line)] == []
    assert "torch==2.13.0" in lines
    names = [re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines]
    assert len(names) == len(set(names))
    assert set(INSTALLERS).isdisjoint(names)
    needed = {"dvc", "hydra-core", "omegaconf", "gym", "gymnasium", "mlflow", "ruamel-yaml", "pytest", "ruff"}
    assert needed <= set(names)
    assert "maze" not in names


def test_continuous_integration_calls_the_same_commands_in_a_fresh_environment() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text()
    assert re.search(r"^\./dev lint$", script, re.MULTILINE)
    assert re.search(r"^\./dev test$", script, re.MULTILINE)
    assert "mktemp" in script
    assert "MAZE_VENV" in script
