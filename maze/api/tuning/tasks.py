"""What a search and the process of one of its trials tell each other: files in the trial's directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maze.api.multirun.children import python_job
from maze.api.tuning.trials import SeedResult, TrialFiles, TrialOutcome, read_result
from maze.artifacts import read_json, write_json, write_text
from maze.config import RunConfig
from maze.launchers import Job

__all__ = ["TaskFiles", "TrialTask"]


@dataclass(frozen=True, kw_only=True)
class TrialTask:
    """Everything that the process of a trial has to know.

    Attributes:
        number: of the trial.
        drawn: its values as Optuna has them, by what varies.
        config: the resolved configuration with these values.
        seeds: of its agents, in order.
        prunes: whether it may be stopped.
        n_startup_trials: as for the search.
        n_warmup_epochs: as for the search.
        earlier: what the complete trials with which it is compared have reported: return by step.
    """

    number: int
    drawn: Mapping[str, Any]
    config: RunConfig
    seeds: tuple[int, ...]
    prunes: bool
    n_startup_trials: int
    n_warmup_epochs: int
    earlier: Sequence[Mapping[int, float]]


class TaskFiles:
    """Files of a trial that has a process of its own, beside those of its runs.

    Attributes:
        runs: names of the runs' files.
        log: what its processes printed.
        lock: is held by the process that works on the trial.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.runs = TrialFiles(self.root)
        self.log = self.root / "train.log"
        self.lock = self.root / "lock"
        self._task = self.root / "task.json"
        self._config = self.root / "config.yaml"
        self._outcome = self.root / "outcome.json"

    def write_task(self, task: TrialTask) -> None:
        """Write what the trial's process reads."""
        write_text(self._config, task.config.to_yaml())
        content = {
            "number": task.number,
            "drawn": dict(task.drawn),
            "seeds": list(task.seeds),
            "prunes": task.prunes,
            "n_startup_trials": task.n_startup_trials,
            "n_warmup_epochs": task.n_warmup_epochs,
            "earlier": [sorted(curve.items()) for curve in task.earlier],
        }
        write_json(self._task, content)

    def read_task(self) -> TrialTask:
        """Return what the search wrote."""
        content: dict[str, Any] = read_json(self._task)
        earlier = [{int(step): float(value) for step, value in curve} for curve in content.pop("earlier")]
        seeds = tuple(content.pop("seeds"))
        return TrialTask(config=RunConfig.from_yaml(self._config), earlier=earlier, seeds=seeds, **content)

    def drawn(self) -> dict[str, Any] | None:
        """Return the values that an earlier process of the search drew for this trial; None where there was none."""
        return dict(read_json(self._task)["drawn"]) if self._task.is_file() else None

    def as_job(self, name: str, config: RunConfig) -> Job:
        """Return the trial as a job for a launcher."""
        threads = config.runner.torch_threads or 1
        return python_job(name, "maze.api.tuning.worker", self.root, self.log, n_threads=threads)

    def write_outcome(self, outcome: TrialOutcome) -> None:
        """Write how the trial ended, beside the results of its agents."""
        write_json(self._outcome, {"state": outcome.state, "reason": outcome.reason})

    def read_outcome(self, seeds: Sequence[int]) -> TrialOutcome | None:
        """Return how the trial ended; None where it has not.

        Args:
            seeds: of its agents, in order.
        """
        if not self._outcome.is_file():
            return None
        content: dict[str, Any] = read_json(self._outcome)
        return TrialOutcome(content["state"], self.results(seeds), content["reason"])

    def results(self, seeds: Sequence[int]) -> dict[int, SeedResult]:
        """Return the results of those of its agents that have ended."""
        found = {seed: read_result(self.runs.result(seed)) for seed in seeds}
        return {seed: result for seed, result in found.items() if result is not None}
