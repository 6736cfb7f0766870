"""Run a search: its trials, what they are shown as while they run, and what is left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from maze.api.pipeline import algorithm_name
from maze.api.tuning.listener import StudyListener, TrialEnd
from maze.api.tuning.outcome import SearchFiles, SearchResult, write_outcome
from maze.api.tuning.search import Search
from maze.api.tuning.study import open_study
from maze.api.tuning.trials import SeedResult
from maze.config import RunConfig
from maze.tracking import RunDescription, RunStatus, Tracker, collect_lineage, open_tracker, resolve_store

__all__ = ["tune"]


def tune(
    search: Search,
    *,
    output_dir: str | Path | None = None,
    study_dir: str | Path | None = None,
    say: Callable[[str], None] | None = None,
) -> SearchResult:
    """Search for the values with which agents come to the highest mean return over all seeds.

    A search that was killed goes on where it was; the same search with more trials adds them. With the same seeds, and
    the same ``n_jobs``, it finds the same values, however often it was killed and whichever trial ends first.

    Args:
        search: what varies, and how many trials there are to be.
        output_dir: where results go; ``outputs/tune/KEY`` when None.
        study_dir: where trials are kept, from which the search goes on; ``.maze/tune/KEY`` of the project when None.
        say: is told about every trial, in one line; None where nobody listens.

    Returns:
        The best trial, all others, and where everything is.

    Raises:
        InvalidSpecificationError: something is wrong in the search.
        TrainingError: no trial was completed.
        KeyboardInterrupt: Ctrl-C; the search goes on from there when it is run again.
    """
    config, key = search.check(), search.key
    files = SearchFiles(Path(output_dir) if output_dir is not None else Path("outputs") / "tune" / key[:12])
    directory = Path(study_dir) if study_dir is not None else _default_place(key)
    with open_study(search, directory) as study:
        n_done = len(study.trials)
        if n_done and say is not None:
            say(f"going on: {n_done} of {search.n_trials} trials are done")
        tracking = _Tracking(search, config, key, say)
        tracking.begin()
        status = RunStatus.FAILED
        try:
            study.run(tracking)
            result = write_outcome(study, files)
            tracking.log(result)
            status = RunStatus.FINISHED
        except SystemExit:
            status = RunStatus.KILLED
            raise
        except KeyboardInterrupt as interruption:
            status = RunStatus.KILLED
            raise KeyboardInterrupt("stopped; the same search goes on from here") from interruption
        finally:
            tracking.finish(status)
    return result


def _default_place(key: str) -> Path:
    """Return a place outside of version control and of DVC, so that a stage which was killed finds its trials again."""
    store = resolve_store(None)
    store.prepare()
    return store.directory / "tune" / key[:12]


class _Tracking(StudyListener):
    """Shows a search in the tracking store: a parent, and a nested run for every trial."""

    def __init__(self, search: Search, config: RunConfig, key: str, say: Callable[[str], None] | None) -> None:
        self._search, self._config, self._key, self._say = search, config, key, say
        self._name = f"tune {algorithm_name(config) or 'agent'} {config.env.get('name') or 'env'}"
        self._study = self._open()
        self._trials: dict[int, Tracker] = {}  # of those that are going on

    def begin(self) -> None:
        """Open the parent."""
        space = {f"space.{path}": str(axis.as_record()) for path, axis in self._search.space.items()}
        lineage = collect_lineage(Path.cwd())
        fixed = {path: value for path, value in self._config.flat().items() if path not in self._search.space}
        self._study.start(
            RunDescription(
                name=self._name,
                experiment_name=self._config.tracking.experiment_name,
                parameters={**space, **fixed},
                tags={**lineage.tags, **self._config.tags, "tune.seeds": str(list(self._search.seeds))},
                key=self._key,
                kind="pipeline",
                artifacts=lineage.artifacts,
            )
        )

    def on_begin(self, number: int, config: RunConfig) -> None:
        """Open the run of a trial."""
        trial = self._trials[number] = self._open()
        trial.start(
            RunDescription(
                name=f"trial {number}",
                experiment_name=config.tracking.experiment_name,
                config=config.to_mapping(),
                parameters=config.flat(),
                tags={"tune.trial": str(number), "maze.config_sha": config.digest()},
                key=f"{self._key}-{number}",
                parent_key=self._key,
                parent_name=self._name,
            )
        )

    def on_seed(self, number: int, seed: int, result: SeedResult) -> None:
        """Send an agent's curve."""
        trial = self._trials[number]
        for epoch, value in enumerate(result.curve, start=1):
            if value is not None:
                trial.log_metrics({f"return/seed {seed}": value}, step=epoch)
        if result.score is not None:
            trial.log_metrics({f"score/seed {seed}": result.score}, step=0)

    def on_end(self, trial: TrialEnd) -> None:
        """Close the run of a trial, and say how it ended."""
        tracker = self._trials.pop(trial.number, None)  # none where the values did not even go together
        if tracker is not None:
            if trial.score is not None:
                tracker.log_metrics({"score": trial.score}, step=0)
            tracker.set_tags({"tune.state": trial.state, **({"maze.reason": trial.reason} if trial.reason else {})})
            tracker.finish(RunStatus.FAILED if trial.state == "failed" else RunStatus.FINISHED)
        if trial.score is not None:
            self._study.log_metrics({"trial/score": trial.score}, step=trial.number)
        if self._say is None:
            return
        told = " ".join(f"{path}={_short(value)}" for path, value in trial.values.items())
        outcome = f"{trial.score:.1f}" if trial.score is not None else trial.reason or "stopped early"
        self._say(f"trial {trial.number:>3}  {trial.state:<8}  {outcome:<13}  {told}")

    def log(self, result: SearchResult) -> None:
        """Send what the whole search has found."""
        self._study.log_metrics(result.numbers, step=len(result.trials))
        for figure in sorted(result.files.figures.glob("*.png")):
            self._study.log_file(figure, "figures")
        for table in (result.files.trials, result.files.history):
            self._study.log_file(table, "tables")
        self._study.log_file(result.files.preset, "config")
        best = {f"best.{path}": str(value) for path, value in result.best.values.items()}
        self._study.set_tags({"tune.best_trial": str(result.best.number), **best})

    def finish(self, status: RunStatus) -> None:
        """Close everything."""
        for trial in self._trials.values():
            trial.finish(status)
        self._study.finish(status)

    def _open(self) -> Tracker:
        settings = self._config.tracking
        environment = {**os.environ, "MLFLOW_TRACKING_URI": settings.uri} if settings.uri else None
        return open_tracker(settings.mode, directory=Path.cwd(), environment=environment)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
