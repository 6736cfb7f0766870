"""Vector environments under one name, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from gymnasium import spaces

from maze.env.core_maze_env import check_agent_counts
from maze.env.interface_errors import space_of
from maze.env.maze_env import GymMazeEnv, MazeEnv
from maze.env.native import NativeCartPoleVectorEnv, has_native_form
from maze.env.stateful import StatefulWrapper
from maze.env.stateful_vector import StatefulVectorEnv
from maze.env.sync_vector import SyncVectorEnv
from maze.env.vector_base import VectorEnv, VectorStep
from maze.env.wrapped_vector import WrappedVectorEnv
from maze.env.wrappers import Wrapper, overrides, wrapper_layers
from maze.errors import EnvError, InvalidSpecificationError

__all__ = ["SyncVectorEnv", "VectorEnv", "VectorStep", "WrappedVectorEnv", "make_vector_env"]


def make_vector_env(
    env_factory: Callable[[], MazeEnv],
    n_envs: int,
    *,
    native: bool = True,
    n_processes: int = 0,
    silent: bool = False,
    n_threads: int = 1,
    events: bool = False,
) -> VectorEnv:
    """Make the fastest vector environment that behaves like N environments of the factory.

    The outermost wrappers that are batch-capable are applied to whole batches; everything further inside is stepped
    one environment after the other, or in worker processes if so asked, or natively where there is nothing inside but a
    CartPole as registered. All ways give the same trajectories for the same seeds.

    Args:
        env_factory: makes one environment, equal ones at every call.
        n_envs: number of environments, >= 1.
        native: use a native vector environment where one exists, and no processes are asked for.
        n_processes: worker processes, see `ProcessVectorEnv`; 0 for none.
        silent: let worker processes print nothing.
        n_threads: threads of NumPy's matrix products in each worker process.
        events: say in every step what happened in each environment, where environment or wrappers tell; then every
            wrapper works in its own environment, which is slower.

    Returns:
        N environments that are stepped together; the caller closes them.

    Raises:
        InvalidSpecificationError: ``n_envs`` is not positive, or the factory does not make environments, or
            ones with several agents.
        EnvError: the factory makes different environments, or the same one again and again.
    """
    if n_envs < 1:
        raise InvalidSpecificationError(f"n_envs is {n_envs}; a vector environment needs at least 1.")
    prototype = env_factory()
    if not isinstance(prototype, MazeEnv):
        raise InvalidSpecificationError(
            f"The factory made {prototype!r}, not a MazeEnv. Put GymMazeEnv(...) around it."
        )
    check_agent_counts(prototype)
    for space in (space_of(prototype, "observation_space"), space_of(prototype, "action_space")):
        if not isinstance(space, spaces.Dict):
            raise EnvError(f"{prototype!r} has the space {space}; only Dict spaces have batches. Leave NoDict... out.")
    events = events and _tells_events(prototype)
    base, n_layers = (prototype, 0) if events else _without_outer_batchable(prototype)
    inner: VectorEnv
    if n_processes:
        from maze.env.process_vector import ProcessVectorEnv  # noqa: PLC0415  (only who asks for it pays for it)

        inner = ProcessVectorEnv(
            env_factory,
            n_envs,
            n_processes,
            prototype=prototype,
            n_layers=n_layers,
            silent=silent,
            n_threads=n_threads,
            events=events,
        )
    elif native and type(base) is GymMazeEnv and has_native_form(base):
        max_episode_steps = base.env.spec.max_episode_steps if base.env.spec is not None else None
        inner = NativeCartPoleVectorEnv(n_envs, int(max_episode_steps or 0), base.env.unwrapped)  # type: ignore[arg-type]
    else:
        others = [env_factory() for _ in range(n_envs - 1)]
        for other in others:
            if _classes(other) != _classes(prototype):
                raise EnvError(f"The factory made different environments: {prototype!r} and {other!r}.")
        inner = SyncVectorEnv([base, *(_strip(other, n_layers) for other in others)], events=events)
    return _wrap(inner, wrapper_layers(prototype)[-n_layers:]) if n_layers else inner


def _wrap(env: VectorEnv, layers: list[Wrapper]) -> VectorEnv:
    """Put batchable wrappers, innermost first, around a vector environment: neighbours of hooks alone in one piece."""
    hook_only = 0
    for layer in layers:
        if issubclass(type(layer), StatefulWrapper):
            env = StatefulVectorEnv(_wrap_hooks(env, layer.env, hook_only), cast("StatefulWrapper", layer))
            hook_only = 0
        else:
            hook_only += 1
    return _wrap_hooks(env, layers[-1], hook_only)


def _wrap_hooks(env: VectorEnv, prototype: MazeEnv, n_layers: int) -> VectorEnv:
    return WrappedVectorEnv(env, prototype, n_layers) if n_layers else env


def _without_outer_batchable(env: MazeEnv) -> tuple[MazeEnv, int]:
    """Return what is inside the outermost batchable wrappers, and how many these are."""
    n_layers, within_stateful = 0, False
    for layer in wrapper_layers(env)[::-1]:
        if not type(layer).batchable or (within_stateful and not _can_wait(layer)):
            break
        n_layers += 1
        within_stateful = within_stateful or issubclass(type(layer), StatefulWrapper)
    return _strip(env, n_layers), n_layers


def _tells_events(env: MazeEnv) -> bool:
    """Tell whether anything is ever told of the events of a step: by the environment, or by a wrapper around it."""
    layers = wrapper_layers(env)
    base = layers[0].env if layers else env
    return type(base).get_step_events is not MazeEnv.get_step_events or any(
        overrides(layer, "own_step_events") for layer in layers
    )


def _can_wait(layer: Wrapper) -> bool:
    """Tell whether a wrapper's hooks know what to do where only some of the environments act or begin."""
    hooks = ("episode_start", "episode_step")
    return all(overrides(layer, f"{hook}_rows") or not overrides(layer, hook) for hook in hooks)


def _classes(env: MazeEnv) -> list[type]:
    return [type(layer) for layer in wrapper_layers(env)]


def _strip(env: MazeEnv, n_layers: int) -> MazeEnv:
    for layer in wrapper_layers(env)[::-1][:n_layers]:
        env = layer.env
    return env
