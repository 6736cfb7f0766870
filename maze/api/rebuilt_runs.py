"""What the runs of a past result say about themselves, from what git and DVC hold of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from maze.api.past_results import RECORD, PastResult
from maze.api.pipeline import pipeline_name
from maze.api.repository.revisions import Revision
from maze.api.restored_stages import STAGES
from maze.artifacts import read_json
from maze.config import RunConfig
from maze.errors import ArtifactError
from maze.tracking import RunDescription

__all__ = ["describe_runs", "read_config"]

_CONFIG = Path("build") / "config.yaml"


def read_config(root: Path) -> RunConfig:
    """Return the configuration of a result, with the tags of its ``params.yaml``.

    Args:
        root: where the result stands as in the project.

    Raises:
        MazeError: one of the two cannot be read.
    """
    return RunConfig.from_yaml(root / _CONFIG).replace({"tags": _params(root / "params.yaml").get("tags") or {}})


def describe_runs(result: PastResult, config: RunConfig) -> tuple[RunDescription, dict[int, RunDescription]]:
    """Return how the pipeline introduces itself, and by seed how its agents do; as they had when they ran.

    Args:
        result: restored as far as it is at hand.
        config: of the result.

    Raises:
        ArtifactError: a record is damaged.
    """
    pipeline = _describe_pipeline(result, config)
    agents = {seed: _describe_agent(result, config, pipeline, seed) for seed in result.seeds}
    started = [agent.started for agent in agents.values() if agent.started is not None]
    ended = [agent.ended for agent in agents.values() if agent.ended is not None]
    if started and ended:
        pipeline = replace(pipeline, started=min(started), ended=max(ended))
    return pipeline, agents


def _params(path: Path) -> Mapping[str, Any]:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError, YAMLError) as error:
        raise ArtifactError(f"params.yaml: cannot be read ({' '.join(str(error).split())})") from error
    return content if isinstance(content, dict) else {}


def _describe_pipeline(result: PastResult, config: RunConfig) -> RunDescription:
    record, root, revision = result.record, result.root, result.revision
    experiment = "" if revision is None else revision.experiment
    artifacts = {f"repro/{name}": root / name for name in ("dvc.lock", "params.yaml") if (root / name).is_file()}
    return RunDescription(
        name=pipeline_name(config, record.get("tags", {}).get("dvc.exp.name", experiment)),
        experiment_name=config.tracking.experiment_name,
        config=config.to_mapping(),
        parameters=config.flat(),
        tags=_tags(config, record.get("tags") or _tags_of(revision), record["run_id"]),
        key=record.get("keys", {}).get("pipeline") or _stand_in(record["run_id"]),
        stage="report",
        kind="pipeline",
        artifacts=artifacts,
    )


def _describe_agent(result: PastResult, config: RunConfig, pipeline: RunDescription, seed: int) -> RunDescription:
    """Return what the agent of a seed says about itself; where it came from is what its last stage to run says."""
    record, seeded = result.record, config.with_seeds(seed)
    stages = _stages(result.root, seed)
    latest: Mapping[str, Any] = max(stages, key=lambda stage: str(stage.get("started", "")), default={})
    identity = result.runs[seed]
    known_key = record.get("keys", {}).get("agents", {}).get(str(seed))
    begun = next((time for stage in stages if (time := _milliseconds(stage.get("started"))) is not None), None)
    if begun is None:  # no record is left of when it ran; that was before it was committed
        begun = _known_by(result)
    spent = sum(float(stage.get("seconds") or 0.0) for stage in stages)
    return RunDescription(
        name=f"{pipeline.name} seed {seed}",
        experiment_name=pipeline.experiment_name,
        config=seeded.to_mapping(),
        parameters=seeded.flat(),
        seed=seed,
        tags=_tags(seeded, record.get("tags") or latest.get("tags", {}), identity),
        key=known_key or _stand_in(str(identity), seed),
        stage="report",
        parent_key=pipeline.key,
        parent_name=pipeline.name,
        artifacts=pipeline.artifacts,
        started=begun,
        ended=begun + int(1000 * spent),
    )


def _stages(root: Path, seed: int) -> list[Mapping[str, Any]]:
    """Return the records of the stages, as far as they are there, in the order in which stages run."""
    paths = [root / "out" / "record" / stage / f"{seed}.json" for stage in STAGES]
    return [read_json(path) for path in paths if path.is_file()]


def _known_by(result: PastResult) -> int:
    """Return when a result was there at the latest, in milliseconds since 1970."""
    if result.revision is not None:
        return 1000 * result.revision.time
    return int(1000 * (result.root / RECORD).stat().st_mtime)


def _tags(config: RunConfig, tags: Mapping[str, str], identity: str | None) -> dict[str, str]:
    origin = {} if identity is None else {"maze.rebuilt_from": identity}
    return {**tags, **config.tags, "maze.config_sha": config.digest(), **origin}


def _tags_of(revision: Revision | None) -> dict[str, str]:
    if revision is None or not revision.experiment:
        return {}
    return {"dvc.exp.name": revision.experiment, "dvc.exp.baseline": revision.baseline}


def _stand_in(identity: str, seed: int | None = None) -> str:
    """Return a key for a result whose record was written before records held keys."""
    return sha256(f"rebuilt {identity} {seed}".encode()).hexdigest()


def _milliseconds(started: Any) -> int | None:
    try:
        return int(1000 * datetime.fromisoformat(str(started)).timestamp())
    except ValueError:
        return None
