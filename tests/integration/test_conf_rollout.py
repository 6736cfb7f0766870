"""Rollouts from configuration in processes of their own: both doors give the same bytes, from the record alone too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from maze.api.rollouts import RolloutRun, run_rollout

MAZE_RUN = "import sys; from maze.cli import main; sys.exit(main())"
ROOT = Path(__file__).parents[2]
TINY = ("-cn", "conf_rollout", "runner.n_episodes=3", "runner.max_episode_steps=20")


def maze_run(directory: Path, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command in a directory."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MAZE_RUN, *words]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done


def files_of(directory: Path) -> dict[str, bytes]:
    """Return what a rollout wrote, by name."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_both_doors_and_the_record_give_the_same_bytes(tmp_path: Path) -> None:
    maze_run(tmp_path, *TINY, "runner=parallel", "--seed", "5", "--run-dir", "first")
    settings = {"runner.n_episodes": 3, "runner.max_episode_steps": 20}
    run_rollout(runner="parallel", overrides=settings, seed=5, run_dir=tmp_path / "python", silent=True)
    RolloutRun.from_config(tmp_path / "first" / "config.yaml", run_dir=tmp_path / "again").play(silent=True)
    first = files_of(tmp_path / "first" / "rollout")
    assert set(first) == {
        "episodes.parquet",
        "steps.npz",
        *(f"event_logs/{name}.tsv" for name in ("action", "reward", "episode_end")),
    }
    assert files_of(tmp_path / "python" / "rollout") == first
    assert files_of(tmp_path / "again" / "rollout") == first


def test_a_fresh_directory_is_made_below_outputs(tmp_path: Path) -> None:
    done = maze_run(tmp_path, *TINY)
    (directory,) = (tmp_path / "outputs" / "gym_env-random_policy-sequential").iterdir()
    assert f"run directory: {directory}" in done.stdout
    seeding = json.loads((directory / "record.json").read_text())["config"]["seeding"]
    assert seeding["env_base_seed"] == seeding["agent_base_seed"] > 0


def test_random_actions_load_no_torch(tmp_path: Path) -> None:
    code = f"{MAZE_RUN.partition('; sys.exit')[0]}; main({[*TINY, '--silent']!r}); sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


@pytest.mark.slow
def test_train_then_play_then_look(tmp_path: Path) -> None:
    words = ["configuration=test", "algorithm=a2c", "tracking.mode=off", "run_dir=trained", "--seed", "1"]
    assert "next: maze-run evaluate" in maze_run(tmp_path, *words).stdout
    maze_run(tmp_path, *TINY, "policy=torch_policy", "input_dir=trained", "--seed", "1", "--run-dir", "played")
    first = files_of(tmp_path / "played" / "rollout")
    assert {"episodes.parquet", "steps.npz"} < set(first)
    refused = maze_run(tmp_path, *TINY, "--run-dir", "played", status=2)
    assert "holds an earlier run" in refused.stderr
    assert files_of(tmp_path / "played" / "rollout") == first
