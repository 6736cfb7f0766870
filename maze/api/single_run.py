"""The engine behind a RunContext: one run with its configuration, its agent and its record."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from maze.api import specs
from maze.api.arguments import absolute_directory
from maze.api.continuation import Continuation, refuse_other_model, with_earlier_seeds
from maze.api.loading import find_agent
from maze.api.pipeline import SweepPart, algorithm_name
from maze.api.quiet import Output
from maze.api.record.afterwards import Afterwards
from maze.api.record.calls import Call
from maze.api.record.played import PlayLog
from maze.api.session import RunSession, logs_kept_quiet, new_run_dir
from maze.api.signals import Interruption, StopRequest, stop_on_signals
from maze.api.statistics_writers import close_writer_objects
from maze.artifacts import AgentFiles, RunFiles
from maze.config import RunConfig
from maze.config.instantiate import allow_modules
from maze.errors import InvalidSpecificationError, RunContextError, suggest
from maze.seeding import draw_seed, drawn_from, numpy_generator

if TYPE_CHECKING:
    from maze.agents import ActorCritic, TorchPolicy
    from maze.env import MazeEnv
    from maze.rollout import Episodes, RolloutResult
    from maze.runner import AgentRunner
    from maze.runner.inheritance import Inheritance
    from maze.trainers import EpochReport, Trainer
    from maze.trainers.base import TrainingSummary
    from maze.types import Action, ActorID, Array, Observation

__all__ = ["SingleRun", "Watcher", "levels_inside", "refuse_multirun"]


class Watcher(Protocol):
    """Is told of a training while it runs, and may end it.

    Attributes:
        stops: training is to end after the update that is going on.
    """

    stops: bool

    def on_epoch(self, report: EpochReport) -> None:
        """Take note of an epoch."""


class SingleRun:
    """One run. What its methods and properties do for the user stands in :class:`maze.RunContext`.

    Args:
        config: resolved configuration.
        objects: live objects by the place in the configuration that they take.
        seed: base of all randomness; None keeps the configuration's seeds, or draws.
        run_dir: directory of the run; a fresh one when None.
        silent: print nothing.
        resume: go on from what an earlier run left in ``run_dir``.
        stage: name of the pipeline stage that is running, or None.
        record: where the record is written instead of ``run_dir/record.json``.
        files_dir: where wrappers write their files instead of the run's directory.
        shown_dir: where pictures and texts for people go instead of the run's directory.
        agent: a trained agent to begin with.
        part_of: the multi-run that the run is a job of, or None.
        joins_record: what the loaded agent plays is recorded with the run that made it.

    Attributes:
        config: the configuration with all seeds.
        is_silent: nothing is to be printed.
        interruption: where the next training ends, as the one that it repeats did; None where only its own end and
            signals end it.
        watcher: is told of every epoch of the next training, and says when to stop; None where nobody watches.

    Raises:
        InvalidSpecificationError: the directory cannot be used.
    """

    def __init__(
        self,
        config: RunConfig,
        objects: Mapping[str, Any],
        *,
        seed: int | None = None,
        run_dir: str | Path | None = None,
        silent: bool = False,
        resume: bool = False,
        stage: str | None = None,
        record: str | Path | None = None,
        files_dir: str | Path | None = None,
        shown_dir: str | Path | None = None,
        agent: AgentFiles | None = None,
        part_of: SweepPart | None = None,
        joins_record: bool = False,
    ) -> None:
        keep = seed is None
        if keep and resume and run_dir is not None:
            config = with_earlier_seeds(config, RunFiles(Path(run_dir)))
        self.config = config.with_seeds(draw_seed() if seed is None else specs.check_seed(seed), keep=keep)
        self._draws = numpy_generator(self.config.seeding.env_base_seed or 0, "draws")
        self._first_draws = self._draws.bit_generator.state
        self._objects = dict(objects)
        self.is_silent = bool(silent)
        self._run_dir = absolute_directory(run_dir) if run_dir is not None else None
        self._resumes = resume
        self._runner_instance: AgentRunner | None = None
        self._agent_files: AgentFiles | None = None
        self._inheritance: Inheritance | None = None
        self._session: RunSession | None = None
        self._stage = stage
        self._part_of = part_of
        self._record = Path(record) if record is not None else None
        self._files_dir = absolute_directory(files_dir, "files_dir") if files_dir is not None else None
        self._shown_dir = absolute_directory(shown_dir, "shown_dir") if shown_dir is not None else None
        self._ready = False  # there is a trained agent
        self._warned = False  # it was said that there is none
        self._warned_of_schedule = False  # nor whether it was said that its learning rate is 0
        self._closed = False
        self._is_training = False
        self.interruption: Interruption | None = None
        self.watcher: Watcher | None = None
        stage_record = self._record if stage is not None else None
        self._afterwards = Afterwards(self.config, agent) if joins_record and agent is not None else None
        self._log = PlayLog(self._make_session, stage_record=stage_record, afterwards=self._afterwards, silent=silent)
        if self._run_dir is not None:
            refuse_multirun(self._run_dir)
        if self._run_dir is not None and RunFiles(self._run_dir).is_used() and stage is None:
            self._refuse_to_overwrite()
            agent = None if RunFiles(self._run_dir).broke_off() else RunFiles(self._run_dir).agent
            if agent is not None:
                refuse_other_model(self.config, agent)
        if agent is not None:
            self._agent_files = agent.require()
            self._ready = True
        self._continuation = Continuation(self.config, agent, is_stage=stage is not None, warn=self._warn)

    def _refuse_to_overwrite(self) -> None:
        if not self._resumes:
            raise InvalidSpecificationError(
                f"run_dir: {str(self._run_dir)!r} holds an earlier run, which would be overwritten; pass "
                "resume=True to go on from it, RunContext.load(run_dir) to use it, or name another directory."
            )
        owner = None if self._run_dir is None else RunFiles(self._run_dir).owner()
        if owner is not None:
            raise InvalidSpecificationError(
                f"run_dir: process {owner} is at work in {str(self._run_dir)!r}; wait until it has ended, or name "
                "another directory."
            )

    def __repr__(self) -> str:
        """Return what the run is about, in one line."""
        choices = self.config.choices
        parts = {
            "env": self.config.env.get("name") or choices.get("env"),
            "algorithm": choices.get("algorithm") or algorithm_name(self.config),
            "model": choices.get("model"),
        }
        described = "".join(f"{part}={name!r}, " for part, name in parts.items() if name)
        place = self.run_dir if self._session is not None or self._agent_files is not None else self._run_dir
        state = "trained" if self._ready else "untrained"
        return (
            f"RunContext({described}seed={self.config.seeding.env_base_seed}, "
            f"run_dir={str(place) if place is not None else None!r}, {state})"
        )

    # --- what can be looked at ----------------------------------------------------------------------------------

    @property
    def run_dir(self) -> Path:
        """Directory of the run."""
        if self._session is not None:
            return self._session.files.root
        if self._agent_files is not None:
            root = self._agent_files.root
            return root.parent if root.name == "agent" else root
        raise RunContextError("run_dir: there is none before the first train(); call rc.train().")

    @property
    def policy(self) -> TorchPolicy:
        """The policy of the best state; of an untrained run, one with its first weights."""
        return self.model.policy

    @property
    def model(self) -> ActorCritic:
        """Policy and critic of the best state."""
        self._warn_untrained()
        with allow_modules(self.config.allowed_modules):
            return self._runner.model

    @property
    def trainer(self) -> Trainer[Any]:
        """The trainer, which holds the last state."""
        if self._session is None:
            raise RunContextError("trainer: there is none before training; call rc.train().")
        return self._runner.trainer

    @property
    def statistics(self) -> dict[str, float]:
        """The last epoch's metrics by name."""
        if self._session is None:
            raise RunContextError("statistics: there are none before training; call rc.train().")
        return self._session.last_metrics

    @property
    def env_factory(self) -> Callable[[], MazeEnv]:
        """A function that makes an environment with all wrappers, as the policy knows it."""
        make = self._runner.environments.make_seeded_env
        if not self.is_silent:
            return make

        def make_silently() -> MazeEnv:
            with Output(silent=True):
                return make()

        return make_silently

    # --- what can be done ---------------------------------------------------------------------------------------

    def train(self, n_epochs: int | None = None, **trainer_kwargs: Any) -> TrainingSummary:
        """Train and keep the best state; calling again goes on from the last one."""
        self.check_train_arguments(n_epochs, trainer_kwargs)
        if self._closed:
            raise RunContextError("train: this context is closed; go on with RunContext.load(run_dir).train().")
        if self._is_training:
            raise RunContextError("train: this context is training already; wait until that ends, or make another one.")
        self._is_training = True
        try:
            with drawn_from(self._draws):
                return self._train(n_epochs, trainer_kwargs)
        finally:
            self._is_training = False

    def _train(self, n_epochs: int | None, trainer_kwargs: Mapping[str, Any]) -> TrainingSummary:
        from maze.report.progress import TrainingProgress  # noqa: PLC0415
        from maze.runner import compute_threads  # noqa: PLC0415

        runner = self._runner
        if self._stage is None:  # a stage's failure is worth a record, a wrong specification of one's own is not
            with allow_modules(self.config.allowed_modules):
                runner.environments.check()
        self._continuation.find()
        session = self._open_session()
        runner.environments.files_dir = self._files_root
        self._continuation.take_over_curve(session)
        with ExitStack() as stack:
            stack.enter_context(logs_kept_quiet(self.is_silent))
            stack.enter_context(allow_modules(self.config.allowed_modules))
            stop = stack.enter_context(stop_on_signals())
            call = stack.enter_context(session.recorded("train", {"n_epochs": n_epochs, **trainer_kwargs}, stop))
            call.is_repeatable = runner.algorithm.repeatable
            stack.enter_context(compute_threads(self.config.runner.torch_threads or 1))
            trainer = self._continuation.begin(runner, session)  # loads torch while the tracking store is being opened
            self._warn_of_ended_schedule(trainer)
            limit = trainer.n_epochs_ahead(n_epochs) or 0
            progress = stack.enter_context(TrainingProgress(limit, trainer.epoch, silent=self.is_silent))
            if self._inheritance is not None and not self._ready:
                progress.say(str(self._inheritance))
            try:
                summary = trainer.train(
                    n_epochs,
                    listeners=[progress, session, *([] if self.watcher is None else [self.watcher])],
                    should_stop=lambda: self._is_to_stop(call, stop),
                    **trainer_kwargs,
                )
                call.note(summary)
            finally:
                runner.use_state(trainer.best_state)
                self._ready = True
                session.save_agent(runner)
                self._continuation.save(runner, session)
        stop.raise_if_requested(
            f"stopped; the best state until then is in {str(self.run_dir)!r}; resume=True goes on from the last one"
        )
        return summary

    def _is_to_stop(self, call: Call, stop: StopRequest) -> bool:
        """Count an update, and say whether it is the last one."""
        call.n_updates += 1
        repeated = self.interruption is not None and self.interruption.is_reached(call.n_epochs, call.n_updates)
        return repeated or stop.requested() or (self.watcher is not None and self.watcher.stops)

    def restored_trainer(self) -> Trainer[Any]:
        """Return the trainer in the last state of the run, where that was trained in another process."""
        self._continuation.find()
        session = self._open_session()
        self._continuation.take_over_curve(session)
        with allow_modules(self.config.allowed_modules):
            return self._continuation.begin(self._runner, session)

    def check_train_arguments(self, n_epochs: int | None, trainer_kwargs: Mapping[str, Any]) -> None:
        """Refuse arguments that ``train`` does not accept."""
        if n_epochs is not None and (isinstance(n_epochs, bool) or not isinstance(n_epochs, int) or n_epochs < 1):
            raise InvalidSpecificationError(f"n_epochs: {n_epochs!r} is not accepted; accepted is a whole number >= 1.")
        _check_arguments(self._runner.trainer_class, trainer_kwargs)

    def evaluate(self, **evaluator_kwargs: Any) -> Episodes:
        """Play whole episodes with the policy and return them."""
        from maze.runner import close_evaluator, compute_threads  # noqa: PLC0415

        with ExitStack() as stack:
            stack.enter_context(drawn_from(self._draws))
            keep = stack.enter_context(self._playing("evaluate", evaluator_kwargs))
            stack.enter_context(allow_modules(self.config.allowed_modules))
            stack.enter_context(compute_threads(self.config.runner.torch_threads or 1))
            policy = self.policy
            stack.enter_context(self._runner.environments.writing_into(self._place_of("evaluation")))
            evaluator = self._runner.make_evaluator("evaluation", **evaluator_kwargs)
            try:
                episodes: Episodes = evaluator.evaluate(policy)
            finally:
                if evaluator is not self._runner.algorithm.rollout_evaluator:  # an evaluator of one's own stays open
                    close_evaluator(evaluator)
            keep(episodes)
        return episodes

    def rollout(self, *, output_dir: str | Path | None = None, **settings: Any) -> RolloutResult:
        """Play episodes, keep what happened in them, and return it.

        Args:
            output_dir: where the files go; ``run_dir/rollout`` when None, nowhere when nothing was trained or loaded.
            settings: replace values of the section ``rollout``, unless they are None.
        """
        from maze.runner import compute_threads  # noqa: PLC0415

        changes = {name: value for name, value in settings.items() if value is not None}
        chosen = self.config.changed_section("rollout", changes)
        self._warn_untrained()
        directory = absolute_directory(output_dir, "output_dir") if output_dir is not None else None
        if directory is None and self._ready:
            directory = self.run_dir / "rollout"
        with ExitStack() as stack:
            arguments = {**settings, "output_dir": output_dir}
            stack.enter_context(drawn_from(self._draws))
            keep = stack.enter_context(self._playing("rollout", arguments))
            stack.enter_context(allow_modules(self.config.allowed_modules))
            stack.enter_context(compute_threads(self.config.runner.torch_threads or 1))
            stack.enter_context(
                self._runner.environments.writing_into(self._files_dir or directory or self._place_of("rollout"))
            )
            result = self._runner.roll_out(chosen, directory)
            keep(result.episodes, result.files)
        return result

    def compute_action(
        self,
        observation: Observation,
        maze_state: object = None,
        env: MazeEnv | None = None,
        actor_id: ActorID | None = None,
        deterministic: bool = False,
    ) -> Action:
        """Return the policy's action for an observation of ``env_factory()``'s environments."""
        return self.policy.compute_action(observation, maze_state, env, actor_id, deterministic)

    def begin_episode(self, rows: Array | None = None) -> None:
        """Let ``compute_action`` begin new episodes."""
        self._runner.model.policy.begin_episode(rows)

    def transform_observation(self, observation: Observation) -> Observation:
        """Return what the wrappers make of a raw observation, single or batched."""
        return self._runner.environments.wrap_observation(observation)

    def close(self) -> None:
        """Close the environments that training holds open; what was trained can still act."""
        self._closed = True
        if self._runner_instance is not None:
            self._runner_instance.close()
        close_writer_objects(self._objects)

    # --- inside -------------------------------------------------------------------------------------------------

    @property
    def _runner(self) -> AgentRunner:
        if self._runner_instance is None:
            from maze.runner import AgentRunner  # noqa: PLC0415  (constructing a RunContext must not load it)

            with allow_modules(self.config.allowed_modules):
                runner = AgentRunner(
                    self.config, self._objects, silent=self.is_silent, any_device=self._ready and not self._resumes
                )
                if self._afterwards is not None:
                    self._afterwards.note_weights()
                if self._agent_files is not None:
                    runner.load(self._agent_files)
                elif self.config.input_dir is not None:
                    self._inheritance = runner.begin_from(find_agent(self.config.input_dir))
            runner.environments.files_dir = self._files_root
            self._runner_instance = runner
        return self._runner_instance

    @property
    def _files_root(self) -> Path | None:
        """Where wrappers write their files; None where that is not known yet."""
        if self._files_dir is not None:
            return self._files_dir
        return self.run_dir if self._session is not None or self._agent_files is not None else self._run_dir

    def _place_of(self, part: str) -> Path | None:
        """Return where the files of one part of a run go, which in a stage has nothing else beside it."""
        root = self._files_root
        return root if root is None or self._files_dir is not None else root / part

    def _open_session(self) -> RunSession:
        if self._session is None:
            files = RunFiles(self._run_dir or new_run_dir(self.config).absolute())
            if files.is_used() and self._stage is None:
                self._refuse_to_overwrite()  # another run may have begun there since construction
                if files.broke_off():
                    files.clear()
                    self._warn(
                        f"resume: the earlier run in {str(files.root)!r} ended before it kept an agent, as a killed "
                        "process does; training begins anew, with the same seeds"
                    )
            session = self._make_session(files, self._record)
            if files.is_used() and self._stage is None:
                session.resume()
            session.record.add_finished(self._log.calls)
            self._session = session
        return self._session

    def _playing(self, method: str, arguments: Mapping[str, Any]) -> AbstractContextManager[Callable[..., None]]:
        """Return a block in which played episodes are recorded; it gives a function that takes them and their files."""
        session = self._session
        if session is None and self._part_of is not None and self._ready:
            session = self._open_session()  # it was trained in another process, as a job of this multi-run
        is_loaded = self._agent_files is not None
        draws = self._draws.bit_generator.state
        return self._log.playing(
            session,
            method,
            arguments,
            is_loaded=is_loaded,
            film=self._film,
            draws={} if draws == self._first_draws else draws,
        )

    def draw_on_from(self, state: Mapping[str, Any]) -> None:
        """Let seeds that nobody gives be drawn from where a recorded call drew its own.

        Args:
            state: of the generator, as the record of the call holds it; empty for its first state.
        """
        self._draws.bit_generator.state = dict(state) or self._first_draws

    def _film(self, method: str, arguments: Mapping[str, Any], episodes: Any) -> bytes:
        """Return the first of played episodes as a GIF; b"" where the run wants none, or it cannot be drawn."""
        tracking, configured = self.config.tracking, self.config.section("algorithm").get("rollout_evaluator")
        if not tracking.video or tracking.mode == "off" or not hasattr(episodes, "seeds"):
            return b""
        from maze.runner.filming import film_episode  # noqa: PLC0415

        usual = configured.get("deterministic", False) if isinstance(configured, Mapping) else False
        chosen = arguments.get("deterministic")
        if chosen is None:
            chosen = self.config.rollout.deterministic if method == "rollout" else usual
        statistics = self._runner.environments.statistics
        seed = int(episodes.seeds[0])
        return film_episode(self.policy, self.config, self._objects, statistics, seed=seed, deterministic=bool(chosen))

    def _make_session(self, files: RunFiles, record: Path | None) -> RunSession:
        return RunSession(
            self.config,
            files,
            stage=self._stage,
            record=record,
            part_of=self._part_of,
            objects=self._objects,
            agent=self._agent_files,
            inheritance=self._inheritance,
            silent=self.is_silent,
            shown_dir=self._shown_dir,
        )

    def _warn_untrained(self) -> None:
        if not self._ready and not self._warned and self.config.input_dir is None:
            self._warned = True
            self._warn("the agent's weights are untrained; call rc.train() first")

    def _warn_of_ended_schedule(self, trainer: Trainer[Any]) -> None:
        if trainer.learns_no_more and not self._warned_of_schedule:
            self._warned_of_schedule = True
            self._warn(
                "algorithm.lr: its schedule has ended at 0, so that further training changes nothing; give it an end > "
                "0, or more n_epochs in a run of its own"
            )

    def _warn(self, message: str) -> None:
        if not self.is_silent:
            warnings.warn(message, stacklevel=levels_inside())


def refuse_multirun(directory: Path) -> None:
    """Refuse the directory of a multi-run as that of one run, whose files would mix with it.

    Args:
        directory: of a run that is to be.

    Raises:
        InvalidSpecificationError: a multi-run has been there.
    """
    if RunFiles(directory).sweep.exists():
        raise InvalidSpecificationError(
            f"run_dir: {str(directory)!r} holds a multi-run; name another directory, that of one of its jobs, or go on "
            "with all of them: multirun=True, resume=True."
        )


def levels_inside() -> int:
    """Return the ``stacklevel`` with which the caller's warning points at the user's own line."""
    level, frame = 0, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "maze":
        level, frame = level + 1, frame.f_back
    return level


def _check_arguments(trainer: type[Trainer[Any]], arguments: Mapping[str, Any]) -> None:
    parameters = inspect.signature(trainer.train).parameters
    accepted = [name for name in parameters if name not in {"self", "listeners", "should_stop"}]
    for name in arguments:
        if name not in accepted:
            raise TypeError(f"train(): {trainer.__name__} has no argument {name!r}; {suggest(name, accepted)}")
