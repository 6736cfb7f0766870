"""Checks of a composed configuration against what it names: environments, wrappers, networks, algorithms, launchers.

Everything is found here that can be known without making anything and without loading torch: modules that would load it
are read as source, see `maze.config.source_lookup`. What only their code could tell is checked when it runs.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from maze.api.component_remedies import is_kind
from maze.api.components import can_be_called
from maze.api.literals import check_evaluator
from maze.api.model_checks import check_model
from maze.api.model_needs import check_critic, check_state
from maze.api.target_checks import check_source, components, known_target, split_component
from maze.config.constants import without_constants
from maze.config.instantiate import check_arguments
from maze.config.overrides import is_marker
from maze.config.schema import RunConfig
from maze.config.source_lookup import Definition, derives_from, look_up
from maze.config.targets import allow_modules, is_within, resolve_target
from maze.errors import InvalidSpecificationError, suggest
from maze.types import ActorID, StepKey

__all__ = ["check_config", "check_environment"]

_ID_ARGUMENTS: Mapping[str, str] = {
    "maze.env.maze_env.make_gym_maze_env": "name",
    "maze.env.maze_env.GymMazeEnv": "env",
    "gymnasium.envs.registration.make": "id",
}
"""Functions that make an environment from its id, and the argument that is the id."""

_REMOVED_ARGUMENTS: Mapping[str, str] = {
    "maze.env.normalization.ObservationNormalizationWrapper.sampling_policy": "statistics come from training itself "
    "(online: true), from random play before it (estimation_samples: 1000), or are known (default_statistics). "
    "Leave it out.",
    "maze.env.normalization.ObservationNormalizationWrapper.statistics_dump": "every run saves its statistics, in "
    "agent/statistics.npz, and is loaded with them; known ones are given as default_statistics. Leave it out.",
}
"""What there is instead of arguments that the wrappers of MazeRL had, by their dotted names."""

_WRITER = "maze.statistics.writers.LogStatsWriter"

_NOTHING: Mapping[str, Any] = MappingProxyType({})

_DEVICE = re.compile(r"(cpu|cuda|mps|xpu)(:\d+)?")
"""Names of devices on which networks can compute."""


def check_config(config: RunConfig, objects: Mapping[str, Any] = _NOTHING) -> None:
    """Check what can be known before anything is made.

    Args:
        config: a composed configuration.
        objects: live objects by the path of their place; those that are not among them are passed over.

    Raises:
        InvalidSpecificationError: something that it names does not exist, is not installed, does not accept its
            arguments, or does not go together with something else.
    """
    check_environment(config.section("env"), config.section("wrappers"), config.allowed_modules)
    with allow_modules(config.allowed_modules):
        model = without_constants(config.section("model"))
        check_model(model, config.choices.get("critic"), _step_keys(config), objects)
        _check_algorithm(without_constants(config.section("algorithm")), model)
        _check_launcher(without_constants(config.section("launcher")))
        _check_writers(without_constants(config.section("tracking")["writers"]))


def check_environment(
    env: Mapping[str, Any], wrappers: Iterable[Mapping[str, Any]], allowed_modules: Iterable[str]
) -> None:
    """Check an environment and its wrappers alone, for configurations that train nothing.

    Args:
        env: the section of the environment, in plain containers.
        wrappers: the section of its wrappers.
        allowed_modules: modules of the user's own that they may name.

    Raises:
        InvalidSpecificationError: as for `check_config`.
    """
    with allow_modules(allowed_modules):
        _check_env(without_constants(env))
        for index, wrapper in enumerate(wrappers):
            _check_wrapper(without_constants(wrapper), f"wrappers.{index}")


def _step_keys(config: RunConfig) -> tuple[StepKey, ...] | None:
    """Return the one step key of an environment of gymnasium's; None where there is code that may have others."""
    names = [str(section.get("_target_", "")) for section in (config.section("env"), *config.section("wrappers"))]
    env, *wrappers = (found.name if isinstance(found, Definition) else "" for found in map(look_up, names))
    is_gym = env in _ID_ARGUMENTS and is_within(env, ("maze",))
    return (ActorID().step_key,) if is_gym and all(is_within(name, ("maze",)) for name in wrappers) else None


# --- sections --------------------------------------------------------------------------------------------------------


def _check_env(env: Mapping[str, Any]) -> None:
    if is_marker(env):
        return
    name, arguments = split_component(env, "env")
    target = known_target(name, "env")
    if target is None:
        check_source(name, arguments, "env")
        return
    if isinstance(target, type) and _is_wrapper_of_gym(target):
        raise InvalidSpecificationError(f"env._target_: {name!r} is a wrapper; it needs an environment inside.")
    check_arguments(target, name, arguments, "env")
    argument = _ID_ARGUMENTS.get(f"{target.__module__}.{target.__qualname__}")
    if argument is not None:
        own = {name: value for name, value in arguments.items() if name not in inspect.signature(target).parameters}
        _check_id(arguments.pop(argument), f"env.{argument}", arguments, own)


