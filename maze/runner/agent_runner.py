"""The composition root: turns a resolved configuration and live objects into environments, a model and a trainer.

Nothing else constructs collaborators. Every object is built once, on first use, from streams of the run's seeds.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gymnasium import spaces

from maze.artifacts import AgentFiles, read_arrays
from maze.config import RolloutConfig, RunConfig, RunnerConfig
from maze.config.instantiate import allow_modules, instantiate, resolve_target, with_objects
from maze.errors import InvalidSpecificationError
from maze.rollout import RolloutEvaluator, RolloutResult
from maze.runner.agent_files import load_weights, read_spaces, save_agent
from maze.runner.environments import EnvironmentMaker
from maze.runner.inheritance import Inheritance, inherit
from maze.runner.playing import play_rollout
from maze.runner.threads import compute_threads
from maze.seeding import TorchDraws, derive_seed, drawn_from, numpy_generator, seeded_torch
from maze.types import StateDict

if TYPE_CHECKING:
    from maze.agents import ActorCritic
    from maze.rollout import Workers
    from maze.trainers import AlgorithmConfig, Trainer

__all__ = ["AgentRunner", "close_evaluator"]


class AgentRunner:
    """One agent under one configuration: its environments, model and trainer, each built when first used.

    Args:
        config: resolved configuration with both seeds filled in.
        objects: live objects by the place in the configuration that they take (``env``, ``model.policy``, ...).
        silent: let worker processes print nothing.
        any_device: compute on the CPU, with a warning, where this machine does not have the device that is configured.

    Attributes:
        environments: makes this run's environments.
    """

    def __init__(
        self,
        config: RunConfig,
        objects: Mapping[str, Any] | None = None,
        *,
        silent: bool = False,
        any_device: bool = False,
    ) -> None:
        self.config = config
        self._any_device = any_device
        self.objects = dict(objects or {})
        self._silent = silent
        self._n_processes = _number_of_processes(config.runner)
        self._n_threads = config.runner.torch_threads or 1
        self.environments = EnvironmentMaker(
            config, self.objects, n_processes=self._n_processes, n_threads=self._n_threads, silent=silent
        )

    # --- model and trainer --------------------------------------------------------------------------------------

    @cached_property
    def model(self) -> ActorCritic:
        """The agent that acts: freshly initialised, then the loaded or the best trained state."""
        return self._build_model()

    def _build_model(self) -> ActorCritic:
        from maze.agents import ActorCritic  # noqa: PLC0415  (loads torch, which composing must not)

        observation_space, action_space = self.environments.observed_and_acted
        threads = compute_threads(self.config.runner.torch_threads or 1)  # orthogonal weights depend on their number
        with threads, seeded_torch(derive_seed(self._agent_seed, "weights")):
            composer = self._composer(observation_space, action_space)
            model = ActorCritic(composer.policy, composer.critic)
        model.policy.seed(derive_seed(self._agent_seed, "compute_action"))
        return model.to(self._device()).flatten_parameters_()

    def _device(self) -> str:
        """Return the name of the device on which networks compute."""
        try:
            return _checked_device(self.algorithm.device)
        except InvalidSpecificationError as error:
            if not self._any_device:
                raise
            if not self._silent:
                warnings.warn(f"{error} The agent computes on the CPU.", stacklevel=2)
            return "cpu"

    def _composer(self, observation_space: spaces.Dict, action_space: spaces.Dict) -> Any:
        return instantiate(
            self._part("model"),
            _path_="model",
            action_spaces_dict={0: action_space},
            observation_spaces_dict={0: observation_space},
            agent_counts_dict={0: 1},
        )

    def _part(self, section: str) -> Any:
        """Return a section with live objects in their places, or the object that stands for the whole section."""
        return with_objects(self.config.section(section), self.objects, section)

    @cached_property
    def algorithm(self) -> AlgorithmConfig:
        """The algorithm's configuration object."""
        with allow_modules(self.config.allowed_modules):
            config: AlgorithmConfig = instantiate(self._part("algorithm"), _path_="algorithm")
        return config

    @property
    def trainer_class(self) -> type[Trainer[Any]]:
        """The trainer that the algorithm's class names; finding it does not load torch."""
        named = type(self.algorithm).trainer
        if isinstance(named, type):
            return named
        with allow_modules(self.config.allowed_modules):
            found: type[Trainer[Any]] = resolve_target(named, "trainer")
        return found

    @cached_property
    def trainer(self) -> Trainer[Any]:
        """The trainer that the algorithm's class names, with all its collaborators.

        It trains a model of its own, so that acting keeps the best state while training goes on from the last one.
        """
        from maze.agents.networks import draws_globally  # noqa: PLC0415
        from maze.rollout import Collector  # noqa: PLC0415
        from maze.trainers import TrainerParts  # noqa: PLC0415

        config = self.algorithm
        seeds = [derive_seed(self._env_seed, "train", index) for index in range(self.config.runner.concurrency)]
        n_envs = 1 if config.has_actors else len(seeds)
        self.environments.estimate_statistics(derive_seed(self._env_seed, "estimation"))
        env = self.environments.make_vector_env(n_envs)
        env.training = True
        learner = copy.deepcopy(self.model).flatten_parameters_()  # a copy: objects of the user's may be part of it
        collector = Collector(
            env=env,
            policy=learner.policy,
            n_steps=getattr(config, "n_rollout_steps", 1),
            generator=numpy_generator(self._agent_seed, "actions"),
            seeds=seeds[:n_envs],
        )
        files_dir = self.environments.files_dir
        with self.environments.writing_into(None if files_dir is None else files_dir / "validation"):
            evaluator = (
                None if config.rollout_evaluator is None else _checked_evaluator(self.make_evaluator("validation"))
            )
        parts = TrainerParts(
            model=learner,
            collector=collector,
            evaluator=evaluator,
            seeds=seeds,
            generator=numpy_generator(self._agent_seed, "minibatches"),
            make_vector_env=self.environments.make_vector_env,
            make_workers=self._make_workers,
            draws=(
                TorchDraws(derive_seed(self._agent_seed, "torch"), str(learner.device))
                if draws_globally(learner)
                else None
            ),
        )
        return self.trainer_class(config, parts)

    def _make_workers(self, make_worker: Callable[[int], Any]) -> Workers:
        """Return the runner's workers: one in this process, or one in each of its worker processes."""
        from maze.rollout import LocalWorkers, ProcessWorkers  # noqa: PLC0415

        if not self._n_processes:
            return LocalWorkers(make_worker, n_workers=1)
        return ProcessWorkers(make_worker, self._n_processes, silent=self._silent, n_threads=self._n_threads)

    def forget_trainer(self) -> None:
        """Close the trainer's environments and make a new trainer when one is needed again."""
        self.close()
        self.__dict__.pop("trainer", None)

    def close(self) -> None:
        """Close the environments of the trainer and of its evaluator, if there are any yet."""
        trainer = self.__dict__.get("trainer")
        if trainer is not None:
            trainer.close()
            if trainer.evaluator is not None and trainer.evaluator is not self.algorithm.rollout_evaluator:
                close_evaluator(trainer.evaluator)

    def make_evaluator(self, stream: str, **settings: Any) -> RolloutEvaluator:
        """Return the algorithm's evaluator with other settings laid over it.

        Args:
            stream: name of the stream of seeds, so that selection and evaluation play different episodes.
            settings: replace the configured ones; ``_target_`` may be replaced, too, by a dotted name or a class.
        """
        configured = self.algorithm.rollout_evaluator
        path = "evaluator" if settings else "algorithm.rollout_evaluator"
        if configured is not None and not isinstance(configured, Mapping):
            if settings:
                raise InvalidSpecificationError(
                    f"{', '.join(settings)}: algorithm.rollout_evaluator is an object ({type(configured).__name__}), "
                    "which has its own settings; change the object, or give rollout_evaluator as a mapping."
                )
            evaluator: RolloutEvaluator = _checked_evaluator(configured)
            if self.environments.statistics is not None:
                evaluator.load_statistics(self.environments.statistics)
            return evaluator
        defaults = {**dict(configured or {}), **getattr(self.algorithm, "evaluator_settings", {})}
        defaults.setdefault("_target_", "maze.rollout.evaluate.RolloutEvaluator")
        named = settings.get("_target_", defaults["_target_"])
        target = named if callable(named) else resolve_target(named, f"{path}._target_")
        if "_target_" in settings:  # another class need not take what was configured for the first one
            defaults = {**_accepted(target, defaults), "_target_": settings["_target_"]}
        collaborators = {"eval_env": self.environments.make_vector_env, "seed": derive_seed(self._env_seed, stream)}
        merged: dict[str, Any] = {**_accepted(target, collaborators), **defaults, **settings}
        del merged["_target_"]
        make = partial(instantiate, {"_target_": named}, _path_=path) if isinstance(named, str) else named
        with drawn_from(numpy_generator(self._env_seed, f"{stream} draws")):  # a class may pass no seed on
            made: RolloutEvaluator = make(**merged)
        return made

    def roll_out(self, settings: RolloutConfig, directory: Path | None) -> RolloutResult:
        """Play episodes with the policy, and write what is kept of them below ``directory`` unless it is None."""
        return play_rollout(
            self.model.policy,
            self.environments,
            settings,
            directory,
            env_seed=self._env_seed,
            agent_seed=self._env_seed,  # one seed decides the rollout of an agent, however that was trained
        )

    @property
    def _env_seed(self) -> int:
        seed = self.config.seeding.env_base_seed
        assert seed is not None  # noqa: S101  (an invariant of construction, not a check of input)
        return seed

    @property
    def _agent_seed(self) -> int:
        seed = self.config.seeding.agent_base_seed
        assert seed is not None  # noqa: S101
        return seed

    # --- the agent's state --------------------------------------------------------------------------------------

    def use_state(self, state: StateDict) -> None:
        """Give acting and new environments a state: weights into the model, statistics into environments."""
        self.environments.use_statistics(state["statistics"])
        self.model.restore(state["model"])
        self.model.policy.begin_episode()  # what it remembers was made by other weights

    def save(self, files: AgentFiles) -> None:
        """Write the agent that acts now into its directory."""
        statistics = self.environments.statistics or {}
        save_agent(files, self.config, self.model, self.environments, statistics)

    def begin_from(self, files: AgentFiles) -> Inheritance:
        """Let the untrained agent begin with what fits of an earlier one.

        Raises:
            ArtifactError: a file is missing or damaged.
            InvalidSpecificationError: the earlier agent is of another kind.
        """
        return inherit(files.require(), self.model, self.environments)

    def load(self, files: AgentFiles) -> None:
        """Take spaces, weights and statistics from an agent's directory.

        Raises:
            ArtifactError: a file is missing or damaged, or the weights do not fit the model.
        """
        files.require()
        observation_space, action_space, raw_space = read_spaces(files.spaces)
        self.environments.known_spaces = (observation_space, action_space)
        self.environments.raw_observation_space = raw_space
        load_weights(files, self.model)
        self.environments.use_statistics(read_arrays(files.statistics))


