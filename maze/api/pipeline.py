"""What a run, and a pipeline stage, says about itself to the tracking store."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from maze.config import RunConfig
from maze.errors import InvalidSpecificationError
from maze.tracking import RunDescription, code_digest, collect_lineage, dvc_facts, stage_key

__all__ = [
    "SweepPart",
    "algorithm_name",
    "describe_pipeline",
    "describe_run",
    "describe_sweep",
    "pipeline_code",
    "pipeline_name",
    "varied_values",
]

PIPELINE_FILE = Path("dvc.yaml")
PARAMS_FILE = "params.yaml"
OUTPUTS = ("out/", "build/")
_VARIED = "maze.values"
"""Tag of a job: its values on the axes of its multi-run, as JSON."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SweepPart:
    """Which job of which multi-run a run is.

    Attributes:
        key: identity of the run, the same in every process that works on the job.
        name: what people read in the list of runs.
        parent_key: identity of the multi-run.
        parent_name: what people read for the multi-run.
        directory: of the multi-run, which decides where the tracking store is.
        values: what was varied, by argument or dotted path, in words.
    """

    key: str
    name: str
    parent_key: str
    parent_name: str
    directory: Path
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def as_record(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "directory": str(self.directory)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> SweepPart:
        """Return what ``as_record`` gave."""
        return cls(**{**record, "directory": Path(record["directory"])})


def algorithm_name(config: RunConfig) -> str:
    """Return what people call the algorithm, after its configuration's class; "" where that is an object."""
    target: str = config.algorithm.get("_target_", "")
    return target.rpartition(".")[2].removesuffix("AlgorithmConfig").lower()


def pipeline_name(config: RunConfig, experiment: str = "") -> str:
    """Return what people call the agents of one configuration: algorithm, environment, and DVC's experiment if any."""
    name = f"{algorithm_name(config) or 'agent'} {_env_name(config)}"
    return f"{experiment}: {name}" if experiment else name


def _env_name(config: RunConfig) -> str:
    """Return what people call the environment: its id, the object, the module that was chosen, or its class."""
    env = config.env
    of_class = str(env.get("_target_", "")).rpartition(".")[2]
    return str(env.get("name") or env.get("_object_") or config.choices.get("env") or of_class or "env")


def describe_run(config: RunConfig, *, stage: str | None, part_of: SweepPart | None = None) -> RunDescription:
    """Return how a run introduces itself.

    A stage of the pipeline joins the run of its agent: same configuration, seed, code and DVC experiment. Any other run
    is one of its own.

    Args:
        config: resolved configuration with seeds.
        stage: name of the stage that is running, or None.
        part_of: the multi-run that it is a job of, or None.
    """
    described = _describe_run(config, stage)
    if part_of is None:
        return described
    return dataclasses.replace(
        described,
        name=part_of.name,
        key=part_of.key,
        parent_key=part_of.parent_key,
        parent_name=part_of.parent_name,
        tags={**described.tags, _VARIED: json.dumps(dict(part_of.values))},
    )


def varied_values(tags: Mapping[str, Any]) -> dict[str, str]:
    """Return what a multi-run varied, in words, as the tags of one of its jobs tell it; empty for any other run."""
    try:
        values = json.loads(tags.get(_VARIED, "{}"))
    except ValueError:  # so many values that the store has cut their end off
        return {}
    return {str(path): str(word) for path, word in values.items()}


def _describe_run(config: RunConfig, stage: str | None) -> RunDescription:
    lineage = collect_lineage(Path.cwd())
    seed = config.seeding.env_base_seed
    name = pipeline_name(config, dvc_facts().experiment)
    return RunDescription(
        name=f"{name} seed {seed}",
        experiment_name=config.tracking.experiment_name,
        config=config.to_mapping(),
        parameters=config.flat(),
        seed=seed,
        tags={**lineage.tags, **config.tags, "maze.config_sha": config.digest()},
        key=uuid.uuid4().hex if stage is None else _key(config, seed or 0),
        stage=stage,
        parent_key=None if stage is None else _key(config, None),
        parent_name=None if stage is None else name,
        artifacts=lineage.artifacts,
        system_metrics=config.tracking.system_metrics,
    )


def describe_pipeline(config: RunConfig) -> RunDescription:
    """Return how the pipeline over all seeds introduces itself: the parent of its agents' runs."""
    described = describe_run(config.with_seeds(0), stage="report")
    return RunDescription(
        name=described.parent_name or "pipeline",
        experiment_name=described.experiment_name,
        config=described.config,
        parameters=config.flat(),  # the seeds of no agent
        tags=described.tags,
        key=described.parent_key,
        stage="report",
        kind="pipeline",
        artifacts=described.artifacts,
    )


def describe_sweep(
    config: RunConfig, *, key: str, name: str, parameters: Mapping[str, str], artifacts: Mapping[str, str]
) -> RunDescription:
    """Return how a multi-run introduces itself: the parent of its jobs' runs.

    Args:
        config: the configuration of one of its jobs.
        key: identity of the multi-run.
        name: what people read in the list of runs.
        parameters: what its jobs have in common, and what varies with all values in words.
        artifacts: texts to keep with it, by name.
    """
    lineage = collect_lineage(Path.cwd())
    return RunDescription(
        name=name,
        experiment_name=config.tracking.experiment_name,
        parameters=parameters,
        tags={**lineage.tags, **config.tags},
        key=key,
        kind="pipeline",
        artifacts={**lineage.artifacts, **artifacts},
    )


def _key(config: RunConfig, seed: int | None) -> str:
    """Return the identity of an agent's run, or of the pipeline where the seed is None."""
    experiment = dvc_facts().experiment
    code = code_digest(pipeline_code(), _pipeline_inputs())
    return stage_key(config.digest(), -1 if seed is None else seed, code, experiment)


def _pipeline_inputs() -> list[Path]:
    """Return the data and agents that training begins with, relative to the project."""
    inputs = yaml.safe_load(PIPELINE_FILE.with_name(PARAMS_FILE).read_text(encoding="utf-8")).get("inputs")
    return [Path(inputs)] if isinstance(inputs, str) else []


def pipeline_code(path: Path = PIPELINE_FILE) -> list[Path]:
    """Return the code that the stages of a pipeline depend on: files and directories, relative to the project.

    Raises:
        InvalidSpecificationError: there is no pipeline here.
    """
    try:
        stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
        params = yaml.safe_load(path.with_name(PARAMS_FILE).read_text(encoding="utf-8"))
        listed = {item for stage in stages.values() for item in stage.get("deps", ())}
        code = [item for item in listed if not item.startswith(OUTPUTS)]
        named = {re.sub(r"\$\{(\w+)\}", lambda found: str(params[found[1]]), item) for item in code}
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InvalidSpecificationError(
            f"{path}: no pipeline can be read ({error}); run stages from the project."
        ) from error
    return [Path(item) for item in sorted(named)]