def _check_id(env_id: Any, path: str, arguments: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    from maze.env.engine_ids import check_engine, check_keys  # noqa: PLC0415  (loads gymnasium)

    if is_marker(env_id):
        return
    if not isinstance(env_id, str):
        raise InvalidSpecificationError(
            f"{path}: {env_id!r} is not accepted; accepted: the id of an environment, for example 'CartPole-v1'."
        )
    ignored, render_mode = arguments.get("ignored_observations", ()), arguments.get("render_mode")
    if not is_marker(ignored):
        check_keys(ignored, "env.ignored_observations")
    try:
        check_engine(env_id, own, None if is_marker(render_mode) else render_mode)
    except InvalidSpecificationError as error:
        raise InvalidSpecificationError(f"{path}: {error}") from error


def _check_wrapper(wrapper: Mapping[str, Any], path: str) -> None:
    if is_marker(wrapper):
        return
    name, arguments = split_component(wrapper, path)
    target = known_target(name, path)
    if target is None:
        check_source(name, arguments, path)
        return
    if isinstance(target, type) and (_is_wrapper_of_gym(target) or not _wraps(target)):
        remedy = " Wrappers of gymnasium go into the factory: env=lambda: ..." if _is_wrapper_of_gym(target) else ""
        raise InvalidSpecificationError(
            f"{path}._target_: {name!r} does not wrap a MazeEnv; accepted: a class with wrap(), or a function "
            f"env -> env.{remedy}"
        )
    _check_wrapper_arguments(target, name, arguments, path)
    if isinstance(target, type):
        from maze.env.wrapper_arguments import check_given  # noqa: PLC0415  (loads gymnasium)

        try:
            check_given(target, arguments, path)
        except InvalidSpecificationError as error:
            raise InvalidSpecificationError(f"{error} That is an argument of {target.__name__}.") from error


def _check_wrapper_arguments(target: Callable[..., Any], name: str, arguments: dict[str, Any], path: str) -> None:
    parameters = list(inspect.signature(target).parameters.values())
    if any(item.kind is item.VAR_KEYWORD for item in parameters):
        return
    accepted = [item.name for item in parameters[1:]]
    for key in arguments:
        if key not in accepted:
            instead = _REMOVED_ARGUMENTS.get(f"{target.__module__}.{target.__qualname__}.{key}")
            raise InvalidSpecificationError(
                f"{path}.{key}: {name} has no such argument; {instead or suggest(key, accepted)}"
            )
    for item in parameters[1:]:
        needed = item.default is item.empty and item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)
        if needed and item.name not in arguments:
            raise InvalidSpecificationError(f"{path}.{item.name}: {name} needs this argument.")


def _wraps(target: type) -> bool:
    own_env = any(base.__name__ == "MazeEnv" for base in target.__mro__) and not is_within(target.__module__, ("maze",))
    return callable(getattr(target, "wrap", None)) or own_env


def _is_wrapper_of_gym(target: type) -> bool:
    return any(
        base.__name__ == "Wrapper" and is_within(base.__module__, ("gymnasium", "gym")) for base in target.__mro__
    )


def _check_algorithm(algorithm: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    if is_marker(algorithm):
        return
    name, _ = split_component(algorithm, "algorithm")
    target = resolve_target(name, "algorithm._target_")
    trainer = getattr(target, "trainer", None)
    if not isinstance(trainer, str):
        raise InvalidSpecificationError(
            f"algorithm._target_: {name!r} is not an algorithm configuration; accepted: a dataclass whose class "
            "attribute `trainer` names its trainer, for example 'maze.trainers.a2c.A2CAlgorithmConfig'."
        )
    check_source(trainer, {}, f"{name}.trainer", key="")
    for field, remedy in getattr(target, "required", {}).items():
        if algorithm.get(field) in (None, "", []):
            raise InvalidSpecificationError(f"algorithm.{field}: missing; {target.__name__} needs it: {remedy}")
    device = algorithm.get("device", "cpu")
    if isinstance(device, str) and not _DEVICE.fullmatch(device):
        raise InvalidSpecificationError(
            f"algorithm.device: {device!r} is not accepted; accepted: 'cpu', or 'cuda' where there is one."
        )
    for node, path in components(algorithm, "algorithm"):
        if path != "algorithm":
            check_source(*split_component(node, path), path)
    check_evaluator(algorithm.get("rollout_evaluator"), "algorithm.rollout_evaluator")
    if is_marker(model):
        return
    check_state(target, model)
    if getattr(target, "needs_critic", False):
        check_critic(target, model)


def _check_launcher(launcher: Mapping[str, Any]) -> None:
    if not launcher or is_marker(launcher):
        return
    name, arguments = split_component(launcher, "launcher")
    target = known_target(name, "launcher")
    if target is None:
        check_source(name, arguments, "launcher")
        return
    launch = getattr(target, "launch", None)
    if isinstance(target, type) and not (callable(launch) and can_be_called(launch, 3)):  # the instance is the first
        raise InvalidSpecificationError(
            f"launcher._target_: {name!r} is no launcher; accepted: a class with the method launch(jobs, on_end), for "
            "example 'maze.launchers.SerialLauncher'."
        )
    check_arguments(target, name, arguments, "launcher")


def _check_writers(writers: Iterable[Any]) -> None:
    for index, writer in enumerate(writers):
        if writer == "tensorboard" and importlib.util.find_spec("tensorboard") is None:
            raise InvalidSpecificationError(
                "tracking.writers: 'tensorboard' needs a package that is missing; pip install \"maze[tensorboard]\"."
            )
        if isinstance(writer, str) or is_marker(writer):
            continue
        path = f"tracking.writers.{index}"
        name, arguments = split_component(writer, path)
        target = known_target(name, path)
        if target is None:
            check_source(name, arguments, path)
        is_none = isinstance(target, type) and not is_kind(target, "LogStatsWriter", "maze")
        if is_none or derives_from(name, _WRITER) is False:
            raise InvalidSpecificationError(
                f"{path}._target_: {name!r} is no writer of statistics; accepted: a class derived from "
                "maze.LogStatsWriter, or a function that makes one."
            )
        if target is None:
            continue
        given_by_the_run = {"run_dir": None} if "run_dir" in inspect.signature(target).parameters else {}
        check_arguments(target, name, {**given_by_the_run, **arguments}, path)
