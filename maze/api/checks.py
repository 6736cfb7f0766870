"""Checks of a composed configuration against what it names: environments, wrappers, networks, algorithms, launchers.

Everything is found here that can be known without making anything and without loading torch: modules that would load it
are read as source, see `maze.config.source_lookup`. What only their code could tell is checked when it runs.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from maze.api.components import can_be_called
from maze.api.literals import check_evaluator, check_home, check_networks
from maze.config.critics import critic_option, kind_of_critic
from maze.config.instantiate import check_arguments
from maze.config.overrides import is_marker
from maze.config.schema import RunConfig
from maze.config.source_lookup import Absent, Definition, look_up
from maze.config.targets import allow_modules, check_target, is_within, resolve_target
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["check_config", "check_environment"]

_LIGHT = ("maze.config", "maze.env", "maze.launchers", "maze.trainers", "gymnasium", "gym")
"""Modules that load fast, so that what they hold is looked at itself."""

_READABLE = ("maze", "torch")
"""Packages whose source tells everything: what is not written there does not exist."""

_ID_ARGUMENTS: Mapping[str, str] = {
    "maze.env.maze_env.make_gym_maze_env": "name",
    "maze.env.maze_env.GymMazeEnv": "env",
    "gymnasium.envs.registration.make": "id",
}
"""Functions that make an environment from its id, and the argument that is the id."""

_CLASS_NAME = re.compile(r"(maze|torch\.nn)(\.[A-Za-z_]\w*)+")
"""Texts in a model that can only be meant as names of classes."""

_GIVEN_TO_MODELS: Mapping[str, tuple[type, str]] = {
    "action_spaces_dict": (Mapping, "spaces by step key"),
    "observation_spaces_dict": (Mapping, "spaces by step key"),
    "agent_counts_dict": (int, "the number of agents by step key, {0: 1}"),
}
"""Arguments that a run gives to models and their parts: the kind of their entries, and what is accepted in words."""

_DEVICE = re.compile(r"(cpu|cuda|mps|xpu)(:\d+)?")
"""Names of devices on which networks can compute."""


def check_config(config: RunConfig) -> None:
    """Check what can be known before anything is made.

    Args:
        config: a composed configuration; places of live objects are passed over.

    Raises:
        InvalidSpecificationError: something that it names does not exist, is not installed, does not accept its
            arguments, or does not go together with something else.
    """
    check_environment(config.section("env"), config.section("wrappers"), config.allowed_modules)
    with allow_modules(config.allowed_modules):
        _check_model(config.section("model"))
        _check_algorithm(config.section("algorithm"), config.section("model"))
        _check_launcher(config.section("launcher"))
    if "tensorboard" in config.tracking.writers and importlib.util.find_spec("tensorboard") is None:
        raise InvalidSpecificationError(
            "tracking.writers: 'tensorboard' needs a package that is missing; pip install \"maze[tensorboard]\"."
        )


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
        _check_env(env)
        for index, wrapper in enumerate(wrappers):
            _check_wrapper(wrapper, f"wrappers.{index}")


# --- sections --------------------------------------------------------------------------------------------------------


def _check_env(env: Mapping[str, Any]) -> None:
    if is_marker(env):
        return
    name, arguments = _parts(env, "env")
    target = _known(name, "env")
    if target is None:
        _check_source(name, arguments, "env")
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
    name, arguments = _parts(wrapper, path)
    target = _known(name, path)
    if target is None:
        _check_source(name, arguments, path)
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
            raise InvalidSpecificationError(f"{path}.{key}: {name} has no such argument; {suggest(key, accepted)}")
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


def _check_model(model: Mapping[str, Any]) -> None:
    if is_marker(model):
        return
    _parts(model, "model")
    _check_what_is_given(model)
    for node, path in _components(model, "model"):
        name, arguments = _parts(node, path)
        _check_source(name, arguments, path)
        check_home(name, path)
    if not is_within(model["_target_"], ("maze",)):
        return  # a composer of a user's own decides what its arguments mean
    check_networks(model, lambda name, path: _check_source(name, {}, path, key=""))
    for name, path in _class_names(model, "model"):
        _check_source(name, {}, path, key="")
    for part, remedy in (("policy", "policy='flatten_concat'"), ("critic", "critic='flatten_concat', or null")):
        value = model.get(part)
        described = isinstance(value, Mapping) and (is_marker(value) or "_target_" in value)
        if part in model and not described and not (part == "critic" and value is None):
            raise InvalidSpecificationError(
                f"model.{part}: {value!r} is not accepted; accepted: a mapping with _target_. "
                f"Pass for example {remedy}."
            )


def _check_what_is_given(model: Mapping[str, Any]) -> None:
    """Check arguments that the run gives to models itself, and which may be written down as it would give them."""
    for path, part in (("model", model), *((f"model.{name}", model.get(name)) for name in ("policy", "critic"))):
        for name, (kind, accepted) in _GIVEN_TO_MODELS.items():
            value = part.get(name) if isinstance(part, Mapping) else None
            if value is None or is_marker(value):
                continue
            if not isinstance(value, Mapping) or not all(
                is_marker(item) or _is_a(item, kind) for item in value.values()
            ):
                raise InvalidSpecificationError(
                    f"{path}.{name}: {value!r} is not accepted; accepted: {accepted}. It comes from the environment, "
                    "so that it can be left out."
                )


def _is_a(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _check_algorithm(algorithm: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    if is_marker(algorithm):
        return
    name, _ = _parts(algorithm, "algorithm")
    target = resolve_target(name, "algorithm._target_")
    trainer = getattr(target, "trainer", None)
    if not isinstance(trainer, str):
        raise InvalidSpecificationError(
            f"algorithm._target_: {name!r} is not an algorithm configuration; accepted: a dataclass whose class "
            "attribute `trainer` names its trainer, for example 'maze.trainers.a2c.A2CAlgorithmConfig'."
        )
    _check_source(trainer, {}, f"{name}.trainer", key="")
    for field, remedy in getattr(target, "required", {}).items():
        if algorithm.get(field) in (None, "", []):
            raise InvalidSpecificationError(f"algorithm.{field}: missing; {target.__name__} needs it: {remedy}")
    device = algorithm.get("device", "cpu")
    if isinstance(device, str) and not _DEVICE.fullmatch(device):
        raise InvalidSpecificationError(
            f"algorithm.device: {device!r} is not accepted; accepted: 'cpu', or 'cuda' where there is one."
        )
    for node, path in _components(algorithm, "algorithm"):
        if path != "algorithm":
            _check_source(*_parts(node, path), path)
    check_evaluator(algorithm.get("rollout_evaluator"), "algorithm.rollout_evaluator")
    if getattr(target, "needs_critic", False) and not is_marker(model):
        _check_critic(target, model)


def _check_critic(algorithm: type[Any], model: Mapping[str, Any]) -> None:
    """Refuse a model that certainly has no critic, or one of the other kind."""
    kind, critic = getattr(algorithm, "critic_values", "states"), model.get("critic")
    if is_within(model["_target_"], ("maze",)) and critic is None:
        raise InvalidSpecificationError(
            f"model.critic: null is not accepted, since {algorithm.__name__} needs a critic; "
            f"pass critic={critic_option(kind, model)!r}."
        )
    if critic is not None and kind_of_critic(critic) not in (None, kind):
        raise InvalidSpecificationError(
            f"model.critic: {critic['_target_']!r} is a critic of {kind_of_critic(critic)}, and {algorithm.__name__} "
            f"needs one of {kind}; pass critic={critic_option(kind, model)!r}."
        )


def _check_launcher(launcher: Mapping[str, Any]) -> None:
    if not launcher or is_marker(launcher):
        return
    name, arguments = _parts(launcher, "launcher")
    target = _known(name, "launcher")
    if target is None:
        _check_source(name, arguments, "launcher")
        return
    launch = getattr(target, "launch", None)
    if isinstance(target, type) and not (callable(launch) and can_be_called(launch, 3)):  # the instance is the first
        raise InvalidSpecificationError(
            f"launcher._target_: {name!r} is no launcher; accepted: a class with the method launch(jobs, on_end), for "
            "example 'maze.launchers.SerialLauncher'."
        )
    check_arguments(target, name, arguments, "launcher")


# --- targets ---------------------------------------------------------------------------------------------------------


def _parts(component: Mapping[Any, Any], path: str) -> tuple[str, dict[str, Any]]:
    """Split a component into the name of its target and its arguments."""
    if "_target_" not in component:
        raise InvalidSpecificationError(
            f"{path}: {dict(component)!r} is not accepted; a mapping needs _target_, the dotted name of a class."
        )
    return component["_target_"], {str(key): value for key, value in component.items() if key != "_target_"}


def _known(name: str, path: str) -> Callable[..., Any] | None:
    """Return what a target names, where that is loaded already or loads fast; else None."""
    name = check_target(name, f"{path}._target_")
    found = look_up(name)
    home = found.name if isinstance(found, Definition) else name
    if is_within(home, _LIGHT) or _is_loaded(home):
        target: Callable[..., Any] = resolve_target(name, f"{path}._target_")
        return target
    return None


def _is_loaded(home: str) -> bool:
    """Say whether a user's module is loaded; those of maze and torch are always read, so that both ways are one."""
    return not is_within(home, _READABLE) and home.rpartition(".")[0] in sys.modules


def _check_source(name: str, arguments: Mapping[str, Any], path: str, key: str = "._target_") -> None:
    """Check that a target exists, and the names of its arguments, by its source."""
    name = check_target(name, path + key)
    found = look_up(name)
    if isinstance(found, Absent):
        if is_within(name, _READABLE):
            raise InvalidSpecificationError(f"{path}{key}: {name!r} was not found: {found.reason}")
        resolve_target(name, path + key)  # a user's module may make names while it is imported
    if isinstance(found, Definition) and found.arguments is not None:
        for argument in arguments:
            if argument not in found.arguments:
                raise InvalidSpecificationError(
                    f"{path}.{argument}: {name} has no such argument; {suggest(argument, found.arguments)}"
                )


def _components(node: Any, path: str) -> Iterator[tuple[Mapping[Any, Any], str]]:
    """Yield every mapping with ``_target_`` and its path."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield node, path
        for key, value in node.items():
            yield from _components(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _components(value, f"{path}.{index}")


def _class_names(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every text that names a class of maze or torch (a non-linearity, a block), and its path."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key != "_target_":
                yield from _class_names(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _class_names(value, f"{path}.{index}")
    elif isinstance(node, str) and _CLASS_NAME.fullmatch(node):
        yield node, path
