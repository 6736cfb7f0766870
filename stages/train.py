"""Train: one agent for one seed, with its learning curve."""

from __future__ import annotations

from maze import RunContext
from maze.api import specs
from stages.settings import (
    OUT,
    files_path,
    keep_copies,
    read_config,
    read_params,
    read_seed,
    record_path,
    run_stage,
    shown_path,
)


def train() -> None:
    """Write out/train/<seed>/ with the agent, curve and metrics."""
    specs.check_seeds(read_params().get("seeds"))  # a seed that is given twice would be found by report, hours later
    seed = read_seed()
    rc = RunContext.from_config(
        read_config(),
        seed=seed,
        run_dir=OUT / "train" / str(seed),
        stage="train",
        record=record_path("train", seed),
        files_dir=files_path("train", seed),
        shown_dir=shown_path("train", seed),
    )
    summary = rc.train()
    keep_copies("train", seed, "metrics.json", "curve.csv")
    print(
        f"trained {summary.n_epochs} epochs ({summary.reason}); kept is the best state: "
        f"return {summary.best_return:.1f} in epoch {summary.best_epoch}"
    )


if __name__ == "__main__":
    run_stage(train)
