"""The pipeline's end: numbers over all seeds, plots, and one complete picture in the tracking store."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maze import report
from maze.api.pipeline import describe_pipeline, describe_run
from maze.api.restored_stages import restored_stages
from maze.artifacts import read_json, write_json
from maze.config import RunConfig
from maze.tracking import RunDescription, RunStatus, Tracker, open_tracker

__all__ = ["read_results", "show_results", "tell_result", "write_report"]


def read_results(out: Path, seeds: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the evaluation's metrics by seed.

    Raises:
        ArtifactError: a seed has not been evaluated.
    """
    return {seed: dict(read_json(_evaluation(out, seed))) for seed in seeds}


def write_report(config: RunConfig, seeds: Sequence[int], out: Path = Path("out")) -> dict[str, Any]:
    """Aggregate the evaluation of all seeds, draw plots, and complete the tracking store.

    Args:
        config: the composed configuration.
        seeds: exactly these are read, whatever else lies below ``out``.
        out: where the stages have written.

    Returns:
        What stands in ``out/report/metrics.json``: mean, interquartile mean with its interval, counts.

    Raises:
        ArtifactError: a stage's output is missing.
    """
    per_seed = read_results(out, seeds)
    summary: dict[str, Any] = dict(report.summarise(per_seed))
    write_json(out / "report" / "metrics.json", summary)
    pipeline = describe_pipeline(config)
    agents = {seed: describe_run(config.with_seeds(seed), stage="report") for seed in seeds}
    tracker = _open_tracker(config, out)  # the store is opened while plots are drawn
    with _filling(tracker, pipeline, agents, out):
        curves = {seed: report.read_curve(out / "train" / str(seed) / "curve.csv") for seed in seeds}
        episodes = {seed: report.read_episodes(out / "evaluate" / str(seed) / "episodes.parquet") for seed in seeds}
        report.write_plots(out / "report" / "plots", curves=curves, episodes=episodes)
    record = {"seeds": list(seeds), "config_sha": config.digest(), **_run_ids(tracker, agents)}
    record["keys"] = {"pipeline": pipeline.key, "agents": {str(seed): one.key for seed, one in agents.items()}}
    record["tags"] = dict(pipeline.tags)
    write_json(out / "report" / "record.json", record)
    return summary


@contextmanager
def _filling(
    tracker: Tracker, pipeline: RunDescription, agents: Mapping[int, RunDescription], out: Path
) -> Iterator[None]:
    """Put everything that the stages left into the tracking store; plots can still be drawn within the block."""
    tracker.start(pipeline)
    status = RunStatus.FAILED
    try:
        with tempfile.TemporaryDirectory(prefix="maze-tables-") as scratch:
            for seed, description in agents.items():
                tracker.complete_run(description, restored_stages(seed, out, Path(scratch), registered=("", "")))
        yield
        tell_result(tracker, out, list(agents))
        status = RunStatus.FINISHED
    finally:
        tracker.finish(status)


def tell_result(tracker: Tracker, out: Path, seeds: Sequence[int], missing: Sequence[str] | None = None) -> None:
    """Tell a started tracker what the pipeline found over all seeds: numbers, a description, figures and tables.

    Args:
        tracker: of the pipeline's run.
        out: where the stages have written.
        seeds: those of the result.
        missing: which files of the report are not there, in words; then it is told what there is, and that this is not
            all. None where everything has to be there.

    Raises:
        ArtifactError: something is missing that should be there.
    """
    metrics = out / "report" / "metrics.json"
    if missing is None or metrics.is_file():
        summary = read_json(metrics)
        here = [seed for seed in seeds if missing is None or _evaluation(out, seed).is_file()]
        described = report.result_markdown(read_results(out, here), summary)
        tracker.set_tags({"mlflow.note.content": described})  # what the run's page begins with
        tracker.log_metrics({name: value for name, value in summary.items() if value is not None}, step=0)
    for suffix, folder in {".png": "figures", ".csv": "tables"}.items():
        for plot in sorted((out / "report" / "plots").glob(f"*{suffix}")):
            tracker.log_file(plot, folder=folder)
    tracker.report_missing(missing or ())


def _evaluation(out: Path, seed: int) -> Path:
    return out / "evaluate" / str(seed) / "metrics.json"


def show_results(seeds: Sequence[int], out: Path = Path("out")) -> None:
    """Print the results of a finished pipeline and where to look for more.

    Raises:
        ArtifactError: the pipeline has not run.
    """
    from rich.console import Console  # noqa: PLC0415

    per_seed = read_results(out, seeds)
    console = Console()
    console.print(report.result_table(per_seed, read_json(out / "report" / "metrics.json")))
    here = Path("dev").is_file()  # in this project, not in one that uses it
    locations = {
        "agents": f"{out}/train/<seed>/agent/",
        "learning curves, histograms": f"{out}/report/plots/",
        "recorded episodes": f"{out}/rollout/<seed>/",
        "runs, curves and policies": f"{'./dev ui' if here else 'maze-run ui'} (MLflow)",
        "experiments side by side": f"{'./dev ' if here else ''}dvc exp show --only-changed --md",
    }
    console.print(report.location_table(locations))


def _open_tracker(config: RunConfig, out: Path) -> Tracker:
    settings = config.tracking
    environment = {**os.environ, "MLFLOW_TRACKING_URI": settings.uri} if settings.uri else None
    return open_tracker(settings.mode, directory=out / "report", environment=environment)


def _run_ids(tracker: Tracker, agents: Mapping[int, RunDescription]) -> dict[str, Any]:
    """Return the ids of the pipeline's and the agents' runs, None where they are not in the store."""
    known: Mapping[str, str] = getattr(tracker, "child_run_ids", {})
    return {"run_id": tracker.run_id, "agents": {str(seed): known.get(one.name) for seed, one in agents.items()}}
