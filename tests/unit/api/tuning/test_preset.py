"""The best values as a preset: what it says composes to what the trial was trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maze import RunContext
from maze.api.tuning.preset import write_preset
from maze.errors import InvalidSpecificationError

SCALE = "wrappers.maze.env.rewards.RewardScalingWrapper.scale"


@pytest.mark.parametrize(
    ("changes", "drawn"),
    [
        ({}, {"algorithm.lr": 1e-5, "algorithm.gamma": 0.99}),
        ({"choices": {"experiment": "cartpole", "algorithm": "ppo"}}, {"algorithm.lr": 0.1, "algorithm.gamma": 0.9}),
        ({"choices": {"experiment": "cartpole_ppo"}}, {"algorithm.lr": 0.1, "algorithm.gamma": 0.9}),
        (
            {"choices": {"configuration": "test", "algorithm": "a2c"}, "values": {"algorithm.n_epochs": 1}},
            {"algorithm.lr": 0.1, "algorithm.gamma": 0.9},
        ),
        (
            {"space": {"algorithm": ["a2c", "ppo"], "model": ["flatten_concat", "vector_obs"]}, "choices": {}},
            {"algorithm": "ppo", "model": "vector_obs"},
        ),
        ({"space": {SCALE: [0.1, 0.2]}, "choices": {"experiment": "pendulum_ppo"}}, {SCALE: 0.2}),
        (
            {"space": {"wrappers.1.scale": [0.1, 0.2]}, "choices": {"experiment": "pendulum_ppo"}},
            {"wrappers.1.scale": 0.2},
        ),
        ({"space": {"algorithm.patience": [None, 5]}}, {"algorithm.patience": None}),
    ],
    ids=str,
)
def test_it_composes_to_what_was_trained(make_search: Any, tmp_path: Path, changes: Any, drawn: Any) -> None:
    search = make_search(**changes)
    path = write_preset(search, drawn, tmp_path / "conf" / "experiment" / "best.yaml", "for a test.")
    rc = RunContext(experiment="best", config_dir=tmp_path / "conf")
    assert rc.config.digest() == search.compose(drawn).digest()
    assert rc.config.tracking.mode == "best_effort"  # where a run is recorded is no result of a search
    text = path.read_text()
    assert text.startswith("# @package _global_\n# Found by maze-run tune: for a test.\n")
    assert "tracking" not in text


def test_a_file_of_somebody_else_is_not_replaced(make_search: Any, tmp_path: Path) -> None:
    path = tmp_path / "conf" / "experiment" / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("# @package _global_\n")
    with pytest.raises(InvalidSpecificationError, match="no search has written it"):
        write_preset(make_search(), {"algorithm.lr": 0.1, "algorithm.gamma": 0.9}, path, "")
    assert path.read_text() == "# @package _global_\n"
