"""Making engines: gymnasium's registry first, then that of legacy gym, which is imported only then.

Legacy gym's own environment checker breaks on NumPy 2, so that it is turned off.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from typing import Any

import gymnasium
from gymnasium import error as gymnasium_error

from maze.env.engine_ids import (
    NAMESPACE_MODULES,
    import_box2d,
    legacy_gym,
    missing_dependency,
    split_id,
    unknown_id,
)
from maze.env.spaces import to_gymnasium_space
from maze.errors import InvalidSpecificationError
from maze.types import AnyMapping

__all__ = ["LegacyEngine", "legacy_engine_of", "make_engine"]


def make_engine(name: str, render_mode: str | None, kwargs: AnyMapping) -> gymnasium.Env[Any, Any]:
    """Make the environment of one id.

    Args:
        name: ``"[module:][namespace/]Name-vN"``.
        render_mode: how to draw, or None.
        kwargs: arguments of its constructor.

    Raises:
        InvalidSpecificationError: the id is unknown, deprecated or needs packages that are not installed, or the
            environment cannot be made with these arguments.
    """
    env_id = _import_registering_module(name)
    spec = gymnasium.registry.get(env_id)
    if spec is not None:
        # The specification instead of the id: gymnasium warns about every older version of an id, and this asks for it.
        return _make_known(spec, env_id, render_mode, kwargs)
    legacy = legacy_gym()
    if legacy is not None and env_id in legacy.envs.registration.registry:
        return _make_legacy(legacy, env_id, render_mode, kwargs)
    raise unknown_id(name, env_id, list(legacy.envs.registration.registry) if legacy is not None else [])


def _import_registering_module(name: str) -> str:
    module, env_id = split_id(name)
    if not module:
        return env_id
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        raise missing_dependency(env_id, module, error) from error
    if module in NAMESPACE_MODULES.values() and env_id not in gymnasium.registry:
        gymnasium.register_envs(imported)
    return env_id


def _make_known(spec: Any, env_id: str, render_mode: str | None, kwargs: AnyMapping) -> gymnasium.Env[Any, Any]:
    import_box2d(str(spec.entry_point))
    try:
        return gymnasium.make(spec, disable_env_checker=True, render_mode=render_mode, **kwargs)
    except (gymnasium_error.DependencyNotInstalled, ImportError) as error:
        raise missing_dependency(env_id, str(spec.entry_point), error) from error
    except (TypeError, ValueError, gymnasium_error.Error) as error:
        raise InvalidSpecificationError(
            f"The environment {env_id!r} cannot be made with {dict(kwargs)!r}: {error}"
        ) from error


def _make_legacy(legacy: Any, env_id: str, render_mode: str | None, kwargs: AnyMapping) -> gymnasium.Env[Any, Any]:
    arguments = {**kwargs, **({} if render_mode is None else {"render_mode": render_mode})}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return LegacyEngine(legacy.make(env_id, disable_env_checker=True, **arguments))
        except (legacy.error.DependencyNotInstalled, ImportError) as error:
            raise missing_dependency(env_id, "", error) from error
        except (TypeError, ValueError, legacy.error.Error) as error:
            raise InvalidSpecificationError(
                f"The legacy environment {env_id!r} cannot be made with {arguments!r}: {error}"
            ) from error


def legacy_engine_of(env: Any) -> gymnasium.Env[Any, Any]:
    """Put an object of legacy gym behind gymnasium's interface, without importing gym.

    Raises:
        InvalidSpecificationError: the object is not a legacy environment.
    """
    if any(kind.__module__.partition(".")[0] == "gym" and kind.__name__ == "Env" for kind in type(env).__mro__):
        return LegacyEngine(env)
    raise InvalidSpecificationError(
        f"Expected an id, a gymnasium.Env or a legacy gym.Env, given {env!r} of {type(env).__qualname__}. "
        "A class or a function that makes the environment must be called first."
    )


def _turn_checker_off(env: Any) -> None:
    """Let gym's own checker, which fails under NumPy 2, count as done wherever ``gym.make`` put it around the core."""
    while env is not None:
        if type(env).__name__ == "PassiveEnvChecker":
            env.checked_reset = env.checked_step = env.checked_render = True
        env = vars(env).get("env")


class LegacyEngine(gymnasium.Env[Any, Any]):
    """A legacy gym environment as a gymnasium one, for gym's interface of 0.26 and the older one of four values.

    Args:
        env: the legacy environment.
    """

    def __init__(self, env: Any) -> None:
        self.env = env
        _turn_checker_off(env)
        self.observation_space = to_gymnasium_space(env.observation_space)
        self.action_space = to_gymnasium_space(env.action_space)
        self.metadata = dict(getattr(env, "metadata", None) or {})
        self.render_mode = getattr(env, "render_mode", None)
        self._reset_takes_seed = "seed" in inspect.signature(env.unwrapped.reset).parameters

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; the seed goes where the environment's age expects it."""
        arguments: dict[str, Any] = {}
        if seed is not None and self._reset_takes_seed:
            arguments["seed"] = seed
        elif seed is not None and hasattr(self.env, "seed"):
            self.env.seed(seed)
        if options is not None:
            arguments["options"] = options
        result = self.env.reset(**arguments)
        if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict):
            return result[0], result[1]
        return result, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Act once; four values are read as gym before 0.26 meant them."""
        result: Any = self.env.step(action)
        if len(result) == 5:
            return result[0], result[1], result[2], result[3], result[4]
        observation, reward, done, info = result
        truncated = bool(info.get("TimeLimit.truncated", False))
        return observation, float(reward), bool(done) and not truncated, truncated, info

    def render(self) -> Any:
        """Return what the legacy environment draws."""
        return self.env.render()

    def close(self) -> None:
        """Close the legacy environment."""
        self.env.close()
