"""Which directories hold configuration: the package's tree, those of installed packages, and the user's own.

They are one tree for everybody who looks at them, so no file may have the name of another tree's.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from maze.config.installed import installed_trees, package_directory
from maze.errors import InvalidSpecificationError

__all__ = ["ALLOWED_MODULES", "ConfigDirectories", "Stamp", "config_directory", "find_directories"]

ALLOWED_MODULES = "allowed_modules"
"""Name of the file in which a tree lists the modules that its other files name, for example ``[my_project]``."""

Stamp = tuple[tuple[str, int, int], ...]


@dataclasses.dataclass(frozen=True)
class ConfigDirectories:
    """Where configuration is, as it is on disk now.

    Attributes:
        paths: the package's tree, those of installed packages by name, the user's, and what its root
            configurations add with ``hydra.searchpath``.
        modules: modules that come with these trees, so that their configurations may name them.
        stamp: identifies the content of all files.
    """

    paths: tuple[Path, ...]
    modules: tuple[str, ...]
    stamp: Stamp

    def roots(self) -> set[str]:
        """List the root configurations."""
        return {path.stem for directory in self.paths for path in directory.glob("*.yaml")} - {ALLOWED_MODULES}

    def groups(self) -> list[str]:
        """List all groups that have options, sorted."""
        return sorted({relative.parent.as_posix() for _, relative in _files(self.paths)} - {"."})

    def options(self, group: str) -> tuple[str, ...]:
        """List the options of a group, sorted."""
        found = (
            path.relative_to(directory / group).with_suffix("").as_posix()
            for directory in self.paths
            for path in (directory / group).rglob("*.yaml")
        )
        return tuple(sorted(set(found)))


@functools.cache
def config_directory() -> Path:
    """Return the directory of the configuration tree of the package."""
    from maze import conf  # noqa: PLC0415 - the tree is found through the package that holds it

    return Path(conf.__path__[0]).resolve()


def find_directories(config_dir: str | Path | None = None) -> ConfigDirectories:
    """Look at all trees.

    Args:
        config_dir: a user's own tree.

    Returns:
        What is there.

    Raises:
        InvalidSpecificationError: there is no such directory, one file would hide another, a file cannot be read, or
            an installed package misses its tree.
    """
    own = config_directory()
    installed = installed_trees()
    origins = {own: "maze"}
    origins |= {tree.directory: f"the installed package {tree.distribution!r}" for tree in installed}
    modules = [tree.module for tree in installed]
    if config_dir is not None:
        users = Path(config_dir).resolve()
        if not users.is_dir():
            raise InvalidSpecificationError(f"config_dir: {str(config_dir)!r} is not a directory.")
        origins.setdefault(users, "config_dir")
        for added, root in _search_path(users, _stamp([users])):
            origins.setdefault(added, f"hydra.searchpath in {root}")
    paths = tuple(origins)
    stamp = _stamp(paths)
    modules += [name for path in paths[1:] for name in _declared(path / f"{ALLOWED_MODULES}.yaml", stamp)]
    _refuse_hidden(tuple(origins.items()), stamp)
    return ConfigDirectories(paths, tuple(dict.fromkeys(modules)), stamp)


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """Go through all files of trees: the whole path, and the one within the tree."""
    for directory in paths:
        for path in sorted(directory.rglob("*.yaml")):
            yield path, path.relative_to(directory)


def _stamp(paths: Iterable[Path]) -> Stamp:
    """Identify the content of the trees, so that edits are seen at once."""
    return tuple(
        (str(path), status.st_mtime_ns, status.st_size) for path, _ in _files(paths) for status in [path.stat()]
    )


@functools.lru_cache(maxsize=64)
def _refuse_hidden(origins: tuple[tuple[Path, str], ...], stamp: Stamp) -> None:
    """Refuse files of different content that have the same name in two trees."""
    del stamp  # only part of the key
    seen: dict[Path, tuple[Path, str]] = {}
    for directory, origin in origins:
        for path, relative in _files([directory]):
            twin, owner = seen.setdefault(relative, (path, origin))
            if relative.name == f"{ALLOWED_MODULES}.yaml" or twin.read_bytes() == path.read_bytes():
                continue
            raise InvalidSpecificationError(
                f"{origin}: {path} has the name of a file of {owner} ({twin}), one of which would hide the other; "
                "give it another name."
            )


@functools.lru_cache(maxsize=64)
def _declared(path: Path, stamp: Stamp) -> tuple[str, ...]:
    """Read the modules that a tree declares."""
    del stamp  # only part of the key
    names = _read(path) if path.is_file() else None
    listed = [] if names is None else names
    valid = isinstance(listed, list) and all(
        isinstance(name, str) and all(part.isidentifier() for part in name.split(".")) for name in listed
    )
    if not valid:
        raise InvalidSpecificationError(f"{path}: {names!r} is not accepted; accepted: a list of names of modules.")
    return tuple(listed)


@functools.lru_cache(maxsize=64)
def _search_path(users: Path, stamp: Stamp) -> tuple[tuple[Path, Path], ...]:
    """Find the trees that root configurations add, each with the file that says so."""
    del stamp  # only part of the key
    return tuple(
        (_searched(entry, path), path)
        for path in sorted(users.glob("*.yaml"))
        if path.stem != ALLOWED_MODULES
        for entry in _entries(path)
    )


def _entries(path: Path) -> list[Any]:
    """Read ``hydra.searchpath`` of one root configuration; what else is wrong there is said when it is composed."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError):
        return []
    hydra = content.get("hydra") if isinstance(content, dict) else None
    entries = hydra.get("searchpath") if isinstance(hydra, dict) else None
    if entries is None:
        return []
    try:
        resolved = OmegaConf.to_container(OmegaConf.create({"entries": entries}), resolve=True)
    except OmegaConfBaseException as error:
        raise InvalidSpecificationError(f"{path}: hydra.searchpath: {str(error).splitlines()[0]}") from error
    listed = resolved["entries"] if isinstance(resolved, dict) else None
    return listed if isinstance(listed, list) else [listed]


def _searched(entry: Any, path: Path) -> Path:
    scheme, _, place = str(entry).partition("://")
    directory: Path | None = None
    if scheme == "pkg" and place:
        directory = package_directory(place)
    elif scheme == "file" and place and Path(place).is_dir():
        directory = Path(place).resolve()
    if directory is None:
        raise InvalidSpecificationError(
            f"{path}: hydra.searchpath: {entry!r} is not accepted; accepted: 'pkg://my_package.conf' for a folder of "
            "an installed package, or 'file://' and a directory."
        )
    return directory


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidSpecificationError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
