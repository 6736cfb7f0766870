"""One trial of a search: its agents, one for each seed, trained and evaluated, or stopped when that is hopeless."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from maze.api.single_run import SingleRun
from maze.artifacts import RunFiles, read_json, write_json
from maze.config import RunConfig
from maze.errors import MazeError
from maze.trainers.algorithm import EpochReport

__all__ = ["SeedResult", "Trial", "TrialFiles", "read_result", "train_trial"]

_STEPS_OF_SEED = 1_000_000  # more epochs than any agent has


@dataclass(frozen=True)
class SeedResult:
    """What one agent of a trial came to.

    Attributes:
        score: mean return of the evaluation; None where the agent was stopped.
        curve: return after each epoch; None where no episode ended in it.
    """

    score: float | None
    curve: tuple[float | None, ...]


class TrialFiles:
    """Names of a trial's files.

    Attributes:
        root: directory of the trial.
    """

    def __init__(self, study: Path, number: int) -> None:
        self.root = study / "trials" / f"{number:04d}"

    def run(self, seed: int) -> Path:
        """Return the directory of an agent's run."""
        return self.root / f"seed-{seed}"

    def result(self, seed: int) -> Path:
        """Return where an agent's result is written once it is complete."""
        return self.run(seed) / "result.json"


@dataclass
class Trial:
    """What a trial does, and what it has come to.

    Attributes:
        number: from 0.
        config: the resolved configuration.
        seeds: of its agents, in order.
        report: is told a step, which is the same for the same epoch of the same seed in every trial, and the return;
            says whether to stop.
        results: by seed.
        pruned: whether it was stopped.
    """

    number: int
    config: RunConfig
    seeds: tuple[int, ...]
    report: Callable[[int, float], bool]
    results: dict[int, SeedResult] = field(default_factory=dict)
    pruned: bool = False

    @property
    def score(self) -> float:
        """Mean of the scores over all seeds."""
        scores = [result.score for result in self.results.values() if result.score is not None]
        return math.fsum(scores) / len(scores)


@dataclass
class _Watcher:
    """Tells a trial of the epochs of one agent's training, and the training when to end."""

    trial: Trial
    offset: int
    stops: bool = False
    curve: list[float | None] = field(default_factory=list)

    def on_epoch(self, report: EpochReport) -> None:
        value = report.metrics.get("eval/mean_return", report.metrics.get("train/mean_return"))
        self.curve.append(value)
        if value is not None and math.isfinite(value):
            self.stops = self.trial.report(self.offset + len(self.curve), value)


def train_trial(trial: Trial, files: TrialFiles, on_seed: Callable[[int, SeedResult], None]) -> None:
    """Train and evaluate the agents of a trial, one after the other; those that are complete already are kept.

    Args:
        trial: is told how it ended.
        files: where the runs are.
        on_seed: is told of every agent.

    Raises:
        MazeError: an agent cannot be trained or evaluated with these values.
    """
    for index, seed in enumerate(trial.seeds):
        offset = index * _STEPS_OF_SEED
        result = read_result(files.result(seed))
        if result is None:
            result = _train(trial, seed, files, offset)
            _write(files.result(seed), result)
        else:
            _repeat(trial, result, offset)
        trial.results[seed] = result
        on_seed(seed, result)
        if result.score is None:
            trial.pruned = True
            return


def _train(trial: Trial, seed: int, files: TrialFiles, offset: int) -> SeedResult:
    directory = files.run(seed)
    shutil.rmtree(directory, ignore_errors=True)  # of an earlier process that was killed
    config = trial.config.replace({"tracking.mode": "off", "run_dir": None})
    run = SingleRun(config, {}, seed=seed, run_dir=directory, silent=True)
    watcher = _Watcher(trial, offset)
    try:
        run.watcher = watcher
        run.train()
        if watcher.stops:
            return SeedResult(None, tuple(watcher.curve))
        score = run.evaluate(**asdict(config.evaluation)).statistics["mean_return"]
    finally:
        run.close()
        shutil.rmtree(RunFiles(directory).checkpoint, ignore_errors=True)  # as large as the replay memory, times trials
    if score is None or not math.isfinite(score):
        raise MazeError(f"seed {seed}: the evaluation has no return ({score}).")
    return SeedResult(float(score), tuple(watcher.curve))


def _repeat(trial: Trial, result: SeedResult, offset: int) -> None:
    """Tell again of the epochs of an agent that an earlier process trained."""
    for step, value in enumerate(result.curve, start=offset + 1):
        if value is not None and math.isfinite(value):
            trial.report(step, value)


def read_result(path: Path) -> SeedResult | None:
    """Return what an agent came to; None where it has not ended.

    Args:
        path: as :meth:`TrialFiles.result` gives it.
    """
    if not path.is_file():
        return None
    content: dict[str, Any] = read_json(path)
    return SeedResult(content["score"], tuple(content["curve"]))


def _write(path: Path, result: SeedResult) -> None:
    write_json(path, {"score": result.score, "curve": list(result.curve)})
