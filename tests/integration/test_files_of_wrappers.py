"""What wrappers write lies in the directory of the run, through every door, and in a pipeline where no hash sees it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from maze import RunContext
from maze.api.replay import replay
from maze.api.rollouts import run_rollout
from tests.integration.project import SILENT, Project

GIF = {"maze.ExportGifWrapper": {"duration": 0.1}}
DRAWN: dict[str, Any] = {
    "env.name": "MiniGrid-Empty-5x5-v0",  # small pictures
    "env.ignored_observations": ["mission"],
    "env.render_mode": "rgb_array",
    "++env.max_episode_steps": 3,
}
VALUES = {
    **DRAWN,
    "algorithm.n_epochs": 1,
    "algorithm.epoch_length": 1,
    "algorithm.n_rollout_steps": 7,
    "algorithm.rollout_evaluator.n_episodes": 2,
    "runner.concurrency": 2,
    "tracking.mode": "off",
}


def gifs(directory: Path) -> dict[str, int]:
    """Return by folder, relative to a directory, how many whole GIFs lie in it."""
    found: dict[str, int] = {}
    for path in sorted(directory.rglob("*.gif")):
        with Image.open(path) as image:
            assert image.size == (160, 160)
            assert image.n_frames >= 1  # equal pictures, one after the other, are one that is shown for longer
        folder = str(path.parent.relative_to(directory))
        found[folder] = found.get(folder, 0) + 1
    return found


def context(run_dir: Path, **arguments: Any) -> RunContext:
    overrides = {**VALUES, **arguments.pop("overrides", {})}
    return RunContext(wrappers=GIF, algorithm="a2c", overrides=overrides, run_dir=run_dir, silent=True, **arguments)


@pytest.mark.parametrize("runner", ["dev", "local"])
def test_every_part_of_a_run_has_a_folder(runner: str, tmp_path: Path) -> None:
    before = set(Path.cwd().iterdir())
    processes = {"runner.n_processes": 2} if runner == "local" else {}
    with context(tmp_path / "run", runner=runner, seed=1, overrides=processes) as rc:
        rc.train()
        rc.evaluate(n_episodes=3)
        rc.rollout(n_episodes=4)
        rc.rollout(n_episodes=1, output_dir=tmp_path / "elsewhere")
    # two environments play 7 steps in episodes of 3, and what is begun is written when they are closed
    expected = {"gifs": 6, "validation/gifs": 2, "evaluation/gifs": 3, "rollout/gifs": 4}
    assert gifs(tmp_path / "run") == expected
    assert gifs(tmp_path / "elsewhere") == {"gifs": 1}
    with RunContext.load(tmp_path / "run", silent=True) as loaded:
        loaded.evaluate(n_episodes=2)
    assert gifs(tmp_path / "run") == {**expected, "evaluation/gifs": 5}
    assert set(Path.cwd().iterdir()) == before


def test_an_absolute_place_is_kept(tmp_path: Path) -> None:
    wrappers = [{"_target_": "maze.ExportGifWrapper", "output_dir": str(tmp_path / "mine")}]
    with RunContext(wrappers=wrappers, overrides=VALUES, run_dir=tmp_path / "run", silent=True) as rc:
        rc.train()
    assert gifs(tmp_path / "run") == {}
    assert gifs(tmp_path / "mine")["."] >= 6


def test_trajectories_lie_in_the_run_as_well(tmp_path: Path) -> None:
    overrides = {**VALUES, "env.render_mode": None}
    wrappers = "maze.TrajectoryRecordingWrapper"
    with RunContext(wrappers={wrappers: {}}, overrides=overrides, run_dir=tmp_path / "run", silent=True) as rc:
        rc.train()
    assert len(list((tmp_path / "run" / "trajectories").glob("*.npz"))) >= 4


def test_a_run_that_is_resumed_or_repeated_keeps_them_apart(tmp_path: Path) -> None:
    with context(tmp_path / "run", seed=1) as rc:
        rc.train()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing of the environments is lost
        with context(tmp_path / "run", seed=1, resume=True) as rc:
            rc.train(1)
    made = gifs(tmp_path / "run")
    assert made["gifs"] > 6
    report = replay(tmp_path / "run", output_dir=tmp_path / "again", silent=True)
    assert report.identical, report.first
    assert gifs(tmp_path / "run") == made
    assert gifs(tmp_path / "again")["gifs"] > 6


def test_rollouts_without_training(tmp_path: Path) -> None:
    overrides = {**DRAWN, "runner.n_episodes": 2}
    run_rollout(wrappers=GIF, overrides=overrides, run_dir=tmp_path / "run", seed=0, silent=True)
    assert gifs(tmp_path / "run") == {"rollout/gifs": 2}


def test_the_command_line(tmp_path: Path) -> None:
    words = [f"{name}={value}" for name, value in VALUES.items()]
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "maze-run"),
            "-cn",
            "conf_train",
            "algorithm=a2c",
            "+wrappers={maze.ExportGifWrapper: {duration: 0.1}}",
            *words,
            "run_dir=kept",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    assert gifs(tmp_path) == {"kept/gifs": 4, "kept/validation/gifs": 2}  # running episodes end with the process


@pytest.mark.slow
def test_the_pipeline_keeps_them_beside_what_it_hashes(tmp_path: Path) -> None:
    values = {
        **SILENT,
        **DRAWN,
        "algorithm": {"n_epochs": 1, "epoch_length": 1, "n_rollout_steps": 7, "rollout_evaluator": {"n_episodes": 2}},
        "runner": {"concurrency": 2},
        "evaluation": {"n_episodes": 2},
        "rollout": {"n_episodes": 3},
    }
    project = Project.create(
        tmp_path / "project",
        tmp_path / "dvc",
        params={"experiment": None, "algorithm": "a2c", "wrappers": "drawn", "set": values},
    )
    (project.root / "conf" / "wrappers" / "drawn.yaml").write_text(yaml.safe_dump(GIF))
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "Draw")
    assert project.repro().ran == ["compose", "train@0", "rollout@0", "evaluate@0", "report"]
    made = {"train/0/gifs": 4, "train/0/validation/gifs": 2, "rollout/0/gifs": 3, "evaluate/0/gifs": 2}
    assert gifs(project.root / "out" / "files") == made
    assert gifs(project.root) == {f"out/files/{name}": count for name, count in made.items()}
    assert "files" not in project.git("status", "--porcelain")
    for path in (project.root / "out" / "files").rglob("*.gif"):
        path.unlink()
    assert project.repro().ran == []
