"""The table and the learning curves of `learning.py`, from its file of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from learning import read_lines
from learning_tasks import LEARNING_TASKS, LearningTask

from maze.report.curves import Curve
from maze.report.intervals import bootstrap_interval, interquartile_mean
from maze.report.plots import learning_curve_figure, save_figure

__all__ = ["report"]

_NAMES = {"maze": "maze", "sb3": "Stable-Baselines3"}
_HEAD = (
    "| preset | steps | trained with | IQM of the kept policy, 95 % interval | trainings, low to high "
    "| IQM of the last policy | the zoo's mean |"
)


def report(results: Path, images: Path) -> None:
    """Print one row for each preset and peer, one line for each peer, and draw one figure for each row.

    Args:
        results: file of JSON lines.
        images: folder of the figures, which get the names ``PRESET_PEER.png``.
    """
    lines = list({(line["peer"], line["preset"], line["seed"]): line for line in read_lines(results)}.values())
    scores: dict[str, list[list[float]]] = {}
    print(_HEAD)
    print("|---|---:|---|---:|---:|---:|---:|")
    for preset, task in LEARNING_TASKS.items():
        for peer, name in _NAMES.items():
            runs = _same_settings([line for line in lines if (line["peer"], line["preset"]) == (peer, preset)])
            if runs:
                print(_row(preset, task, name, runs))
                scores.setdefault(name, []).append([task.normalised(run["best"]["mean"]) for run in runs])
                _draw(images / f"{preset}_{peer}.png", f"{task.env}, {task.algorithm}, {name}", runs)
    for name, strata in scores.items():
        print(_summary(name, strata))


def _summary(name: str, strata: Sequence[Sequence[float]]) -> str:
    """Return a line about all presets of a peer; seeds are redrawn within their preset."""
    interval = bootstrap_interval(strata)
    bounds = "" if interval is None else f", 95 % interval {interval.low:.3f} to {interval.high:.3f}"
    iqm = interquartile_mean(np.concatenate([np.asarray(stratum) for stratum in strata]))
    return (
        f"\n{name}, {_count(len(strata), 'preset')}, 0 for random play and 1 for the zoo's mean: IQM {iqm:.3f}{bounds} "
        "(stratified by preset)."
    )


def _same_settings(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the runs that have the settings of the one that was written last, by seed."""
    latest = [run for run in runs if run["identity"] == runs[-1]["identity"]]
    return sorted(latest, key=lambda run: int(run["seed"]))


def _row(preset: str, task: LearningTask, name: str, runs: Sequence[Mapping[str, Any]]) -> str:
    best = [run["best"]["mean"] for run in runs]
    last = [run["last"]["mean"] for run in runs]
    interval = bootstrap_interval([best])
    bounds = "" if interval is None else f" ({interval.low:.1f} to {interval.high:.1f})"
    zoo = f"{task.zoo_mean:.1f} ± {task.zoo_std:.1f}"
    other = task.zoo_env or task.zoo_algorithm
    older = f" ({other})" if other else ""
    return (
        f"| {preset} | {max(run['steps'] for run in runs):,} | {name}, {_count(len(runs), 'seed')} "
        f"| {interquartile_mean(best):.1f}{bounds} | {min(best):.1f} to {max(best):.1f} "
        f"| {interquartile_mean(last):.1f} | {zoo}{older} |"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _draw(path: Path, title: str, runs: Sequence[Mapping[str, Any]]) -> None:
    curves = {}
    for run in runs:
        points = np.asarray(run["curve"], np.float64).reshape(-1, 2)
        curves[int(run["seed"])] = Curve(points[:, 0], points[:, 1])
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(learning_curve_figure(curves, title=title), path)
