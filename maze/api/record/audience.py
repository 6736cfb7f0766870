"""Everybody who hears of a run while it is going on: its own files, the tracking store, writers of statistics."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze import perception, report
from maze.api.record.calls import Call
from maze.api.record.episode_log import log_episodes, show_episodes
from maze.api.record.shown_files import DISTRIBUTIONS, ShownFiles
from maze.api.statistics_writers import open_writers, write_epoch
from maze.artifacts import RunFiles
from maze.config import RunConfig
from maze.config.describe import with_objects
from maze.statistics import LogStatsWriter, TrackerWriter, event_tags
from maze.tracking import (
    AgentModel,
    FanOutTracker,
    JsonLinesTracker,
    NullTracker,
    RunDescription,
    RunStatus,
    Tracker,
    open_tracker,
)

if TYPE_CHECKING:
    from maze.agents import ActorCritic
    from maze.rollout import Episodes
    from maze.trainers import EpochReport

__all__ = ["Audience"]


class Audience:
    """Tells trackers and writers of one call of a run after the other; between calls nobody listens.

    Args:
        config: of the run.
        files: of the run.
        description: what the run says about itself.
        place: directory whose project's store hears of it.
        shown_dir: where pictures and texts for people go; in the run's directory when None.
        objects: live objects by the place in the configuration that they take; writers may be among them.
        silent: print nothing.

    Attributes:
        tracker: whoever keeps files of the run; nobody between calls.
        run_id: identity of the run in its store, as soon as a call has ended there.
        shown_files: pictures and texts for people.
    """

    def __init__(
        self,
        config: RunConfig,
        files: RunFiles,
        description: RunDescription,
        *,
        place: Path,
        shown_dir: Path | None,
        objects: Mapping[str, Any],
        silent: bool,
    ) -> None:
        self.tracker: Tracker = NullTracker()
        self.run_id: str | None = None
        self.shown_files = ShownFiles(shown_dir or files.shown)
        self._config, self._files, self._description = config, files, description
        self._place, self._objects, self._silent = place, objects, silent
        self._store: Tracker = NullTracker()
        self._gallery: Tracker = NullTracker()
        self._writer = LogStatsWriter()
        self._spread = LogStatsWriter()
        self._has_drawn = False

    @property
    def _is_tracked(self) -> bool:
        return self._config.tracking.mode != "off"

    def gather(self, *, goes_on: bool) -> None:
        """Open the writers of statistics, which listen to trainings alone.

        Args:
            goes_on: there are epochs already, and files that hold them.

        Raises:
            InvalidSpecificationError: a writer cannot be made.
            ArtifactError: a file cannot be written.
        """
        writers = with_objects(self._config.section("tracking")["writers"], self._objects, "tracking.writers")
        self._writer = open_writers(writers, self._files, silent=self._silent, append=goes_on)

    def begin(self, *, trains: bool, goes_on: bool) -> None:
        """Open the trackers for one call.

        Args:
            trains: it is a training.
            goes_on: there are epochs already, and files that hold them.
        """
        settings = self._config.tracking
        environment = {**os.environ, "MLFLOW_TRACKING_URI": settings.uri} if settings.uri else None
        self._store = open_tracker(settings.mode, directory=self._place, environment=environment)
        if self._is_tracked:
            self._gallery = FanOutTracker([self._store, self.shown_files])
            earlier = self.shown_files.distributions() if trains and goes_on else {}
            self._spread = TrackerWriter(self._gallery, DISTRIBUTIONS, numbers=False, earlier=earlier)
        local = JsonLinesTracker(self._files.metrics_log, append=goes_on) if trains else NullTracker()
        self.tracker = FanOutTracker([local, self._store])
        self.tracker.start(self._description)

    def tell_epoch(self, epoch: EpochReport, totals: Mapping[str, float]) -> None:
        """Tell of an epoch.

        Args:
            epoch: what was measured.
            totals: what the run has counted up to then, by name.
        """
        self.tracker.log_metrics(epoch.metrics, step=epoch.n_steps)
        write_epoch(self._writer, epoch, totals)
        write_epoch(self._spread, epoch)
        timed = {
            "system/steps_per_second": epoch.steps_per_second
        }  # no file of the run has it: equal runs, equal bytes
        tags = event_tags({**epoch.metrics, **totals, "time/epoch": epoch.train_seconds})
        self._store.log_metrics({**timed, **tags}, step=epoch.n_steps)

    def tell_numbers(self, call: Call, *, step: int) -> None:
        """Tell of the numbers that a call gave which played episodes.

        Args:
            call: which has ended.
            step: environment steps of the training before.
        """
        numbers = {f"{call.method}/{name}": float(value) for name, value in call.result.items() if value is not None}
        self.tracker.log_metrics(numbers, step=step)

    def show_episodes(self, call: Call, episodes: Episodes, video: bytes) -> None:
        """Tell what episodes were like: a table, how returns are spread, figures of events, a film."""
        if self._is_tracked:
            log_episodes(self.tracker, call.method, episodes, self._seed)
            show_episodes(self._gallery, call.method, episodes, video)

    def close_writers(self, draw: Callable[[], Mapping[str, Any]] | None, *, step: int) -> None:
        """Let the writers write what they still hold.

        Args:
            draw: gives figures of the networks, kept once, since they do not change; None where there are none.
            step: environment steps until now.
        """
        if draw is not None and not self._has_drawn:
            self._has_drawn = True
            self._writer.write_drawings(draw, step=step)
        self._writer.close()
        self._spread.close()

    def show_training(self, model: AgentModel, networks: ActorCritic, best: Mapping[str, float], *, step: int) -> None:
        """Tell what a training left: the agent, its learning curve, and what its networks look like.

        Args:
            model: the agent's interface.
            networks: of the agent.
            best: epoch and return of the best state.
            step: environment steps until now.
        """
        self.tracker.log_agent(self._files.agent.root, model)
        self.tracker.set_tags({"maze.run_dir": str(self._files.root)})
        told = {name.replace("best_", "best/"): value for name, value in best.items() if math.isfinite(value)}
        self._store.log_metrics(told, step=step)
        if not self._is_tracked:
            return
        if self._files.curve.is_file():
            curve = report.read_curve(self._files.curve)
            self.tracker.log_figure(report.learning_curve_figure({self._seed: curve}), "figures/learning_curve.png")
        self._gallery.log_text(perception.model_summary(networks), "config/model_summary.txt")
        for name, figure in perception.model_figures(networks).items():
            self._gallery.log_figure(figure, f"figures/{name}.png")

    def end(self, status: RunStatus) -> None:
        """Close the trackers, after which nobody listens."""
        tracker = self.tracker
        try:
            tracker.finish(status)
        finally:
            self.run_id = tracker.run_id
            self.tracker = self._store = self._gallery = NullTracker()

    @property
    def _seed(self) -> int:
        return self._config.seeding.env_base_seed or 0
