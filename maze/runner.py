"""The composition root: turns a resolved configuration and live objects into environments, a model and a trainer.

Nothing else constructs collaborators. Every object is built once, on first use, from streams of the run's seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gymnasium import spaces

from maze.artifacts import AgentFiles, atomic_path, read_arrays, read_json, write_arrays, write_json, write_text
from maze.config import RolloutConfig, RunConfig, canonical
from maze.config.instantiate import instantiate, resolve_target, with_objects
from maze.env import GymMazeEnv, MazeEnv, SyncVectorEnv, VectorEnv, VectorStep, make_vector_env
from maze.env.spaces import space_from_json, space_to_json
from maze.errors import ArtifactError, InvalidSpecificationError
from maze.rollout import (
    MAX_ENVS,
    RolloutEvaluator,
    RolloutResult,
    StepObserver,
    TrajectoryRecorder,
    play_episodes,
    write_rollout,
)
from maze.seeding import derive_seed, numpy_generator, seeded_torch
from maze.types import Array, Observation, StateDict

if TYPE_CHECKING:
    from maze.agents import ActorCritic
    from maze.trainers import AlgorithmConfig, Trainer

__all__ = ["AgentRunner", "compute_threads"]


class AgentRunner:
    """One agent under one configuration: its environments, model and trainer, each built when first used.

    Args:
        config: resolved configuration with both seeds filled in.
        objects: live objects by the place in the configuration that they take (``env``, ``model.policy``, ...).
    """

    def __init__(self, config: RunConfig, objects: Mapping[str, Any] | None = None) -> None:
        self.config = config
        self.objects = dict(objects or {})
        self._statistics: dict[str, Array] = {}
        self._spaces: tuple[spaces.Dict, spaces.Dict] | None = None

    # --- environments -------------------------------------------------------------------------------------------

    def make_env(self) -> MazeEnv:
        """Return a new environment with all wrappers and the statistics of the best state."""
        env = self._make_bare_env()
        for wrap in self._wrappers():
            env = wrap(env)
        if self._statistics:
            env.load_statistics(self._statistics)
        return env

    def _make_bare_env(self) -> MazeEnv:
        source = self._part("env")
        env = source() if callable(source) else instantiate(source, _path_="env")
        if isinstance(env, MazeEnv):
            return env
        try:
            return GymMazeEnv(env)
        except InvalidSpecificationError as error:
            raise InvalidSpecificationError(
                f"env: {source!r} made a {type(env).__name__}, which is no environment; accepted is a callable without "
                "arguments that returns a MazeEnv or a gymnasium environment."
            ) from error

    def _wrappers(self) -> list[Callable[[MazeEnv], MazeEnv]]:
        """Return functions env -> wrapped env, innermost first."""
        given = self._part("wrappers")
        items = given if isinstance(given, list | tuple) else [given]
        return [_as_wrap(item) for item in items]

    def make_vector_env(self, n_envs: int) -> VectorEnv:
        """Return ``n_envs`` wrapped environments that step together."""
        return make_vector_env(self.make_env, n_envs)

    @cached_property
    def observed_and_acted(self) -> tuple[spaces.Dict, spaces.Dict]:
        """Observation and action space after all wrappers; those of the loaded agent when there is one."""
        if self._spaces is not None:
            return self._spaces
        env = self.make_env()
        try:
            return env.observation_space, env.action_space
        finally:
            env.close()

    def wrap_observation(self, observation: Observation) -> Observation:
        """Return what the wrappers make of a raw observation, single or batched: what the policy was trained on."""
        for wrapper in reversed(self._wrapper_chain):
            observation = wrapper.observation(observation)
        return observation

    @cached_property
    def _wrapper_chain(self) -> list[Any]:
        chain = []
        env: Any = self.make_env()
        while hasattr(env, "env") and hasattr(type(env), "wrap"):
            chain.append(env)
            env = env.env
        return chain

    # --- model and trainer --------------------------------------------------------------------------------------

    @cached_property
    def model(self) -> ActorCritic:
        """The agent that acts: freshly initialised, then the loaded or the best trained state."""
        return self._build_model()

    def _build_model(self) -> ActorCritic:
        from maze.agents import ActorCritic  # noqa: PLC0415  (loads torch, which composing must not)

        observation_space, action_space = self.observed_and_acted
        with seeded_torch(derive_seed(self._agent_seed, "weights")):
            composer = self._composer(observation_space, action_space)
            model = ActorCritic(composer.policy, composer.critic)
        model.policy.seed(derive_seed(self._agent_seed, "compute_action"))
        return model.to(self.algorithm.device).flatten_parameters_()

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
        config: AlgorithmConfig = instantiate(self._part("algorithm"), _path_="algorithm")
        return config

    @property
    def trainer_class(self) -> type[Trainer[Any]]:
        """The trainer that the algorithm's class names; finding it does not load torch."""
        found: type[Trainer[Any]] = resolve_target(type(self.algorithm).trainer, "trainer")
        return found

    @cached_property
    def trainer(self) -> Trainer[Any]:
        """The trainer that the algorithm's class names, with all its collaborators.

        It trains a model of its own, so that acting keeps the best state while training goes on from the last one.
        """
        from maze.rollout import Collector  # noqa: PLC0415
        from maze.trainers import TrainerParts  # noqa: PLC0415

        config = self.algorithm
        n_envs = self.config.runner.concurrency
        env = self.make_vector_env(n_envs)
        env.training = True
        learner = self._build_model()
        learner.restore(self.model.snapshot())
        collector = Collector(
            env=env,
            policy=learner.policy,
            n_steps=getattr(config, "n_rollout_steps", 1),
            generator=numpy_generator(self._agent_seed, "actions"),
            seeds=[derive_seed(self._env_seed, "train", index) for index in range(n_envs)],
        )
        parts = TrainerParts(
            model=learner,
            collector=collector,
            evaluator=self.make_evaluator("validation") if config.rollout_evaluator is not None else None,
            generator=numpy_generator(self._agent_seed, "minibatches"),
        )
        return self.trainer_class(config, parts)

    def make_evaluator(self, stream: str, **settings: Any) -> RolloutEvaluator:
        """Return the algorithm's evaluator with other settings laid over it.

        Args:
            stream: name of the stream of seeds, so that selection and evaluation play different episodes.
            settings: replace the configured ones; ``_target_`` may be replaced, too.
        """
        configured = self.algorithm.rollout_evaluator
        if configured is not None and not isinstance(configured, Mapping):
            if settings:
                raise InvalidSpecificationError(
                    f"{', '.join(settings)}: algorithm.rollout_evaluator is an object ({type(configured).__name__}), "
                    "which has its own settings; change the object, or give rollout_evaluator as a mapping."
                )
            evaluator: RolloutEvaluator = configured
            return evaluator
        merged: dict[str, Any] = {
            "_target_": "maze.rollout.evaluate.RolloutEvaluator",
            **dict(configured or {}),
            **getattr(self.algorithm, "evaluator_settings", {}),
            **settings,
        }
        merged.setdefault("eval_env", self.make_vector_env)
        if merged["_target_"] == "maze.rollout.evaluate.RolloutEvaluator":
            merged.setdefault("seed", derive_seed(self._env_seed, stream))
        made: RolloutEvaluator = instantiate({"_target_": merged.pop("_target_")}, _path_="evaluator", **merged)
        return made

    def roll_out(self, settings: RolloutConfig, directory: Path | None) -> RolloutResult:
        """Play episodes with the policy, keep their steps, and write them below ``directory`` unless it is None.

        Raises:
            InvalidSpecificationError: event logs are asked for, which environments do not emit yet.
        """
        if settings.record_event_logs:
            raise InvalidSpecificationError(
                "rollout.record_event_logs: True is not available yet; accepted is False. "
                "record_trajectory=True keeps every observation, action and reward."
            )
        seed = derive_seed(self._env_seed, "rollout")
        recorder = TrajectoryRecorder() if settings.record_trajectory else None
        n_envs = 1 if settings.render else min(settings.n_episodes, MAX_ENVS)
        shown = self.make_env() if settings.render else None
        env = SyncVectorEnv([shown]) if shown is not None else self.make_vector_env(n_envs)
        observers: list[StepObserver] = [] if recorder is None else [recorder]
        if shown is not None:
            observers.append(_Screen(shown))
        try:
            episodes = play_episodes(
                self.model.policy,
                env,
                [derive_seed(seed, "episode", index) for index in range(settings.n_episodes)],
                numpy_generator(seed, "actions"),
                deterministic=settings.deterministic,
                max_episode_steps=settings.max_episode_steps,
                observers=observers,
            )
        finally:
            env.close()
        steps = recorder.steps() if recorder is not None else {}
        files = write_rollout(directory, episodes, steps) if directory is not None else {}
        return RolloutResult(episodes, steps, files)

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
        self._statistics = dict(state["statistics"])
        self.__dict__.pop("_wrapper_chain", None)
        self.model.restore(state["model"])

    def save(self, files: AgentFiles) -> None:
        """Write the agent that acts now into its directory; the same agent gives the same bytes."""
        from safetensors.torch import save  # noqa: PLC0415

        observation_space, action_space = self.observed_and_acted
        write_text(files.config, canonical.to_yaml(self.config.agent_part()))
        write_json(
            files.spaces, {"observation": space_to_json(observation_space), "action": space_to_json(action_space)}
        )
        write_arrays(files.statistics, self._statistics)
        with atomic_path(files.weights) as temporary:
            temporary.write_bytes(save(self.model.export_weights()))

    def load(self, files: AgentFiles) -> None:
        """Take spaces, weights and statistics from an agent's directory.

        Raises:
            ArtifactError: a file is missing or damaged, or the weights do not fit the model.
        """
        from safetensors import SafetensorError  # noqa: PLC0415
        from safetensors.torch import load_file  # noqa: PLC0415

        files.require()
        description = read_json(files.spaces)
        observation_space = space_from_json(description["observation"])
        action_space = space_from_json(description["action"])
        if not isinstance(observation_space, spaces.Dict) or not isinstance(action_space, spaces.Dict):
            raise ArtifactError(f"{files.spaces}: spaces are no dictionaries; the file was not written by maze.")
        self._spaces = (observation_space, action_space)
        try:
            self.model.import_weights(load_file(files.weights))
        except (SafetensorError, ArtifactError, OSError) as error:
            raise ArtifactError(
                f"{files.weights}: does not hold the weights of this agent ({error}); restore the directory, for "
                "example with `dvc checkout`, or train again."
            ) from error
        self._statistics = read_arrays(files.statistics)


