"""One run in MLflow's store: found or made, filled record by record, and closed; always by its id.

:mod:`maze.tracking.mlflow_completion` adds what completes further runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag

from maze.tracking.description import FIRST_STAGE, AgentModel, RunDescription
from maze.tracking.mlflow_agent import log_agent, prepare
from maze.tracking.mlflow_database import STORE_ERRORS, experiment_id, is_permanent, open_client, store_lock
from maze.tracking.mlflow_inputs import log_dataset
from maze.tracking.mlflow_lookup import REBUILT_FROM
from maze.tracking.mlflow_runs import PROCESS_TAG, find_or_create_run, parent_status
from maze.tracking.names import MAX_PARAMETER, MAX_TAG, REASON_TAG, clean_name, cut, is_clocked, same, split_finite
from maze.tracking.store import StoreLocation

__all__ = ["Session"]

_METRICS_PER_BATCH = 900
_ENTRIES_PER_BATCH = 90


class Session:
    """Writes one run; what is told twice is written once.

    Args:
        store: where the run is.
        folder: the journal's folder, to which names of files are relative.
        run_id: the run that an earlier attempt to send this journal has opened.
        client: a connected client of the store, if there is one.

    Attributes:
        run_id: the run, once it is open.
        notes: what the user should know although nothing failed.
        children: name to id of further runs that were completed.
    """

    def __init__(
        self, store: StoreLocation, folder: Path, *, run_id: str | None = None, client: MlflowClient | None = None
    ) -> None:
        self._store = store
        self._folder = folder
        self._resumed_id = run_id
        self._client = client
        self._description: RunDescription | None = None
        self._parent_id: str | None = None
        self._seen: dict[str, dict[int, list[float]]] = {}
        self._unread: set[str] = set()
        self._parameters: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._finished_as: str | None = "ran"
        """What the tag of the stage says that writes the run, when it ends well; None where it completes another's."""
        self._begun: int | None = None
        self._has_old_reason = False
        self.run_id: str | None = None
        self.notes: list[str] = []
        self.children: dict[str, str] = {}

    @property
    def client(self) -> MlflowClient:
        """The client, connected at first use."""
        if self._client is None:
            self._client = open_client(self._store)
        return self._client

    def prepare(self) -> None:
        """Do what the end of a run that will have an agent would have to wait for, while it is still training."""
        if self._description is not None and self._description.stage in (None, FIRST_STAGE):
            prepare()

    def apply(self, records: list[dict[str, Any]]) -> None:
        """Tell the store a list of records, metrics together; a record that the store refuses becomes a note.

        Raises:
            mlflow.exceptions.MlflowException: the store is away, or as for any of ``STORE_ERRORS``.
            maze.errors.TrackingError: the database is unusable.
        """
        metrics: list[dict[str, Any]] = []
        for record in records:
            if record["op"] == "metrics":
                metrics.append(record)
                continue
            self._metrics(metrics)
            metrics = []
            self._guarded(record)
        self._metrics(metrics)

    def _guarded(self, record: Mapping[str, Any]) -> None:
        """Apply one record; skip it with a note where repeating it cannot help."""
        operation = str(record["op"])
        handler: Callable[[Mapping[str, Any]], None] = getattr(self, f"_apply_{operation}")
        try:
            handler(record)
        except STORE_ERRORS as error:
            if operation == "start" or not is_permanent(error):
                raise
            self.notes.append(f"MLflow refused {operation} {record.get('name', '')}: {str(error).splitlines()[0]}")

    # ---- the run itself

    def _apply_start(self, record: Mapping[str, Any]) -> None:
        """Find or make the run and its parent, and mark both as running."""
        description = RunDescription.from_record(record["description"])
        self._open(description)
        self.client.update_run(self._id(), status="RUNNING")
        if description.kind == "pipeline":
            self._apply_tags({"values": {PROCESS_TAG: "RUNNING"}})
        if self._parent_id is not None:
            self._tell_parent(self._parent_id, description, "RUNNING")
            self.client.update_run(self._parent_id, status="RUNNING")
        self._describe()

    def _open(self, description: RunDescription) -> Run:
        """Find or make the run and its parent; a second call, after a failure, finds them again."""
        with store_lock(self._store):
            experiment = experiment_id(self.client, self._store, description.experiment_name)
            self._parent_id = self._parent(experiment, description)
            run = self._earlier_run() or find_or_create_run(self.client, experiment, description, self._parent_id)
        self._description = description
        self.run_id = self._resumed_id = run.info.run_id
        self._parameters = dict(run.data.params)
        self._tags = dict(run.data.tags)
        self._has_old_reason = REASON_TAG in run.data.tags
        self._unread = set(run.data.metrics)
        self._begun = run.info.start_time
        return run

    def _earlier_run(self) -> Run | None:
        """Return the run that an earlier attempt has opened, unless a person has deleted it since."""
        if self._resumed_id is None:
            return None
        run = self.client.get_run(self._resumed_id)
        return run if run.info.lifecycle_stage == "active" else None

    def _describe(self) -> None:
        """Log the description's parameters and tags."""
        description = self._description
        if description is None:
            return
        self._apply_parameters({"values": description.parameters})
        is_own = description.stage is not None and self._finished_as is not None
        stage = {f"stage.{description.stage}": "running"} if is_own else {}
        self._apply_tags({"values": {**description.tags, **stage}})

    def _parent(self, experiment: str, description: RunDescription) -> str | None:
        """Return the parent run's id, made if there is to be one."""
        if description.parent_key is None:
            return None
        parent = RunDescription(
            name=description.parent_name or f"{description.experiment_name} over seeds",
            experiment_name=description.experiment_name,
            key=description.parent_key,
            kind="pipeline",
            started=description.started,
        )
        return str(find_or_create_run(self.client, experiment, parent, None).info.run_id)

    def _apply_finish(self, record: Mapping[str, Any]) -> None:
        """Close the run, and the parent too where nothing else works on it."""
        status = str(record["status"])
        description = self._description
        if description is not None and description.stage is not None:
            outcome = self._finished_as if status == "FINISHED" else status.lower()
            if outcome is not None:
                self._apply_tags({"values": {f"stage.{description.stage}": outcome}})
            outcomes = {value for name, value in self._tags.items() if name.startswith("stage.")}
            status = next((worst.upper() for worst in ("failed", "killed") if worst in outcomes), status)
        end_time = int(record.get("time", time.time() * 1000))
        if description is not None and description.ended is not None:
            end_time = self._end_of(description, description.ended)
        if PROCESS_TAG in self._tags:
            self._apply_tags({"values": {PROCESS_TAG: status}})
        if self._parent_id is not None and description is not None:
            with store_lock(self._store):
                self._tell_parent(self._parent_id, description, status)
                whole = parent_status(self.client.get_run(self._parent_id))
                if whole != "RUNNING":
                    self.client.set_terminated(self._parent_id, whole, end_time)
        self.client.set_terminated(self._id(), status, end_time)
        if status == "FINISHED" and self._has_old_reason:  # of an attempt that this one has brought to its end
            self.client.delete_tag(self._id(), REASON_TAG)

    def _tell_parent(self, parent: str, description: RunDescription, status: str) -> None:
        """Say in the parent how this agent's run is."""
        seed = description.name if description.seed is None else description.seed
        self.client.set_tag(parent, clean_name(f"agent.{seed}"), status)

    def _end_of(self, description: RunDescription, ended: int) -> int:
        """Return when work ended that is told of later; the store may know another beginning, which cannot change."""
        if description.started is None or self._begun is None:
            return ended
        return self._begun + ended - description.started

    def _id(self) -> str:
        """Return the run's id; records follow the one that opens the run."""
        if self.run_id is None:
            raise ValueError("A journal must begin with the record 'start'.")
        return self.run_id

    # ---- numbers and words

    def _metrics(self, records: list[dict[str, Any]]) -> None:
        """Log metrics of several steps in few calls, each key once per step."""
        fresh: list[tuple[str, int, float, int]] = []
        infinities: dict[str, str] = {}
        for record in records:
            step = int(record["step"])
            numbers, infinite = split_finite(record["values"])
            infinities.update({f"nonfinite.{name}": f"{sign} at step {step}" for name, sign in infinite.items()})
            fresh += [
                (key, step, value, int(record["time"])) for key, value in numbers.items() if self._new(key, step, value)
            ]
        for start in range(0, len(fresh), _METRICS_PER_BATCH):
            part = fresh[start : start + _METRICS_PER_BATCH]
            self.client.log_batch(
                self._id(), metrics=[Metric(key, value, stamp, step) for key, step, value, stamp in part]
            )
            for key, step, value, _ in part:
                self._seen.setdefault(key, {}).setdefault(step, []).append(value)
        self._apply_tags({"values": {name: text for name, text in infinities.items() if name not in self._tags}})

    def _new(self, key: str, step: int, value: float) -> bool:
        """Return whether a number is to be logged.

        It is where it is new. A second value for a step is where it may rightly differ: a parent aggregates more seeds,
        and outside a pipeline people evaluate again. A stage that gives another value did not repeat itself. Where a
        lost store is made again, values come back from the oldest to the youngest, and perhaps more than once.
        """
        if key in self._unread:
            self._unread.discard(key)
            history = self.client.get_metric_history(self._id(), key)
            self._seen[key] = {}
            for point in history:
                self._seen[key].setdefault(point.step, []).append(point.value)
        known = self._seen.get(key, {}).get(step, [])
        if not known or same(known[-1], value):
            return not known
        if self._description is None or self._description.stage is None or self._description.kind == "pipeline":
            was_told = any(same(earlier, value) for earlier in known)
            return not (was_told and self._description is not None and REBUILT_FROM in self._description.tags)
        if is_clocked(key):
            return False
        self.notes.append(
            f"Metric {key} at step {step} is {value!r} in this repeat and was {known[0]!r}; the first stays."
        )
        self._apply_tags({"values": {f"repeat.{key}": f"{value!r} at step {step}, first {known[0]!r}"}})
        return False

    def _apply_parameters(self, record: Mapping[str, Any]) -> None:
        """Log parameters; one that is there with another value becomes a tag, since parameters cannot change."""
        cleaned = {clean_name(name): cut(str(value), MAX_PARAMETER) for name, value in record["values"].items()}
        fresh = [(name, value) for name, value in cleaned.items() if name not in self._parameters]
        for start in range(0, len(fresh), _ENTRIES_PER_BATCH):
            part = fresh[start : start + _ENTRIES_PER_BATCH]
            self.client.log_batch(self._id(), params=[Param(name, value) for name, value in part])
            self._parameters.update(part)
        changed = {name: value for name, value in cleaned.items() if self._parameters[name] != value}
        if changed:
            self.notes.append(f"Parameters keep their first value; the second is a tag: {', '.join(sorted(changed))}.")
            self._apply_tags({"values": {f"parameter.{name}": value for name, value in changed.items()}})

    def _apply_tags(self, record: Mapping[str, Any]) -> None:
        """Set tags that are new or have changed."""
        cleaned = {clean_name(name): cut(str(value), MAX_TAG) for name, value in record["values"].items()}
        self._has_old_reason = self._has_old_reason and REASON_TAG not in cleaned
        fresh = [(name, value) for name, value in cleaned.items() if self._tags.get(name) != value]
        for start in range(0, len(fresh), _ENTRIES_PER_BATCH):
            part = fresh[start : start + _ENTRIES_PER_BATCH]
            self.client.log_batch(self._id(), tags=[RunTag(name, value) for name, value in part])
            self._tags.update(part)

    # ---- files

    def _apply_file(self, record: Mapping[str, Any]) -> None:
        """Store a file under its name and folder."""
        folder, _, name = str(record["name"]).rpartition("/")
        source = self._folder / record["source"]
        named = source.with_name(f"{source.name}.d") / name
        named.parent.mkdir(exist_ok=True)
        if source.exists():
            source.rename(named)
        self.client.log_artifact(self._id(), str(named), folder or None)

    def _apply_agent(self, record: Mapping[str, Any]) -> None:
        """Store the agent as a model; sending the same journal again does not store it again."""
        origin = f"{self._folder.name}/{record['source']}"
        if self._tags.get("maze.model.origin") == origin:
            return
        model = AgentModel.from_record(record["model"])
        identity = log_agent(self.client, self._id(), self._folder / record["source"], model)
        self._apply_tags({"values": {"maze.model": f"models:/{identity}", "maze.model.origin": origin}})

    def _apply_dataset(self, record: Mapping[str, Any]) -> None:
        """Record data as an input of the run."""
        log_dataset(self.client, self._id(), record)
