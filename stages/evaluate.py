"""Evaluate: measure one seed's agent in episodes that training never saw."""

from __future__ import annotations

from dataclasses import asdict

from maze import RunContext
from maze.artifacts import write_json
from maze.rollout import write_rollout
from stages.settings import OUT, files_path, keep_copies, read_config, read_seed, record_path, run_stage, shown_path


def evaluate() -> None:
    """Write out/evaluate/<seed>/ with the episode table and its statistics."""
    seed = read_seed()
    config = read_config()
    rc = RunContext.load(
        OUT / "train" / str(seed),
        config=config,
        stage="evaluate",
        record=record_path("evaluate", seed),
        files_dir=files_path("evaluate", seed),
        shown_dir=shown_path("evaluate", seed),
    )
    episodes = rc.evaluate(**asdict(config.evaluation))
    directory = OUT / "evaluate" / str(seed)
    write_rollout(directory, episodes, {})
    write_json(directory / "metrics.json", episodes.statistics)
    keep_copies("evaluate", seed, "metrics.json")


if __name__ == "__main__":
    run_stage(evaluate)
