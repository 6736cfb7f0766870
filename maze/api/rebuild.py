"""Making the tracking store again from git and DVC alone: MLflow is a view of them, and losing it loses nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from maze.api.lack import Lack
from maze.api.past_results import NoResult, PastResult, past_results
from maze.api.rebuilt_runs import describe_runs, read_config
from maze.api.reporting import tell_result
from maze.api.repository.outputs import OutputReader
from maze.api.repository.revisions import Repository
from maze.api.restored_stages import STAGES, restored_stages
from maze.config import RunConfig
from maze.errors import ArtifactError, MazeError, TrackingError
from maze.tracking import (
    MlflowTracker,
    RestoredStage,
    RunDescription,
    RunStatus,
    StoreContents,
    StoreLocation,
    resolve_store,
)

__all__ = ["Rebuilt", "rebuild_tracking"]

_PATIENCE_SECONDS = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What became of one result of the pipeline.

    Attributes:
        name: of the experiment, or the beginning of the commit's hash, or ``workspace``.
        n_agents: how many agents are in the store.
        missing: files that neither git nor DVC's cache holds, without which its runs are in the store.
        problem: why it is not in the store; "" where it is.
        is_result: False where the pipeline had left no result that could be in the store.
        is_experiment: it is an experiment of DVC, and no commit of the history.
    """

    name: str
    n_agents: int = 0
    missing: tuple[str, ...] = ()
    problem: str = ""
    is_result: bool = True
    is_experiment: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether everything of it is in the store."""
        return not self.problem and not self.missing


def rebuild_tracking(
    directory: Path, tell: Callable[[Rebuilt], None] | None = None, *, expect: Callable[[int], None] | None = None
) -> list[Rebuilt]:
    """Put every result of the pipeline that git and DVC hold into the tracking store.

    Those are the commits of all branches and tags that changed ``dvc.lock``, DVC's experiments, and the working tree.
    Runs get new ids; each remembers its earlier one, by which records, ``RunContext.load`` and commands still find it.
    Of results whose files DVC's cache has lost there is in the store what git holds: configuration, parameters, numbers
    and curves; their runs say in the tag ``maze.missing`` what they lack, and are completed by another call once the
    files are there. What is complete in the store stays as it is, whatever the cache has.

    Args:
        directory: in the project.
        tell: is told each result as soon as it is done.
        expect: is told how many results there are, before the first is done.

    Returns:
        One entry for each result, from the oldest to the youngest; one that several commits hold is there once.

    Raises:
        ArtifactError: there is no repository with a pipeline.
        TrackingError: the store cannot be used.
    """
    repository = Repository.around(directory)
    if repository is None or not (repository.root / "dvc.yaml").is_file():
        raise ArtifactError(f"{directory}: is in no git repository with a dvc.yaml; run this in the project.")
    reader = OutputReader(repository)
    with tempfile.TemporaryDirectory(prefix="maze-rebuild-") as scratch:
        results = past_results(repository, reader, Path(scratch))
        if expect is not None:
            expect(len(results))
        refilling = _Refilling(repository.root, reader, tell)
        for result in results:
            refilling.add(result)
        refilling.settle()
    return refilling.outcomes


class _Refilling:
    """Puts results into their stores, one after the other; one is prepared while the one before it is sent.

    Args:
        project: root of the project.
        reader: of its outputs.
        tell: is told each outcome.
    """

    def __init__(self, project: Path, reader: OutputReader, tell: Callable[[Rebuilt], None] | None) -> None:
        self._project = project
        self._reader = reader
        self._tell = tell
        self._contents: dict[StoreLocation, StoreContents] = {}
        self._sent: tuple[MlflowTracker, Rebuilt] | None = None
        self.outcomes: list[Rebuilt] = []

    def add(self, result: PastResult | NoResult) -> None:
        """Put one result into the store, as far as it is not there.

        Raises:
            TrackingError: the store cannot be used.
        """
        if isinstance(result, NoResult):
            self._done(Rebuilt(name=result.name, problem=result.reason, is_result=result.is_fault))
            return
        is_experiment = result.revision is not None and bool(result.revision.experiment)
        try:
            self._fill(result, is_experiment=is_experiment)
        except TrackingError:  # nothing else would get into the store either
            raise
        except MazeError as error:
            problem = str(error).replace(f"{result.root}/", "")
            self._done(Rebuilt(name=result.name, problem=problem, is_experiment=is_experiment))

    def settle(self) -> None:
        """Wait until the store has what was sent.

        Raises:
            TrackingError: it does not take it.
        """
        if self._sent is not None:
            (tracker, outcome), self._sent = self._sent, None
            tracker.settle()
            self._keep(outcome)

    def _done(self, outcome: Rebuilt) -> None:
        self.settle()
        self._keep(outcome)

    def _keep(self, outcome: Rebuilt) -> None:
        self.outcomes.append(outcome)
        if self._tell is not None:
            self._tell(outcome)

    def _fill(self, result: PastResult, *, is_experiment: bool) -> None:
        """Prepare a result, and send it once the one before it is in the store."""
        config = read_config(result.root)
        store = self._store(config)
        lack = Lack.of(result, self._contents[store])
        outcome = Rebuilt(name=result.name, n_agents=len(result.seeds), missing=lack.files, is_experiment=is_experiment)
        if lack.is_told:
            self._done(outcome)
            return
        result.restore(self._reader)
        with tempfile.TemporaryDirectory(prefix="maze-tables-") as scratch:
            prepared = _prepare(result, config, Path(scratch))
            self.settle()
            self._sent = _send(result, prepared, store), outcome
        shutil.rmtree(result.root)  # the journal has its own copies

    def _store(self, config: RunConfig) -> StoreLocation:
        """Return the store of a result's runs, which was asked once what it has."""
        uri = config.tracking.uri
        environment = {**os.environ, "MLFLOW_TRACKING_URI": uri} if uri else None
        store = resolve_store(self._project, environment=environment)
        if store not in self._contents:
            self._contents[store] = StoreContents.of(store, STAGES)
        return store


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a result has to tell: its runs, and what the stages of each agent left."""

    pipeline: RunDescription
    agents: Mapping[int, RunDescription]
    stages: Mapping[int, list[RestoredStage]]


def _prepare(result: PastResult, config: RunConfig, scratch: Path) -> _Prepared:
    """Return what a restored result has to tell, with its figures drawn."""
    pipeline, agents = describe_runs(result, config)
    registered = (config.tracking.registered_model or "", config.tracking.alias or "")
    out = result.root / "out"
    stages = {
        seed: restored_stages(seed, out, scratch, registered=registered, missing=result.gaps.of_agent(seed))
        for seed in agents
    }
    return _Prepared(pipeline, agents, stages)


def _send(result: PastResult, prepared: _Prepared, store: StoreLocation) -> MlflowTracker:
    """Hand a result over to the process that tells the store, and return what waits for it."""
    # where revisions share a run, the second value of a parameter is a tag of it, which is no news here
    tracker = MlflowTracker(store, mode="required", finish_timeout=_PATIENCE_SECONDS, says_notes=False)
    tracker.start(prepared.pipeline)
    try:
        for seed, description in prepared.agents.items():
            tracker.complete_run(description, prepared.stages[seed])
        tell_result(tracker, result.root / "out", result.seeds, list(result.gaps.of_report()))
    except MazeError:
        tracker.finish(RunStatus.FAILED)
        raise
    tracker.hand_over()
    return tracker
