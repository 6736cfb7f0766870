"""Options and their composition with Hydra: the only module that composes with it, under one lock."""

from __future__ import annotations

import dataclasses
import functools
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.errors import HydraException
from hydra.version import VersionBase
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from maze.config.directories import ConfigDirectories, config_directory, find_directories
from maze.config.overrides import OBJECT_KEY, to_plain
from maze.errors import InvalidSpecificationError, suggest

__all__ = [
    "NULL",
    "Choices",
    "ConfigFiles",
    "Tree",
    "comes_later",
    "config_directory",
    "first_line",
    "group_options",
    "groups",
    "option_with_target",
]

_LOCK = threading.RLock()
_VERSION_BASE = "1.3"

_LATER = frozenset({"rllib", "ray", "slurm", "submitit"})

_WITHOUT_TARGETS = frozenset({"allowed_modules", "choices", "log_base_dir", "run_dir", "tags", "tracking"})

NULL = "null"
"""As an option: choose nothing in this group."""

Tree = dict[Any, Any]
Choices = dict[str, str | None]


@dataclasses.dataclass(frozen=True)
class ConfigFiles:
    """Configuration trees as they are on disk now.

    Attributes:
        directories: all trees.
        config_name: the root configuration.
        defaults: option by group that the root chooses.
    """

    directories: ConfigDirectories
    config_name: str
    defaults: Mapping[str, str | None]

    @classmethod
    def find(cls, config_dir: str | Path | None, config_name: str) -> ConfigFiles:
        """Look at the trees.

        Args:
            config_dir: a user's own tree.
            config_name: the root configuration.

        Returns:
            What is there.

        Raises:
            InvalidSpecificationError: if there is no such directory or root, or the root is broken.
        """
        directories = find_directories(config_dir)
        roots = directories.roots()
        if config_name not in roots and comes_later(config_name):
            raise InvalidSpecificationError(
                f"config_name: {config_name!r} is not available yet; it comes in a later release; "
                f"{suggest(config_name, roots)}"
            )
        if config_name not in roots:
            raise InvalidSpecificationError(f"config_name: {config_name!r} not found; {suggest(config_name, roots)}")
        return cls(directories, config_name, _composed(directories, config_name, ())[1])

    def groups(self) -> list[str]:
        """List all groups, also those that the root does not choose from."""
        return sorted({*self.defaults, *self.directories.groups()})

    def options(self, group: str) -> tuple[str, ...]:
        """List the options of a group, sorted."""
        return self.directories.options(group)

    def modules_named(self, *nodes: Any) -> list[str]:
        """Return which of the modules that come with the trees are named somewhere in plain values.

        Args:
            nodes: parts of a configuration.
        """
        if not self.directories.modules:
            return []
        texts = [text for node in nodes for text in _texts(node)]
        return [module for module in self.directories.modules if any(text.startswith(f"{module}.") for text in texts)]

    def trusting(self, tree: Tree) -> Tree:
        """Return a resolved configuration that allows what it names of the modules that come with the trees.

        Those that it does not name are left out, so that installing a package changes no other configuration.

        Args:
            tree: plain values.
        """
        declared = tree.get("allowed_modules") or []
        named = self.modules_named({name: tree[name] for name in tree.keys() - _WITHOUT_TARGETS})
        if not named or not isinstance(declared, list):
            return tree
        return {**tree, "allowed_modules": sorted({*declared, *named})}

    def compose(self, choices: Mapping[str, str | None], absent: tuple[str, ...] = ()) -> tuple[Tree, Choices]:
        """Compose with Hydra.

        Args:
            choices: option by group; None leaves the root's default, or the experiment's choice.
            absent: groups that are left out altogether.

        Returns:
            The tree, with its interpolations, and the option that every group ended up with.

        Raises:
            InvalidSpecificationError: with the gist of what Hydra says.
        """
        overrides = [
            f"{'' if group in self.defaults else '+'}{group}={_quoted(option)}"
            for group, option in sorted(choices.items())
            if option not in (None, NULL) and group not in absent
        ]
        left_out = {
            group
            for group, option in choices.items()
            if option == NULL and (self.defaults.get(group) or (group in self.defaults and self._has_preset(choices)))
        }
        overrides += [f"~{group}" for group in sorted({*absent, *left_out})]
        tree, chosen = _composed(self.directories, self.config_name, tuple(overrides))
        return to_plain(tree), {**dict.fromkeys(left_out), **chosen}

    def _has_preset(self, choices: Mapping[str, str | None]) -> bool:
        """Say whether an experiment could choose options of its own."""
        return choices.get("experiment") not in (None, NULL) or bool(self.defaults.get("experiment"))


