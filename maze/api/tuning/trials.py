"""One trial of a search: its agents, one for each seed, trained and evaluated, or stopped when that is hopeless."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from maze.api.single_run import SingleRun
from maze.api.tuning.search import Search
from maze.artifacts import RunFiles, read_json, write_json
from maze.config import RunConfig
from maze.errors import MazeError
from maze.trainers.algorithm import EpochReport

__all__ = [
    "HOPELESS",
    "SeedResult",
    "Trial",
    "TrialFiles",
    "TrialOutcome",
    "attempt_trial",
    "compose_trial",
    "read_result",
    "reported_steps",
]

HOPELESS = (MazeError, ValueError, RuntimeError, ArithmeticError)
"""What values with which an agent cannot be trained raise: maze's own errors, and those of torch and NumPy."""

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

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def of(cls, study: Path, number: int) -> TrialFiles:
        """Return the names of the files of a trial of a search.

        Args:
            study: the search's directory.
            number: of the trial.
        """
        return cls(study / "trials" / f"{number:04d}")

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


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended.

    Attributes:
        state: ``complete``, ``pruned`` or ``failed``.
        seeds: result of every agent that was trained.
        reason: why it failed.
    """

    state: Literal["complete", "pruned", "failed"]
    seeds: Mapping[int, SeedResult] = field(default_factory=dict)
    reason: str = ""

    @classmethod
    def failed(cls, error: Exception, seeds: Mapping[int, SeedResult] = MappingProxyType({})) -> TrialOutcome:
        """Return the outcome of values with which an agent cannot be trained."""
        return cls("failed", seeds, f"{type(error).__name__}: {error}")

    @property
    def score(self) -> float | None:
        """Mean of the scores over all seeds; None unless complete."""
        if self.state != "complete":
            return None
        scores = [result.score for result in self.seeds.values() if result.score is not None]
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


def compose_trial(search: Search, drawn: Mapping[str, Any]) -> RunConfig | TrialOutcome:
    """Return the configuration of a trial; how it ends where its values do not go together.

    Args:
        search: what varies.
        drawn: values as Optuna has them.
    """
    try:
        return search.compose(search.values_of(drawn))
    except HOPELESS as error:
        return TrialOutcome.failed(error)


def attempt_trial(
    trial: Trial, files: TrialFiles, on_seed: Callable[[int, SeedResult], None] | None = None
) -> TrialOutcome:
    """Train and evaluate the agents of a trial, one after the other; those that are complete already are kept.

    Args:
        trial: what to train.
        files: where the runs are.
        on_seed: is told of every agent, where anybody listens.

    Returns:
        How it ended; ``failed`` where an agent cannot be trained or evaluated with these values.
    """
    try:
        _train_agents(trial, files, on_seed)
    except HOPELESS as error:
        return TrialOutcome.failed(error, trial.results)
    return TrialOutcome("pruned" if trial.pruned else "complete", trial.results)


def reported_steps(seeds: Sequence[int], results: Mapping[int, SeedResult]) -> dict[int, float]:
    """Return what a trial has reported while it was trained: return by step, without epochs that had none.

    Args:
        seeds: of its agents, in order.
        results: by seed, of those that have ended.
    """
    return {
        step: value
        for index, seed in enumerate(seeds)
        if seed in results
        for step, value in _steps(results[seed], index * _STEPS_OF_SEED)
    }


def _train_agents(trial: Trial, files: TrialFiles, on_seed: Callable[[int, SeedResult], None] | None) -> None:
    for index, seed in enumerate(trial.seeds):
        offset = index * _STEPS_OF_SEED
        result = read_result(files.result(seed))
        if result is None:
            result = _train(trial, seed, files, offset)
            _write(files.result(seed), result)
        else:
            _repeat(trial, result, offset)
        trial.results[seed] = result
        if on_seed is not None:
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
    for step, value in _steps(result, offset):
        trial.report(step, value)


def _steps(result: SeedResult, offset: int) -> Iterator[tuple[int, float]]:
    """Yield the steps and returns that an agent's training reported."""
    for step, value in enumerate(result.curve, start=offset + 1):
        if value is not None and math.isfinite(value):
            yield step, value


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
