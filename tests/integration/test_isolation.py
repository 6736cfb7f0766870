"""Contexts stand beside each other, and inside other programs, without disturbing anybody: output, places, state."""

from __future__ import annotations

import concurrent.futures
import contextlib
import copy
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maze import GymMazeEnv, RunContext
from maze.api.quiet import Output
from maze.artifacts import read_json
from tests.scripted import CountingEnv, tiny_context

OFF = {"tracking.mode": "off"}

SILENT = """
import warnings
from maze import RunContext

rc = RunContext(algorithm="a2c", configuration="test", silent=True, run_dir="run", overrides={overrides})
rc.policy  # untrained: worth a warning, but not here
rc.train()
rc.train(1)
rc.evaluate(n_episodes=2)
rc.rollout(n_episodes=2)
loaded = RunContext.load("run", silent=True)
loaded.evaluate(n_episodes=1)
RunContext(run_dir="run", resume=True, silent=True, algorithm="a2c", configuration="test").train(1)
"""

APPLICATION = """
import json, sys
from pathlib import Path
import hydra
from hydra.core.hydra_config import HydraConfig
from maze import RunContext

@hydra.main(version_base=None, config_path=None)
def application(config):
    place, argv = Path.cwd(), list(sys.argv)
    rc = RunContext(algorithm="a2c", configuration="test", seed=3, silent=True, run_dir="run",
                    overrides={"tracking.mode": "off"})
    rc.train()
    result = {
        "x": config.x, "same place": Path.cwd() == place, "same words": sys.argv == argv,
        "job": HydraConfig.get().job.name, "run_dir": str(rc.run_dir), "place": str(place),
    }
    Path(sys.argv[0]).with_name("result.json").write_text(json.dumps(result))

application()
"""