def groups(config_dir: str | Path | None = None) -> list[str]:
    """List the groups of the configuration trees, sorted.

    Args:
        config_dir: a user's own configuration tree.
    """
    return find_directories(config_dir).groups()


def group_options(group: str, config_dir: str | Path | None = None) -> list[str]:
    """List the options of a group, sorted.

    Args:
        group: for example ``"algorithm"``.
        config_dir: a user's own configuration tree.
    """
    return list(find_directories(config_dir).options(group))


def option_with_target(group: str, target: str, config_dir: str | Path | None = None) -> str | None:
    """Find the option of a group that describes a class.

    Args:
        group: for example ``"algorithm"``.
        target: dotted name of the class.
        config_dir: a user's own configuration tree.

    Returns:
        The option, or None where there is none; of several, that of the tree which comes first.
    """
    return _targets(group, find_directories(config_dir)).get(target)


@functools.lru_cache(maxsize=64)
def _targets(group: str, directories: ConfigDirectories) -> Mapping[str, str]:
    """Options of a group by the class that they describe."""
    found: dict[str, str] = {}
    options = directories.options(group)
    for directory in directories.paths:
        for option in options:
            path = directory / group / f"{option}.yaml"
            content = _content(path) if path.is_file() else None
            section = content.get(group, content) if isinstance(content, dict) else None  # the latter: package _global_
            if isinstance(section, dict) and isinstance(section.get("_target_"), str):
                found.setdefault(section["_target_"], option)
    return found


def _content(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError):
        return None  # who chooses that option is told; it stands in nobody else's way


# --- Hydra -----------------------------------------------------------------------------------------------------------


@contextmanager
def _hydra(directory: Path) -> Iterator[None]:
    """Initialise Hydra on a tree, and put back what a surrounding application had."""
    with _LOCK:
        saved = dict(Singleton._instances)
        version = VersionBase.instance().version_base
        try:
            Singleton._instances.pop(GlobalHydra, None)
            with initialize_config_dir(str(directory), job_name="maze", version_base=_VERSION_BASE):
                yield
        finally:
            VersionBase.instance().version_base = version
            Singleton._instances.pop(GlobalHydra, None)
            if GlobalHydra in saved:
                Singleton._instances[GlobalHydra] = saved[GlobalHydra]


@functools.lru_cache(maxsize=128)
def _composed(
    directories: ConfigDirectories, config_name: str, overrides: tuple[str, ...]
) -> tuple[Any, Mapping[str, str | None]]:
    """Compose once: the tree with its interpolations, and the choices that were made."""
    # Hydra finds the root configuration in its main directory alone.
    main = next(path for path in directories.paths if (path / f"{config_name}.yaml").is_file())
    others = ",".join(_quoted(f"file://{path}") for path in directories.paths if path != main)
    search = [f"hydra.searchpath=[{others}]"] if others else []
    try:
        with _hydra(main):
            config = hydra_compose(config_name, overrides=[*overrides, *search], return_hydra_config=True)
            chosen = dict(config.hydra.runtime.choices)
            with open_dict(config):
                del config["hydra"]
            tree = OmegaConf.to_container(config, resolve=False)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)  # of YAML's errors: the file and the line
        place = config_name if mark is None else f"{mark.name}, line {mark.line + 1}"
        raise InvalidSpecificationError(f"{place}: {first_line(error)}") from error
    return tree, {str(group): option for group, option in chosen.items() if not str(group).startswith("hydra/")}


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _texts(node: Any) -> Iterator[str]:
    """Go through all texts of plain values, names of keys included."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if key == OBJECT_KEY:
                continue  # a live object, which nobody imports by its name
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _texts(value)


def comes_later(name: str) -> bool:
    """Say whether a name speaks of something that a later release brings.

    Args:
        name: the name of an option or root that does not exist.
    """
    return not _LATER.isdisjoint(re.split(r"[^a-z0-9]+", name.lower()))


def first_line(error: BaseException) -> str:
    """Put the gist of an error of Hydra, OmegaConf or YAML into one line."""
    noise = ("full_key:", "object_type=", "reference_type=", "Config search path:")
    lines = [line.strip() for line in str(error).splitlines()]
    lines = [line for line in lines if line and not line.startswith(noise)]
    return " ".join(lines[:2]) if lines else type(error).__name__
