"""The record of a run while it is made: files, metrics and tracking, in good order also when something breaks."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from maze import perception
from maze.api.pipeline import SweepPart, algorithm_name, describe_run
from maze.api.record.audience import Audience
from maze.api.record.calls import Call
from maze.api.record.datasets import training_data
from maze.api.record.run_record import RunRecord
from maze.api.signals import StopRequest
from maze.artifacts import AgentFiles, RunFiles, read_csv, read_json, write_csv, write_json
from maze.config import RunConfig
from maze.errors import MazeError
from maze.statistics.totals import EpisodeTotals
from maze.tracking import AgentModel, JsonLinesTracker, RunStatus

if TYPE_CHECKING:
    from maze.agents import ActorCritic
    from maze.rollout import Episodes
    from maze.runner import AgentRunner
    from maze.runner.inheritance import Inheritance
    from maze.trainers import EpochReport, Trainer

_NOTHING: Mapping[str, Any] = MappingProxyType({})

__all__ = ["RunSession", "logs_kept_quiet", "new_run_dir"]


class RunSession:
    """Everything that a run leaves behind, from its first call on.

    Args:
        config: resolved configuration with seeds.
        files: where the run's files are.
        stage: pipeline stage that is running, or None.
        record: where the record is written; in the run's directory when None.
        part_of: the multi-run that the run is a job of, or None.
        objects: live objects by the place in the configuration that they take; stored when the first call begins.
        agent: the loaded agent that the run goes on from, or None.
        inheritance: what the run's new agent took over from an earlier one, or None.
        silent: print nothing.
        shown_dir: where pictures and texts for people go; in the run's directory when None.

    Attributes:
        record: what stands in ``record.json``.
    """

    def __init__(
        self,
        config: RunConfig,
        files: RunFiles,
        *,
        stage: str | None,
        record: Path | None,
        part_of: SweepPart | None = None,
        objects: Mapping[str, Any] = _NOTHING,
        agent: AgentFiles | None = None,
        inheritance: Inheritance | None = None,
        silent: bool = False,
        shown_dir: Path | None = None,
    ) -> None:
        self.config = config
        self.files = files
        self.stage = stage
        self.last_metrics: dict[str, float] = {}
        self._rows: list[dict[str, Any]] = []
        self._totals = EpisodeTotals()
        self._seconds = 0.0
        self._steps_per_second = 0.0
        self._description = describe_run(config, stage=stage, part_of=part_of)
        path = record if record is not None else files.record
        self.record = RunRecord(
            config, files, path, self._description, objects=objects, agent=agent, inheritance=inheritance
        )
        self._audience = Audience(
            config,
            files,
            self._description,
            place=self._place_of_store(part_of),
            shown_dir=shown_dir,
            objects=objects,
            silent=silent,
        )
        self._model: AgentModel | None = None
        self._networks: ActorCritic | None = None
        self._best: dict[str, float] = {}
        self._trains = False
        self._training_ended = (RunStatus.FINISHED, "")

    # --- while training -----------------------------------------------------------------------------------------

    @contextmanager
    def recorded(self, method: str, arguments: Mapping[str, Any], stop: StopRequest | None = None) -> Iterator[Call]:
        """Record one call that works for long: RUNNING meanwhile, then FINISHED, FAILED or KILLED."""
        stop = stop or StopRequest()
        if method == "train":
            self._audience.gather(goes_on=bool(self._rows))
            self.record.datasets = training_data(self.config)
        call = Call(method, arguments)
        self.record.add(call)
        started = time.perf_counter()
        self._trains = method == "train"
        self._audience.begin(trains=self._trains, goes_on=bool(self._rows))
        for dataset in self.record.datasets if method == "train" else ():
            self._audience.tracker.log_dataset(dataset)
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
            call.status, call.reason = str(status), reason
            if method == "train":
                self._training_ended = (status, reason)
            elif status is RunStatus.FINISHED:
                status, reason = self._training_ended  # playing afterwards does not mend a training that broke
            self._close(call, status, reason)

    def on_epoch(self, epoch: EpochReport) -> None:
        """Keep an epoch's metrics and send them to the trackers."""
        self.last_metrics = dict(epoch.metrics)
        self.record.calls[-1].n_epochs += 1
        self.record.calls[-1].n_updates = 0
        self.record.calls[-1].last_epoch = epoch.epoch
        self._steps_per_second = epoch.steps_per_second
        mean_return = epoch.metrics.get("eval/mean_return", epoch.metrics.get("train/mean_return"))
        self._rows.append({"step": epoch.n_steps, "epoch": epoch.epoch, "return": mean_return, **epoch.metrics})
        self._audience.tell_epoch(epoch, self._totals.add(epoch.metrics))

    def resume(self) -> None:
        """Keep what an earlier session left in the same directory: its curve and its calls."""
        if self.files.curve.is_file():
            self._rows = read_csv(self.files.curve)
            self._totals = EpisodeTotals(self._rows)
        self.record.resume()

    def resume_trainer(self, trainer: Trainer[Any]) -> None:
        """Let a trainer count on from an earlier session without a checkpoint, whose best state has to be beaten.

        The optimiser and the generators begin anew: an agent's directory holds weights, not all that training needs.
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

    def take_over(self, rows: Sequence[Mapping[str, Any]], earlier: RunFiles) -> None:
        """Begin with the curve, and the log of metrics, that led to the checkpoint from which this session goes on.

        Args:
            rows: of the curve.
            earlier: files of the run that the checkpoint belongs to.
        """
        self._audience.shown_files.take_over(earlier.shown)
        self._rows = [dict(row) for row in rows]
        self._totals = EpisodeTotals(self._rows)
        log = JsonLinesTracker(self.files.metrics_log)
        log.start(self._description)
        for row in self._rows:
            metrics = {name: value for name, value in row.items() if name not in ("step", "epoch", "return")}
            log.log_metrics(metrics, step=row["step"])
        log.finish()

    def save_checkpoint(self, runner: AgentRunner) -> None:
        """Write the state from which another process trains on exactly."""
        from maze.runner.checkpoint import save_checkpoint  # noqa: PLC0415  (is loaded by now)

        save_checkpoint(self.files.checkpoint, runner, self._rows)

    def save_agent(self, runner: AgentRunner) -> None:
        """Write the agent's directory."""
        runner.save(self.files.agent)
        self._networks, trainer, tracking = runner.model, runner.trainer, self.config.tracking
        self._best = {"best_epoch": trainer.best_epoch, "best_return": trainer.best_return}
        observation_space, action_space = runner.environments.observed_and_acted
        self._model = AgentModel.from_spaces(
            runner.environments.raw_observation_space or observation_space,
            action_space,
            registered_name=tracking.registered_model or "",
            alias=tracking.alias or "",
        )

    def log_call(
        self,
        method: str,
        arguments: Mapping[str, Any],
        episodes: Episodes,
        files: Mapping[str, Path] = _NOTHING,
        video: bytes = b"",
    ) -> None:
        """Record episodes that were played: their numbers, how their returns are spread, and what one looks like."""
        with self.recorded(method, arguments) as call:
            self.log_episodes(call, episodes, files, video)

    def log_failed_call(self, method: str, arguments: Mapping[str, Any], error: Exception) -> None:
        """Record a call that was to play episodes and failed; how training ended stays what the run is known by."""
        call = Call(method, arguments)
        self.record.add(call)
        call.status, call.reason = str(RunStatus.FAILED), f"{type(error).__name__}: {error}"
        self.record.write(self._outcome(*self._training_ended))

    def log_episodes(
        self, call: Call, episodes: Episodes, files: Mapping[str, Path] = _NOTHING, video: bytes = b""
    ) -> None:
        """Keep what episodes gave as the result of the call that is being recorded, and send it to the trackers."""
        call.note_episodes(episodes, files)
        self._audience.tell_numbers(call, step=self._last_step)
        if not hasattr(episodes, "returns"):  # an evaluator of one's own may give anything
            return
        if call.method == "evaluate" and self.stage is None:
            from maze.rollout import write_episodes  # noqa: PLC0415  (is loaded by now)

            write_episodes(self.files.evaluation, episodes)
        self._audience.show_episodes(call, episodes, video)

    # --- inside -------------------------------------------------------------------------------------------------

    def _place_of_store(self, part_of: SweepPart | None) -> Path:
        """Return the directory whose project's store hears of the run: one store for all runs in fresh directories."""
        if part_of is not None:
            return part_of.directory
        given = self.config.run_dir is not None or self.stage is not None
        return self.files.root if given else Path(self.config.log_base_dir).absolute()

    def _close(self, call: Call, status: RunStatus, reason: str) -> None:
        """Write the files and close the trackers, whatever fails on the way; the record tells of a failure as well."""
        audience, networks = self._audience, self._networks
        try:
            draw = (
                None if networks is None else lambda: perception.model_figures(networks)
            )  # loads matplotlib if called
            audience.close_writers(draw, step=self._last_step)
            if self._rows and call.method == "train":
                write_csv(self.files.curve, self._rows)
                write_json(self.files.metrics, self._summary())
            if self._trains and self._model is not None and networks is not None:
                self._trains = False
                audience.show_training(self._model, networks, self._best, step=self._last_step)
        except MazeError as error:
            status, reason = RunStatus.FAILED, f"{type(error).__name__}: {error}"
            raise
        finally:
            self.record.end(call)
            try:
                if reason:
                    audience.tracker.set_tags({"maze.reason": reason})
                self.record.log(audience.tracker, self._outcome(status, reason))
                audience.end(status)
            finally:
                self.record.write(self._outcome(status, reason))

    @property
    def _last_step(self) -> int:
        return int(self._rows[-1]["step"]) if self._rows else 0

    def _summary(self) -> dict[str, Any]:
        """Return the numbers of the run's end; none depends on time or place."""
        last = self._rows[-1]
        return {"n_epochs": last["epoch"], "n_steps": last["step"], "last_return": last["return"], **self._best}

    def _outcome(self, status: RunStatus, reason: str) -> dict[str, Any]:
        """Return how the run stands, for its record."""
        return {
            "status": str(status),
            "reason": reason,
            "run_id": self._audience.run_id,
            "seconds": round(self._seconds, 3),
            "steps_per_second": round(self._steps_per_second),
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
    """Return a directory name of its own for a run: what was chosen, and the time, below ``log_base_dir``."""
    described = {
        "env": str(config.env.get("name") or "custom"),
        "model": "custom",
        "algorithm": algorithm_name(config) or "custom",
    }
    names = [config.choices.get(group) or re.sub(r"[^\w.-]+", "_", name) for group, name in described.items()]
    stamp = datetime.now(UTC).strftime("%Y-%m-%d_%H-%M-%S-%f")
    return Path(config.log_base_dir) / "-".join(names) / stamp
