"""Configuration trees of installed packages, which announce them with an entry point of the group ``maze.conf``.

[project.entry-points."maze.conf"]
warehouse = "warehouse.conf"
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import os
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from maze.errors import InvalidSpecificationError

__all__ = ["ENTRY_POINTS", "InstalledTree", "installed_modules", "installed_trees", "package_directory"]

ENTRY_POINTS = "maze.conf"
"""The group of entry points in which packages announce their trees."""

_Place = tuple[int, int, int] | None


@dataclasses.dataclass(frozen=True)
class InstalledTree:
    """The configuration tree of an installed package.

    Attributes:
        name: the name of its entry point.
        distribution: the package, as it is installed and uninstalled.
        package: dotted name of the folder that holds the tree.
        directory: where that is.
    """

    name: str
    distribution: str
    package: str
    directory: Path

    @property
    def module(self) -> str:
        """The package's top-level module, which its configurations may name: who installed the package trusts it."""
        return self.package.partition(".")[0]


def installed_trees() -> tuple[InstalledTree, ...]:
    """Find the trees of all installed packages, importing none of them.

    Returns:
        The trees, sorted by name. A package that is installed or removed meanwhile is seen at once.

    Raises:
        InvalidSpecificationError: a package announces a tree that is not there.
    """
    places = tuple(sys.path)
    return _find(places, tuple(_place(place) for place in places))


def installed_modules() -> tuple[str, ...]:
    """Return the top-level modules of all installed packages that announce a tree."""
    return tuple(dict.fromkeys(tree.module for tree in installed_trees()))


def package_directory(package: str) -> Path | None:
    """Find the folder of a package without importing it.

    Args:
        package: dotted name; parts below the first may be plain folders.

    Returns:
        The folder, or None where there is none.
    """
    top, *rest = package.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a loaded module may have no specification
        return None
    locations = (spec.submodule_search_locations if spec is not None else None) or ()
    folders = (Path(location, *rest) for location in locations)
    return next((folder.resolve() for folder in folders if folder.is_dir()), None)


def _place(place: str) -> _Place:
    """Identify a folder of the module search path and its list of files, which installing a package changes."""
    try:
        status = os.stat(place or os.curdir)  # noqa: PTH116 - an empty entry means the working directory
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


@functools.lru_cache(maxsize=16)
def _find(places: tuple[str, ...], stamp: tuple[_Place, ...]) -> tuple[InstalledTree, ...]:
    del places, stamp  # only parts of the key: reading all packages takes milliseconds
    trees = [_tree(entry) for entry in entry_points(group=ENTRY_POINTS)]
    return tuple(sorted(trees, key=lambda tree: (tree.name, tree.distribution)))


def _tree(entry: EntryPoint) -> InstalledTree:
    distribution = entry.dist.name if entry.dist is not None else entry.name
    announced = f"the installed package {distribution!r} announces the configuration tree {entry.value!r}"
    remedy = f"Install it again (its YAML files are package data), or remove it: pip uninstall {distribution}."
    if not all(part.isidentifier() for part in entry.value.split(".")):
        raise InvalidSpecificationError(
            f"{announced}; accepted is the dotted name of the folder with its YAML files, such as 'my_package.conf'. "
            f"{remedy}"
        )
    directory = package_directory(entry.value)
    if directory is None:
        raise InvalidSpecificationError(f"{announced}, but there is no such folder. {remedy}")
    if next(directory.rglob("*.yaml"), None) is None:
        raise InvalidSpecificationError(f"{announced}, but {directory} holds no YAML file. {remedy}")
    return InstalledTree(entry.name, distribution, entry.value, directory)
