"""Atari's Pong from pixels: the same tiny training through Python, the command line and the pipeline."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from maze import RunContext
from tests.integration.project import SILENT, Project

pytestmark = pytest.mark.slow

KEY = "observation-rgb2gray-resize_img-unsqueeze"
VALUES = {
    "env.name": "ALE/Pong-v5",
    "algorithm.n_rollout_steps": 16,
    "algorithm.batch_size": 16,
    "algorithm.rollout_evaluator.n_episodes": 1,
    "runner.concurrency": 2,
}


def weights(agent: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in load_file(agent / "weights.safetensors").items()}


@pytest.fixture(scope="module")
def by_name(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a run that Python trained by names, for two epochs of two updates."""
    directory = tmp_path_factory.mktemp("pixels") / "run"
    with RunContext(
        wrappers="pixel_obs",
        model="pixel_obs",
        algorithm="ppo",
        configuration="test",
        overrides={**VALUES, "tracking.mode": "off"},
        run_dir=directory,
        seed=0,
        silent=True,
    ) as rc:
        rc.train()
    return directory


def test_pong_is_small_grey_and_learnt_from(by_name: Path) -> None:
    with RunContext.load(by_name) as rc:
        env = rc.env_factory()
        observation = env.reset()
        assert observation[KEY].shape == (1, 96, 96)
        assert env.action_space.contains(rc.compute_action(observation))
        episodes = rc.evaluate(n_episodes=2, max_episode_steps=20)
        assert len(episodes) == 2


def test_the_command_line_trains_the_same_agent(by_name: Path, tmp_path: Path) -> None:
    words = [f"{name}={value}" for name, value in {**VALUES, "tracking.mode": "off"}.items()]
    command = ["-cn", "conf_train", "wrappers=pixel_obs", "model=pixel_obs", "algorithm=ppo", "configuration=test"]
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "maze-run"),
            *command,
            *words,
            "--seed",
            "0",
            "--run-dir",
            str(tmp_path / "run"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "run" / "agent") == weights(by_name / "agent")


def test_the_pipeline_trains_the_same_agent(by_name: Path, tmp_path: Path) -> None:
    nested: dict[str, dict] = {"env": {"name": VALUES["env.name"]}, "runner": {"concurrency": 2}, "algorithm": {}}
    nested["algorithm"] = {"n_rollout_steps": 16, "batch_size": 16, "rollout_evaluator": {"n_episodes": 1}}
    choices = {"experiment": None, "wrappers": "pixel_obs", "model": "pixel_obs", "algorithm": "ppo"}
    project = Project.create(
        tmp_path / "project",
        tmp_path / "dvc",
        params={**choices, "configuration": "test", "set": {**SILENT, **nested}},
    )
    assert project.repro("train@0").ran == ["compose", "train@0"]
    assert weights(project.root / "out" / "train" / "0" / "agent") == weights(by_name / "agent")
