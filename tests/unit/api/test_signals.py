"""Stopping in good order: the best state is kept, the record says so, and the exit status is the usual one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maze import GymMazeEnv, RunContext
from maze.api.signals import stop_on_signals
from tests.scripted import CountingEnv, tiny_context, weights_of

ROOT = Path(__file__).parents[3]
WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

TRAIN = """
import sys
from maze.cli import main
words = ["runner.concurrency=2", "algorithm=a2c", "algorithm.epoch_length=5", "algorithm.patience=null",
         "algorithm.n_epochs=1000000", "tracking.mode=off", "algorithm.rollout_evaluator.n_episodes=1"]
sys.exit(main([*words, "--seed", "1", "--run-dir", sys.argv[1]]))
"""


class SignallingEnv(CountingEnv):
    """Sends a signal to this process, one alone, at one of the steps."""

    def __init__(self, number: int, at: int, sent: list[int]) -> None:
        super().__init__([4])
        self.number, self.at, self.sent = number, at, sent

    def step(self, action: Any) -> Any:
        result = super().step(action)
        if self.life == self.at and not self.sent:
            self.sent.append(self.number)
            signal.raise_signal(self.number)
        return result


def test_a_signal_becomes_a_request_and_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in WATCHED]
    for number in WATCHED:
        with stop_on_signals() as request:
            assert not request.requested()
            request.raise_if_requested()
            signal.raise_signal(number)
            assert request.requested()
            assert request.signal_number == number
    assert [signal.getsignal(number) for number in WATCHED] == before


def test_what_a_request_raises() -> None:
    with stop_on_signals() as request:
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        request.raise_if_requested()
    with stop_on_signals() as request:
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught:
        request.raise_if_requested()
    assert caught.value.code == 143


def test_the_second_signal_acts_at_once_and_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in WATCHED]
    with stop_on_signals() as request:
        signal.raise_signal(signal.SIGTERM)
        assert request.requested()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(number) for number in WATCHED] == before


def test_other_threads_leave_handlers_alone() -> None:
    seen: list[bool] = []
    before = [signal.getsignal(number) for number in WATCHED]

    def work() -> None:
        with stop_on_signals() as request:
            seen.append([signal.getsignal(number) for number in WATCHED] == before)
            seen.append(request.requested())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True, False]


@pytest.mark.parametrize(
    ("number", "error", "code"),
    [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, SystemExit, 143), (signal.SIGHUP, SystemExit, 129)],
)
def test_training_that_is_told_to_stop_keeps_the_best_state(
    number: int, error: type[BaseException], code: int | None, tmp_path: Path
) -> None:
    # An epoch takes 24 steps of each environment, the evaluators' environments take 4 each: the signal comes in the
    # second epoch.
    sent: list[int] = []
    rc = tiny_context(tmp_path / "run", env=lambda: GymMazeEnv(SignallingEnv(number, 30, sent)))
    with pytest.raises(error) as caught:
        rc.train()
    if code is not None:
        assert isinstance(caught.value, SystemExit)
        assert caught.value.code == code
    reference = tiny_context(tmp_path / "reference", env=lambda: GymMazeEnv(CountingEnv([4])))
    reference.train(1)
    assert weights_of(rc).tobytes() == weights_of(reference).tobytes()
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert (record["status"], record["reason"]) == ("KILLED", f"signal {int(number)}")
    weights = [(tmp_path / name / "agent" / "weights.safetensors").read_bytes() for name in ("run", "reference")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"])
def test_a_process_that_is_told_to_stop_leaves_a_usable_run(number: int, code: int, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    deadline = time.monotonic() + 60
    log = run / "metrics.jsonl"
    while time.monotonic() < deadline and process.poll() is None and not (log.exists() and log.stat().st_size):
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    record = json.loads((run / "record.json").read_text())
    assert (record["status"], record["reason"]) == ("KILLED", f"signal {int(number)}")
    rc = RunContext.load(run, silent=True)
    assert len(rc.evaluate(n_episodes=1)) == 1
    assert np.isfinite(weights_of(rc)).all()
