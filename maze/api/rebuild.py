"""Making the tracking store again from git and DVC alone: MLflow is a view of them, and losing it loses nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from maze.api.pipeline import pipeline_name
from maze.api.reporting import filling
from maze.api.repository.outputs import OutputReader
from maze.api.repository.revisions import Repository, Revision
from maze.api.restored_stages import STAGES
from maze.artifacts import read_json
from maze.config import RunConfig
from maze.errors import ArtifactError, MazeError, TrackingError
from maze.tracking import MlflowTracker, RunDescription, resolve_store

__all__ = ["Rebuilt", "rebuild_tracking"]

_RECORD = Path("out") / "report" / "record.json"
_CONFIG = Path("build") / "config.yaml"
_NOT_NEEDED = ("steps.npz", "metrics.jsonl")
"""Outputs that a run in the store does not show."""
_COPIES = "out/copies/"
"""Copies of what git holds, which DVC's run cache needs alone."""

_PATIENCE_SECONDS = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What became of one result of the pipeline.

    Attributes:
        name: of the experiment, or the beginning of the commit's hash, or ``workspace``.
        n_agents: how many agents are in the store.
        problem: why it is not in the store; "" where it is.
    """

    name: str
    n_agents: int = 0
    problem: str = ""


def rebuild_tracking(directory: Path, tell: Callable[[Rebuilt], None] | None = None) -> list[Rebuilt]:
    """Put every result of the pipeline that git and DVC hold into the tracking store.

    Those are the commits of all branches and tags that changed ``dvc.lock``, DVC's experiments, and the working tree.
    Runs get new ids; each remembers its earlier one, by which records, ``RunContext.load`` and commands still find it.
    What is complete in the store stays as it is.

    Args:
        directory: in the project.
        tell: is told each result as soon as it is done.

    Returns:
        One entry for each result, from the oldest to the youngest; one that several commits hold is there once.

    Raises:
        ArtifactError: there is no repository with a pipeline.
        TrackingError: the store cannot be used.
    """
    repository = Repository.around(directory)
    if repository is None or not (repository.root / "dvc.yaml").is_file():
        raise ArtifactError(f"{directory}: is in no git repository with a dvc.yaml; run this in the project.")
    reader, known = OutputReader(repository), set[str]()
    outcomes = []
    for name, revision in _results(repository):
        outcome = _rebuild(name, revision, repository, reader, known)
        if outcome is not None:
            outcomes.append(outcome)
            if tell is not None:
                tell(outcome)
    return outcomes


def _results(repository: Repository) -> Iterator[tuple[str, Revision | None]]:
    """Yield everything that can hold results by name, from the oldest to the youngest; the working tree is None."""
    revisions = [*repository.commits_with("dvc.lock"), *repository.experiments()]
    for revision in sorted(revisions, key=lambda one: one.time):
        yield revision.name, revision
    if (repository.root / _RECORD).is_file():
        yield "workspace", None


def _rebuild(
    name: str, revision: Revision | None, repository: Repository, reader: OutputReader, known: set[str]
) -> Rebuilt | None:
    """Put one result into the store; None where it has none, or is there already under another name."""
    with tempfile.TemporaryDirectory(prefix="maze-rebuild-") as scratch:
        root = repository.root if revision is None else Path(scratch)
        try:
            missing = [] if revision is None else reader.read(revision, root, _is_needed)
            record = read_json(root / _RECORD) if (root / _RECORD).is_file() else {}
            identity = record.get("run_id")
            if identity is None or identity in known:
                return None
            known.add(identity)
            if missing:
                raise ArtifactError(f"DVC's cache here does not hold {missing[0]}")
            _fill(root, record, repository.root, revision)
        except TrackingError:  # nothing else would get into the store either
            raise
        except MazeError as error:
            return Rebuilt(name=name, problem=str(error))
    return Rebuilt(name=name, n_agents=len(record["seeds"]))


def _is_needed(path: str) -> bool:
    is_copy = path.startswith(_COPIES) and "/shown/" not in path
    return not path.endswith(_NOT_NEEDED) and not is_copy


def _fill(root: Path, record: Mapping[str, Any], project: Path, revision: Revision | None) -> None:
    """Send one result of the pipeline to the store, and wait until it is there."""
    tags = _params(root / "params.yaml").get("tags") or {}
    config = RunConfig.from_yaml(root / _CONFIG).replace({"tags": tags})
    pipeline = _describe_pipeline(root, config, record, revision)
    agents = {seed: _describe_agent(root, config, record, pipeline, seed) for seed in record["seeds"]}
    times = [one for agent in agents.values() for one in (agent.started, agent.ended) if one is not None]
    if times:
        pipeline = replace(pipeline, started=min(times), ended=max(times))
    registered = (config.tracking.registered_model or "", config.tracking.alias or "")
    uri = config.tracking.uri
    environment = {**os.environ, "MLFLOW_TRACKING_URI": uri} if uri else None
    store = resolve_store(project, environment=environment)
    # where revisions share a run, the second value of a parameter is a tag of it, which is no news here
    tracker = MlflowTracker(store, mode="required", finish_timeout=_PATIENCE_SECONDS, says_notes=False)
    with filling(tracker, pipeline, agents, root / "out", registered=registered):
        pass  # the plots are there


def _params(path: Path) -> Mapping[str, Any]:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError, YAMLError) as error:
        raise ArtifactError(f"params.yaml: cannot be read ({' '.join(str(error).split())})") from error
    return content if isinstance(content, dict) else {}


def _describe_pipeline(
    root: Path, config: RunConfig, record: Mapping[str, Any], revision: Revision | None
) -> RunDescription:
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


def _describe_agent(
    root: Path, config: RunConfig, record: Mapping[str, Any], pipeline: RunDescription, seed: int
) -> RunDescription:
    """Return what the agent of a seed says about itself; where it came from is what its last stage to run says."""
    seeded = config.with_seeds(seed)
    stages = [read_json(root / "out" / "record" / stage / f"{seed}.json") for stage in STAGES]
    latest = max(stages, key=lambda stage: str(stage.get("started", "")))
    identity = record.get("agents", {}).get(str(seed))
    known_key = record.get("keys", {}).get("agents", {}).get(str(seed))
    begun = _milliseconds(stages[0].get("started"))
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
        ended=None if begun is None else begun + int(1000 * spent),
    )


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
