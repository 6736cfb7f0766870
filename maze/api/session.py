"""The record of a run while it is made: files, metrics and tracking, in good order also when something breaks."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze import report
from maze.api.pipeline import describe_run
from maze.api.signals import StopRequest
from maze.artifacts import RunFiles, read_csv, read_json, write_csv, write_json
from maze.config import RunConfig
from maze.errors import MazeError
from maze.tracking import (
    AgentModel,
    FanOutTracker,
    JsonLinesTracker,
    NullTracker,
    RunStatus,
    Tracker,
    open_tracker,
)

if TYPE_CHECKING:
    from maze.rollout import Episodes
    from maze.runner import AgentRunner
    from maze.trainers import EpochReport, Trainer

__all__ = ["Call", "RunSession", "logs_kept_quiet", "new_run_dir"]


class Call:
    """One call of a public method, as it will stand in the record."""

    def __init__(self, method: str, arguments: Mapping[str, Any]) -> None:
        self.method = method
        self.arguments = {name: value for name, value in arguments.items() if value is not None}
        self.result: Mapping[str, Any] = {}

    def note(self, result: Any) -> None:
        """Keep what the call gave."""
        self.result = dataclasses.asdict(result)

    def as_record(self) -> dict[str, Any]:
        """Return the call as plain values; arguments that are no plain values by their text."""
        plain = (str, int, float, bool, type(None))
        arguments = {k: v if isinstance(v, plain) else repr(v) for k, v in self.arguments.items()}
        return {"method": self.method, "arguments": arguments, "result": dict(self.result)}


class RunSession:
    """Everything that a run leaves behind, from its first call on.

    Args:
        config: resolved configuration with seeds.
        files: where the run's files are.
        stage: pipeline stage that is running, or None.
        record: where the record is written; in the run's directory when None.
    """

    def __init__(self, config: RunConfig, files: RunFiles, *, stage: str | None, record: Path | None) -> None:
        self.config = config
        self.files = files
        self.stage = stage
        self.last_metrics: dict[str, float] = {}
        self._record_path = record if record is not None else files.record
        self._calls: list[Call] = []
        self._rows: list[dict[str, Any]] = []
        self._earlier_calls: list[Any] = []
        self._started = datetime.now(UTC)
        self._seconds = 0.0
        self._steps_per_second = 0.0
        self._description = describe_run(config, stage=stage)
        self._run_id: str | None = None
        self._tracker: Tracker | None = None
        self._remote: Tracker | None = None
        self._model: AgentModel | None = None
        self._trains = False
        self._training_ended = (RunStatus.FINISHED, "")

    # --- while training -----------------------------------------------------------------------------------------

    @contextmanager
    def recorded(self, method: str, arguments: Mapping[str, Any], stop: StopRequest | None = None) -> Iterator[Call]:
        """Record one call that works for long: RUNNING meanwhile, then FINISHED, FAILED or KILLED."""
        stop = stop or StopRequest()
        call = Call(method, arguments)
        self._calls.append(call)
        started = time.perf_counter()
        self._trains = method == "train"
        tracker = self._open_tracker()
        status, reason = RunStatus.FAILED, ""
        try:
            yield call
            status = RunStatus.KILLED if stop.requested() else RunStatus.FINISHED
            reason = f"signal {stop.signal_number}" if stop.requested() else ""
        except (KeyboardInterrupt, SystemExit) as interruption:
            status, reason = RunStatus.KILLED, type(interruption).__name__
            raise
        except BaseException as error:
            reason = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._seconds += time.perf_counter() - started
            if method == "train":
                self._training_ended = (status, reason)
            elif status is RunStatus.FINISHED:
                status, reason = self._training_ended  # playing afterwards does not mend a training that broke
            self._close(tracker, status, reason)

    def on_epoch(self, epoch: EpochReport) -> None:
        """Keep an epoch's metrics and send them to the trackers."""
        self.last_metrics = dict(epoch.metrics)
        self._steps_per_second = epoch.steps_per_second
        mean_return = epoch.metrics.get("eval/mean_return", epoch.metrics.get("train/mean_return"))
        self._rows.append({"step": epoch.n_steps, "epoch": epoch.epoch, "return": mean_return, **epoch.metrics})
        if self._tracker is not None:
            self._tracker.log_metrics(epoch.metrics, step=epoch.n_steps)
        if self._remote is not None:  # the local files hold no speed, so that equal runs write equal bytes
            self._remote.log_metrics({"system/steps_per_second": epoch.steps_per_second}, step=epoch.n_steps)

    def resume(self) -> None:
        """Keep what an earlier session left in the same directory: its curve and its calls."""
        if self.files.curve.is_file():
            self._rows = read_csv(self.files.curve)
        if self.files.record.is_file():
            self._earlier_calls = list(read_json(self.files.record).get("calls", []))

    def resume_trainer(self, trainer: Trainer[Any]) -> None:
        """Let a trainer count on from the earlier session, whose best state has to be beaten.

        The optimiser and the generators begin anew: a run directory holds weights, not the whole state of training.
        """
        if not self._rows or trainer.epoch:
            return
        summary = read_json(self.files.metrics)
        trainer.resume(
            epoch=int(self._rows[-1]["epoch"]),
            n_steps=int(self._rows[-1]["step"]),
            best_epoch=int(summary.get("best_epoch") or 0),
            best_return=float("-inf") if summary.get("best_return") is None else float(summary["best_return"]),
        )

    def save_agent(self, runner: AgentRunner) -> None:
        """Write the agent's directory."""
        runner.save(self.files.agent)
        tracking = self.config.tracking
        observation_space, action_space = runner.environments.observed_and_acted
        self._model = AgentModel.from_spaces(
            runner.environments.raw_observation_space or observation_space,
            action_space,
            registered_name=tracking.registered_model or "",
            alias=tracking.alias or "",
        )

    def log_call(self, method: str, arguments: Mapping[str, Any], episodes: Episodes) -> None:
        """Record episodes that were played after training: their numbers, and how their returns are spread."""
        with self.recorded(method, arguments) as call:
            self.log_episodes(call, episodes)

    def log_episodes(self, call: Call, episodes: Episodes) -> None:
        """Keep what episodes gave as the result of the call that is being recorded, and send it to the trackers."""
        call.result = episodes.statistics
        tracker = self._tracker
        if tracker is None:
            return
        numbers = {f"{call.method}/{name}": float(value) for name, value in call.result.items() if value is not None}
        tracker.log_metrics(numbers, step=self._rows[-1]["step"] if self._rows else 0)
        if self.config.tracking.mode != "off":
            table = report.EpisodeTable(returns=episodes.returns, lengths=episodes.lengths)
            returns, lengths = (f"figures/{call.method}_{name}.png" for name in ("returns", "lengths"))
            tracker.log_figure(report.return_histogram_figure({self._seed: table}), returns)
            tracker.log_figure(report.episode_length_figure({self._seed: table}), lengths)

    @property
    def _seed(self) -> int:
        return self.config.seeding.env_base_seed or 0

    # --- inside -------------------------------------------------------------------------------------------------

    def _open_tracker(self) -> Tracker:
        settings = self.config.tracking
        local = JsonLinesTracker(self.files.metrics_log, append=bool(self._rows)) if self._trains else NullTracker()
        environment = {**os.environ, "MLFLOW_TRACKING_URI": settings.uri} if settings.uri else None
        given = self.config.run_dir is not None or self.stage is not None
        place = self.files.root if given else Path(self.config.log_base_dir).absolute()  # one store for all fresh runs
        self._remote = open_tracker(settings.mode, directory=place, environment=environment)
        self._tracker = FanOutTracker([local, self._remote])
        self._tracker.start(self._description)
        return self._tracker

    def _close(self, tracker: Tracker, status: RunStatus, reason: str) -> None:
        """Write the files and close the tracker, whatever fails on the way; the record tells of a failure as well."""
        try:
            if self._rows:
                write_csv(self.files.curve, self._rows)
                write_json(self.files.metrics, self._summary())
            if self._trains and self._model is not None:
                self._log_training(tracker, self._model)
        except MazeError as error:
            status, reason = RunStatus.FAILED, f"{type(error).__name__}: {error}"
            raise
        finally:
            try:
                if reason:
                    tracker.set_tags({"maze.reason": reason})
                tracker.finish(status)
            finally:
                self._run_id = tracker.run_id
                self._tracker = self._remote = None
                write_json(self._record_path, self._as_record(status, reason))

    def _log_training(self, tracker: Tracker, model: AgentModel) -> None:
        """Send the agent and its learning curve."""
        self._trains = False
        tracker.log_agent(self.files.agent.root, model)
        if self._rows and self.config.tracking.mode != "off":
            tracker.log_figure(
                report.learning_curve_figure({self._seed: report.read_curve(self.files.curve)}),
                "figures/learning_curve.png",
            )

    def _summary(self) -> dict[str, Any]:
        """Return the numbers of the run's end; none depends on time or place."""
        trained = [call.result for call in self._calls if call.method == "train" and call.result]
        last = self._rows[-1]
        best = {name: trained[-1][name] for name in ("best_epoch", "best_return")} if trained else {}
        return {"n_epochs": last["epoch"], "n_steps": last["step"], "last_return": last["return"], **best}

    def _as_record(self, status: RunStatus, reason: str) -> dict[str, Any]:
        calls = [call.as_record() for call in self._calls]
        return {
            "status": str(status),
            "reason": reason,
            "stage": self.stage,
            "run_id": self._run_id,
            "key": self._description.key,
            "config": self.config.to_mapping(),
            "calls": [*self._earlier_calls, *calls],
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": round(self._seconds, 3),
            "steps_per_second": round(self._steps_per_second),
            "tags": dict(self._description.tags),
        }


@contextmanager
def logs_kept_quiet(silent: bool) -> Iterator[None]:
    """Run a block in which maze's log messages are not printed for want of a handler, if so asked.

    Handlers that the user has set up get them all the same; several threads may be in such blocks.
    """
    if not silent:
        yield
        return
    logger, nobody = logging.getLogger("maze"), logging.NullHandler()
    logger.addHandler(nobody)
    try:
        yield
    finally:
        logger.removeHandler(nobody)


def new_run_dir(config: RunConfig) -> Path:
    """Return a directory name of its own for a run: the choices' names and the time, below ``log_base_dir``."""
    names = [config.choices.get(group) or "custom" for group in ("env", "model", "algorithm")]
    stamp = datetime.now(UTC).strftime("%Y-%m-%d_%H-%M-%S-%f")
    return Path(config.log_base_dir) / "-".join(names) / stamp
