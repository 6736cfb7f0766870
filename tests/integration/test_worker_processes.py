"""Worker processes of scripts: what only the script has, Ctrl-C, and owners that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maze import RunContext
from tests.integration.project import REPOSITORY, clean_environment

OWN = """
import warnings
from abc import ABC, abstractmethod
import gymnasium, numpy as np
from gymnasium.envs.classic_control import AcrobotEnv
from maze import GymMazeEnv, RunContext, Wrapper
from maze.env import CoreEnv, CoreMazeEnv, ActionConversionInterface, ObservationConversionInterface
from maze.statistics import Pubsub, define_episode_stats, define_epoch_stats

SIZE = 2.0

class Loud(AcrobotEnv):
    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, reward * SIZE, *rest

class Own(Wrapper):
    def reset(self):
        return super().reset()

class WalkEvents(ABC):
    @define_epoch_stats(np.mean, input_name="sum", output_name="mean")
    @define_episode_stats(np.sum, input_name="length", output_name="sum")
    @abstractmethod
    def walked(self, length): ...

class Walk(CoreEnv):
    def __init__(self):
        super().__init__()
        self.events = Pubsub(self.context.event_service).create_event_topic(WalkEvents)
        self.place = 0
    def reset(self):
        self.place = int(self.generator.integers(3))
        return self.place
    def step(self, action):
        self.events.walked(action)
        return self.place, float(action), self.context.step_id == 4, {}
    def get_maze_state(self):
        return self.place
    def state_dict(self):
        return {"place": self.place}
    def load_state_dict(self, state):
        self.place = state["place"]

class Steps(ActionConversionInterface):
    def space(self):
        return gymnasium.spaces.Dict({"steps": gymnasium.spaces.Discrete(3)})
    def space_to_maze(self, action, maze_state):
        return int(action["steps"])

class Place(ObservationConversionInterface):
    def space(self):
        return gymnasium.spaces.Dict({"place": gymnasium.spaces.Box(0, 20, (1,), np.float32)})
    def maze_to_space(self, maze_state):
        return {"place": np.array([maze_state], np.float32)}

gymnasium.register("Loud-v0", Loud, max_episode_steps=20)
values = {"tracking.mode": "off", "runner.concurrency": 2, "algorithm.n_rollout_steps": 8}
for env in (lambda: GymMazeEnv("Loud-v0"), lambda: CoreMazeEnv(Walk(), {0: Steps()}, {0: Place()})):
    told = []
    for runner in ("dev", "local"):
        rc = RunContext(env=env, wrappers=[Own], algorithm="a2c", configuration="test", runner=runner,
                        seed=1, silent=True, overrides={**values, "runner.n_processes": 2 * (runner == "local")})
        rc.train()
        told.append({k: v for k, v in rc.statistics.items() if "walked" in k or "loss" in k})
        rc.close()
    assert told[0] == told[1], told
assert "train/WalkEvents/walked/mean" in told[0], told
print("equal")
"""

TRAIN = """
import sys
from maze.cli import main
words = ["env.name=Acrobot-v1", "runner=local", "runner.n_processes=2", "runner.concurrency=2", "algorithm=a2c"]
words += ["algorithm.epoch_length=5", "algorithm.n_rollout_steps=8", "algorithm.patience=null", "tracking.mode=off"]
words += ["algorithm.n_epochs=1000000", "++env.max_episode_steps=20", "algorithm.rollout_evaluator.n_episodes=2"]
sys.exit(main([*words, "--seed", "1", "--run-dir", sys.argv[1]]))
"""

OWNER = """
import sys, time
from maze import GymMazeEnv
from maze.env import make_vector_env
from tests.elsewhere import failing
vector = make_vector_env(failing("sleep"), 2, n_processes=2)
vector.reset([0, 1])
print(*(member.process.pid for member in vector._group.members), flush=True)
if sys.argv[1] == "busy":
    vector.step({"action": __import__("numpy").ones(2, int)})
time.sleep(60)
"""


def begin(path: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    (path / "script.py").write_text(script)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "script.py", *arguments],
        cwd=path,
        env={**clean_environment(path), "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started; where the system does not say, none."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def test_what_only_a_script_has_works_elsewhere_and_the_script_needs_no_guard(tmp_path: Path) -> None:
    process = begin(tmp_path, OWN)
    out, errors = process.communicate(timeout=240)
    assert (process.returncode, out, errors) == (0, "equal\n", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"])
def test_signals_to_all_processes_end_training_in_good_order(number: int, code: int, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = begin(tmp_path, TRAIN, str(run))
    log = run / "metrics.jsonl"
    assert wait_until(lambda: process.poll() is not None or (log.exists() and log.stat().st_size > 0), 120)
    assert process.poll() is None, process.communicate()
    workers = children_of(process.pid)
    assert len(workers) == 4, "two for training, two for evaluation"
    os.killpg(process.pid, number)  # as a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert not any(map(is_running, workers))
    record = json.loads((run / "record.json").read_text())
    assert (record["status"], record["reason"]) == ("KILLED", f"signal {int(number)}")


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_workers_leave_when_their_owner_is_killed(state: str, tmp_path: Path) -> None:
    process = begin(tmp_path, OWNER, state)
    assert process.stdout is not None
    workers = [int(pid) for pid in process.stdout.readline().split()]  # closed by communicate()
    assert len(workers) == 2
    assert all(map(is_running, workers))
    time.sleep(0.2)
    process.kill()
    assert wait_until(lambda: not any(map(is_running, workers)), 20)
    _, errors = process.communicate(timeout=20)
    assert errors == ""


def test_jobs_of_a_multirun_have_processes_of_their_own(tmp_path: Path) -> None:
    rc: Any = RunContext(
        runner=["dev", "local"],
        algorithm="a2c",
        configuration="test",
        overrides={"env.name": "Acrobot-v1", "tracking.mode": "off"},
        multirun=True,
        run_dir=tmp_path / "grid",
        seed=1,
        silent=True,
    )
    rc.train()
    assert [config.runner.n_processes for config in rc.config] == [0, 2]
    weights = {(run / "agent" / "weights.safetensors").read_bytes() for run in rc.run_dir}
    assert len(weights) == 1
