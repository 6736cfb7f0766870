"""From the arguments of a `RunContext`, or the content of params.yaml, to a composed configuration and live objects.

Nothing here keeps state. Names go to composition as choices, mappings as values; objects stay outside of the
configuration, which holds their names, and what a dataclass says is written into the configuration itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from maze.api.arguments import (
    LITERALS,
    check_seed,
    check_seeds,
    check_writer_objects,
    is_container,
    read_component,
    read_directory,
    read_name,
    read_overrides,
)
from maze.api.checks import check_config
from maze.config.describe import class_to_target, describe_object
from maze.config.nested import flatten, mappings_within
from maze.config.overrides import ADD, canonical_path, to_plain
from maze.config.schema import RunConfig
from maze.config.targets import allow_modules, dotted_name
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["COMPONENTS", "Specification", "check_seed", "check_seeds", "compose_arguments", "from_params", "split"]

COMPONENTS = ("env", "wrappers", "algorithm", "model", "policy", "critic", "runner", "launcher")
"""Arguments that take the name of a configuration module, a mapping, or an object."""

_PARAMS = ("env", "wrappers", "algorithm", "model", "policy", "critic", "runner", "configuration", "experiment")
_PLACES = ("config_dir", "code", "inputs")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Specification:
    """What the arguments say, sorted by kind.

    Attributes:
        choices: option by group; None leaves it open.
        values: literal values by dotted path, written as the user wrote them.
        objects: live objects by dotted path; `values` holds marks in their places.
        allowed_modules: modules of the user's own that define given dataclasses.
    """

    choices: Mapping[str, str | None]
    values: Mapping[str, Any]
    objects: Mapping[str, Any]
    allowed_modules: tuple[str, ...]


def compose_arguments(
    components: Mapping[str, Any] = _NOTHING,
    *,
    overrides: Mapping[str, Any] | None = None,
    configuration: Any = None,
    experiment: Any = None,
    run_dir: str | Path | None = None,
    seed: Any = None,
    config_dir: str | Path | None = None,
    config_name: str = "conf_train",
) -> tuple[RunConfig, dict[str, Any]]:
    """Compose the configuration that a `RunContext`'s arguments describe; none of them is changed.

    Args:
        components: by argument (see `COMPONENTS`) a name, a mapping, an object, or None. Environments are given as a
            callable without arguments; wrappers also as ``{dotted class: arguments}``, a Wrapper class, a callable
            env -> env, or a list of these.
        overrides: literal values, mappings or objects by dotted path.
        configuration: name of a specialisation.
        experiment: name of a preset.
        run_dir: the directory of the run.
        seed: for ``seeding.env_base_seed`` and ``seeding.agent_base_seed``, unless `overrides` set them.
        config_dir: a user's own configuration tree.
        config_name: name of the root configuration.

    Returns:
        The configuration, and the live objects by the dotted path of the place that it keeps for them.

    Raises:
        InvalidSpecificationError: for anything wrong in the specification.
    """
    given = {
        **components,
        "configuration": configuration,
        "experiment": experiment,
        "seed": seed,
        **_as_dict(overrides),
    }
    with _explained_lists(given):
        return _composed(components, overrides, configuration, experiment, run_dir, seed, config_dir, config_name)


def _as_dict(overrides: Any) -> dict[Any, Any]:
    return dict(overrides) if isinstance(overrides, Mapping) else {}


@contextmanager
def _explained_lists(given: Mapping[Any, Any]) -> Iterator[None]:
    """Say in the refusal of a list where one value stands what spans a grid."""
    try:
        yield
    except InvalidSpecificationError as error:
        message = str(error)
        refused = [
            path
            for path, value in given.items()
            if isinstance(value, (list, tuple)) and message.startswith(f"{_place(str(path))}: ")
        ]
        accepted = message.partition("is not accepted")[2]
        explained = any(words in message for words in ("multirun=True", "go into overrides="))
        if not refused or explained or not accepted or "list of" in accepted or "a list with" in accepted:
            raise
        raise InvalidSpecificationError(f"{message} Lists span a grid of jobs with multirun=True.") from error


def _composed(
    components: Mapping[str, Any],
    overrides: Mapping[str, Any] | None,
    configuration: Any,
    experiment: Any,
    run_dir: str | Path | None,
    seed: Any,
    config_dir: str | Path | None,
    config_name: str,
) -> tuple[RunConfig, dict[str, Any]]:
    from maze.config.compose import compose  # noqa: PLC0415  (loads Hydra, which a composed configuration is without)

    specification = split(components, overrides=overrides, config_dir=config_dir)
    values = dict(specification.values)
    if run_dir is not None:
        if "run_dir" in values:
            raise InvalidSpecificationError("run_dir: given as an argument and in overrides; give one of the two.")
        values["run_dir"] = read_directory(run_dir)
    if seed is not None and "seeding" not in values:
        for name in ("seeding.env_base_seed", "seeding.agent_base_seed"):
            values.setdefault(name, check_seed(seed))
    config = compose(
        {
            **specification.choices,
            "configuration": read_name(configuration, "configuration"),
            "experiment": read_name(experiment, "experiment"),
        },
        values,
        config_name=config_name,
        config_dir=config_dir,
        allowed_modules=specification.allowed_modules,
    )
    check_config(config, specification.objects)
    check_writer_objects(specification.objects)
    if seed is not None:
        config = config.with_seeds(check_seed(seed), keep=True)  # what overrides say of one of the two wins
    wrappers = config.section("wrappers")
    return config, {_final_place(path, wrappers): thing for path, thing in specification.objects.items()}


def _final_place(path: str, wrappers: list[Any]) -> str:
    """Say where in the composed configuration an object stands; wrappers that are called by their class are a list."""
    section, _, rest = path.partition(".")
    if section != "wrappers":
        return path
    targets = [(str(wrapper.get("_target_")), index) for index, wrapper in enumerate(wrappers)]
    for target, index in sorted(targets, key=lambda item: -len(item[0])):
        if rest == target or rest.startswith(target + "."):
            return f"wrappers.{index}{rest.removeprefix(target)}"
    return path


def split(
    components: Mapping[str, Any],
    *,
    overrides: Mapping[str, Any] | None = None,
    config_dir: str | Path | None = None,
) -> Specification:
    """Sort components and overrides into choices, values and objects.

    Args:
        components: as for `compose_arguments`.
        overrides: as for `compose_arguments`.
        config_dir: a user's own configuration tree, among whose algorithms an object's class is looked for.

    Returns:
        What they say.

    Raises:
        InvalidSpecificationError: for a wrong kind of argument, or two that exclude each other.
    """
    for name in components:
        if name not in COMPONENTS:
            raise InvalidSpecificationError(f"{name}: no such component; {suggest(name, COMPONENTS)}")
    given = {name: read_component(value, name) for name, value in components.items() if value is not None}
    own = read_overrides(overrides)
    _check_conflicts(given, own)
    choices: dict[str, str | None] = {name: value for name, value in given.items() if isinstance(value, str)}
    values = {name: value for name, value in given.items() if not isinstance(value, str)} | own
    modules = _modules_of(values.values())
    objects: dict[str, Any] = {}
    with allow_modules(modules):
        literals = {path: _plain_part(value, path, objects) for path, value in values.items()}
    if "algorithm" in literals:
        choices["algorithm"] = _algorithm_option(literals["algorithm"], config_dir)
    return Specification(choices, literals, objects, modules)


def _place(path: str) -> str:
    return canonical_path(path.removeprefix(ADD))


def _modules_of(values: Iterable[Any]) -> tuple[str, ...]:
    """Modules of the dataclasses that were given as objects: who passes an object trusts the module that defines it."""
    classes = {type(value) for value in values if dataclasses.is_dataclass(value) and not isinstance(value, type)}
    importable = {cls.__module__ for cls in classes if cls.__module__ != "__main__" and "<" not in cls.__qualname__}
    return tuple(sorted(name for name in importable if name.partition(".")[0] != "maze"))


def _plain_part(value: Any, path: str, objects: dict[str, Any]) -> Any:
    """Copy one value into plain containers, see `_without_objects`."""
    try:
        return _without_objects(value, _place(path), objects)
    except RecursionError as error:
        raise InvalidSpecificationError(f"{path}: the value holds itself, and cannot be written down.") from error


def _without_objects(value: Any, path: str, objects: dict[str, Any]) -> Any:
    """Copy a value into plain containers; what cannot be written down goes to `objects`, with a mark in its place."""
    if isinstance(value, LITERALS):
        return to_plain(value, path)
    if is_container(value):
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        parts = {key: _without_objects(item, f"{path}.{key}", objects) for key, item in pairs}
        return parts if isinstance(value, Mapping) else list(parts.values())
    name = None if isinstance(value, type) else dotted_name(type(value))
    if name is not None and dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        return {"_target_": name, **_without_objects(fields, path, objects)}
    described = None if isinstance(value, type) else class_to_target(value)
    if described is not None:
        return described
    objects[path] = value
    return describe_object(value)


def _check_conflicts(arguments: Mapping[str, Any], overrides: Mapping[str, Any]) -> None:
    """Refuse one value given twice, and an object together with a part of itself."""
    for path in overrides:
        if path in arguments and not isinstance(arguments[path], str):
            raise InvalidSpecificationError(f"{path}: given as an argument and in overrides; give one of the two.")
    entries = [(_place(path), path, value) for path, value in [*arguments.items(), *overrides.items()]]
    for parent, parent_name, value in entries:
        if isinstance(value, LITERALS) or is_container(value):
            continue
        for child, child_name, _ in entries:
            if child.startswith(parent + "."):
                raise InvalidSpecificationError(
                    f"{parent_name!r} is given as an object ({type(value).__name__}) together with its part "
                    f"{child_name!r}; change the object itself, or give both as mappings."
                )


def _algorithm_option(literal: Any, config_dir: str | Path | None) -> str | None:
    """Return the option of the group that describes the same class, so that what depends on the choice follows it."""
    target = literal.get("_target_") if isinstance(literal, Mapping) else None
    if not isinstance(target, str):
        return None
    from maze.config.compose import option_with_target  # noqa: PLC0415  (loads Hydra)

    return option_with_target("algorithm", target, config_dir)


# --- params.yaml -----------------------------------------------------------------------------------------------------


def from_params(params: Mapping[str, Any], config_dir: str | Path | None = None) -> RunConfig:
    """Compose what params.yaml describes.

    Args:
        params: its content: choices by group (null leaves one open), ``experiment``, ``seeds``, ``set`` (values,
            nested or by dotted path, merged last), ``tags``, ``config_dir`` (a configuration tree of one's own),
            ``code`` (where the code is that it names) and ``inputs`` (data and agents with which training begins),
            which are for DVC.
        config_dir: a user's own configuration tree, instead of the one that ``params`` names.

    Returns:
        The configuration, without seeds.

    Raises:
        InvalidSpecificationError: names the place in params.yaml.
    """
    from maze.config.compose import compose  # noqa: PLC0415  (loads Hydra)

    if not isinstance(params, Mapping):
        raise InvalidSpecificationError(f"params.yaml: {type(params).__name__} is not accepted; accepted: a mapping.")
    accepted = (*_PARAMS, "seeds", "set", "tags", *_PLACES)
    for key in params:
        if key not in accepted:
            raise InvalidSpecificationError(f"{key}: no such key in params.yaml; {suggest(key, accepted)}")
    for name in _PLACES:
        if not isinstance(params.get(name) or "", str):
            raise InvalidSpecificationError(f"{name}: {params[name]!r} is not accepted; accepted: a path.")
    if "seeds" in params:
        check_seeds(params["seeds"])
    choices = {group: read_name(params.get(group), group) for group in _PARAMS}
    own = _section(params, "set")
    values = flatten(own)
    for path in values:
        if path.removeprefix(ADD).partition(".")[0] == "seeding":
            raise InvalidSpecificationError(f"set.{path}: seeds are not accepted here; give them as `seeds: [0, 1]`.")
    tags = _section(params, "tags")
    values = {**({"tags": dict(tags)} if tags else {}), **values}
    place = config_dir or params.get("config_dir") or None
    config = compose(choices, values, config_dir=place, origin="set.", mappings=mappings_within(own))
    check_config(config)
    return config


def _section(params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = params.get(name)
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise InvalidSpecificationError(f"{name}: {section!r} is not accepted; accepted: a mapping.")
    return section
