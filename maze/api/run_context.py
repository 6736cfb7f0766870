"""RunContext: compose an experiment, train, roll out and evaluate an agent, in plain Python.

from maze import RunContext

rc = RunContext(env="gym_env", algorithm="a2c", model="vector_obs", critic="template_state")
rc.train()
print(rc.evaluate().statistics)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from maze.api import specs
from maze.api.arguments import check_flag, check_source, explain_keywords, read_directory, with_input_dir
from maze.api.loading import load_agent, read_config, refuse_missing_objects
from maze.api.multirun.sweep import Sweep
from maze.api.quiet import Output, may_be_silent
from maze.api.single_run import SingleRun
from maze.config import RunConfig
from maze.errors import InvalidSpecificationError, RunContextError

if TYPE_CHECKING:
    from maze.agents import ActorCritic, TorchPolicy
    from maze.env import MazeEnv
    from maze.rollout import Episodes, RolloutResult
    from maze.trainers import Trainer
    from maze.trainers.base import TrainingSummary
    from maze.types import Action, ActorID, Array, Observation

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
        multirun: run several jobs, each in a process of its own. Every list among the components, in ``overrides``,
            ``configuration``, ``experiment`` and ``seed`` spans an axis of a grid, the last one varying fastest; one
            value that is a list is a list inside a list. All methods and properties then give lists, one entry for
            each job in order, with a `JobFailure` in the place of an agent whose training failed; ``run_dir`` is the
            directory of all jobs, and ``resume=True`` runs those that have not finished.
        silent: print nothing, and hide what environments and other code print and warn of while this context works.
            Only programs and compiled libraries that write to the process's own descriptors are not hidden.
        seed: base of all randomness of the run; drawn and recorded when None, once for all jobs of a multi-run.
            ``overrides`` of ``seeding`` win over it.
        config_dir: a configuration tree of one's own, whose groups join the built-in ones.
        resume: go on from what an earlier run left in ``run_dir``, as if there had been no break: from its checkpoint
            or, where that is missing, from its agent's weights with a new optimiser. Its seed is taken over.
        input_dir: an earlier agent, whatever trained it, with which the new one begins: directory of a run, MLflow run
            id, or ``models:/name/version``. Its policy and its normalisation statistics are taken over, and its critic
            where that is the same; everything else begins anew. Short for ``input_dir`` in ``overrides``.

    Raises:
        InvalidSpecificationError: something is wrong; the message says the value, what is accepted and what to do.
    """

    @explain_keywords
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
        configuration: str | Sequence[str] | None = None,
        experiment: str | Sequence[str] | None = None,
        multirun: bool = False,
        silent: bool = False,
        *,
        seed: int | Sequence[int] | None = None,
        config_dir: str | Path | None = None,
        resume: bool = False,
        input_dir: str | Path | None = None,
    ) -> None:
        if input_dir is not None:
            overrides = with_input_dir(overrides, input_dir)
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
        for name, value in {"multirun": multirun, "silent": silent, "resume": resume}.items():
            check_flag(value, name)
        if config_dir is not None:
            read_directory(config_dir, "config_dir")
        self._silent = bool(silent)
        presets = {"configuration": configuration, "experiment": experiment}
        specification = {**components, **presets, "overrides": overrides, "seed": seed}
        self._engine = self._compose(
            specification, run_dir=run_dir, config_dir=config_dir, multirun=multirun, resume=resume
        )

    @may_be_silent
    def _compose(
        self,
        specification: Mapping[str, Any],
        *,
        run_dir: str | Path | None,
        config_dir: str | Path | None,
        multirun: bool,
        resume: bool,
    ) -> SingleRun:
        if multirun:
            sweep = Sweep.compose(
                specification, run_dir=run_dir, config_dir=config_dir, silent=self._silent, resume=resume
            )
            return cast(SingleRun, sweep)  # it has the same methods, and they return lists
        components = {name: specification[name] for name in specs.COMPONENTS}
        others = {name: value for name, value in specification.items() if name not in components}
        config, objects = specs.compose_arguments(components, run_dir=run_dir, config_dir=config_dir, **others)
        return SingleRun(config, objects, run_dir=config.run_dir, silent=self._silent, resume=resume)

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
        files_dir: str | Path | None = None,
        shown_dir: str | Path | None = None,
    ) -> RunContext:
        """Build from a resolved configuration, without composing again.

        Args:
            config: path of a YAML file as ``rc.config.to_yaml()`` writes it, a mapping, or ``rc.config`` itself.
            seed: base of all randomness; None keeps the configuration's seeds, or draws.
            run_dir: directory of the run; a fresh one when None.
            silent: print nothing.
            stage: name of the pipeline stage that is running, which joins the tracking run of its agent.
            record: where the record is written instead of ``run_dir/record.json``.
            files_dir: where wrappers write their files, such as pictures, instead of the run's directory.
            shown_dir: where drawings of networks, figures of events and videos go, instead of the run's directory.

        Returns:
            A context whose agent is untrained.

        Raises:
            InvalidSpecificationError: the file cannot be read, a value is wrong, or a live object belongs to the
                configuration, which holds its name alone.
        """
        check_flag(silent, "silent")
        with Output(silent=bool(silent)):
            resolved = read_config(config)
            refuse_missing_objects(resolved)
            places: dict[str, Any] = {"record": record, "files_dir": files_dir, "shown_dir": shown_dir}
            places["run_dir"] = run_dir if run_dir is not None else resolved.run_dir
            return cls._around(SingleRun(resolved, {}, seed=seed, silent=silent, stage=stage, **places))

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        config: str | Path | Mapping[str, Any] | RunConfig | None = None,
        silent: bool = False,
        stage: str | None = None,
        record: str | Path | None = None,
        files_dir: str | Path | None = None,
        shown_dir: str | Path | None = None,
        allow_code: bool = False,
        env: Any = None,
    ) -> RunContext:
        """Return a context with a trained agent, ready to act, to be evaluated and to be trained on.

        Loading writes nothing. What the agent then plays is recorded with the run that made it, in its ``record.json``
        and its MLflow run, unless that run is at work, cannot be written to, or belongs to a pipeline, or ``env`` took
        the place of its environment.

        Args:
            source: directory of a run (or of its agent), an MLflow run id, or ``models:/name/version``.
            config: where ``evaluation``, ``rollout`` and ``tracking`` come from, which an agent does not hold; None
                takes them from the run's ``record.json`` where there is one, and defaults elsewhere. Writers of one's
                own stay behind, and without ``allow_code`` so do the store's address and the registered model.
            silent: print nothing.
            stage: name of the pipeline stage that is running.
            record: where the record is written.
            files_dir: where wrappers write their files, such as pictures, instead of the run's directory.
            shown_dir: where drawings of networks, figures of events and videos go, instead of the run's directory.
            allow_code: let the agent's configuration name code outside of maze, torch.nn and gymnasium, and load the
                objects and modules that are stored with it, which runs their code. What ``config`` allows is allowed
                anyway.
            env: a callable that makes the environment, in place of one that was not stored or is not trusted.

        Raises:
            ArtifactError: there is no agent, or its files are damaged or do not belong together.
            InvalidSpecificationError: the agent needs code that was not allowed.
        """
        check_flag(silent, "silent")
        check_source(source)
        allow_code = check_flag(allow_code, "allow_code")
        with Output(silent=bool(silent)):
            files, agent_config, objects = load_agent(source, config, allow_code=allow_code, env=env)
            places: dict[str, Any] = {"record": record, "files_dir": files_dir, "shown_dir": shown_dir}
            places["joins_record"] = stage is None and env is None
            return cls._around(SingleRun(agent_config, objects, agent=files, silent=silent, stage=stage, **places))

    @classmethod
    def _around(cls, engine: SingleRun) -> RunContext:
        context = cls.__new__(cls)
        context._engine = engine
        context._silent = engine.is_silent
        return context

    def __repr__(self) -> str:
        """Return what the run is about, in one line."""
        return repr(self._engine)

    # --- what can be looked at ----------------------------------------------------------------------------------

    @property
    def config(self) -> RunConfig:
        """The resolved configuration with all seeds filled in."""
        return self._engine.config

    @property
    def run_dir(self) -> Path:
        """Directory of the run.

        Raises:
            RunContextError: nothing has been written yet.
        """
        return self._engine.run_dir

    @property
    @may_be_silent
    def policy(self) -> TorchPolicy:
        """The policy of the best state; of an untrained context, one with its first weights."""
        return self._engine.policy

    @property
    @may_be_silent
    def model(self) -> ActorCritic:
        """Policy and critic of the best state."""
        return self._engine.model

    @property
    @may_be_silent
    def trainer(self) -> Trainer[Any]:
        """The trainer, which holds the last state.

        Raises:
            RunContextError: nothing has been trained yet.
        """
        return self._engine.trainer

    @property
    def statistics(self) -> dict[str, float]:
        """The last epoch's metrics by name.

        Raises:
            RunContextError: nothing has been trained yet.
        """
        return self._engine.statistics

    @property
    def env_factory(self) -> Callable[[], MazeEnv]:
        """A function that makes an environment with all wrappers, as the policy knows it.

        Its episodes follow the run's seed: the first environment made has the same episodes in every process.
        """
        return self._engine.env_factory

    # --- what can be done ---------------------------------------------------------------------------------------

    @may_be_silent
    def train(self, n_epochs: int | None = None, **trainer_kwargs: Any) -> TrainingSummary:
        """Train and keep the best state; calling again goes on from the last one.

        Args:
            n_epochs: train for exactly as many epochs; None takes ``n_epochs`` and ``patience`` of the algorithm, or
                what is left of them where such a call was interrupted.
            trainer_kwargs: further arguments of the algorithm's trainer.

        Returns:
            How training ended.

        Raises:
            TypeError: the trainer has no such argument.
            InvalidSpecificationError: ``n_epochs`` is not a positive whole number.
            TrainingError: training broke down; the best state until then is kept.
            KeyboardInterrupt: Ctrl-C, after the best state was kept and the run marked.
        """
        n_epochs = int(n_epochs) if isinstance(n_epochs, np.integer) else n_epochs
        return self._engine.train(n_epochs, **trainer_kwargs)

    @may_be_silent
    def evaluate(self, **evaluator_kwargs: Any) -> Episodes:
        """Play whole episodes with the policy and return them.

        Args:
            evaluator_kwargs: laid over the algorithm's ``rollout_evaluator``: ``n_episodes`` (8), ``deterministic``,
                ``max_episode_steps``, or a ``_target_`` of one's own with its arguments.

        Returns:
            The episodes; ``.statistics`` has their mean return and more.
        """
        return self._engine.evaluate(**evaluator_kwargs)

    @explain_keywords
    @may_be_silent
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
            record_event_logs: keep the events of every step, one table for each kind, in ``event_logs/``.
            deterministic: take the most likely action instead of a sample.
            render: show the environment while it is played, one episode after the other.
            output_dir: where the files go; ``run_dir/rollout`` when None, nowhere when nothing was trained or loaded.
                Of an agent that was loaded, a rollout in a directory of its own leaves a record there as well.

        Returns:
            Episodes, steps and the files that hold them.

        Raises:
            InvalidSpecificationError: an argument is out of range.
        """
        return self._engine.rollout(
            n_episodes=n_episodes,
            max_episode_steps=max_episode_steps,
            record_trajectory=record_trajectory,
            record_event_logs=record_event_logs,
            deterministic=deterministic,
            render=render,
            output_dir=output_dir,
        )

    @may_be_silent
    def compute_action(
        self,
        observation: Observation,
        maze_state: object = None,
        env: MazeEnv | None = None,
        actor_id: ActorID | None = None,
        deterministic: bool = False,
    ) -> Action:
        """Return the policy's action for an observation of ``env_factory()``'s environments.

        A policy whose networks carry a state goes on from the last call with as many observations, as if each call were
        the next step of the same episodes; call :meth:`begin_episode` where new ones begin. Training begins anew, too.
        ``rollout`` and ``evaluate`` keep states of their own.

        Args:
            observation: NumPy arrays by key, single or batched; left as they are.
            maze_state: for policies that need it; this one does not.
            env: says who acts where ``actor_id`` is not given.
            actor_id: which network acts; needed only where there are several.
            deterministic: take the most likely action instead of a sample.

        Returns:
            NumPy arrays by action head, with the observation's leading axes.
        """
        return self._engine.compute_action(observation, maze_state, env, actor_id, deterministic)

    @may_be_silent
    def begin_episode(self, rows: Array | None = None) -> None:
        """Let ``compute_action`` begin new episodes; it makes no difference to policies that carry no state.

        Args:
            rows: in which rows of batches of N observations, bool [N]; everywhere when None.

        Raises:
            MazeError: ``rows`` is no array of bool.
        """
        self._engine.begin_episode(rows)

    @may_be_silent
    def transform_observation(self, observation: Observation) -> Observation:
        """Return what the wrappers make of a raw observation, for use with ``compute_action``.

        Args:
            observation: NumPy arrays by key as the environment itself gives them, single or batched; left as they are.
        """
        return self._engine.transform_observation(observation)

    @may_be_silent
    def close(self) -> None:
        """Close the environments that training holds open. The agent can still act, roll out and be evaluated."""
        self._engine.close()

    def __enter__(self) -> Self:
        """Return this context, which is closed at the end of the ``with`` block."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close what training holds open."""
        self.close()
