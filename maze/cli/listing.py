"""What can be chosen and set: groups with their options, and every value with its meaning."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["groups_for_help", "print_info"]


def groups_for_help() -> str:
    """Return one line for each group of the package's own tree with its options, for ``--help``."""
    from maze.config.directories import find_directories  # noqa: PLC0415

    directories = find_directories()
    names = [group for group in directories.groups() if not group.endswith("_configuration")]
    width = max(map(len, names))
    lines = [
        textwrap.fill(
            ", ".join(directories.options(group)),
            width=100,
            initial_indent=f"  {group:<{width}}  ",
            subsequent_indent=" " * (width + 4),
        )
        for group in names
    ]
    return "\n".join(["groups and their options, for GROUP=OPTION (more with --info):", *lines])


def print_info(config: Mapping[str, Any], config_name: str, config_dir: Path | None) -> int:
    """Print all groups with their options, then every value of a configuration with what is said about it.

    Args:
        config: a resolved configuration in plain containers, with its ``choices``.
        config_name: the root configuration that it comes from.
        config_dir: a configuration tree of the user's own.

    Returns:
        Exit status.
    """
    from maze.config.options import describe_options, describe_values  # noqa: PLC0415

    choices = config["choices"]
    print("# choices: GROUP=OPTION (chosen now: *)")
    for group, options in describe_options(config_dir).items():
        if group not in choices:  # of another kind of root
            continue
        print(f"{group}:")
        for option, sentence in options.items():
            print(f"  {'*' if choices.get(group) == option else ' '} {option:<22} {sentence}".rstrip())
    print(f"\n# values: KEY=VALUE, as {config_name} has them now")
    comments = describe_values(config_name, choices, config_dir)
    targets = {f"wrappers.{i}.": f"wrappers.{item.get('_target_')}." for i, item in enumerate(config["wrappers"])}
    for path, value in _values(config):
        place = next(
            (long + path.removeprefix(short) for short, long in targets.items() if path.startswith(short)), path
        )
        line = f"{path}={value}"
        print(f"{line:<48}  # {comments[place]}" if place in comments else line)
    return 0


def _values(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every value by dotted path, as it would be written on the command line."""
    from maze.config import canonical  # noqa: PLC0415

    plain = {name: section for name, section in config.items() if name != "choices"}
    words = {None: "null", True: "true", False: "false"}
    return [
        (path, words[value] if value is None or isinstance(value, bool) else str(value))
        for path, value in canonical.flat(plain).items()
    ]
