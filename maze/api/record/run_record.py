"""The record of a run: what was called with what, where, from which agent on, so that it can be repeated from this."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze.api.record.calls import Call, file_digest, file_digests, with_afterwards
from maze.api.record.objects import store_objects
from maze.api.record.origins import describe_environment, write_environment
from maze.artifacts import AgentFiles, RunFiles, read_json, this_process, write_json
from maze.config import RunConfig
from maze.config.own_code import modules_of_ids
from maze.errors import ArtifactError
from maze.tracking import Lineage, LoggedDataset, RunDescription, Tracker

if TYPE_CHECKING:
    from maze.runner.inheritance import Inheritance

__all__ = [
    "EARLIER",
    "INITIAL",
    "RunRecord",
    "calls_directory",
    "copy_directory",
    "has_training",
    "is_of_a_run",
    "named_modules",
]

EARLIER = "earlier"
"""Directory in a run that was resumed, with the objects that each earlier session was given, by its number."""

INITIAL = "initial"
"""Directory in a run, itself like a run, with the agent from which the run began."""


def calls_directory(record: Path) -> Path:
    """Return where the live objects among the arguments of a record's calls are stored."""
    return record.with_name("calls") if record.stem == "record" else record.with_suffix(".calls")


def has_training(record: Path) -> bool:
    """Return whether a record tells of a training."""
    return _has_training(read_json(record) if record.is_file() else {})


def is_of_a_run(content: Any) -> bool:
    """Return whether the content of a record tells of a training by a run of its own, which is no stage's."""
    return _has_training(content) and content.get("stage") is None and isinstance(content.get("sessions"), list)


def _has_training(content: Any) -> bool:
    calls = content.get("calls", []) if isinstance(content, dict) else []
    return any(isinstance(call, dict) and call.get("method") == "train" for call in calls)


