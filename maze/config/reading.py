"""Reading plain nested values into the fields of a `RunConfig`: what is checked, and in which order."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf

from maze.config import canonical
from maze.config.constants import refuse_constants
from maze.config.instantiate import complete_component
from maze.config.overrides import is_marker, to_plain
from maze.config.sections import TYPED_SECTIONS
from maze.config.targets import allow_modules, check_target
from maze.config.validation import check_field_names
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["TRAINING", "SectionKinds", "read_fields", "read_mapping", "read_section", "thawed"]

_Section = TypeVar("_Section")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SectionKinds:
    """How the sections of one kind of configuration are read.

    Attributes:
        typed: class of every section with fixed keys, by its name.
        components: sections that describe an object, or are empty.
        needed: components that must not be empty.
        directories: paths, or null.
    """

    typed: Mapping[str, type[Any]]
    components: tuple[str, ...]
    needed: tuple[str, ...]
    directories: tuple[str, ...] = ("log_base_dir", "run_dir")


TRAINING = SectionKinds(
    typed=MappingProxyType(dict(TYPED_SECTIONS)),
    components=("env", "algorithm", "model", "launcher"),
    needed=("env", "algorithm", "model"),
    directories=("log_base_dir", "run_dir", "input_dir"),
)
"""The sections of a `RunConfig`."""


def read_mapping(path: str | Path) -> Mapping[str, Any]:
    """Read the file of a resolved configuration.

    Args:
        path: the file, YAML.

    Raises:
        InvalidSpecificationError: it is missing, is not YAML, or holds no mapping.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())  # YAML's own errors draw a picture over several lines
        raise InvalidSpecificationError(f"{path}: not a readable configuration: {reason}") from error
    if not isinstance(content, Mapping):
        raise InvalidSpecificationError(
            f"{path}: not a configuration: it holds {type(content).__name__}, not a mapping."
        )
    return content


def read_fields(mapping: Mapping[str, Any], names: Sequence[str], kinds: SectionKinds = TRAINING) -> dict[str, Any]:
    """Validate a resolved configuration.

    Args:
        mapping: nested values; sections with defaults may be left out.
        names: the sections that there are.
        kinds: how they are read.

    Returns:
        The value of every field.

    Raises:
        InvalidSpecificationError: names the first key that is unknown, missing or wrong.
    """
    values: dict[str, Any] = to_plain(mapping)
    _check_missing(values)
    refuse_constants(values)
    for key in values:
        if key not in names:
            raise InvalidSpecificationError(f"{key}: no such section; {suggest(key, names)}")
    for name in kinds.needed:
        if not values.get(name):
            raise InvalidSpecificationError(f"{name}: missing; a run needs it. Choose an option of the group {name!r}.")
    fields: dict[str, Any] = {
        name: read_section(section, values.get(name), name) for name, section in kinds.typed.items()
    }
    fields["allowed_modules"] = _module_names(values.get("allowed_modules"))
    values["wrappers"] = _wrappers(values.get("wrappers"))
    with allow_modules(fields["allowed_modules"]):
        for name in (*kinds.components, "wrappers"):
            _check_targets(values.get(name), name)
        if "tracking" in kinds.typed:
            _check_targets(list(fields["tracking"].writers), "tracking.writers")
        if "algorithm" in kinds.components:
            values["algorithm"] = complete_component(_mapping(values["algorithm"], "algorithm"), "algorithm")
    fields["wrappers"] = _frozen(values["wrappers"])
    fields |= {name: _frozen(_mapping(values.get(name), name)) for name in kinds.components}
    fields |= {name: _labels(values.get(name), name) for name in ("tags", "choices")}
    fields |= {name: _directory(values.get(name), name) for name in kinds.directories}
    return {**fields, "log_base_dir": fields["log_base_dir"] or "outputs"}


def _check_missing(values: Any) -> None:
    for path, value in canonical.flat(values).items():
        if value == "???":
            raise InvalidSpecificationError(f"{path}: the configuration needs a value here (???) and nobody gave one.")


