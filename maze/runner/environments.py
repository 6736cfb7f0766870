"""Making environments with their wrappers, one or many, as a run's configuration says."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import gymnasium
from gymnasium import spaces

from maze.config import SeedingConfig
from maze.config.foreign import ForeignErrors, error_text
from maze.config.instantiate import allow_modules, instantiate, resolve_target, with_objects
from maze.config.own_code import object_name
from maze.env import GymMazeEnv, MazeEnv, VectorEnv, estimate_statistics, make_vector_env
from maze.env.core_maze_env import check_agent_counts
from maze.env.engine_ids import remedy_of_missing
from maze.env.estimation import wants_estimation
from maze.env.raw_observations import check_raw_observation
from maze.env.wrappers import wrapper_layers
from maze.errors import EnvError, InvalidSpecificationError, MazeError
from maze.seeding import derive_seed
from maze.types import Array, Observation

__all__ = ["ComponentSections", "EnvironmentMaker", "kinds_of"]


class ComponentSections(Protocol):
    """A resolved configuration with the sections ``env`` and ``wrappers``, whatever else it is about."""

    @property
    def seeding(self) -> SeedingConfig:
        """Seeds."""
        ...

    def section(self, name: str) -> Any:
        """Return one section in plain containers."""
        ...


_SECTIONS = ("env", "wrappers")


class _Sections:
    """Of a configuration what environments are made of, for another process."""

    def __init__(self, config: ComponentSections) -> None:
        self.seeding = config.seeding
        self._sections = {name: config.section(name) for name in (*_SECTIONS, "allowed_modules")}

    def section(self, name: str) -> Any:
        """Return one section in plain containers."""
        return self._sections[name]


class EnvironmentMaker:
    """Makes the environments of one run.

    Args:
        config: resolved configuration.
        objects: live objects by the place in the configuration that they take.
        n_processes: worker processes among which the environments of a vector environment are divided; 0 for none.
        n_threads: threads of NumPy's matrix products in each of them.
        silent: let them print nothing.

    Attributes:
        statistics: normalisation statistics that every new environment gets; None leaves them fresh.
        known_spaces: observation and action space of a loaded agent, which environments have to fit; None before.
        raw_observation_space: observations before the wrappers; None before an environment was made or an agent loaded.
        files_dir: where wrappers write their files, such as pictures; None leaves that to them.
    """

    def __init__(
        self,
        config: ComponentSections,
        objects: Mapping[str, Any],
        *,
        n_processes: int = 0,
        n_threads: int = 1,
        silent: bool = False,
    ) -> None:
        self._config = config
        self._objects = objects
        self._n_processes, self._n_threads, self._silent = n_processes, n_threads, silent
        self.statistics: dict[str, Array] | None = None
        self.known_spaces: tuple[spaces.Dict, spaces.Dict] | None = None
        self.raw_observation_space: spaces.Dict | None = None
        self.files_dir: Path | None = None
        self._n_seeded = itertools.count()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a worker process needs to make the same environments, which it steps itself."""
        objects = {path: thing for path, thing in self._objects.items() if path.partition(".")[0] in _SECTIONS}
        kept = {name: value for name, value in vars(self).items() if name != "_wrapper_chain"}
        return {**kept, "_config": _Sections(self._config), "_objects": objects, "_n_processes": 0}

    @contextmanager
    def writing_into(self, directory: Path | None) -> Iterator[None]:
        """Let the wrappers of environments that are made in the block write their files below a directory."""
        before, self.files_dir = self.files_dir, directory
        try:
            yield
        finally:
            self.files_dir = before

    def use_statistics(self, statistics: Mapping[str, Array]) -> None:
        """Give every environment that is made from now on these normalisation statistics."""
        self.statistics = dict(statistics)
        self.__dict__.pop("_wrapper_chain", None)

    def make_seeded_env(self) -> MazeEnv:
        """Return a new environment whose episodes follow the run's seed; every further one has its own."""
        env = self.make_env()
        env.seed(derive_seed(self._config.seeding.env_base_seed or 0, "env_factory", next(self._n_seeded)))
        return env

    def estimate_statistics(self, seed: int) -> None:
        """Let random play tell the normalisation statistics, where the wrappers ask for it and there are none yet."""
        if self.statistics is not None or not self._config.section("wrappers"):
            return
        with self.make_env() as env:
            if wants_estimation(env):
                self.use_statistics(estimate_statistics(env, seed))

    def make_env(self, *, render: bool = False) -> MazeEnv:
        """Return a new environment with all wrappers and the statistics of the best state.

        Args:
            render: draw it on the screen; an environment that a function makes decides that itself.

        Raises:
            InvalidSpecificationError: it cannot be made.
        """
        with allow_modules(self._config.section("allowed_modules")):
            env = self._make_wrapped_env(render=render)
        if self.statistics is not None:
            env.load_statistics(self.statistics)
        return env

    def _make_wrapped_env(self, *, render: bool) -> MazeEnv:
        env = self._make_bare_env(render=render)
        self.raw_observation_space = env.observation_space
        for index, (name, wrap) in enumerate(self._wrappers()):
            with _own_code("wrappers", wrap), _placed(f"wrappers.{index} ({name})"):
                env = wrap(env)
            if not isinstance(env, MazeEnv):
                raise InvalidSpecificationError(
                    f"wrappers: {wrap!r} made {env!r}, not a MazeEnv; accepted are callables env -> wrapped env."
                )
        if self.files_dir is not None:
            for layer in wrapper_layers(env):
                layer.place_files(self.files_dir)
        return env

    def _make_bare_env(self, *, render: bool) -> MazeEnv:
        source = with_objects(self._config.section("env"), self._objects, "env")
        if render and isinstance(source, Mapping):
            source = {**source, "render_mode": "human"}
        with _own_code("env", source):
            env = source() if callable(source) else instantiate(source, _path_="env")
        if isinstance(env, MazeEnv):
            check_agent_counts(env)
            return env
        try:
            return GymMazeEnv(env)
        except InvalidSpecificationError as error:
            if isinstance(env, gymnasium.Env):
                raise InvalidSpecificationError(f"env: {error}") from error
            raise InvalidSpecificationError(
                f"env: {source!r} made a {type(env).__name__}, which is no environment; accepted is a callable without "
                "arguments that returns a MazeEnv or a gymnasium environment."
            ) from error

    def _wrappers(self) -> list[tuple[str, Callable[[MazeEnv], MazeEnv]]]:
        """Return names and functions env -> wrapped env, innermost first."""
        given = with_objects(self._config.section("wrappers"), self._objects, "wrappers")
        items = given if isinstance(given, list | tuple) else [given]
        return [(_name_of(item), _as_wrap(item)) for item in items]

    def make_vector_env(self, n_envs: int, *, events: bool = False) -> VectorEnv:
        """Return ``n_envs`` wrapped environments that step together.

        Args:
            n_envs: how many.
            events: let them say in every step what happened, as far as they tell.

        Raises:
            InvalidSpecificationError: the loaded agent knows other observations or actions.
        """
        n_processes = self._n_processes if n_envs > 1 else 0  # one environment gains nothing by being elsewhere
        env = make_vector_env(
            self.make_env,
            n_envs,
            n_processes=n_processes,
            silent=self._silent,
            n_threads=self._n_threads,
            events=events,
        )
        if self.known_spaces is not None:
            for name, known, given in zip(
                ("observations", "actions"), self.known_spaces, (env.observation_space, env.action_space), strict=True
            ):
                if kinds_of(known) != kinds_of(given):
                    raise InvalidSpecificationError(
                        f"env: its {name} are {kinds_of(given)}, and the loaded agent knows {kinds_of(known)}; give "
                        "the environment and the wrappers that the agent was trained with."
                    )
        return env

    @cached_property
    def observed_and_acted(self) -> tuple[spaces.Dict, spaces.Dict]:
        """Observation and action space after all wrappers; those of the loaded agent when there is one."""
        if self.known_spaces is not None:
            return self.known_spaces
        env = self.make_env()
        try:
            return env.observation_space, env.action_space
        finally:
            env.close()

    def check(self) -> None:
        """Make one environment with its wrappers, and close it.

        Raises:
            InvalidSpecificationError: it cannot be made.
        """
        _ = self.observed_and_acted

    def wrap_observation(self, observation: Observation) -> Observation:
        """Return what the wrappers make of a raw observation, single or batched: what the policy was trained on.

        Raises:
            EnvError: a category is none that the environment has, or keys hold batches of different lengths.
        """
        if self.raw_observation_space is not None:
            check_raw_observation(observation, self.raw_observation_space)
        if not self._wrappers():
            return observation
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


