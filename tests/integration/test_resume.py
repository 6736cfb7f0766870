"""Processes that know nothing of each other train as one: after an end, after a signal, and from a loaded run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from maze import RunContext

ROOT = Path(__file__).parents[2]
RESULTS = ("agent/weights.safetensors", "agent/statistics.npz", "curve.csv", "metrics.json", "checkpoint/state.npz")
MAKE = "maze.env.make_gym_maze_env"
ENVIRONMENTS = {  # stepped as a batch, and one by one in pure Python
    "CartPole": {"_target_": MAKE, "name": "CartPole-v1"},
    "Acrobot": {"_target_": MAKE, "name": "Acrobot-v1", "max_episode_steps": 60},
}
CASES = {
    f"{algorithm} {name}": {"algorithm": algorithm, "env": env}
    for algorithm in ("a2c", "bc", "es", "impala", "ppo", "sac")
    for name, env in ENVIRONMENTS.items()
}
CASES["ppo with state"] = {
    "algorithm": "ppo",
    "env": ENVIRONMENTS["CartPole"],
    "model": "vector_obs_recurrent",
    "critic": "template_state",
}
SCRIPT = """
import json, sys
from pathlib import Path
from maze import RunContext

VALUES = {
    "tracking.mode": "off",
    "runner.concurrency": 2,
    "algorithm.epoch_length": 3,
    "algorithm.n_rollout_steps": 8,
    "algorithm.rollout_evaluator.n_episodes": 1,
}
LESS = {"algorithm.initial_buffer_size": 20, "algorithm.batch_size": 16}

def run(directory, case, n_epochs, **arguments):
    values = {**VALUES, **LESS} if case["algorithm"] == "sac" else VALUES
    if case["algorithm"] == "bc":  # which steps nothing: it goes through what was recorded beforehand
        values = {key: value for key, value in VALUES.items() if key != "algorithm.n_rollout_steps"}
        values |= {"algorithm.demonstrations": str(directory.parent / "shown"), "algorithm.batch_size": 16}
    given = {"wrappers": "vector_obs", "overrides": values, "seed": 1, "silent": True, **case, **arguments}
    RunContext(run_dir=directory, **given).train(n_epochs)

place, step, cases = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
for name, case in cases.items():
    if step == "begin":
        if case["algorithm"] == "bc":
            expert = RunContext(env=case["env"], wrappers="vector_obs", seed=1, silent=True)
            expert.rollout(5, max_episode_steps=30, record_trajectory=True, output_dir=place / name / "shown")
        run(place / name / "whole", case, 4)
        run(place / name / "half", case, 2)
    elif step == "resume":
        run(place / name / "half", case, 2, resume=True)
    else:
        mapping = RunContext.load(place / name / "copy").config.to_mapping()
        config = {**mapping, "log_base_dir": str(place / name / "loaded"), "tracking": {"mode": "off"}}
        RunContext.load(place / name / "copy", config=config, silent=True).train(2)
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def python(*words: str, cwd: Path) -> None:
    command = [sys.executable, "-W", "error", *words]
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory in which three processes left, for every case, a whole, a resumed and a loaded run."""
    place = tmp_path_factory.mktemp("processes")
    for step in ("begin", "resume", "load"):
        python("-c", SCRIPT, str(place), step, json.dumps(CASES), cwd=place)
        if step == "begin":
            for case in CASES:
                shutil.copytree(place / case / "half", place / case / "copy")
    return place


def results(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in RESULTS}


@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_as_one(case: str, runs: Path) -> None:
    assert len((runs / case / "whole" / "curve.csv").read_text().splitlines()) == 5
    assert results(runs / case / "half") == results(runs / case / "whole")


@pytest.mark.parametrize("case", CASES)
def test_a_loaded_run_goes_on_exactly_in_a_directory_of_its_own(case: str, runs: Path) -> None:
    (loaded,) = (path.parent for path in (runs / case / "loaded").rglob("record.json") if "initial" not in path.parts)
    assert results(loaded) == results(runs / case / "whole")
    assert len((runs / case / "copy" / "curve.csv").read_text().splitlines()) == 3


LONGER = """
import sys
from maze import RunContext

values = {
    "tracking.mode": "off",
    "runner.concurrency": 2,
    "algorithm.n_epochs": 30,
    "algorithm.epoch_length": 10,
    "algorithm.n_rollout_steps": 16,
    "algorithm.patience": None,
    "algorithm.rollout_evaluator.n_episodes": 2,
}
given = {"algorithm": "ppo", "wrappers": "vector_obs", "overrides": values, "seed": 1, "silent": True}
RunContext(run_dir=sys.argv[1], resume=sys.argv[2:] == ["resume"], **given).train()
"""


def wait_for_epoch(run: Path, process: subprocess.Popen[Any]) -> None:
    log = run / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (log.is_file() and log.read_bytes()):
        assert process.poll() is None, "training ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_run_that_a_signal_ended_is_finished_by_resuming_it(number: int, code: int, tmp_path: Path) -> None:
    python("-c", LONGER, "whole", cwd=tmp_path)
    command = [sys.executable, "-c", LONGER, "broken"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL) as process:
        wait_for_epoch(tmp_path / "broken", process)
        process.send_signal(number)
        assert process.wait(60) == code
    record = json.loads((tmp_path / "broken" / "record.json").read_text())
    assert record["status"] == "KILLED"
    n_epochs = len((tmp_path / "broken" / "curve.csv").read_text().splitlines()) - 1
    assert 1 <= n_epochs < 30
    assert len(RunContext.load(tmp_path / "broken", silent=True).evaluate(n_episodes=1)) == 1  # the best state is kept
    python("-c", LONGER, "broken", "resume", cwd=tmp_path)
    assert results(tmp_path / "broken") == results(tmp_path / "whole")
    logs = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("broken", "whole")]
    assert logs[0] == logs[1]
