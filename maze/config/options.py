"""What the files of the configuration trees say about themselves: the options of every group, and what values mean.

Every file begins with a sentence about the option, and a comment stands above the values that need one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from maze.config.directories import ConfigDirectories, find_directories

__all__ = ["describe_options", "describe_values"]

_SPECIALISATION = "_configuration"
_PACKAGE = re.compile(r"#\s*@package\s+(\S+)")
_KEY = re.compile(r"(?P<indent>\s*)(?P<item>- )?(?P<key>[A-Za-z0-9_.]+):(?:\s|$)")


def describe_options(config_dir: str | Path | None = None) -> dict[str, dict[str, str]]:
    """Return the options of every group that a user chooses from, each with the sentence that its file begins with.

    Args:
        config_dir: a user's own configuration tree.

    Raises:
        InvalidSpecificationError: there is no such directory.
    """
    directories = find_directories(config_dir)
    groups = [group for group in directories.groups() if not group.endswith(_SPECIALISATION)]
    return {
        group: {option: _summary(directories, group, option) for option in directories.options(group)}
        for group in groups
    }


def describe_values(
    config_name: str, choices: Mapping[str, str | None], config_dir: str | Path | None = None
) -> dict[str, str]:
    """Return the comments that stand above values, by dotted path.

    Args:
        config_name: the root configuration.
        choices: option by group; comments of options that were not chosen are not looked at.
        config_dir: a user's own configuration tree.

    Raises:
        InvalidSpecificationError: there is no such directory.
    """
    directories = find_directories(config_dir)
    files = [("", f"{config_name}.yaml")]
    files += [(group, f"{group}/{option}.yaml") for group, option in choices.items() if option is not None]
    comments: dict[str, str] = {}
    for group, name in files:
        for path in (directory / name for directory in directories.paths):
            if path.is_file():
                comments |= dict(_comments(path.read_text(encoding="utf-8"), group.replace("/", ".")))
    return comments


def _summary(directories: ConfigDirectories, group: str, option: str) -> str:
    """Return the first sentence of an option's file; "" where it has none."""
    path = next(found for base in directories.paths if (found := base / group / f"{option}.yaml").is_file())
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not _PACKAGE.match(line):
            lines.append(line.lstrip("# ").rstrip())
    return re.split(r"(?<=[.;])\s", " ".join(lines), maxsplit=1)[0].rstrip(".;")


def _comments(text: str, package: str) -> Iterator[tuple[str, str]]:
    """Yield every value of a file that has a comment above it: its dotted path and the comment."""
    found = _PACKAGE.search(text)
    if found is not None:
        package = "" if found.group(1) == "_global_" else found.group(1)
    stack: list[tuple[int, str]] = []  # indentation and path of the mappings that are open
    comment: list[str] = []
    counters: dict[str, int] = {}
    seen = False
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.strip().lstrip("# "))
            continue
        match = _KEY.match(line)
        if match is not None:
            indent = len(match["indent"])
            while stack and stack[-1][0] >= indent:
                stack.pop()
            parent = stack[-1][1] if stack else package
            if match["item"]:  # the first key of an entry of a list
                index = counters[parent] = counters.get(parent, -1) + 1
                parent = f"{parent}.{index}"
                stack.append((indent, parent))
                indent += 2
            path = f"{parent}.{match['key']}" if parent else match["key"]
            stack.append((indent, path))
            if comment := _own(comment, first=not seen):
                yield path, " ".join(comment)
            seen = True
        comment = []


def _own(comment: list[str], *, first: bool) -> list[str]:
    """Return a comment without the sentences with which a file begins; what belongs to a value has no full stop."""
    if not first:
        return comment
    last = max((index for index, line in enumerate(comment) if line.endswith(".")), default=-1)
    return comment[last + 1 :]
