"""Launchers: one process a job, results in order, and nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from maze.errors import InvalidSpecificationError
from maze.launchers import Job, JoblibLauncher, JobResult, Launcher, SerialLauncher

LAUNCHERS: list[Launcher] = [SerialLauncher(), JoblibLauncher(n_jobs=3)]
both = pytest.mark.parametrize("launcher", LAUNCHERS, ids=["serial", "joblib"])


def _job(directory: Path, name: str, script: str, **environment: str) -> Job:
    return Job(name, ("sh", "-c", script), directory / name / "log", environment)


@both
def test_results_come_in_order_and_one_failure_stops_nothing(launcher: Launcher, tmp_path: Path) -> None:
    scripts = ["sleep 0.3; echo a; exit 3", "echo out; echo err >&2", "kill -9 $$", "echo last"]
    ended: list[str] = []
    jobs = [_job(tmp_path, str(index), script) for index, script in enumerate(scripts)]
    results = launcher.launch(jobs, lambda result: ended.append(result.name))
    assert [(r.name, r.exit_code, r.output) for r in results] == [
        ("0", 3, "a\n"),
        ("1", 0, "out\nerr\n"),
        ("2", -signal.SIGKILL, ""),
        ("3", 0, "last\n"),
    ]
    assert sorted(ended) == ["0", "1", "2", "3"]
    assert results[0].seconds >= 0.3


@both
def test_nothing_reaches_the_terminal(launcher: Launcher, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    launcher.launch([_job(tmp_path, "x", "echo out; echo err >&2")])
    assert capfd.readouterr() == ("", "")


@both
def test_a_program_that_does_not_exist_is_a_failed_job(launcher: Launcher, tmp_path: Path) -> None:
    jobs = [Job("bad", ("no-such-program",), tmp_path / "bad.log"), _job(tmp_path, "good", "true")]
    bad, good = launcher.launch(jobs)
    assert (bad.exit_code, good.exit_code) == (127, 0)
    assert "no-such-program" in bad.output


def test_a_second_launch_appends_to_the_log_and_returns_its_own_part(tmp_path: Path) -> None:
    launcher = SerialLauncher()
    assert launcher.launch([_job(tmp_path, "x", "echo one")])[0].output == "one\n"
    assert launcher.launch([_job(tmp_path, "x", "echo $WORD", WORD="two")])[0].output == "two\n"
    assert (tmp_path / "x" / "log").read_text() == "one\ntwo\n"


def test_serial_runs_one_at_a_time_and_joblib_as_many_as_it_is_told(tmp_path: Path) -> None:
    script = "echo on >> ../t; sleep 0.4; echo off >> ../t"

    def most(launcher: Launcher, place: Path) -> int:
        place.mkdir()
        commands = [script.replace("../t", str(place / "t"))] * 4
        launcher.launch([_job(place, str(index), command) for index, command in enumerate(commands)])
        running = highest = 0
        for word in (place / "t").read_text().split():
            running += 1 if word == "on" else -1
            highest = max(highest, running)
        return highest

    assert most(SerialLauncher(), tmp_path / "serial") == 1
    assert most(JoblibLauncher(n_jobs=2), tmp_path / "two") == 2
    assert most(JoblibLauncher(n_jobs=4), tmp_path / "four") == 4


@both
def test_launching_works_in_a_thread(launcher: Launcher, tmp_path: Path) -> None:
    results: list[JobResult] = []
    thread = threading.Thread(target=lambda: results.extend(launcher.launch([_job(tmp_path, "x", "exit 5")])))
    thread.start()
    thread.join()
    assert [result.exit_code for result in results] == [5]


@both
def test_a_listener_that_breaks_down_leaves_nothing_running(launcher: Launcher, tmp_path: Path) -> None:
    jobs = [_job(tmp_path, "first", "true"), _job(tmp_path, "second", f"echo $$ > {tmp_path}/pid; sleep 60")]

    def break_down(result: JobResult) -> None:
        deadline = time.monotonic() + 5
        while not isinstance(launcher, SerialLauncher) and not (tmp_path / "pid").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        raise RuntimeError(result.name)

    started = time.monotonic()
    with pytest.raises(RuntimeError):
        launcher.launch(jobs, break_down)
    assert time.monotonic() - started < 20
    if (tmp_path / "pid").exists():
        _await_end(int((tmp_path / "pid").read_text()))


SCRIPT = """
import sys
from pathlib import Path
from maze.launchers import Job, JoblibLauncher, SerialLauncher
place = Path(sys.argv[2])
jobs = [Job(str(n), ("sh", "-c", f"echo $$ > {place}/{n}.pid; exec sleep 60"), place / f"{n}.log") for n in range(2)]
try:
    {"serial": SerialLauncher(), "joblib": JoblibLauncher(2)}[sys.argv[1]].launch(jobs)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["serial", "joblib"])
def test_signals_end_the_jobs_as_well(name: str, number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, name, str(tmp_path)])
    pids = [tmp_path / f"{n}.pid" for n in range(1 if name == "serial" else 2)]
    _await(lambda: all(path.exists() and path.read_text().strip() for path in pids))
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    for path in pids:
        _await_end(int(path.read_text()))
    assert (tmp_path / "1.pid").exists() == (name == "joblib")  # no job is started after the signal


@pytest.mark.parametrize("n_jobs", [0, 1.5, True, "2", None])
def test_a_wrong_number_of_jobs_is_refused(n_jobs: object) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"launcher.n_jobs: .* accepted: a whole number"):
        JoblibLauncher(n_jobs=n_jobs)  # type: ignore[arg-type]


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _await_end(pid: int) -> None:
    def ended() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    _await(ended)