def _mapping(value: Any, path: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidSpecificationError(f"{path}: {value!r} is not a mapping; accepted: a mapping with _target_.")
    return value


def _wrappers(value: Any) -> list[Any]:
    if isinstance(value, (bool, int, float, str)):
        raise InvalidSpecificationError(f"wrappers: {value!r} is not accepted; accepted: a mapping or a list.")
    wrappers = canonical.canonical_wrappers(value)
    for index, wrapper in enumerate(wrappers):
        if not isinstance(wrapper, dict) or not (is_marker(wrapper) or "_target_" in wrapper):
            raise InvalidSpecificationError(
                f"wrappers.{index}: {wrapper!r} is not accepted; accepted: a mapping with _target_."
            )
    return wrappers


def read_section(section: type[_Section], value: Any, path: str) -> _Section:
    """Validate one section with fixed keys.

    Args:
        section: its class.
        value: a plain mapping that is the section's own, or None; values that are left out take their defaults.
        path: where the section stands, for messages.

    Raises:
        InvalidSpecificationError: names the first key that is unknown or wrong.
    """
    given = _mapping(value, path)
    refuse_constants(given, path)
    target = given.pop("_target_", None)
    homes = ("maze", "maze.config", section.__module__)
    if target is not None and target not in {f"{home}.{section.__name__}" for home in homes}:
        raise InvalidSpecificationError(
            f"{path}._target_: {target!r} is not accepted; leave it out, or write maze.config.{section.__name__}."
        )
    if is_marker(given):
        raise InvalidSpecificationError(
            f"{path}: an object cannot stand here; accepted: maze.config.{section.__name__}."
        )
    check_field_names(section, given, path)
    return section(**given)


def _module_names(value: Any) -> tuple[str, ...]:
    names = [] if value is None else value
    if not isinstance(names, list):
        raise InvalidSpecificationError(
            f"allowed_modules: {value!r} is not accepted; accepted: a list of names of modules, as in [{value!r}]."
        )
    for name in names:
        if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
            raise InvalidSpecificationError(f"allowed_modules: {name!r} is not the name of a module.")
    return tuple(names)


def _check_targets(node: Any, path: str) -> None:
    """Refuse every ``_target_`` outside the allow-list before anything is imported."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "_target_":
                check_target(value, f"{path}._target_")
            else:
                _check_targets(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _check_targets(value, f"{path}.{index}")


def _labels(value: Any, path: str) -> dict[str, Any]:
    labels = _mapping(value, path)
    for key, label in labels.items():
        if isinstance(label, (dict, list)) or not isinstance(key, str):
            raise InvalidSpecificationError(
                f"{path}.{key}: {label!r} is not accepted; accepted: text, a number or null."
            )
    if path == "choices":
        return dict(sorted(labels.items()))
    return {key: str(label) for key, label in sorted(labels.items()) if label is not None}


def _directory(value: Any, path: str) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise InvalidSpecificationError(
            f"{path}: {value!r} is not accepted; accepted: the path of a directory, or null."
        )
    return value


def _frozen(node: Any) -> Any:
    """Turn plain containers into a read-only OmegaConf tree whose strings are literal."""
    tree = OmegaConf.create(_escaped(canonical.canonical(node)))
    OmegaConf.set_readonly(tree, True)
    return tree


def _escaped(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _escaped(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_escaped(value) for value in node]
    if isinstance(node, str) and "${" in node:
        return re.sub(r"(\\*)\$\{", lambda found: found.group(1) * 2 + r"\${", node)
    return node


def thawed(value: Any) -> Any:
    """Copy the value of a field into plain containers.

    Args:
        value: a component section, a typed section or a primitive.
    """
    if isinstance(value, (DictConfig, ListConfig)):
        return OmegaConf.to_container(value, resolve=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: thawed(part) for name, part in dataclasses.asdict(value).items()}
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value
