"""Completing runs in MLflow's store from what their stages left, also where some of that is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

from maze.tracking.description import RunDescription
from maze.tracking.missing import AGENTS, INCOMPLETE, MISSING, is_complete, missing_text, stage_part
from maze.tracking.mlflow_database import STORE_ERRORS, is_permanent
from maze.tracking.mlflow_lookup import REBUILT_FROM, run_by_id
from maze.tracking.mlflow_runs import children_of
from maze.tracking.mlflow_session import Session
from maze.tracking.store import StoreLocation

__all__ = ["CompletingSession"]


class CompletingSession(Session):
    """Writes one run, and completes the runs of others: those of the agents whose parent it writes.

    What is complete in the store is never made less. What a run lacks is told by its tag ``maze.missing``, which goes
    as soon as nothing does.

    Args:
        store: where the run is.
        folder: the journal's folder, to which names of files are relative.
        run_id: the run that an earlier attempt to send this journal has opened.
        client: a connected client of the store, if there is one.
    """

    def __init__(
        self, store: StoreLocation, folder: Path, *, run_id: str | None = None, client: MlflowClient | None = None
    ) -> None:
        super().__init__(store, folder, run_id=run_id, client=client)
        self._had_all: bool | None = None
        self._known_parent: str | None = None
        self._is_absent = False

    def apply(self, records: list[dict[str, Any]]) -> None:
        """Tell the store a list of records; nothing, where they are for one certain run that the store does not have.

        Raises:
            mlflow.exceptions.MlflowException: the store is away, or as for any of ``STORE_ERRORS``.
            maze.errors.TrackingError: the database is unusable.
        """
        joined = records[0]["description"].get("joins") if records and records[0]["op"] == "start" else None
        if joined is not None:
            self._is_absent = not self._has(joined)
        if not self._is_absent:
            super().apply(records)

    def _has(self, run_id: str) -> bool:
        """Return whether the store has a run, which is then the one that is written."""
        try:
            run = run_by_id(self.client, run_id)
        except STORE_ERRORS as error:
            if not is_permanent(error):
                raise
            return False
        self._resumed_id = str(run.info.run_id)
        return bool(run.info.lifecycle_stage == "active")

    def _apply_complete(self, record: Mapping[str, Any]) -> None:
        """Complete another run from the outputs that DVC restored, and remember its id."""
        other = CompletingSession(self._store, self._folder, client=self.client)
        description = RunDescription.from_record(record["description"])
        if self._description is not None and description.parent_key == self._description.key:
            other._known_parent = self.run_id  # which can be one of several attempts
        other.complete(description, list(record["records"]), list(record["stages"]))
        self.notes += other.notes
        if other.run_id is not None:
            self.children[description.name] = other.run_id

    def _apply_missing(self, record: Mapping[str, Any]) -> None:
        """Say what this run lacks, itself and in its agents, which other results can have added."""
        parts = [] if self._had_all else list(record["parts"])
        if parts:
            self._finished_as = INCOMPLETE
        if any(MISSING in child.data.tags for child in children_of(self.client, self.client.get_run(self._id()))):
            parts.append(AGENTS)
        self._say_missing(parts)

    def complete(
        self, description: RunDescription, records: list[dict[str, Any]], stages: list[dict[str, Any]]
    ) -> None:
        """Fill in the stages that the run does not have, and close it; a complete run stays as it is.

        Args:
            description: which run, and what a new one says about itself.
            records: what belongs to the run and to no stage.
            stages: for each its name, the run that it really ran in, its records, and what is missing, in words.
        """
        self._finished_as = None
        run = self._open(description)
        fresh = [stage for stage in stages if not is_complete(self._outcome(stage))]
        lacking = [stage_part(stage["stage"], stage["missing"]) for stage in fresh if stage.get("missing")]
        if fresh or run.info.status != "FINISHED":
            if (
                MISSING in self._tags
            ):  # of an earlier rebuild, perhaps of an older result, which knew where it came from
                description = replace(description, tags={**description.tags, **self._kept(description.tags)})
                self._description = description
            self._describe()
            self.apply(records)
            for stage in fresh:
                self._complete_stage(description, stage)
            self._apply_finish({"status": "FINISHED"})
        self._say_missing(lacking)

    def _complete_stage(self, description: RunDescription, stage: Mapping[str, Any]) -> None:
        """Tell what a stage left, and say how it ended."""
        has_agent = self._outcome(stage) == INCOMPLETE and "maze.model" in self._tags  # from an earlier rebuild
        self.apply([record for record in stage["records"] if not (has_agent and record["op"] == "agent")])
        outcome = INCOMPLETE
        if not stage.get("missing"):
            earlier = description.tags.get(REBUILT_FROM)
            # where the store was lost, stages ran in the run's earlier self
            same = earlier is not None and (stage["origin"] == earlier or stage.get("key") == description.key)
            outcome = "ran" if same else f"reused:{stage['origin']}"
        self._apply_tags({"values": {f"stage.{stage['stage']}": outcome}})

    def _kept(self, names: Iterable[str]) -> dict[str, str]:
        """Return those of some tags that the run has."""
        return {name: self._tags[name] for name in names if name in self._tags}

    def _outcome(self, stage: Mapping[str, Any]) -> str:
        return self._tags.get(f"stage.{stage['stage']}", "")

    def _say_missing(self, parts: list[str]) -> None:
        """Set the tag that says what is missing, or take it away."""
        if parts:
            self._apply_tags({"values": {MISSING: missing_text(parts)}})
        elif MISSING in self._tags:
            self.client.delete_tag(self._id(), MISSING)
            del self._tags[MISSING]

    def _parent(self, experiment: str, description: RunDescription) -> str | None:
        return self._known_parent or super()._parent(experiment, description)

    def _open(self, description: RunDescription) -> Run:
        run = super()._open(description)
        if self._had_all is None:  # a second attempt finds what the first one has written
            self._had_all = is_complete(self._tags.get(f"stage.{description.stage}", ""))
        return run
