"""The configuration trees on disk, and Hydra: the only module that composes with it, under one lock."""

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
from hydra.core.object_type import ObjectType
from hydra.core.singleton import Singleton
from hydra.errors import HydraException
from hydra.version import VersionBase
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from maze.config.overrides import to_plain
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

NULL = "null"
"""As an option: choose nothing in this group."""

Tree = dict[Any, Any]
Choices = dict[str, str | None]


@dataclasses.dataclass(frozen=True)
class ConfigFiles:
    """Configuration trees as they are on disk now.

    Attributes:
        directories: the package's tree, then the user's.
        stamp: identifies the content of all files.
        config_name: the root configuration.
        defaults: option by group that the root chooses.
    """

    directories: tuple[Path, ...]
    stamp: tuple[Any, ...]
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
        directories = _directories(config_dir)
        roots = {path.stem for directory in directories for path in directory.glob("*.yaml")}
        if config_name not in roots and comes_later(config_name):
            raise InvalidSpecificationError(
                f"config_name: {config_name!r} is not available yet; it comes in a later release. "
                f"{suggest(config_name, roots)}"
            )
        if config_name not in roots:
            raise InvalidSpecificationError(f"config_name: {config_name!r} not found; {suggest(config_name, roots)}")
        stamp = _stamp(directories)
        return cls(directories, stamp, config_name, _composed(directories, stamp, config_name, ())[1])

    def groups(self) -> list[str]:
        """List all groups, also those that the root does not choose from."""
        return sorted({*self.defaults, *_groups(self.directories)})

    def options(self, group: str) -> tuple[str, ...]:
        """List the options of a group, sorted."""
        return _options(group, self.directories, self.stamp)

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
        tree, chosen = _composed(self.directories, self.stamp, self.config_name, tuple(overrides))
        return to_plain(tree), {**dict.fromkeys(left_out), **chosen}

    def _has_preset(self, choices: Mapping[str, str | None]) -> bool:
        """Say whether an experiment could choose options of its own."""
        return choices.get("experiment") not in (None, NULL) or bool(self.defaults.get("experiment"))


@functools.cache
def config_directory() -> Path:
    """Return the directory of the configuration tree of the package."""
    from maze import conf  # noqa: PLC0415 - the tree is found through the package that holds it

    return Path(conf.__path__[0]).resolve()


def _directories(config_dir: str | Path | None) -> tuple[Path, ...]:
    own = config_directory()
    if config_dir is None:
        return (own,)
    users = Path(config_dir).resolve()
    if not users.is_dir():
        raise InvalidSpecificationError(f"config_dir: {str(config_dir)!r} is not a directory.")
    if users == own:
        return (own,)
    for path in users.rglob("*.yaml"):
        twin = own / path.relative_to(users)
        if twin.is_file() and twin.read_bytes() != path.read_bytes():
            raise InvalidSpecificationError(
                f"config_dir: {path} has the name of a file of maze ({path.relative_to(users)}), which would hide it; "
                "give it another name."
            )
    return (own, users)


def _stamp(directories: tuple[Path, ...]) -> tuple[tuple[str, int, int], ...]:
    """Identify the content of the trees, so that edits are seen at once."""
    return tuple(
        (str(path), status.st_mtime_ns, status.st_size)
        for directory in directories
        for path in sorted(directory.rglob("*.yaml"))
        for status in [path.stat()]
    )


def groups(config_dir: str | Path | None = None) -> list[str]:
    """List the groups of the configuration tree, sorted.

    Args:
        config_dir: a user's own configuration tree.
    """
    return _groups(_directories(config_dir))


def _groups(directories: tuple[Path, ...]) -> list[str]:
    files = [(directory, path) for directory in directories for path in directory.rglob("*.yaml")]
    return sorted({str(path.parent.relative_to(directory)) for directory, path in files} - {"."})


def option_with_target(group: str, target: str, config_dir: str | Path | None = None) -> str | None:
    """Find the option of a group that describes a class.

    Args:
        group: for example ``"algorithm"``.
        target: dotted name of the class.
        config_dir: a user's own configuration tree.

    Returns:
        The option, or None where there is none.
    """
    directories = _directories(config_dir)
    return _targets(group, directories, _stamp(directories)).get(target)


@functools.lru_cache(maxsize=64)
def _targets(group: str, directories: tuple[Path, ...], stamp: tuple[Any, ...]) -> Mapping[str, str]:
    """Options of a group by the class that they describe."""
    found: dict[str, str] = {}
    for option in _options(group, directories, stamp):
        for path in (directory / group / f"{option}.yaml" for directory in directories):
            content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
            if isinstance(content, dict) and isinstance(content.get("_target_"), str):
                found.setdefault(content["_target_"], option)
    return found


def group_options(group: str, config_dir: str | Path | None = None) -> list[str]:
    """List the options of a group, sorted.

    Args:
        group: for example ``"algorithm"``.
        config_dir: a user's own configuration tree.
    """
    directories = _directories(config_dir)
    return list(_options(group, directories, _stamp(directories)))


@functools.lru_cache(maxsize=256)
def _options(group: str, directories: tuple[Path, ...], stamp: tuple[Any, ...]) -> tuple[str, ...]:
    del stamp  # only part of the key
    with _hydra(directories[0]):
        loader = GlobalHydra.instance().config_loader()
        found = set(loader.get_group_options(group, ObjectType.CONFIG))
    for directory in directories[1:]:
        found |= {
            str(path.relative_to(directory / group).with_suffix("")) for path in (directory / group).rglob("*.yaml")
        }
    return tuple(sorted(found))


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
    directories: tuple[Path, ...], stamp: tuple[Any, ...], config_name: str, overrides: tuple[str, ...]
) -> tuple[Any, Mapping[str, str | None]]:
    """Compose once: the tree with its interpolations, and the choices that were made."""
    del stamp  # only part of the key
    # Hydra finds the root configuration in its main directory alone.
    main = next(path for path in directories if (path / f"{config_name}.yaml").is_file())
    others = ",".join(_quoted(f"file://{path}") for path in directories if path != main)
    search = [f"hydra.searchpath=[{others}]"] if others else []
    try:
        with _hydra(main):
            config = hydra_compose(config_name, overrides=[*overrides, *search], return_hydra_config=True)
            chosen = dict(config.hydra.runtime.choices)
            with open_dict(config):
                del config["hydra"]
            tree = OmegaConf.to_container(config, resolve=False)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise InvalidSpecificationError(f"{config_name}: {first_line(error)}") from error
    return tree, {str(group): option for group, option in chosen.items() if not str(group).startswith("hydra/")}


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


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