def _own_code(path: str, thing: Any) -> ForeignErrors:
    """Return a block in which an error of somebody's environment or wrapper becomes an `EnvError` that names it."""
    name = _name_of(thing)

    def translate(error: Exception) -> MazeError:
        text = f"{path}: {name} failed while it made an environment: {error_text(error)}"
        return EnvError(text + remedy_of_missing(error))

    return ForeignErrors(translate, passes=MazeError)


def _name_of(thing: Any) -> str:
    return str(thing.get("_target_")) if isinstance(thing, Mapping) else object_name(thing)


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """Let what a wrapper refuses, once it knows the environment, be told with its place in the configuration."""
    try:
        yield
    except InvalidSpecificationError as error:
        raise InvalidSpecificationError(f"{place}: {error}") from error


def kinds_of(space: spaces.Dict) -> dict[str, tuple[Any, ...]]:
    """Return by key what networks depend on."""
    return {
        key: (type(part).__name__, part.shape, part.dtype, getattr(part, "n", None))
        for key, part in space.spaces.items()
    }


def _as_wrap(item: Any) -> Callable[[MazeEnv], MazeEnv]:
    """Return a function env -> wrapped env for a wrapper class, a callable, or a ``_target_`` mapping."""
    if isinstance(item, Mapping):
        arguments = {key: value for key, value in item.items() if key != "_target_"}
        target = resolve_target(item["_target_"])
        wrap = getattr(target, "wrap", target)
        try:
            inspect.signature(target).bind(None, **arguments)
        except TypeError as error:
            raise InvalidSpecificationError(
                f"wrappers: {item['_target_']} cannot be made with {arguments!r}: {error}; accepted: "
                f"{', '.join(list(inspect.signature(target).parameters)[1:]) or 'no arguments'}."
            ) from error
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
