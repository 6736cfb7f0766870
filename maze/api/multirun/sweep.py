"""The engine behind ``RunContext(multirun=True)``: many runs, each trained in a process of its own."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from maze.api.arguments import read_directory
from maze.api.multirun import grid, tracked
from maze.api.multirun.launch import check_objects, launch_jobs, make_launcher
from maze.api.multirun.results import JobFailure, SweepRecord
from maze.api.single_run import SingleRun, levels_inside
from maze.api.specs import check_seed
from maze.config import RunConfig
from maze.config.overrides import is_marker
from maze.errors import RunContextError
from maze.seeding import draw_seed

if TYPE_CHECKING:
    from maze.agents import ActorCritic, TorchPolicy
    from maze.env import MazeEnv
    from maze.rollout import Episodes, RolloutResult
    from maze.trainers import Trainer
    from maze.trainers.base import TrainingSummary
    from maze.types import Action, Array, Observation

__all__ = ["JobFailure", "Sweep"]

_Result = TypeVar("_Result")


class Sweep:
    """Jobs of one multi-run. What its methods and properties do for the user stands in :class:`maze.RunContext`.

    Everything that one run gives once comes as a list with one entry for each job, in order. A job that did not finish
    has a :class:`JobFailure` in its place wherever its agent would have to speak; what it was given, its configuration,
    directory and environments, is real. Before training, all agents are untrained ones.

    Args:
        jobs: the jobs, composed.
        directory: of the multi-run; a fresh one below ``log_base_dir`` when None.
        seed: base of the randomness of jobs whose seed is no axis.
        silent: print nothing.
        resume: go on with the multi-run that ``directory`` holds: finished jobs are kept, the others run.

    Raises:
        InvalidSpecificationError: the directory cannot be used, the launcher is none, or an object of a job cannot be
            sent to another process.
    """

    def __init__(
        self,
        jobs: Sequence[grid.JobSpecification],
        *,
        directory: Path | None,
        seed: int,
        silent: bool = False,
        resume: bool = False,
    ) -> None:
        self._launcher = make_launcher(jobs[0])
        self._jobs = tuple(_job_of_sweep(job, directory) for job in jobs)
        self._directory = directory
        self._seed = seed
        self._silent = silent
        self._warned = self._closed = False
        self._runs: dict[int, SingleRun] = {}
        check_objects(self._jobs)
        self._resumes = resume
        earlier = SweepRecord.read(directory, resume=resume) if directory is not None else None
        self._completes = earlier is not None  # the next training ends what an earlier process has begun
        self._record: SweepRecord | None = None
        if directory is not None and earlier is not None:
            self._record = SweepRecord(directory, seed, self._jobs, earlier)

    @classmethod
    def compose(
        cls,
        arguments: Mapping[str, Any],
        *,
        run_dir: str | Path | None = None,
        config_dir: str | Path | None = None,
        config_name: str = "conf_train",
        silent: bool = False,
        resume: bool = False,
    ) -> Sweep:
        """Compose all jobs that the arguments of a `RunContext` describe.

        Args:
            arguments: those that may hold axes; see :func:`maze.api.multirun.grid.compose_jobs`.
            run_dir: directory of the multi-run.
            config_dir: a configuration tree of the user's.
            config_name: name of the root configuration.
            silent: print nothing.
            resume: go on with the multi-run that the directory holds.

        Raises:
            InvalidSpecificationError: something is wrong in any job.
        """
        given = arguments.get("seed")
        seed = draw_seed() if given is None or grid.is_axis(given) else check_seed(given)
        overrides = arguments.get("overrides")
        place = overrides.get("run_dir", run_dir) if isinstance(overrides, Mapping) else run_dir
        if given is None and resume and place is not None and not grid.is_axis(place):
            earlier = SweepRecord.read(Path(read_directory(place)).absolute(), resume=True)
            seed = seed if earlier is None else int(earlier["seed"])
        jobs = grid.compose_jobs(arguments, seed=seed, run_dir=run_dir, config_dir=config_dir, config_name=config_name)
        chosen = jobs[0].config.run_dir
        directory = None if chosen is None else Path(chosen).absolute()
        return cls(jobs, directory=directory, seed=seed, silent=silent, resume=resume)

    def __repr__(self) -> str:
        """Return what the multi-run is about, in one line."""
        n_finished = 0 if self._record is None else sum(o.status == "finished" for o in self._record.outcomes)
        place = None if self._directory is None else str(self._directory)
        return f"RunContext(multirun=True, {len(self._jobs)} jobs, {n_finished} finished, run_dir={place!r})"

    # --- what can be looked at ----------------------------------------------------------------------------------

    @property
    def jobs(self) -> tuple[grid.JobSpecification, ...]:
        """The jobs with their values."""
        return self._jobs

    @property
    def record(self) -> SweepRecord:
        """How the jobs have ended, and where."""
        if self._record is None:
            raise RunContextError("run_dir: there is none before the first train(); call rc.train().")
        return self._record

    @property
    def config(self) -> list[RunConfig]:
        """The resolved configurations."""
        return [job.config for job in self._jobs]

    @property
    def run_dir(self) -> list[Path]:
        """Directories of the runs, also of those that failed."""
        return [self.record.files(job.index).root for job in self._jobs]

    @property
    def policy(self) -> list[TorchPolicy | JobFailure]:
        """The policies of the best states."""
        return self._of_agents(lambda _, run: run.policy)

    @property
    def model(self) -> list[ActorCritic | JobFailure]:
        """Policies and critics of the best states."""
        return self._of_agents(lambda _, run: run.model)

    @property
    def trainer(self) -> list[Trainer[Any] | JobFailure]:
        """Trainers in the last states; those that trained have ended with their processes."""
        self._require_training("trainer: there is none")
        return self._of_agents(lambda _, run: run.restored_trainer())

    @property
    def statistics(self) -> list[dict[str, float] | JobFailure]:
        """The last epoch's metrics by name."""
        record = self._require_training("statistics: there are none")
        return [record.failure(job.index) or dict(record.outcomes[job.index].statistics) for job in self._jobs]

    @property
    def env_factory(self) -> list[Callable[[], MazeEnv]]:
        """Functions that make environments with all wrappers, also of jobs that failed."""
        return [self._run(job.index).env_factory for job in self._jobs]

    # --- what can be done ---------------------------------------------------------------------------------------

    def train(self, n_epochs: int | None = None, **trainer_kwargs: Any) -> list[TrainingSummary | JobFailure]:
        """Train all jobs through the launcher; calling again goes on with each, and tries failed ones again."""
        if self._closed:
            raise RunContextError("train: this context is closed; make it again, with run_dir= and resume=True.")
        for job in self._jobs:
            self._run(job.index).check_train_arguments(n_epochs, trainer_kwargs)
        self._close_runs()  # what they have loaded will be outdated
        record = self._begin()
        completes, self._completes = self._completes, False
        indices = [
            job.index for job in self._jobs if not (completes and record.outcomes[job.index].status == "finished")
        ]
        launch_jobs(
            record,
            indices,
            self._launcher,
            n_epochs=n_epochs,
            trainer_kwargs=trainer_kwargs,
            completes=completes,
            silent=self._silent,
        )
        return [self._summary(record, job.index) for job in self._jobs]

    def evaluate(self, **evaluator_kwargs: Any) -> list[Episodes | JobFailure]:
        """Play whole episodes with every policy, here and one after the other; an error while playing is raised."""
        return self._of_agents(lambda _, run: run.evaluate(**evaluator_kwargs))

    def rollout(self, *, output_dir: str | Path | None = None, **settings: Any) -> list[RolloutResult | JobFailure]:
        """Play episodes with every policy and keep what happened; ``output_dir`` gets a folder for each job."""

        def play(job: grid.JobSpecification, run: SingleRun) -> RolloutResult:
            return run.rollout(output_dir=None if output_dir is None else Path(output_dir) / job.name, **settings)

        return self._of_agents(play)

    def compute_action(self, observation: Observation, *arguments: Any, **options: Any) -> list[Action | JobFailure]:
        """Return every policy's action for the same observation."""
        return self._of_agents(lambda _, run: run.compute_action(observation, *arguments, **options))

    def begin_episode(self, rows: Array | None = None) -> list[JobFailure | None]:
        """Let every policy's ``compute_action`` begin new episodes."""
        return self._of_agents(lambda _, run: run.begin_episode(rows), warns=False)

    def transform_observation(self, observation: Observation) -> list[Observation | JobFailure]:
        """Return what the wrappers of every job make of the same raw observation."""
        return self._of_agents(lambda _, run: run.transform_observation(observation), warns=False)

    def close(self) -> None:
        """Close all environments; what was trained can still act."""
        self._closed = True
        for run in self._runs.values():
            run.close()

    # --- inside -------------------------------------------------------------------------------------------------

    def _begin(self) -> SweepRecord:
        """Return the record; the first call chooses the directory."""
        if self._record is None:
            directory = self._directory
            if directory is None:
                stamp = datetime.now(UTC).strftime("%Y-%m-%d_%H-%M-%S-%f")
                directory = (Path(self._jobs[0].config.log_base_dir) / "sweep" / stamp).absolute()
            SweepRecord.read(directory, resume=False)  # another one may have begun there since construction
            self._record = SweepRecord(directory, self._seed, self._jobs)
            self._record.write()
        return self._record

    def _require_training(self, what: str) -> SweepRecord:
        if self._record is None or not self._record.has_begun:
            raise RunContextError(f"{what} before training; call rc.train().")
        return self._record

    @staticmethod
    def _summary(record: SweepRecord, index: int) -> TrainingSummary | JobFailure:
        summary = record.outcomes[index].summary
        failure = record.failure(index)
        if summary is not None and failure is None:
            return summary
        assert failure is not None  # noqa: S101  (a job has one of the two, whatever the user gave)
        return failure

    def _of_agents(
        self, use: Callable[[grid.JobSpecification, SingleRun], _Result], *, warns: bool = True
    ) -> list[_Result | JobFailure]:
        """Use the agent of every job; those that did not finish have none, unless nothing was trained yet."""
        record = self._record
        if record is None or not record.has_begun:
            if warns:
                self._warn_untrained()
            return [use(job, self._run(job.index)) for job in self._jobs]
        return [record.failure(job.index) or use(job, self._run(job.index)) for job in self._jobs]

    def _run(self, index: int) -> SingleRun:
        """Return the run of one job in this process: the trained one, or one that is not trained."""
        if index not in self._runs:
            job, record = self._jobs[index], self._record
            if record is None or record.outcomes[index].status != "finished":
                self._runs[index] = SingleRun(job.config, job.objects, silent=True)  # the warning is given once for all
            else:
                self._runs[index] = SingleRun(
                    job.config,
                    job.objects,
                    run_dir=record.files(index).root,
                    silent=self._silent,
                    resume=True,
                    part_of=tracked.part_of_sweep(record, index),
                )
        return self._runs[index]

    def _close_runs(self) -> None:
        for run in self._runs.values():
            run.close()
        self._runs.clear()

    def _warn_untrained(self) -> None:
        if not self._warned and not self._silent:
            self._warned = True
            message = "the agents' weights are untrained; call rc.train() first"
            warnings.warn(message, stacklevel=levels_inside())


def _job_of_sweep(job: grid.JobSpecification, directory: Path | None) -> grid.JobSpecification:
    """Return the job with its own directory, and without a launcher object, which stays in this process."""
    objects = {path: thing for path, thing in job.objects.items() if path.partition(".")[0] != "launcher"}
    config = job.config.replace({"run_dir": None if directory is None else str(directory / job.name)})
    if is_marker(config.section("launcher")) or len(objects) != len(job.objects):
        config = config.replace(launcher={})
    return dataclasses.replace(job, config=config, objects=objects)