class _Screen:
    """Draws the environment after every step."""

    def __init__(self, env: MazeEnv) -> None:
        self._env = env

    def __call__(
        self, episode: Array, observation: Observation, action: dict[str, Array], step: VectorStep, active: Array
    ) -> None:
        del episode, observation, action, step, active
        self._env.render()


def _as_wrap(item: Any) -> Callable[[MazeEnv], MazeEnv]:
    """Return a function env -> wrapped env for a wrapper class, a callable, or a ``_target_`` mapping."""
    if isinstance(item, Mapping):
        arguments = {key: value for key, value in item.items() if key != "_target_"}
        target = resolve_target(item["_target_"])
        wrap = getattr(target, "wrap", target)
        return lambda env: wrap(env, **arguments)
    if hasattr(item, "wrap"):
        wrap_with: Callable[[MazeEnv], MazeEnv] = item.wrap
        return wrap_with
    if callable(item):
        function: Callable[[MazeEnv], MazeEnv] = item
        return function
    raise InvalidSpecificationError(
        f"wrappers: {item!r} is no wrapper; accepted are a Wrapper class, a callable env -> env, "
        "a mapping {dotted class: arguments}, or a list of these."
    )


@contextmanager
def compute_threads(n_threads: int) -> Iterator[None]:
    """Run a block with as many threads for torch and NumPy, and put back what was set before.

    Small networks are faster with one thread, and one thread makes sums come out the same everywhere.
    """
    import torch  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        with threadpool_limits(limits=n_threads, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
