"""Report: numbers over all seeds, plots, and the complete run in MLflow, also of stages that DVC restored."""

from __future__ import annotations

from maze.api.reporting import write_report
from maze.api.specs import check_seeds
from stages.settings import OUT, read_config, read_params, run_stage


def report() -> None:
    """Write out/report/ for exactly the seeds of params.yaml."""
    write_report(read_config(), check_seeds(read_params().get("seeds")), OUT)


if __name__ == "__main__":
    run_stage(report)