def _number_of_processes(runner: RunnerConfig) -> int:
    """Return how many worker processes a runner's environments are divided among; 0 for none."""
    if runner.n_processes is not None:
        return min(runner.n_processes, runner.concurrency)
    from maze.processes import usable_cpus  # noqa: PLC0415  (a run in one process needs none of it)

    return min(usable_cpus(), runner.concurrency)


def _accepted(target: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return those defaults that a class or function has parameters for."""
    parameters = inspect.signature(target).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return {name: value for name, value in defaults.items() if takes_all or name in parameters}


def _checked_evaluator(evaluator: Any) -> Any:
    """Return an evaluator, if it has what training asks of one."""
    for method in ("evaluate", "load_statistics"):
        if not callable(getattr(evaluator, method, None)):
            raise InvalidSpecificationError(
                f"algorithm.rollout_evaluator: {evaluator!r} has no method {method}; accepted is an evaluator, an "
                "object with the methods evaluate(policy) and load_statistics(state), such as a RolloutEvaluator."
            )
    return evaluator


def close_evaluator(evaluator: Any) -> None:
    """Close an evaluator's environments, if it is of a kind that can be closed."""
    close = getattr(evaluator, "close", None)
    if close is not None:
        close()


def _checked_device(name: str) -> str:
    """Return the name of a device that torch has on this machine."""
    import torch  # noqa: PLC0415

    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch asserts that CUDA is compiled in
        reason = str(error).splitlines()[0]
        raise InvalidSpecificationError(
            f"algorithm.device: {name!r} cannot be used here ({reason}); accepted: 'cpu', or 'cuda' where there is one."
        ) from error
    return name
