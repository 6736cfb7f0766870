"""Roll out: play episodes with one seed's agent and keep every step."""

from __future__ import annotations

from maze import RunContext
from maze.artifacts import write_json
from stages.settings import OUT, files_path, keep_copies, read_config, read_seed, record_path, run_stage, shown_path


def rollout() -> None:
    """Write out/rollout/<seed>/ with the episode table, the steps and their statistics."""
    seed = read_seed()
    rc = RunContext.load(
        OUT / "train" / str(seed),
        config=read_config(),
        stage="rollout",
        record=record_path("rollout", seed),
        files_dir=files_path("rollout", seed),
        shown_dir=shown_path("rollout", seed),
    )
    result = rc.rollout(output_dir=OUT / "rollout" / str(seed))
    write_json(OUT / "rollout" / str(seed) / "metrics.json", result.statistics)
    keep_copies("rollout", seed, "metrics.json")


if __name__ == "__main__":
    run_stage(rollout)
