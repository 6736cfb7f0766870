"""What a search leaves behind: tables, figures, the best values as a preset. None of it holds a time or a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maze.api.tuning.listener import TrialEnd
from maze.api.tuning.preset import write_preset
from maze.api.tuning.space import Interval
from maze.api.tuning.study import Study
from maze.artifacts import write_csv, write_json
from maze.errors import TrainingError

__all__ = ["SearchFiles", "SearchResult", "write_outcome"]


class SearchFiles:
    """Names of what a search writes.

    Attributes:
        root: the directory.
        preset: the best values, in a configuration tree of its own.
        metrics: numbers, JSON.
        trials: one row for each trial, CSV.
        history: score and best score so far by trial, CSV.
        figures: directory of figures.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.preset = root / "conf" / "experiment" / "best.yaml"
        self.metrics = root / "metrics.json"
        self.trials = root / "trials.csv"
        self.history = root / "history.csv"
        self.figures = root / "figures"


@dataclass(frozen=True)
class SearchResult:
    """What a search has found.

    Attributes:
        best: the best trial.
        trials: all trials that have ended.
        importances: share of the scores' variance that every axis explains; empty where that cannot be said.
        files: where everything is.
    """

    best: TrialEnd
    trials: tuple[TrialEnd, ...]
    importances: Mapping[str, float]
    files: SearchFiles

    @property
    def numbers(self) -> dict[str, float]:
        """Numbers of the search by name."""
        counts = {
            state: sum(trial.state == state for trial in self.trials) for state in ("complete", "pruned", "failed")
        }
        return {
            "best_return": float(self.best.score or 0.0),
            "best_trial": self.best.number,
            **{f"n_{state}": count for state, count in counts.items()},
            **{f"importance/{path}": share for path, share in self.importances.items()},
        }


def write_outcome(study: Study, files: SearchFiles) -> SearchResult:
    """Write everything and return it.

    Args:
        study: whose trials have ended.
        files: where to.

    Raises:
        TrainingError: no trial was completed.
        InvalidSpecificationError: the best values cannot be said by a preset.
    """
    best, trials = study.best, study.trials
    if best is None:
        reasons = sorted({trial.reason for trial in trials if trial.reason})
        raise TrainingError(f"no trial was completed; {'; '.join(reasons) or 'all were stopped'}")
    result = SearchResult(best, tuple(trials), study.importances(), files)
    write_json(files.metrics, {**result.numbers, "best_values": dict(best.values)})
    write_csv(files.trials, [_row(trial) for trial in trials])
    write_csv(files.history, _history(trials))
    _draw(study, result)
    seeds = ", ".join(map(str, study.search.seeds))
    remarks = f"trial {best.number} of {len(trials)}, mean return {best.score:.4g} over the seeds {seeds}."
    write_preset(study.search, best.values, files.preset, remarks)
    return result


def _row(trial: TrialEnd) -> dict[str, Any]:
    scores = {f"seed {seed}": result.score for seed, result in trial.seeds.items()}
    return {"trial": trial.number, "state": trial.state, "score": trial.score, **scores, **trial.values}


def _history(trials: list[TrialEnd]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    best: float | None = None
    for trial in trials:
        if trial.score is not None:
            best = trial.score if best is None else max(best, trial.score)
            rows.append({"trial": trial.number, "score": trial.score, "best": best})
    return rows


def _draw(study: Study, result: SearchResult) -> None:
    from maze.report import save_figure  # noqa: PLC0415  (loads matplotlib)
    from maze.report.study import (  # noqa: PLC0415
        importance_figure,
        search_curves_figure,
        search_history_figure,
        slice_figure,
    )

    trials, folder = result.trials, result.files.figures
    save_figure(search_history_figure([trial.score for trial in trials]), folder / "history.png")
    first = {trial.number: next(iter(trial.seeds.values())).curve for trial in trials if trial.seeds}
    pruned = frozenset(trial.number for trial in trials if trial.state == "pruned")
    save_figure(search_curves_figure(first, pruned), folder / "curves.png")
    if result.importances:
        save_figure(importance_figure(result.importances), folder / "importance.png")
    complete = [trial for trial in trials if trial.score is not None]
    for path, axis in study.search.space.items():
        figure = slice_figure(
            path,
            [trial.values[path] for trial in complete],
            [trial.score or 0.0 for trial in complete],
            log=isinstance(axis, Interval) and axis.log,
        )
        save_figure(figure, folder / f"slice-{path.replace('/', '_')}.png")
