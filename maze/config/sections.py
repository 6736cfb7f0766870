"""The sections of a run's configuration whose keys are fixed: frozen dataclasses that check themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from maze.config.overrides import OBJECT_KEY, is_marker, to_plain
from maze.config.validation import ExplainedKeywords, validate_fields
from maze.errors import InvalidSpecificationError, suggest

__all__ = [
    "TYPED_SECTIONS",
    "WRITERS",
    "EvaluationConfig",
    "RolloutConfig",
    "RunnerConfig",
    "SeedingConfig",
    "TrackingConfig",
]

WRITERS = ("console", "json_lines", "tensorboard")
"""Names of the writers of statistics that a run has of its own."""

_Count = Annotated[int, Field(ge=1)]
_Seed = Annotated[int, Field(ge=0, lt=2**63)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunnerConfig(ExplainedKeywords):
    """How training runs on this machine.

    Attributes:
        concurrency: environments that are stepped side by side.
        n_processes: worker processes that share them; 0 steps all in this process, null takes one for each CPU. There
            are never more than `concurrency`. Results do not depend on it.
        torch_threads: threads of torch and of NumPy's matrix products; null is one, the fastest for small networks.
    """

    concurrency: _Count = 8
    n_processes: Annotated[int, Field(ge=0)] | None = 0
    torch_threads: _Count | None = None

    def __post_init__(self) -> None:
        validate_fields(self, "runner")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationConfig(ExplainedKeywords):
    """How the evaluation stage evaluates.

    Attributes:
        n_episodes: episodes, exactly.
        deterministic: take the most likely action instead of sampling.
        max_episode_steps: cut episodes after so many steps; null leaves it to the environment.
        n_envs: environments side by side; null plays all episodes at once, up to 128.
    """

    n_episodes: _Count = 100
    deterministic: bool = True
    max_episode_steps: _Count | None = None
    n_envs: _Count | None = None

    def __post_init__(self) -> None:
        validate_fields(self, "evaluation")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RolloutConfig(ExplainedKeywords):
    """How the rollout stage rolls out.

    Attributes:
        n_episodes: episodes, exactly.
        max_episode_steps: cut episodes after so many steps; null leaves it to the environment.
        record_trajectory: store observations, actions and rewards of all steps.
        record_event_logs: store the events of all steps.
        deterministic: take the most likely action instead of sampling.
        render: show or record the environment's picture.
    """

    n_episodes: _Count = 50
    max_episode_steps: _Count | None = None
    record_trajectory: bool = True
    record_event_logs: bool = False
    deterministic: bool = False
    render: bool = False

    def __post_init__(self) -> None:
        validate_fields(self, "rollout")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedingConfig(ExplainedKeywords):
    """Where all randomness of a run comes from.

    Attributes:
        env_base_seed: seed of the environments; null has one drawn and recorded.
        agent_base_seed: seed of weights, sampling and minibatches; null has one drawn and recorded.
    """

    env_base_seed: _Seed | None = None
    agent_base_seed: _Seed | None = None

    def __post_init__(self) -> None:
        validate_fields(self, "seeding")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrackingConfig(ExplainedKeywords):
    """Where a run is recorded besides its own directory.

    Attributes:
        mode: ``best_effort`` never stops a run, ``required`` does where the store fails, ``off`` tracks nothing.
        experiment_name: name of the experiment in the tracking store.
        uri: address of the store; null takes ``MLFLOW_TRACKING_URI``, else a local one.
        registered_model: register the policy under this name; null registers nothing.
        alias: alias of the registered version.
        writers: where each epoch's statistics are written besides: ``console`` prints tables, ``json_lines`` writes
            ``statistics.jsonl`` and ``tensorboard`` event files, both below the run's directory; a mapping with
            ``_target_`` makes a `LogStatsWriter` of one's own.
        system_metrics: measure processor, memory and GPU while the run is going.
        video: film the first episode of each evaluation and rollout, where the environment can be drawn.
    """

    mode: Literal["best_effort", "required", "off"] = "best_effort"
    experiment_name: Annotated[str, Field(min_length=1)] = "maze"
    uri: str | None = None
    registered_model: str | None = None
    alias: str | None = None
    writers: tuple[str | dict[str, Any], ...] = ()
    system_metrics: bool = False
    video: bool = False

    def __post_init__(self) -> None:
        _check_writers(to_plain(self.writers, "tracking.writers"))
        validate_fields(self, "tracking")


def _check_writers(writers: Any) -> None:
    if not isinstance(writers, list):
        shown = writers[OBJECT_KEY] if is_marker(writers) else repr(writers)
        raise InvalidSpecificationError(
            f"tracking.writers: {shown} is not accepted; accepted: a list of writers, such as {[WRITERS[1]]!r}."
        )
    for index, writer in enumerate(writers):
        path = f"tracking.writers.{index}"
        if isinstance(writer, dict) and (is_marker(writer) or "_target_" in writer):
            continue
        if writer not in WRITERS:
            raise InvalidSpecificationError(
                f"{path}: {writer!r} is not accepted; {suggest(writer, WRITERS)} One of your own is a "
                "maze.LogStatsWriter, or in a file a mapping with _target_."
            )
        if writer in writers[:index]:
            raise InvalidSpecificationError(f"{path}: {writer!r} is given twice; every name counts once.")


TYPED_SECTIONS: Mapping[str, type[Any]] = {
    "runner": RunnerConfig,
    "evaluation": EvaluationConfig,
    "rollout": RolloutConfig,
    "seeding": SeedingConfig,
    "tracking": TrackingConfig,
}
"""Class of every such section, by its name."""
