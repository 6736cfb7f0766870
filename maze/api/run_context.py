"""RunContext: compose an experiment, train, roll out and evaluate an agent, in plain Python.

from maze import RunContext

rc = RunContext(env="gym_env", algorithm="a2c", model="vector_obs", critic="template_state")
rc.train()
print(rc.evaluate().statistics)
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze.api import specs
from maze.api.loading import check_agent_files, find_agent, read_agent_config, read_config
from maze.api.session import RunSession, logs_kept_quiet, new_run_dir
from maze.api.signals import stop_on_signals
from maze.artifacts import AgentFiles, RunFiles
from maze.config import RunConfig
from maze.config.instantiate import allow_modules
from maze.errors import InvalidSpecificationError, RunContextError, suggest
from maze.seeding import draw_seed

if TYPE_CHECKING:
    from maze.agents import ActorCritic, TorchPolicy
    from maze.env import MazeEnv
    from maze.rollout import Episodes, RolloutResult
    from maze.runner import AgentRunner
    from maze.trainers import Trainer
    from maze.trainers.base import TrainingSummary
    from maze.types import Action, ActorID, Observation

__all__ = ["InvalidSpecificationError", "RunContext", "RunContextError"]


class RunContext:
    """One experiment: its resolved configuration, its agent and its record.

    Construction composes and validates; environments, networks and torch are loaded when they are first needed.

    Args:
        run_dir: directory of the run; a fresh one below ``outputs`` when None.
        env: configuration module name, mapping with ``_target_``, or a callable without arguments that makes an
            environment (a MazeEnv or a gymnasium environment). Instances are refused: training needs several.
        wrappers: module name, ``{dotted class: arguments}``, Wrapper class, callable env -> env, or a list of these.
        algorithm: module name, mapping, or configuration object such as ``A2CAlgorithmConfig(...)``.
        model: module name, mapping, or model composer.
        policy: short for ``model.policy``.
        critic: short for ``model.critic``.
        launcher: module name, mapping or object.
        runner: module name, mapping or object.
        overrides: values by dotted path; literals, mappings or objects, never parsed.
        configuration: a specialisation such as ``"test"``, which makes everything small.
        experiment: name of a preset.
        multirun: not available yet.
        silent: print nothing.
        seed: base of all randomness of the run; drawn and recorded when None.
        config_dir: a configuration tree of one's own, whose groups join the built-in ones.
        resume: go on from the weights that an earlier run left in ``run_dir``; its curve and record go on, its
            optimiser and generators begin anew.

    Raises:
        InvalidSpecificationError: something is wrong; the message says the value, what is accepted and what to do.
    """

    def __init__(
        self,
        run_dir: str | Path | None = None,
        env: Any = None,
        wrappers: Any = None,
        algorithm: Any = None,
        model: Any = None,
        policy: Any = None,
        critic: Any = None,
        launcher: Any = None,
        runner: Any = None,
        overrides: Mapping[str, Any] | None = None,
        configuration: str | None = None,
        experiment: str | None = None,
        multirun: bool = False,
        silent: bool = False,
        *,
        seed: int | None = None,
        config_dir: str | Path | None = None,
        resume: bool = False,
    ) -> None:
        if multirun:
            raise InvalidSpecificationError(
                "multirun: True is not available yet; accepted is False. Make one RunContext for each job."
            )
        components = {
            "env": env,
            "wrappers": wrappers,
            "algorithm": algorithm,
            "model": model,
            "policy": policy,
            "critic": critic,
            "launcher": launcher,
            "runner": runner,
        }
        config, objects = specs.compose_arguments(
            components,
            overrides=overrides,
            configuration=configuration,
            experiment=experiment,
            run_dir=run_dir,
            seed=seed,
            config_dir=config_dir,
        )
        self._begin(config, objects, seed=seed, run_dir=config.run_dir, silent=silent, resume=resume)

    def _begin(
        self,
        config: RunConfig,
        objects: Mapping[str, Any],
        *,
        seed: int | None,
        run_dir: str | Path | None,
        silent: bool,
        resume: bool = False,
        stage: str | None = None,
        record: Path | None = None,
    ) -> None:
        keep = seed is None
        self._config = config.with_seeds(draw_seed() if seed is None else specs.check_seed(seed), keep=keep)
        self._objects = dict(objects)
        self._silent = silent
        self._run_dir = Path(run_dir).absolute() if run_dir is not None else None
        self._resumes = resume
        self._runner_instance: AgentRunner | None = None
        self._agent_files: AgentFiles | None = None
        self._session: RunSession | None = None
        self._stage = stage
        self._record = record
        self._ready = False  # there is a trained agent
        self._warned = False  # it was said that there is none
        if self._run_dir is not None and self._run_dir.exists() and not self._run_dir.is_dir():
            raise InvalidSpecificationError(f"run_dir: {str(self._run_dir)!r} is a file; accepted is a directory.")
        if self._run_dir is not None and RunFiles(self._run_dir).is_used() and stage is None:
            self._refuse_to_overwrite()
            self._load(RunFiles(self._run_dir).agent)

    def _refuse_to_overwrite(self) -> None:
        if not self._resumes:
            raise InvalidSpecificationError(
                f"run_dir: {str(self._run_dir)!r} holds an earlier run, which would be overwritten; pass "
                "resume=True to go on from it, RunContext.load(run_dir) to use it, or name another directory."
            )

    @classmethod
    def from_config(
        cls,
        config: str | Path | Mapping[str, Any] | RunConfig,
        *,
        seed: int | None = None,
        run_dir: str | Path | None = None,
        silent: bool = False,
        stage: str | None = None,
        record: str | Path | None = None,
    ) -> RunContext:
        """Build from a resolved configuration, without composing again.

        Args:
            config: path of a YAML file as ``rc.config.to_yaml()`` writes it, a mapping, or ``rc.config`` itself.
            seed: base of all randomness; None keeps the configuration's seeds, or draws.
            run_dir: directory of the run; a fresh one when None.
            silent: print nothing.
            stage: name of the pipeline stage that is running, which joins the tracking run of its agent.
            record: where the record is written instead of ``run_dir/record.json``.

        Raises:
            InvalidSpecificationError: the file cannot be read or a value is wrong.
        """
        resolved = read_config(config)
        context = cls.__new__(cls)
        directory = run_dir if run_dir is not None else resolved.run_dir
        record_path = Path(record) if record is not None else None
        context._begin(resolved, {}, seed=seed, run_dir=directory, silent=silent, stage=stage, record=record_path)
        return context

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        config: str | Path | Mapping[str, Any] | RunConfig | None = None,
        silent: bool = False,
        stage: str | None = None,
        record: str | Path | None = None,
        allow_code: bool = False,
    ) -> RunContext:
        """Return a context with a trained agent, ready to act, to be evaluated and to be trained on.

        Args:
            source: directory of a run (or of its agent), an MLflow run id, or ``models:/name/version``.
            config: where ``evaluation``, ``rollout`` and ``tracking`` come from, which an agent does not hold.
            silent: print nothing.
            stage: name of the pipeline stage that is running.
            record: where the record is written.
            allow_code: let the agent's configuration name code outside of maze, torch.nn and gymnasium. What ``config``
                allows is allowed anyway.

        Raises:
            ArtifactError: there is no agent, or its files are damaged or do not belong together.
            InvalidSpecificationError: the agent needs code that was not allowed.
        """
        files = find_agent(source)
        check_agent_files(files)
        agent_config = read_agent_config(files, config, allow_code=allow_code)
        context = cls.__new__(cls)
        record_path = Path(record) if record is not None else None
        context._begin(agent_config, {}, seed=None, run_dir=None, silent=silent, stage=stage, record=record_path)
        context._load(files)
        return context

    def _load(self, files: AgentFiles) -> None:
        self._agent_files = files.require()
        self._ready = True

    # --- what can be looked at ----------------------------------------------------------------------------------

    @property
    def config(self) -> RunConfig:
        """The resolved configuration with all seeds filled in."""
        return self._config

    @property
    def run_dir(self) -> Path:
        """Directory of the run.

        Raises:
            RunContextError: nothing has been written yet.
        """
        if self._session is not None:
            return self._session.files.root
        if self._agent_files is not None:
            root = self._agent_files.root
            return root.parent if root.name == "agent" else root
        raise RunContextError("run_dir: there is none before the first train(); call rc.train().")

    @property
    def policy(self) -> TorchPolicy:
        """The policy of the best state; of an untrained context, one with its first weights."""
        return self.model.policy

    @property
    def model(self) -> ActorCritic:
        """Policy and critic of the best state."""
        self._warn_untrained()
        return self._runner.model

    @property
    def trainer(self) -> Trainer[Any]:
        """The trainer, which holds the last state.

        Raises:
            RunContextError: nothing has been trained yet.
        """
        if self._session is None:
            raise RunContextError("trainer: there is none before training; call rc.train().")
        return self._runner.trainer

    @property
    def statistics(self) -> dict[str, float]:
        """The last epoch's metrics by name.

        Raises:
            RunContextError: nothing has been trained yet.
        """
        if self._session is None:
            raise RunContextError("statistics: there are none before training; call rc.train().")
        return self._session.last_metrics

    @property
    def env_factory(self) -> Callable[[], MazeEnv]:
        """A function that makes an environment with all wrappers, as the policy knows it."""
        return self._runner.environments.make_env

    # --- what can be done ---------------------------------------------------------------------------------------

    def train(self, n_epochs: int | None = None, **trainer_kwargs: Any) -> TrainingSummary:
        """Train and keep the best state; calling again goes on from the last one.

        Args:
            n_epochs: train for exactly as many epochs; None takes ``n_epochs`` and ``patience`` of the algorithm.
            trainer_kwargs: further arguments of the algorithm's trainer.

        Returns:
            How training ended.

        Raises:
            TypeError: the trainer has no such argument.
            InvalidSpecificationError: ``n_epochs`` is not a positive whole number.
            TrainingError: training broke down; the best state until then is kept.
            KeyboardInterrupt: Ctrl-C, after the best state was kept and the run marked.
        """
        from maze.report.progress import TrainingProgress  # noqa: PLC0415
        from maze.runner import compute_threads  # noqa: PLC0415

        if n_epochs is not None and (isinstance(n_epochs, bool) or not isinstance(n_epochs, int) or n_epochs < 1):
            raise InvalidSpecificationError(f"n_epochs: {n_epochs!r} is not accepted; accepted is a whole number >= 1.")
        runner = self._runner
        _check_arguments(runner.trainer_class, trainer_kwargs)
        if self._stage is None:  # a stage's failure is worth a record, a wrong specification of one's own is not
            with allow_modules(self._config.allowed_modules):
                runner.environments.check()
        session = self._open_session()
        limit = n_epochs if n_epochs is not None else runner.algorithm.n_epochs
        with ExitStack() as stack:
            stack.enter_context(logs_kept_quiet(self._silent))
            stack.enter_context(allow_modules(self._config.allowed_modules))
            stop = stack.enter_context(stop_on_signals())
            call = stack.enter_context(session.recorded("train", {"n_epochs": n_epochs, **trainer_kwargs}, stop))
            stack.enter_context(compute_threads(self._config.runner.torch_threads or 1))
            trainer = runner.trainer  # loads torch while the tracking store is being opened
            session.resume_trainer(trainer)
            progress = stack.enter_context(TrainingProgress(limit, trainer.epoch, silent=self._silent))
            try:
                summary = trainer.train(
                    n_epochs, listeners=[progress, session], should_stop=stop.requested, **trainer_kwargs
                )
                call.note(summary)
            finally:
                runner.use_state(trainer.best_state)
                self._ready = True
                session.save_agent(runner)
        stop.raise_if_requested()
        return summary

    def evaluate(self, **evaluator_kwargs: Any) -> Episodes:
        """Play whole episodes with the policy and return them.

        Args:
            evaluator_kwargs: laid over the algorithm's ``rollout_evaluator``: ``n_episodes`` (8), ``deterministic``,
                ``max_episode_steps``, or a ``_target_`` of one's own with its arguments.

        Returns:
            The episodes; ``.statistics`` has their mean return and more.
        """
        from maze.runner import compute_threads  # noqa: PLC0415

        with ExitStack() as stack:
            keep = stack.enter_context(self._playing("evaluate", evaluator_kwargs))
            stack.enter_context(allow_modules(self._config.allowed_modules))
            stack.enter_context(compute_threads(self._config.runner.torch_threads or 1))
            policy = self.policy
            evaluator = self._runner.make_evaluator("evaluation", **evaluator_kwargs)
            try:
                episodes: Episodes = evaluator.evaluate(policy)
            finally:
                if evaluator is not self._runner.algorithm.rollout_evaluator:  # an evaluator of one's own stays open
                    evaluator.close()
            keep(episodes)
        return episodes

    def rollout(
        self,
        n_episodes: int | None = None,
        max_episode_steps: int | None = None,
        record_trajectory: bool | None = None,
        record_event_logs: bool | None = None,
        deterministic: bool | None = None,
        render: bool | None = None,
        *,
        output_dir: str | Path | None = None,
    ) -> RolloutResult:
        """Play episodes, keep what happened in them, and return it.

        Arguments that are None take their value from the section ``rollout`` of the configuration.

        Args:
            n_episodes: how many, exactly.
            max_episode_steps: cut episodes off after as many steps.
            record_trajectory: keep every step.
            record_event_logs: keep the events of every step; not available yet.
            deterministic: take the most likely action instead of a sample.
            render: show the environment while it is played, one episode after the other.
            output_dir: where the files go; ``run_dir/rollout`` when None, nowhere when nothing was trained or loaded.

        Returns:
            Episodes, steps and the files that hold them.

        Raises:
            InvalidSpecificationError: an argument is out of range.
        """
        from maze.runner import compute_threads  # noqa: PLC0415

        given = {
            "n_episodes": n_episodes,
            "max_episode_steps": max_episode_steps,
            "record_trajectory": record_trajectory,
            "record_event_logs": record_event_logs,
            "deterministic": deterministic,
            "render": render,
        }
        changes = {f"rollout.{name}": value for name, value in given.items() if value is not None}
        settings = self._config.replace(changes).rollout
        self._warn_untrained()
        directory = Path(output_dir) if output_dir is not None else None
        if directory is None and self._ready:
            directory = self.run_dir / "rollout"
        with ExitStack() as stack:
            keep = stack.enter_context(self._playing("rollout", given))
            stack.enter_context(allow_modules(self._config.allowed_modules))
            stack.enter_context(compute_threads(self._config.runner.torch_threads or 1))
            result = self._runner.roll_out(settings, directory)
            keep(result.episodes)
        return result

    def compute_action(
        self,
        observation: Observation,
        maze_state: object = None,
        env: MazeEnv | None = None,
        actor_id: ActorID | None = None,
        deterministic: bool = False,
    ) -> Action:
        """Return the policy's action for an observation of ``env_factory()``'s environments.

        Args:
            observation: NumPy arrays by key, single or batched; left as they are.
            maze_state: for policies that need it; this one does not.
            env: says who acts where ``actor_id`` is not given.
            actor_id: which network acts; needed only where there are several.
            deterministic: take the most likely action instead of a sample.

        Returns:
            NumPy arrays by action head, with the observation's leading axes.
        """
        return self.policy.compute_action(observation, maze_state, env, actor_id, deterministic)

    def transform_observation(self, observation: Observation) -> Observation:
        """Return what the wrappers make of a raw observation, single or batched, for use with ``compute_action``."""
        return self._runner.environments.wrap_observation(observation)

    # --- inside -------------------------------------------------------------------------------------------------

    @property
    def _runner(self) -> AgentRunner:
        if self._runner_instance is None:
            from maze.runner import AgentRunner  # noqa: PLC0415  (constructing a RunContext must not load it)

            with allow_modules(self._config.allowed_modules):
                runner = AgentRunner(self._config, self._objects)
                if self._agent_files is not None:
                    runner.load(self._agent_files)
            self._runner_instance = runner
        return self._runner_instance

    def _open_session(self) -> RunSession:
        if self._session is None:
            files = RunFiles(self._run_dir or new_run_dir(self._config).absolute())
            session = RunSession(self._config, files, stage=self._stage, record=self._record)
            if files.is_used() and self._stage is None:
                self._refuse_to_overwrite()  # another run may have begun there since construction
                session.resume()
            self._session = session
        return self._session

    @contextmanager
    def _playing(self, method: str, arguments: Mapping[str, Any]) -> Iterator[Callable[[Any], None]]:
        """Record played episodes: with the run that was trained here once they are over, or as a stage of the pipeline.

        A stage is recorded from its beginning, so that it shows as running and as failed, and so that the tracking
        store is opened while torch is loaded.

        Yields:
            A function that takes the episodes.
        """
        played: list[Any] = []
        session = self._session
        with logs_kept_quiet(self._silent):
            if session is None and self._stage is not None and self._record is not None:
                files = RunFiles(self._record.parent)
                session = RunSession(self._config, files, stage=self._stage, record=self._record)
                with session.recorded(method, arguments) as call:
                    yield played.append
                    session.log_episodes(call, played[0])
                return
            yield played.append
            if session is not None and hasattr(played[0], "statistics"):
                session.log_call(method, arguments, played[0])

    def _warn_untrained(self) -> None:
        if not self._ready and not self._warned:
            self._warned = True
            if not self._silent:
                message = "the agent's weights are untrained; call rc.train() first"
                warnings.warn(message, stacklevel=_levels_inside())


def _levels_inside() -> int:
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
