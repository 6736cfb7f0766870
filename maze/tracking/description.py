"""What a run says about itself when it starts: plain data that a tracker writes down, without knowing any store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import numpy as np

from maze.types import Array

__all__ = ["FIRST_STAGE", "AgentModel", "LoggedDataset", "RestoredStage", "RunDescription", "RunStatus"]

FIRST_STAGE = "train"
"""The stage that begins an agent; repeating it makes a new attempt, where every other stage joins the latest one."""


class RunStatus(StrEnum):
    """How a run, or the stage that worked on it, ended."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDescription:
    """Everything that is known about a run before it starts.

    Attributes:
        name: what people read in the list of runs, for example ``"a2c CartPole-v1 seed 0"``.
        experiment_name: the group of runs that it belongs to.
        config: the resolved configuration, logged as ``config/resolved.yaml``; empty leaves the file out.
        parameters: the same, flat: dotted path to value.
        seed: base seed, or None for a parent.
        tags: further tags, for example those of :func:`maze.tracking.collect_lineage`.
        key: identity of the run for DVC stages, which find it again by this; None makes an own new run.
        stage: name of the DVC stage that is working, or None outside a pipeline.
        parent_key: identity of the parent run (a pipeline over seeds, a sweep); found or made by this.
        parent_name: name of that parent, if it has to be made.
        kind: ``"agent"``, or ``"pipeline"`` for a parent over several agents.
        artifacts: name inside the run, such as ``"repro/dvc.lock"``, to text or to the path of a file.
        started: when the work began, in milliseconds since 1970, where that is not now.
        ended: when it was done, likewise.
        system_metrics: measure processor, memory and GPU while the run is going.
        joins: id of the run that is meant, whatever the key says; where the store does not have it, nothing is told.
    """

    name: str
    experiment_name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    stage: str | None = None
    parent_key: str | None = None
    parent_name: str | None = None
    kind: Literal["agent", "pipeline"] = "agent"
    artifacts: Mapping[str, str | Path] = field(default_factory=dict)
    started: int | None = None
    ended: int | None = None
    system_metrics: bool = False
    joins: str | None = None

    def as_record(self) -> dict[str, Any]:
        """Return what the store needs to open the run, as JSON values; files and configuration travel separately."""
        record = {name: getattr(self, name) for name in self.__slots__ if name not in ("config", "artifacts")}
        record["parameters"] = {str(key): str(value) for key, value in self.parameters.items()}
        record["tags"] = {str(key): str(value) for key, value in self.tags.items()}
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> RunDescription:
        """Return the description that ``as_record`` wrote, without its files."""
        return cls(**record)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentModel:
    """The saved agent as a model that others can load and serve.

    Attributes:
        inputs: observation key, dtype name and shape of one sample, per input tensor.
        outputs: action head, dtype name and shape of one sample, per output tensor.
        example: observation key to a nested list of shape ``[1, *shape]``.
        requirements: pip requirements of the served model; empty means the installed versions of what acting needs.
        registered_name: register the model under this name; empty leaves it unregistered.
        alias: alias of the registered version, for example ``"champion"``.
    """

    inputs: tuple[tuple[str, str, tuple[int, ...]], ...]
    outputs: tuple[tuple[str, str, tuple[int, ...]], ...]
    example: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    registered_name: str = ""
    alias: str = ""

    @classmethod
    def from_spaces(
        cls,
        observation_space: Any,
        action_space: Any,
        *,
        input_example: Mapping[str, Array] | None = None,
        requirements: tuple[str, ...] = (),
        registered_name: str = "",
        alias: str = "",
    ) -> AgentModel:
        """Return the model's interface from its spaces.

        Args:
            observation_space: a gymnasium ``Dict`` of spaces with ``shape`` and ``dtype``.
            action_space: the same for actions.
            input_example: observation key to an array ``[N, *shape]``; drawn as zeros when left out.
            requirements: pip requirements, exact; the installed versions of what acting needs when left out.
            registered_name: name to register the model under, or "".
            alias: alias of the registered version, or "".
        """
        inputs = _tensors(observation_space)
        example = {name: np.zeros((1, *shape), dtype) for name, dtype, shape in inputs}
        for name, value in (input_example or {}).items():
            example[name] = np.asarray(value)
        return cls(
            inputs=inputs,
            outputs=_tensors(action_space),
            example={name: value.tolist() for name, value in example.items()},
            requirements=requirements,
            registered_name=registered_name,
            alias=alias,
        )

    def as_record(self) -> dict[str, Any]:
        """Return the model's interface as JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> AgentModel:
        """Return the interface that ``as_record`` wrote."""
        return cls(
            inputs=tuple((name, dtype, tuple(shape)) for name, dtype, shape in record["inputs"]),
            outputs=tuple((name, dtype, tuple(shape)) for name, dtype, shape in record["outputs"]),
            example=record["example"],
            requirements=tuple(record["requirements"]),
            registered_name=record["registered_name"],
            alias=record["alias"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDataset:
    """Data that a run used, by what tells it from any other.

    Attributes:
        name: what people call it.
        digest: hash of its content.
        source: where it was.
        context: what it was used for, for example ``"training"``.
        profile: numbers that describe it.
    """

    name: str
    digest: str
    source: str
    context: str = "training"
    profile: Mapping[str, int] = field(default_factory=dict)

    def as_record(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredStage:
    """The outputs of a stage that DVC restored from its cache, from which the run in the store is completed.

    Attributes:
        name: the stage, for example ``"train"``.
        record: the JSON record that the stage wrote when it really ran; its ``run_id`` names the run that did the work.
            None where it is missing.
        metrics: JSON of numbers, nested or flat, logged as ``prefix`` + path with slashes.
        curve: CSV with a column ``step``, logged as ``prefix`` + name of the column.
        prefix: put before every metric's name.
        files: artifact name to file.
        agent_dir: folder of the saved agent, or None.
        agent: the agent's interface; needed with ``agent_dir``.
        datasets: data that the stage used.
        missing: what is not here of the stage, in words; then the run is told what there is, and that this is not all.
    """

    name: str
    record: Path | None
    metrics: Path | None = None
    curve: Path | None = None
    prefix: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    agent_dir: Path | None = None
    agent: AgentModel | None = None
    datasets: tuple[LoggedDataset, ...] = ()
    missing: tuple[str, ...] = ()


def _tensors(space: Any) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """Return (name, dtype, shape of one sample) of every entry; floating entries travel as float32."""
    tensors = []
    for name, entry in space.spaces.items():
        dtype = np.dtype(entry.dtype)
        dtype = np.dtype(np.float32) if np.issubdtype(dtype, np.floating) else dtype
        tensors.append((str(name), dtype.name, tuple(int(size) for size in entry.shape)))
    return tuple(tensors)
