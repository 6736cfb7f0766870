"""Processes that nobody waits for any more: they leave, and what they still write spoils nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from tests.integration.project import SILENT, Outcome, Project, stop

pytestmark = pytest.mark.slow

ENDLESS = {"algorithm": {"n_epochs": 1000000, "patience": None}, **SILENT}
LATER = {"algorithm": {"n_epochs": 2, "patience": None}, **SILENT}


@pytest.fixture(scope="module")
def whole(make_project: Callable[..., Project]) -> Project:
    """A project, and what its training gives where nobody disturbs it, in ``undisturbed``."""
    project = make_project(set=LATER)
    project.repro("train")
    project.commit()
    shutil.copytree(project.root / "out/train/0", project.root.parent / "undisturbed")
    return project


@pytest.fixture
def project(whole: Project) -> Iterator[Project]:
    """The project as it was committed, where nothing is left running."""
    whole.git("checkout", "--quiet", "--force", "main")
    yield whole
    for process in processes(whole):
        process.kill()


def processes(project: Project, *words: str) -> list[psutil.Process]:
    """Return the processes that work in the project, DVC and stages, or those whose command begins with such words."""
    found = []
    for process in psutil.process_iter():
        try:
            works_here = Path(process.cwd()) == project.root and process.status() != psutil.STATUS_ZOMBIE
            if works_here and process.cmdline()[1 : 1 + len(words)] == list(words):
                found.append(process)
        except psutil.Error:
            continue
    return found


def trainings(project: Project) -> list[psutil.Process]:
    """Return the processes that train, without shells that wait for them."""
    return processes(project, "-m", "stages.train")


def wait_until(condition: Callable[[], object], seconds: float = 120) -> float:
    """Wait, and return for how long."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds
        time.sleep(0.02)
    return time.monotonic() - began


@contextmanager
def training_by(project: Project, *command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start a training without end, and wait for its first epochs."""
    project.write_params(set=ENDLESS)
    log = project.root / "out/train/0/metrics.jsonl"
    log.unlink(missing_ok=True)
    with Project(project.root, {**project.environment, **variables}).start(*command) as started:
        wait_until(lambda: trainings(project) or started.poll() is not None)  # DVC may bring an earlier log back
        wait_until(lambda: (log.is_file() and log.stat().st_size) or started.poll() is not None)
        assert started.poll() is None, started.communicate()
        yield started


def train_again(project: Project) -> Outcome:
    """Train with the values of the beginning, which must give what it gave then."""
    project.write_params(set=LATER)
    outcome = project.dvc("repro", "--no-run-cache", "--force", "train")
    assert outcome.status == 0, outcome.text
    undisturbed = project.root.parent / "undisturbed"
    for path in undisturbed.rglob("*"):
        if path.is_file():
            ours = project.root / "out/train/0" / path.relative_to(undisturbed)
            assert ours.read_bytes() == path.read_bytes(), path.name
    return outcome


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_training_leaves_with_dvc_and_spoils_nothing(number: int, project: Project) -> None:
    with training_by(project, sys.executable, "-m", "dvc", "repro", "train") as dvc:
        (training,) = trainings(project)
        dvc.send_signal(number)
        dvc.wait(30)
        train_again(project)  # at once: the orphan may still be leaving
    assert not training.is_running()
    assert processes(project) == []


def test_training_leaves_where_a_shell_stands_between(project: Project) -> None:
    def wait_for_it(text: str) -> str:
        return text.replace("python -m stages.train --seed '${item.seed}'", "python -m stages.train --seed 0 && true")

    project.edit("dvc.yaml", wait_for_it)
    with training_by(project, sys.executable, "-m", "dvc", "repro", "train", SHELL="/bin/sh") as dvc:
        (training,) = trainings(project)
        assert training.ppid() != dvc.pid
        dvc.kill()
        dvc.wait(30)
        assert wait_until(lambda: not processes(project)) < 15  # an update, and writing, on a busy machine
    assert project.json("out/record/train/0.json")["status"] == "KILLED"


def test_a_stage_by_hand_goes_on_without_who_started_it(project: Project) -> None:
    project.write_params(set=ENDLESS)
    assert project.stage("compose").status == 0
    shell = ("/bin/sh", "-c", f"'{sys.executable}' -m stages.train --seed 0 & wait")
    with training_by(project, *shell) as started:
        started.kill()
        (training,) = trainings(project)
        time.sleep(2)
        assert training.is_running()
        training.terminate()
    wait_until(lambda: not processes(project))
    assert project.json("out/record/train/0.json")["status"] == "KILLED"


def test_a_second_process_on_a_slice_touches_nothing_and_says_who_has_it(project: Project) -> None:
    project.write_params(set=ENDLESS)
    assert project.stage("compose").status == 0
    with training_by(project, sys.executable, "-m", "stages.train", "--seed", "0") as first:
        (training,) = trainings(project)
        training.suspend()
        files = {path: path.stat().st_mtime_ns for path in (project.root / "out").rglob("*")}
        second = project.run(sys.executable, "-m", "stages.train", "--seed", "0", DVC_STAGE="train@0")
        assert second.status == 75, second.text
        waits, refuses = second.stderr.splitlines()
        assert waits == f"another process (pid {training.pid}) is training seed 0; waiting up to 20 s for it to end"
        assert f"another process (pid {training.pid}) is training seed 0" in refuses
        assert f"kill {training.pid}" in refuses
        assert {path: path.stat().st_mtime_ns for path in (project.root / "out").rglob("*")} == files
        training.resume()
        status, output = stop(first)
    assert status == 143, output


def test_a_stage_begins_clean_once_it_is_alone(project: Project) -> None:
    """What an orphan wrote after DVC had removed the outputs is none of the next training's."""
    locks = project.root / ".maze/locks"
    locks.mkdir(parents=True, exist_ok=True)
    project.write_params(set=LATER)
    with FileLock(locks / "train-0.lock"):
        command = (sys.executable, "-m", "dvc", "repro", "--force", "--no-run-cache", "train")
        dvc = project.start(*command)
        wait_until(lambda: trainings(project))
        (locks / "train-0.pid").write_text(f"{os.getpid()}\n")
        for name in ("train/0/agent/objects", "copies/train/0/shown"):
            (project.root / "out" / name).mkdir(parents=True, exist_ok=True)
            (project.root / "out" / name / "orphan").write_text("late")
        time.sleep(1)
    output, _ = dvc.communicate(timeout=120)
    assert dvc.returncode == 0, output
    assert "waiting up to 20 s" in output
    assert not [name for name in project.files("out") if "orphan" in name]
    assert (project.root / "out/train/0/.gitignore").is_file()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_experiment_that_is_ended_leaves_neither_processes_nor_a_detached_head(
    number: int, status: int, project: Project
) -> None:
    program = "import sys; from maze.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ("algorithm.n_epochs=1000000", "algorithm.patience=null")
    with training_by(project, sys.executable, "-c", program, "exp", *words) as wrapper:
        ended, output = stop(wrapper, number)
    assert ended == status, output
    assert processes(project) == []
    assert project.git("symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert not {"EXEC_BASELINE", "EXEC_MERGE"} & set(project.git("for-each-ref").replace("/", " ").split())
    assert project.json("out/record/train/0.json")["status"] == "KILLED"
