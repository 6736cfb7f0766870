"""From choices and values to a resolved configuration.

The order in which one wins over the other: defaults < experiment < configuration < values. Group choices are Hydra's
work; values are literals, which are set after composition and never parsed.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from maze.config.canonical import canonical_wrappers
from maze.config.choices import PARTS, chosen_tree, own_part
from maze.config.critics import fitting_critic
from maze.config.describe import describe_object
from maze.config.hydra_tree import (
    NULL,
    ConfigFiles,
    Tree,
    config_directory,
    first_line,
    group_options,
    groups,
    option_with_target,
)
from maze.config.instantiate import complete_component, resolve_target, with_defaults
from maze.config.nested import gathered, whole_again
from maze.config.overrides import ADD, ALIASES, apply_values, canonical_path, is_marker, to_plain
from maze.config.schema import RunConfig
from maze.config.sections import TYPED_SECTIONS
from maze.config.targets import allow_modules, is_within
from maze.errors import InvalidSpecificationError

__all__ = [
    "completed_sections",
    "compose",
    "config_directory",
    "group_options",
    "groups",
    "option_with_target",
    "protected",
    "resolved",
]

_PRESETS = ("configuration", "experiment")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def compose(
    choices: Mapping[str, str | None],
    values: Mapping[str, Any] = _NOTHING,
    *,
    config_name: str = "conf_train",
    config_dir: str | Path | None = None,
    objects: Mapping[str, Any] = _NOTHING,
    allowed_modules: Iterable[str] = (),
    origin: str = "",
    mappings: Mapping[str, Any] = _NOTHING,
) -> RunConfig:
    """Compose, resolve and validate a configuration.

    Safe in threads and inside a Hydra application; a warm call takes a few milliseconds.

    Args:
        choices: option by group, ``experiment`` and ``configuration`` included. None leaves the choice to the
            experiment or the defaults; the text ``"null"`` chooses nothing in that group.
        values: literal values by dotted path; they win over everything else.
        config_name: name of the root configuration.
        config_dir: a user's own configuration tree; its groups add options to those of the package.
        objects: live objects by dotted path; the configuration holds their names.
        allowed_modules: modules that the configuration may name besides those that it declares itself.
        origin: what stands before paths of `values` in messages, for example ``"set."``.
        mappings: those by whose parts `values` were given; one in the place of a single value replaces it.

    Returns:
        The configuration, frozen.

    Raises:
        InvalidSpecificationError: for anything wrong, in one line.
    """
    files = ConfigFiles.find(config_dir, config_name)
    explicit = {group: option for group, option in choices.items() if option is not None}
    markers = {path: describe_object(thing) for path, thing in objects.items()}
    _refuse_names(values, files, origin)
    literal = {path: to_plain(value, f"{origin}{path}") for path, value in values.items()}
    given = {canonical_path(str(path).removeprefix(ADD)) for path in (*values, *markers)}
    replaced = {group for group in files.defaults if canonical_path(group) in given}
    wanted = _following(literal, explicit, config_dir)
    tree, chosen = chosen_tree(files, wanted, replaced)
    algorithm = _complete_algorithm(tree, literal, files, allowed_modules)
    critic = (
        None if "critic" in explicit or replaced & {"model", "critic"} else fitting_critic(algorithm, tree.get("model"))
    )
    if critic is not None:
        tree, chosen = chosen_tree(files, {**wanted, "critic": critic}, replaced)
        _complete_algorithm(tree, literal, files, ())
    if not isinstance(tree.get("wrappers"), str):  # an interpolation
        tree["wrappers"] = canonical_wrappers(tree.get("wrappers"))
    if isinstance(literal.get("wrappers"), dict):
        literal["wrappers"] = canonical_wrappers(literal["wrappers"])
    literal = whole_again(literal, mappings, tree, algorithm)
    literal = gathered(literal, "algorithm", literal.get("algorithm", tree.get("algorithm")), algorithm)
    tokens: dict[str, str] = {}
    literal = protected(completed_sections(literal, TYPED_SECTIONS), tokens)
    if "model" in replaced:
        literal |= _chosen_parts(files, explicit, given)
    merged = apply_values(tree, {**literal, **markers}, origin=origin)
    for group in replaced:
        chosen[group] = None
    return RunConfig.from_mapping({**files.trusting(resolved(merged, tokens)), "choices": chosen})


def completed_sections(literal: Mapping[str, Any], sections: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Write the defaults of a section's class into its mapping, so that each of its keys can be set beside it.

    Args:
        literal: values by dotted path, in plain containers.
        sections: class of every section with fixed keys, by its name.
    """
    completed = dict(literal)
    for path, value in literal.items():
        section = sections.get(path.removeprefix(ADD))
        if section is not None and isinstance(value, dict) and not is_marker(value):
            completed[path] = {**to_plain(dataclasses.asdict(section())), **value}
    return completed


