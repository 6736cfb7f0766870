"""Contexts stand beside each other, and inside other programs, without disturbing anybody: output, places, state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maze import RunContext
from maze.artifacts import read_json

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