class RunRecord:
    """Writes the record of one run, from its beginning on, so that a run that breaks has one as well.

    Args:
        config: resolved configuration with seeds.
        files: where the run's files are.
        path: where the record goes.
        description: what the run says about itself to the tracking store.
        objects: live objects by the place in the configuration that they take.
        agent: the loaded agent that the run goes on from, or None.
        inheritance: what the run's new agent took over from an earlier one (``input_dir``), or None.

    Attributes:
        calls: of this session.
        datasets: data that training learns from.
    """

    def __init__(
        self,
        config: RunConfig,
        files: RunFiles,
        path: Path,
        description: RunDescription,
        *,
        objects: Mapping[str, Any],
        agent: AgentFiles | None,
        inheritance: Inheritance | None = None,
    ) -> None:
        self.calls: list[Call] = []
        self.datasets: Sequence[LoggedDataset] = ()
        self._config = config
        self._files = files
        self._path = path
        self._description = description
        self._lineage = Lineage(
            tags=description.tags, artifacts={k: v for k, v in description.artifacts.items() if isinstance(v, str)}
        )
        self._objects = objects
        self._agent = agent
        self._inheritance = inheritance
        self._began_from: dict[str, Any] | None = None
        self._earlier: dict[str, Any] = {}
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._is_begun = False
        self._environment: dict[str, Any] = {}

    @property
    def _has_directory(self) -> bool:
        return self._path == self._files.record

    def resume(self) -> None:
        """Keep the sessions and calls that earlier processes left in the same directory."""
        if self._path.is_file():
            self._earlier = dict(read_json(self._path))
        self._began_from = self._earlier.get("began_from")
        self._agent = self._inheritance = None

    def add(self, call: Call) -> None:
        """Take note of a call that begins now, and store what its repetition needs."""
        if not self._is_begun:
            self._begin()
        self._append(call)
        self.write({"status": "RUNNING", "reason": ""})

    def add_finished(self, calls: Iterable[Call]) -> None:
        """Take note of calls that were made before there was a place for the record."""
        if not self._is_begun:
            self._begin()
        for call in calls:
            self._append(call)

    def write_finished(self, call: Call) -> None:
        """Write a record of one call that has ended, in place of an earlier one."""
        self.add_finished([call])
        self.write({"status": call.status, "reason": call.reason})

    def end(self, call: Call) -> None:
        """Take note of the files that a call wrote."""
        if call.method == "train":
            call.files = file_digests(self._files)

    def write(self, outcome: Mapping[str, Any]) -> None:
        """Write the record.

        Args:
            outcome: how the run stands: ``status``, ``reason``, ``seconds``, ...
        """
        environment = describe_environment(self._lineage, torch_threads=self._config.runner.torch_threads or 1)
        if self._has_directory and environment != self._environment:
            write_environment(self._files.root, environment, self._lineage)
        self._environment = environment
        write_json(self._path, self._content(outcome))

    def log(self, tracker: Tracker, outcome: Mapping[str, Any]) -> None:
        """Send everything that a repetition needs to the tracking store, as the folder ``record``."""
        stage = self._description.stage
        folder = f"record/{stage}" if stage else "record"
        tracker.log_text(json.dumps(self._content(outcome), indent=2, sort_keys=True), f"{folder}/record.json")
        root = self._files.root
        for path in self._kept_files():
            place = path.parent.relative_to(root).as_posix()
            tracker.log_file(path, folder if place == "." else f"{folder}/{place}")

    def _kept_files(self) -> Iterator[Path]:
        root = self._files.root
        single = [self._files.curve, self._files.metrics] if self._trained else []
        single += [root / "environment.txt"] if self._has_directory else []
        yield from (path for path in single if path.is_file())
        folders = [self._files.agent.objects] if self._trained else []
        folders += [root / INITIAL, root / EARLIER, calls_directory(self._path)] if self._has_directory else []
        for folder in folders:
            yield from (path for path in sorted(folder.rglob("*")) if path.is_file())

    @property
    def _trained(self) -> bool:
        return any(call.method == "train" for call in self.calls)

    # --- inside -------------------------------------------------------------------------------------------------

    def _append(self, call: Call) -> None:
        number = len(self._earlier.get("calls", [])) + len(self.calls)
        call.session = len(self._earlier_sessions)
        self.calls.append(call)
        store_objects(calls_directory(self._path), call.write_arguments(f"calls.{number}"))

    def _begin(self) -> None:
        """Store what the configuration alone does not say: objects, modules, and the agent that the run begins with."""
        self._is_begun = True
        if self._earlier_sessions:
            number = len(self._earlier_sessions) - 1
            copy_directory(self._files.agent.objects, self._files.root / EARLIER / str(number) / "objects")
        if self._description.stage in (None, "train"):
            store_objects(self._files.agent.objects, self._objects, named_modules(self._config.to_mapping()))
        files = self._inheritance.files if self._inheritance is not None else self._agent
        if files is None:
            return
        self._began_from = {"source": str(files.root), "weights_sha256": file_digest(files.weights)}
        if self._inheritance is not None:
            self._began_from |= {"taken": list(self._inheritance.taken), "anew": dict(self._inheritance.anew)}
        if self._has_directory:
            initial = RunFiles(self._files.root / INITIAL)
            copy_directory(files.root, initial.agent.root)
            if self._inheritance is None and files.root.name == "agent":
                copy_directory(RunFiles(files.root.parent).checkpoint, initial.checkpoint)
            self._began_from["directory"] = INITIAL

    @property
    def _earlier_sessions(self) -> list[dict[str, Any]]:
        if "calls" not in self._earlier:
            return []
        known: list[dict[str, Any]] = self._earlier.get("sessions") or [{"config": self._earlier.get("config")}]
        return known

    def _present(self) -> Any:
        """Return what the file of this record holds by now; None where it is another one's, or damaged."""
        try:
            present = read_json(self._path) if self._path.is_file() else None
        except ArtifactError:
            return None
        is_own = isinstance(present, dict) and present.get("key") == self._description.key
        return present if is_own and self._description.stage is None else None

    def _content(self, outcome: Mapping[str, Any]) -> dict[str, Any]:
        config = self._config.to_mapping()
        session = {"config": config, "environment": self._environment, "started": self._started}
        calls = [*self._earlier.get("calls", []), *(call.as_record() for call in self.calls)]
        calls, sessions = with_afterwards(calls, [*self._earlier_sessions, session], self._present())
        return {
            "run_id": None,
            **({"process": this_process()} if outcome.get("status") == "RUNNING" else {}),
            **outcome,
            "stage": self._description.stage,
            "seed": self._config.seeding.env_base_seed,
            "key": self._description.key,
            "config": config,
            "began_from": self._began_from,
            **({"datasets": [one.as_record() for one in self.datasets]} if self.datasets else {}),
            "calls": calls,
            "sessions": sessions,
            "environment": self._environment,
            "started": self._earlier.get("started", self._started),
            "tags": dict(self._description.tags),
        }


def named_modules(config: Mapping[str, Any]) -> set[str]:
    """Return the modules that a configuration names: those that it allows, and those of its targets and ids.

    Args:
        config: a resolved configuration in plain containers.
    """
    found = {*(config.get("allowed_modules") or ()), *modules_of_ids(config)}
    waiting: list[Any] = [config]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            target = node.get("_target_")
            found |= {target.rpartition(".")[0]} if isinstance(target, str) and "." in target else set()
            waiting += node.values()
        elif isinstance(node, list | tuple):
            waiting += node
    return found


def copy_directory(source: Path, target: Path) -> None:
    """Copy what an earlier run left, if it is there.

    Raises:
        ArtifactError: something cannot be read or written.
    """
    try:
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise ArtifactError(
            f"{target}: {source}, with which the run begins, cannot be copied ({error}); give a run_dir that can be "
            "written."
        ) from error
