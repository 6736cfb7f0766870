"""What the parent of a multi-run and its jobs tell each other: files in the job's run directory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from maze.api.multirun.children import python_job
from maze.api.pipeline import SweepPart
from maze.api.record.objects import dumps, loads
from maze.artifacts import RunFiles, atomic_path, read_csv, read_json, write_text
from maze.config import RunConfig
from maze.errors import ArtifactError
from maze.launchers import Job

__all__ = ["JobFiles", "Task"]

_PATIENCE_SECONDS = 30.0
"""How long a process is waited for that trains the same job: one that was told to stop first ends its update."""

_COUNTERS = ("step", "epoch", "return")
"""Columns of a curve beside an epoch's metrics."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """What a job has to do.

    Attributes:
        config: resolved configuration with seeds.
        objects: live objects by dotted configuration path.
        n_epochs: as for ``RunContext.train``.
        trainer_kwargs: as for ``RunContext.train``.
        completes: end what an interrupted call has begun, instead of training as many epochs again.
        part_of: the multi-run that it belongs to.
    """

    config: RunConfig
    objects: Mapping[str, Any]
    n_epochs: int | None
    trainer_kwargs: Mapping[str, Any]
    completes: bool
    part_of: SweepPart


class JobFiles:
    """Files of a job beside those of its run.

    Attributes:
        root: the run's directory.
        run: the run's own files.
        log: what the job's processes printed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.run = RunFiles(self.root)
        self.log = self.root / "train.log"
        self._folder = self.root / "job"
        self._config = self._folder / "config.yaml"
        self._objects = self._folder / "objects.cloudpickle"
        self._call = self._folder / "call.json"
        self._begun = self._folder / "begun.json"
        self._outcome = self._folder / "outcome.json"
        self._lock = self._folder / "lock"

    @contextmanager
    def held(self, patience_s: float = _PATIENCE_SECONDS) -> Iterator[None]:
        """Let no other process train the job while the block runs.

        A job whose launcher was killed is still there for a while, and writes its last files.

        Args:
            patience_s: how long another process is waited for.

        Raises:
            ArtifactError: it is still there.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._lock)  # ends with the process, however that ends
        try:
            lock.acquire(timeout=patience_s)
        except Timeout as error:
            raise ArtifactError(
                f"{self.root}: another process is training this job; wait until it has ended, or end it."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def write_task(self, task: Task) -> None:
        """Write what the job's process reads, and forget the outcome of an earlier one.

        Raises:
            InvalidSpecificationError: an object cannot be sent to another process; names it.
        """
        data = dumps({"objects": dict(task.objects), "trainer_kwargs": dict(task.trainer_kwargs)})
        self._outcome.unlink(missing_ok=True)
        write_text(self._config, task.config.to_yaml())
        call = {"n_epochs": task.n_epochs, "completes": task.completes, "part_of": task.part_of.as_record()}
        write_text(self._call, json.dumps(call, indent=2) + "\n")
        with atomic_path(self._objects) as temporary:
            temporary.write_bytes(data)

    def read_task(self) -> Task:
        """Return what the parent wrote a moment ago; loading its objects runs their code."""
        call = read_json(self._call)
        live = loads(self._objects.read_bytes())
        return Task(
            config=RunConfig.from_yaml(self._config),
            objects=live["objects"],
            n_epochs=call["n_epochs"],
            trainer_kwargs=live["trainer_kwargs"],
            completes=call["completes"],
            part_of=SweepPart.from_record(call["part_of"]),
        )

    def forget_objects(self) -> None:
        """Remove the objects that were sent; the run's record keeps its own copies."""
        self._objects.unlink(missing_ok=True)

    def as_job(self, name: str, config: RunConfig) -> Job:
        """Return the job for a launcher: this Python, this search path, and as many threads as the run uses."""
        threads = config.runner.torch_threads or 1
        return python_job(name, "maze.api.multirun.job", self.root, self.log, n_threads=threads)

    def prepare_to_go_on(self) -> bool:
        """Say whether there is an agent to go on from; what a process left that was killed before is cleared away."""
        try:
            self.run.agent.require()
        except ArtifactError:
            self.run.clear()
            return False
        return True

    def epochs_to_train(self, task: Task) -> int | None:
        """Return the argument for ``train``: what the task says, less what an interrupted call has already done.

        Without a number it is the trainer that ends what was interrupted.
        """
        done = int(read_csv(self.run.curve)[-1]["epoch"]) if self.run.curve.is_file() else 0
        if not task.completes or not self._begun.is_file():
            begun = {"epoch": done, "n_trainings": len(self._trainings())}
            write_text(self._begun, json.dumps(begun) + "\n")
            return task.n_epochs
        if task.n_epochs is None:
            return None
        return max(1, task.n_epochs - (done - int(read_json(self._begun)["epoch"])))

    def ended_training(self) -> dict[str, Any] | None:
        """Return what the training that was begun last came to, where it ended by itself and only could not say so.

        Its process was stopped or killed after the last update, while it wrote its files and closed the tracking store.

        Returns:
            The summary and the last epoch's metrics; None where there is anything left to train.
        """
        if not self._begun.is_file() or not self.run.curve.is_file():
            return None
        trainings = self._trainings()
        n_before = read_json(self._begun).get("n_trainings", len(trainings))
        result = trainings[-1].get("result") or {} if len(trainings) > n_before else {}
        if result.get("reason", "stopped") == "stopped":
            return None
        metrics = {name: value for name, value in read_csv(self.run.curve)[-1].items() if name not in _COUNTERS}
        return {"summary": result, "statistics": metrics}

    def _trainings(self) -> list[dict[str, Any]]:
        calls = read_json(self.run.record).get("calls", []) if self.run.record.is_file() else []
        return [call for call in calls if call["method"] == "train"]

    def write_outcome(self, outcome: Mapping[str, Any]) -> None:
        """Write how the job ended; numbers that are not finite stay what they are."""
        write_text(self._outcome, json.dumps(outcome, indent=2) + "\n")

    def read_outcome(self) -> dict[str, Any]:
        """Return how the job ended; empty where its process was killed before it could say so."""
        if not self._outcome.is_file():
            return {}
        outcome: dict[str, Any] = read_json(self._outcome)
        return outcome