def run_script(text: str, place: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script in a place of its own."""
    place.mkdir(exist_ok=True)
    script = place / "script.py"
    script.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, str(script), *words], check=False, cwd=place, env=environment, capture_output=True
    )


@pytest.mark.parametrize(
    "overrides",
    [{}, {"tracking.uri": "http://127.0.0.1:9", "tracking.mode": "best_effort"}],
    ids=["store", "unreachable store"],
)
def test_silent_leaves_both_streams_empty(overrides: dict[str, str], tmp_path: Path) -> None:
    done = run_script(SILENT.format(overrides=overrides), tmp_path / "place")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_inside_a_hydra_application(tmp_path: Path) -> None:
    done = run_script(APPLICATION, tmp_path / "place", "+x=3", "hydra.run.dir=out", "hydra.job.chdir=true")
    assert done.returncode == 0, done.stderr.decode()
    result = json.loads((tmp_path / "place" / "result.json").read_text())
    assert result["x"] == 3
    assert result["same place"]
    assert result["same words"]
    assert result["job"] == "script"
    assert result["place"] == str((tmp_path / "place" / "out").resolve())
    alone = RunContext(
        algorithm="a2c", configuration="test", seed=3, silent=True, run_dir=tmp_path / "alone", overrides=OFF
    )
    alone.train()
    inside = Path(result["run_dir"]) / "agent" / "weights.safetensors"
    assert inside.read_bytes() == (tmp_path / "alone" / "agent" / "weights.safetensors").read_bytes()


def test_contexts_that_take_turns_are_as_if_alone(tmp_path: Path) -> None:
    """Two runs whose calls alternate end with the weights and the records that each has alone."""

    def make(name: str, seed: int) -> RunContext:
        overrides = {**OFF, "algorithm.epoch_length": 2}
        return RunContext(
            algorithm="a2c", configuration="test", seed=seed, silent=True, run_dir=tmp_path / name, overrides=overrides
        )

    first, second = make("first", 1), make("second", 2)
    first.train(1)
    second.train(1)
    first.train(1)
    second.rollout(n_episodes=1)
    second.train(2)
    first.evaluate(n_episodes=2)
    for name, seed, calls in (("first", 1, (1, 1)), ("second", 2, (1, 2))):
        alone = make(f"{name} alone", seed)
        for n_epochs in calls:
            alone.train(n_epochs)
        for file in ("agent/weights.safetensors", "curve.csv"):
            assert (tmp_path / name / file).read_bytes() == (tmp_path / f"{name} alone" / file).read_bytes()
    recorded = {
        name: [call["method"] for call in read_json(tmp_path / name / "record.json")["calls"]]
        for name in ("first", "second")
    }
    assert recorded == {"first": ["train", "train", "evaluate"], "second": ["train", "rollout", "train"]}
    observation = first.env_factory().reset()
    assert np.array_equal(
        first.compute_action(observation, deterministic=True)["action"],
        RunContext.load(tmp_path / "first", silent=True).compute_action(observation, deterministic=True)["action"],
    )


NOISY = """
import ctypes, os, sys, warnings
import gymnasium
import numpy as np
from maze import GymMazeEnv, LogStatsWrapper, RunContext, replay, run_rollout

class Noisy(gymnasium.Wrapper):
    def step(self, action):
        print("a step")
        print("a word on the other stream", file=sys.stderr)
        sys.stdout.buffer.write(b"bytes\\n")
        warnings.warn("a warning")
        ctypes.CDLL(None).puts(b"a compiled library, into C's buffer")
        os.write(2, b"a compiled library")
        return super().step(action)

def make():
    import gym  # says that it is no longer maintained
    print("an environment")
    return Noisy(gymnasium.make("CartPole-v0", render_mode="foo"))  # out of date, and does not know the mode

kept = sys.stdout, sys.stderr
rc = RunContext(env=make, algorithm="a2c", configuration="test", silent=True, run_dir="run",
                wrappers=lambda env: (print("a wrapper"), LogStatsWrapper.wrap(env))[1],
                overrides={"tracking.mode": "off"})
env = rc.env_factory()
observation = {"observation": np.zeros(4, np.float32)}
rc.compute_action(observation)
rc.policy, rc.model
rc.train()
rc.evaluate(n_episodes=2)
rc.rollout(n_episodes=2)
rc.transform_observation(observation)
rc.close()
RunContext.load("run", silent=True, allow_code=True).evaluate(n_episodes=1)
assert replay("run", silent=True, allow_code=True).identical
run_rollout(env=make, policy="random_policy", silent=True, overrides={"runner.n_episodes": 1})
old = RunContext(silent=True, overrides={"env.name": "CartPole-v0", "tracking.mode": "off"})
old.policy
jobs = RunContext(env=make, silent=True, multirun=True, algorithm="a2c", configuration="test", run_dir="jobs",
                  overrides={"tracking.mode": "off", "algorithm.lr": [0.1, 0.2]})
jobs.train()
assert (sys.stdout, sys.stderr) == kept
os.write(1, b"the script itself, ")
os.write(2, b"and its complaints")
"""


def test_silent_hides_what_environments_print_and_warn_of(tmp_path: Path) -> None:
    done = run_script(NOISY, tmp_path / "place")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"the script itself, ", b"and its complaints")


def test_a_loud_context_beside_a_silent_one_is_heard(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Each waits in its environment for the other, so that both work at once."""
    both = threading.Barrier(2)

    def make(name: str) -> Callable[[], GymMazeEnv]:
        def make_env() -> GymMazeEnv:
            env = CountingEnv([3])
            step = env.step

            def talking_step(action: Any) -> Any:
                with contextlib.suppress(threading.BrokenBarrierError):
                    both.wait(timeout=5 if env.life < 5 else 0.01)
                print(f"{name} prints")  # noqa: T201
                print(f"{name} complains", file=sys.stderr)  # noqa: T201
                return step(action)

            env.step = talking_step  # type: ignore[method-assign]
            return GymMazeEnv(env)

        return make_env

    kept = sys.stdout, sys.stderr
    contexts = {
        name: tiny_context(tmp_path / name, env=make(name), silent=name == "silent") for name in ("silent", "loud")
    }
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(rc.train, 1) for rc in contexts.values()]:
            future.result()
    assert (sys.stdout, sys.stderr) == kept
    shown = capsys.readouterr()
    assert "loud prints" in shown.out
    assert "loud complains" in shown.err
    assert "silent" not in shown.out.replace(str(tmp_path), "") + shown.err.replace(str(tmp_path), "")


BESIDE = """
import concurrent.futures, os
from maze.api.quiet import Output

with Output(silent=True):
    os.write(1, b"alone")
with concurrent.futures.ThreadPoolExecutor(1) as pool:
    pool.submit(int).result()
    with Output(silent=True):
        os.write(1, b"beside another thread")
"""


def test_descriptors_are_silent_for_the_only_thread_alone(tmp_path: Path) -> None:
    done = run_script(BESIDE, tmp_path / "place")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"beside another thread", b"")


def test_streams_that_others_put_back_late_are_cleared_away() -> None:
    """A display that began inside of a block and ends after it leaves what it found; the next block removes that."""
    original = sys.stdout
    with Output(silent=True):
        found, sys.stdout = sys.stdout, io.StringIO()
    sys.stdout = found
    assert copy.copy(found) is not None
    with Output(silent=True), Output(silent=True):
        sys.stdout.write("nothing")
    assert sys.stdout is original
