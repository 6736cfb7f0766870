"""Reading results from directories: of a run, of several runs, of a multi-run, and of the pipeline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maze import report
from maze.api.comparison.missing import ending_of, has_result, missing_jobs
from maze.api.pipeline import varied_values
from maze.artifacts import RunFiles, read_json
from maze.config import RunConfig
from maze.config.canonical import flat
from maze.errors import ArtifactError

__all__ = ["is_readable", "read_directory", "read_missing", "read_pipeline"]

STAGES = ("train", "rollout", "evaluate")
CONFIG = Path("build") / "config.yaml"


def is_readable(directory: Path) -> bool:
    """Say whether a directory could be that of a run, of several runs, or of a pipeline."""
    return directory.is_dir() and bool(
        RunFiles(directory).record.is_file()
        or _pipeline_of(directory) is not None
        or next(directory.glob("*/record.json"), None)
    )


def read_directory(directory: Path) -> list[report.MeasuredAgent]:
    """Return the agents whose results a directory holds.

    Args:
        directory: of a run; of several runs or a multi-run, whose jobs are directories in it; of a project with the
            results of its pipeline, ``out`` in it, or one seed's ``out/train/0``.

    Raises:
        ArtifactError: it holds none, or they cannot be read.
    """
    files = RunFiles(directory)
    if files.record.is_file():
        return [_read_run(files)]
    pipeline = _pipeline_of(directory)
    if pipeline is not None:
        root, seeds = pipeline
        return read_pipeline(root, seeds)
    runs = [RunFiles(record.parent) for record in sorted(directory.glob("*/record.json"))]
    trained = [run for run in runs if has_result(run)]
    if not trained:
        lost = [f"{job.name}: {job.reason}" for job in missing_jobs(directory)]
        why = f", none of its {len(lost)} jobs left any ({lost[0]})" if lost else ""
        raise ArtifactError(
            f"{directory}: holds no results{why}; accepted is the directory of a run (with record.json inside), one of "
            "several runs, or a project whose pipeline has run (with out/evaluate/<seed>/metrics.json inside)."
        )
    return [_read_run(run) for run in trained]


def read_missing(directory: Path) -> list[report.MissingJob]:
    """Return the jobs that :func:`read_directory` cannot return, since they left no result.

    Args:
        directory: as there; one run, and a pipeline, lack none.

    Raises:
        ArtifactError: the list of jobs is damaged.
    """
    is_whole = RunFiles(directory).record.is_file() or _pipeline_of(directory) is not None
    return [] if is_whole else missing_jobs(directory)


def read_pipeline(root: Path, seeds: tuple[int, ...] | None = None, *, label: str = "") -> list[report.MeasuredAgent]:
    """Return the agents of the pipeline that ran in a project.

    Args:
        root: of the project, or a copy of its results.
        seeds: which; those of the last report when None.
        label: put before the names of files in errors.

    Raises:
        ArtifactError: it has not run to its evaluation.
    """
    config = _words_of(RunConfig.from_yaml(root / CONFIG).to_mapping()) if (root / CONFIG).is_file() else {}
    return [_read_seed(root, seed, config, label) for seed in (_seeds(root, label) if seeds is None else seeds)]


def _pipeline_of(directory: Path) -> tuple[Path, tuple[int, ...] | None] | None:
    """Return the project and the seeds that a directory means, if it means any."""
    place = directory.absolute()
    if (place / "out" / "evaluate").is_dir():
        return place, None
    if place.name == "out" and (place / "evaluate").is_dir():
        return place.parent, None
    if place.parent.name in STAGES and place.parent.parent.name == "out" and place.name.isdigit():
        return place.parents[2], (int(place.name),)
    return None


def _seeds(root: Path, label: str) -> tuple[int, ...]:
    record = root / "out" / "report" / "record.json"
    if record.is_file():
        return tuple(int(seed) for seed in read_json(record).get("seeds", ()))
    found = sorted(int(path.name) for path in (root / "out" / "evaluate").glob("*") if path.name.isdigit())
    if not found:
        raise ArtifactError(f"{label or root}: holds no evaluation of the pipeline; run dvc repro there first.")
    return tuple(found)


def _read_seed(root: Path, seed: int, config: Mapping[str, str], label: str) -> report.MeasuredAgent:
    """Return one seed of the pipeline; its episodes are known where DVC has restored their table."""
    out, evaluated = root / "out", root / "out" / "evaluate" / str(seed)
    if not (evaluated / "metrics.json").is_file():
        raise ArtifactError(f"{label or root}: seed {seed} has not been evaluated; run dvc repro there first.")
    metrics = read_json(evaluated / "metrics.json")
    episodes = (
        report.read_episodes(evaluated / "episodes.parquet") if (evaluated / "episodes.parquet").is_file() else None
    )
    agent = out / "train" / str(seed) / "agent"
    return report.MeasuredAgent(
        name=f"seed {seed}",
        seed=seed,
        config=config,
        mean_return=_mean(metrics, label or str(evaluated)),
        basis="evaluation",
        n_episodes=int(metrics["n_episodes"]),
        returns=None if episodes is None else episodes.returns,
        lengths=None if episodes is None else episodes.lengths,
        curve=_read_curve(out / "train" / str(seed) / "curve.csv"),
        source=str(agent) if agent.is_dir() else "",
    )


def _read_run(files: RunFiles) -> report.MeasuredAgent:
    """Return one run: its last evaluation where there was one after its training, else the best one within that."""
    record = read_json(files.record)
    evaluation = _last_evaluation(record.get("calls", ()))
    common: dict[str, Any] = {
        "name": files.root.name,
        "seed": record.get("seed"),
        "config": _words_of(record.get("config") or {}),
        "curve": _read_curve(files.curve),
        "source": str(files.root),
        "varied": varied_values(record.get("tags") or {}),
        "unfinished": ending_of(record),
    }
    if evaluation is None:
        return report.MeasuredAgent(**common, **_from_training(files))
    table = files.evaluation
    episodes = report.read_episodes(table) if table.is_file() else None
    if episodes is not None and len(episodes.returns) != evaluation["n_episodes"]:
        episodes = None  # of an earlier evaluation
    return report.MeasuredAgent(
        **common,
        mean_return=_mean(evaluation, str(files.record)),
        basis="evaluation",
        n_episodes=int(evaluation["n_episodes"]),
        returns=None if episodes is None else episodes.returns,
        lengths=None if episodes is None else episodes.lengths,
    )


def _last_evaluation(calls: Any) -> Mapping[str, Any] | None:
    """Return what the last evaluation gave, unless training went on after it."""
    found: Mapping[str, Any] | None = None
    for call in calls:
        if call.get("method") == "train":
            found = None
        elif call.get("method") == "evaluate" and {"mean_return", "n_episodes"} <= set(call.get("result") or ()):
            found = call["result"]
    return found


def _from_training(files: RunFiles) -> dict[str, Any]:
    best = read_json(files.metrics).get("best_return") if files.metrics.is_file() else None
    return {"mean_return": math.nan if best is None else float(best), "basis": "training", "n_episodes": 0}


def _read_curve(path: Path) -> report.Curve | None:
    return report.read_curve(path) if path.is_file() else None


def _words_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Return a configuration in plain containers as dotted keys to values in words."""
    return {key: str(value) for key, value in flat(config).items()}


def _mean(metrics: Mapping[str, Any], label: str) -> float:
    if metrics.get("mean_return") is None:
        raise ArtifactError(f"{label}: the evaluation finished no episode; evaluate again with more steps.")
    return float(metrics["mean_return"])