def _following(
    literal: Mapping[str, Any], explicit: Mapping[str, str], config_dir: str | Path | None
) -> dict[str, str]:
    """Let what depends on the choice of an environment follow a mapping's class, where an option describes it."""
    env = literal.get("env")
    target = env.get("_target_") if isinstance(env, dict) else None
    option = option_with_target("env", target, config_dir) if isinstance(target, str) else None
    return dict(explicit) if option is None else {"env": option, **explicit}


def _complete_algorithm(tree: Tree, literal: dict[str, Any], files: ConfigFiles, allowed_modules: Iterable[str]) -> Any:
    """Write the defaults of the algorithm's class into its section, and the modules that were allowed into theirs.

    Returns:
        That class; None where a live object stands for it.
    """
    own = [name for name in allowed_modules if not is_within(name, files.directories.modules)]
    modules = [*_listed(tree.get("allowed_modules")), *_listed(literal.get("allowed_modules")), *own]
    with allow_modules([*(name for name in modules if isinstance(name, str)), *files.modules_named(tree, literal)]):
        if isinstance(literal.get("algorithm"), dict):
            literal["algorithm"] = complete_component(literal["algorithm"], "algorithm")
        elif isinstance(tree.get("algorithm"), dict):
            tree["algorithm"] = with_defaults(tree["algorithm"], "algorithm")
        section = literal.get("algorithm", tree.get("algorithm"))
        target = section.get("_target_") if isinstance(section, dict) and not is_marker(section) else None
        found = resolve_target(target, "algorithm._target_") if isinstance(target, str) and "${" not in target else None
    if own:
        literal["allowed_modules"] = sorted(set(modules))
    return found


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []


def _chosen_parts(files: ConfigFiles, explicit: Mapping[str, str], given: set[str]) -> dict[str, Any]:
    """Parts of the model that were chosen by name beside a model that is a mapping: the more specific wins."""
    return {
        f"model.{part}": own_part(files, part, explicit[part])
        for part in PARTS
        if explicit.get(part, NULL) != NULL and f"model.{part}" not in given
    }


def _refuse_names(values: Mapping[str, Any], files: ConfigFiles, origin: str) -> None:
    """Refuse the name of a configuration module where only values are understood."""
    shorts = {long: short for short, long in ALIASES.items()}
    for path, value in values.items():
        group = shorts.get(path, path)
        if group in _PRESETS and not isinstance(value, str):
            raise InvalidSpecificationError(
                f"{origin}{path}: {value!r} is not accepted; no value of the configuration but a choice. Pass the name "
                f"of a module, {group}=..., or leave it out for none."
            )
        if isinstance(value, str) and group in files.defaults:
            raise InvalidSpecificationError(
                f"{origin}{path}: names of configuration modules are not resolved here; "
                f"choose the module with {group}={value!r} instead."
            )


def protected(value: Any, tokens: dict[str, str]) -> Any:
    """Replace texts that OmegaConf would interpolate by tokens, so that values stay literal.

    Args:
        value: plain containers.
        tokens: is told what every token stands for.
    """
    if isinstance(value, dict):
        return {key: protected(item, tokens) for key, item in value.items()}
    if isinstance(value, list):
        return [protected(item, tokens) for item in value]
    if isinstance(value, str) and "${" in value:
        token = f"literal-{uuid.uuid4().hex}"
        tokens[token] = value
        return token
    return value


def _restored(value: Any, tokens: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _restored(item, tokens) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item, tokens) for item in value]
    if isinstance(value, str):
        for token, literal in tokens.items():
            value = value.replace(token, literal)
    return value


def resolved(tree: Tree, tokens: Mapping[str, str]) -> Tree:
    """Resolve all interpolations, and name the key where that fails.

    Args:
        tree: plain containers in which `protected` has replaced literal texts.
        tokens: what every token stands for.

    Raises:
        InvalidSpecificationError: an interpolation names what is not there, or they go in a circle.
    """
    try:
        resolved = OmegaConf.to_container(OmegaConf.create(tree), resolve=True)
    except OmegaConfBaseException as error:
        raise InvalidSpecificationError(f"{error.full_key or 'configuration'}: {first_line(error)}") from error
    except RecursionError as error:
        raise InvalidSpecificationError("configuration: interpolations refer to each other in a circle.") from error
    restored: Tree = _restored(resolved, tokens)
    return restored
