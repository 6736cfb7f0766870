"""Finding and making engines: gymnasium's registry first, then that of legacy gym, which is imported only then.

Legacy gym 0.26 warns on import and its own environment checker breaks on NumPy 2; both stay out of the user's sight.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import io
import warnings
from typing import Any

import gymnasium
from gymnasium import error as gymnasium_error

from maze.env.spaces import to_gymnasium_space
from maze.errors import InvalidSpecificationError
from maze.types import AnyMapping

__all__ = ["LegacyEngine", "legacy_engine_of", "make_engine"]

EXTRAS = {"box2d": "box2d", "mujoco": "mujoco", "atari": "atari", "ale": "atari"}
"""Words in an engine's entry point or message, and the extra of maze that installs what it needs."""

NAMESPACE_MODULES = {"ALE": "ale_py"}
"""Packages that register their ids only when imported."""


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
    legacy = _legacy_gym()
    if legacy is not None and env_id in legacy.envs.registration.registry:
        return _make_legacy(legacy, env_id, render_mode, kwargs)
    raise _unknown_id(name, env_id, list(legacy.envs.registration.registry) if legacy is not None else [])


def _import_registering_module(name: str) -> str:
    module, _, env_id = name.rpartition(":")
    module = module or NAMESPACE_MODULES.get(env_id.partition("/")[0] if "/" in env_id else "", "")
    if not module:
        return env_id
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        raise _missing_dependency(env_id, module, error) from error
    if module in NAMESPACE_MODULES.values() and env_id not in gymnasium.registry:
        gymnasium.register_envs(imported)
    return env_id


def _make_known(spec: Any, env_id: str, render_mode: str | None, kwargs: AnyMapping) -> gymnasium.Env[Any, Any]:
    try:
        return gymnasium.make(spec, disable_env_checker=True, render_mode=render_mode, **kwargs)
    except (gymnasium_error.DependencyNotInstalled, ImportError) as error:
        raise _missing_dependency(env_id, str(spec.entry_point), error) from error
    except (TypeError, ValueError, gymnasium_error.Error) as error:
        raise InvalidSpecificationError(
            f"The environment {env_id!r} cannot be made with {dict(kwargs)!r}: {error}"
        ) from error


def _missing_dependency(env_id: str, where: str, error: Exception) -> InvalidSpecificationError:
    words = f"{env_id} {where} {error}".lower()
    extra = next((extra for word, extra in EXTRAS.items() if word in words), None)
    remedy = f'pip install "maze[{extra}]"' if extra else "install the package that the message names"
    return InvalidSpecificationError(
        f"The environment {env_id!r} needs packages that are missing: {error} Remedy: {remedy}."
    )


def _unknown_id(name: str, env_id: str, legacy_ids: list[str]) -> InvalidSpecificationError:
    """Return the error for an id that is in no registry: the newer version of it, or the nearest names."""
    known = sorted({*gymnasium.registry, *legacy_ids})
    stem, _, version = env_id.rpartition("-v")
    versions = [
        other for other in known if stem and other.rpartition("-v")[0] == stem and other.rpartition("-v")[2].isdigit()
    ]
    unversioned = [other for other in known if other.rpartition("-v")[0] == env_id]
    start = f"Unknown environment {name!r}: "
    if versions:
        newest = max(versions, key=lambda other: int(other.rpartition("-v")[2]))
        older = version.isdigit() and int(version) < int(newest.rpartition("-v")[2])
        what = "this version is deprecated, use" if older else "there is no such version; the newest is"
        return InvalidSpecificationError(f"{start}{what} {newest!r}.")
    folded = {other.lower(): other for other in known}
    close = unversioned[-1:] or [
        folded[match] for match in difflib.get_close_matches(env_id.lower(), folded, n=5, cutoff=0.6)
    ]
    hint = f"did you mean {close[0]!r}? Close ids: {', '.join(close)}. " if close else "no id is similar. "
    remedy = (
        "gymnasium.pprint_registry() lists all ids; import the package that registers yours, or write 'package:Id-v0'."
    )
    return InvalidSpecificationError(f"{start}{hint}Remedy: {remedy}")


def _legacy_gym() -> Any:
    """Return legacy gym, imported without a sound, or None where it is not installed."""
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("gym")
        except ImportError:
            return None


def _make_legacy(legacy: Any, env_id: str, render_mode: str | None, kwargs: AnyMapping) -> gymnasium.Env[Any, Any]:
    arguments = {**kwargs, **({} if render_mode is None else {"render_mode": render_mode})}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return LegacyEngine(legacy.make(env_id, disable_env_checker=True, **arguments))
        except (legacy.error.DependencyNotInstalled, ImportError) as error:
            raise _missing_dependency(env_id, "", error) from error
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


class LegacyEngine(gymnasium.Env[Any, Any]):
    """A legacy gym environment as a gymnasium one, for gym's interface of 0.26 and the older one of four values.

    Args:
        env: the legacy environment.
    """

    def __init__(self, env: Any) -> None:
        self.env = env
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
