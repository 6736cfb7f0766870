"""Words of the command line, ``key=value`` in Hydra's grammar, as arguments of a RunContext."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import HydraException

from maze.config import groups
from maze.errors import InvalidSpecificationError

__all__ = ["context_arguments"]


def context_arguments(words: Sequence[str], config_dir: Path | None = None) -> dict[str, Any]:
    """Return keyword arguments for ``RunContext`` that mean the same as the words.

    A word that names a group (``algorithm=a2c``, ``+experiment=cartpole``) is a choice; every other one sets a value.

    Args:
        words: for example ``["algorithm=a2c", "env.name=CartPole-v0"]``.
        config_dir: a configuration tree of one's own.

    Raises:
        InvalidSpecificationError: a word is no ``key=value``, or asks for what only ``--multirun`` could do.
    """
    parser = OverridesParser.create()
    known_groups = set(groups(config_dir))
    choices: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for word in words:
        override = _parse(parser, word)
        value = _plain(override.value())
        key = override.key_or_group
        if key in known_groups and (value is None or isinstance(value, str)):
            choices[key] = value if value is not None else "null"
        else:
            values[f"++{key}" if override.is_force_add() else key] = value
    return {**choices, "overrides": values}


def _parse(parser: OverridesParser, word: str) -> Override:
    try:
        override = parser.parse_override(word)
    except HydraException as error:  # also of its listeners, which raise the base class
        raise InvalidSpecificationError(
            f"{word!r} is not understood; accepted is key=value, for example algorithm=a2c or algorithm.lr=0.001 "
            f"(see maze-run --help): {str(error).splitlines()[0]}"
        ) from None
    if not override.key_or_group:
        raise InvalidSpecificationError(f"{word!r}: there is no key before '='; accepted is key=value.")
    if override.is_delete():
        raise InvalidSpecificationError(f"{word!r}: deleting is not accepted; set the value, for example to null.")
    if override.is_sweep_override():
        raise InvalidSpecificationError(
            f"{word!r} means several jobs, which --multirun will run in a later version; accepted is one value "
            "(quote a text that holds a comma), or a queue: dvc exp run --queue -S ..."
        )
    return override


def _plain(value: Any) -> Any:
    """Return a parsed value as plain Python."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
