"""The pipeline's end: numbers over all seeds, plots, and one complete picture in the tracking store."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maze import report
from maze.api.pipeline import describe_pipeline, describe_run
from maze.artifacts import AgentFiles, read_json, write_json
from maze.config import RunConfig
from maze.env.spaces import space_from_json
from maze.errors import ArtifactError
from maze.tracking import AgentModel, RestoredStage, RunStatus, Tracker, open_tracker

__all__ = ["read_results", "show_results", "write_report"]

STAGES = ("train", "rollout", "evaluate")


def read_results(out: Path, seeds: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the evaluation's metrics by seed.

    Raises:
        ArtifactError: a seed has not been evaluated.
    """
    return {seed: dict(read_json(out / "evaluate" / str(seed) / "metrics.json")) for seed in seeds}


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
    tracker = _open_tracker(config, out)  # the store is opened while plots are drawn
    tracker.start(describe_pipeline(config))
    status = RunStatus.FAILED
    try:
        children = _complete_agents(tracker, config, seeds, out)
        curves = {seed: report.read_curve(out / "train" / str(seed) / "curve.csv") for seed in seeds}
        episodes = {seed: _read_episodes(out / "evaluate" / str(seed) / "episodes.parquet") for seed in seeds}
        plots = report.write_plots(out / "report" / "plots", curves=curves, episodes=episodes)
        tracker.log_metrics({name: value for name, value in summary.items() if value is not None}, step=0)
        for plot in plots:
            tracker.log_file(plot, folder="figures" if plot.suffix == ".png" else "tables")
        status = RunStatus.FINISHED
    finally:
        tracker.finish(status)
    record = {"seeds": list(seeds), "config_sha": config.digest(), **_run_ids(tracker, children)}
    write_json(out / "report" / "record.json", record)
    return summary


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


def _complete_agents(tracker: Tracker, config: RunConfig, seeds: Sequence[int], out: Path) -> dict[int, str]:
    """Fill in what the store does not know of the agents' runs yet, and return the runs' names by seed."""
    children = {}
    for seed in seeds:
        description = describe_run(config.with_seeds(seed), stage="report")
        children[seed] = description.name
        tracker.complete_run(description, _stages_of(seed, out))
    return children


def _run_ids(tracker: Tracker, children: Mapping[int, str]) -> dict[str, Any]:
    """Return the ids of the pipeline's and the agents' runs, None where they are not in the store."""
    known: Mapping[str, str] = getattr(tracker, "child_run_ids", {})
    return {"run_id": tracker.run_id, "agents": {str(seed): known.get(name) for seed, name in children.items()}}


def _stages_of(seed: int, out: Path) -> list[RestoredStage]:
    """Return what the stages of one seed left, from which a run can be completed."""
    folders = {stage: out / stage / str(seed) for stage in STAGES}
    records = {stage: out / "record" / stage / f"{seed}.json" for stage in STAGES}
    agent = AgentFiles(folders["train"] / "agent").require()
    spaces = read_json(agent.spaces)
    model = AgentModel.from_spaces(space_from_json(spaces["raw_observation"]), space_from_json(spaces["action"]))
    return [
        RestoredStage(
            name="train",
            record=records["train"],
            curve=folders["train"] / "curve.csv",
            agent_dir=agent.root,
            agent=model,
            files={
                "record/train/record.json": records["train"],
                "record/train/curve.csv": folders["train"] / "curve.csv",
                "record/train/metrics.json": folders["train"] / "metrics.json",
            },
        ),
        *(
            RestoredStage(
                name=stage,
                record=records[stage],
                metrics=folders[stage] / "metrics.json",
                prefix=f"{stage}/",
                files={f"record/{stage}/record.json": records[stage]},
            )
            for stage in ("rollout", "evaluate")
        ),
    ]


def _read_episodes(path: Path) -> report.EpisodeTable:
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        table = pq.read_table(path, columns=["return", "length"])
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: cannot be read as an episode table ({error}); evaluate again.") from error
    returns, lengths = (table.column(name).to_numpy() for name in ("return", "length"))
    return report.EpisodeTable(returns=np.asarray(returns, np.float64), lengths=np.asarray(lengths, np.int64))
