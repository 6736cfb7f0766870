"""Words of the command line, ``key=value`` in Hydra's grammar, as arguments of a RunContext."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import HydraException

from maze.cli.sweeps import axis_values
from maze.config import groups
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["context_arguments"]

_UNKNOWN = re.compile(r"Unknown function '(\w+)'")
_FUNCTIONS = create_functions().functions
"""What Hydra's grammar can call."""


def context_arguments(
    words: Sequence[str], config_dir: Path | None = None, *, multirun: bool = False
) -> dict[str, Any]:
    """Return keyword arguments for ``RunContext`` that mean the same as the words.

    A word that names a group (``algorithm=a2c``, ``+experiment=cartpole``) is a choice; every other one sets a value.

    Args:
        words: for example ``["algorithm=a2c", "env.name=CartPole-v0"]``.
        config_dir: a configuration tree of one's own.
        multirun: a word with several values (``algorithm=a2c,ppo``) spans an axis; ``seed=0,1`` does so for the seed.

    Raises:
        InvalidSpecificationError: a word is no ``key=value``, says again what another one does, or asks for what only
            ``--multirun`` could do.
    """
    parser = OverridesParser.create()
    known_groups = set(groups(config_dir))
    choices: dict[str, Any] = {}
    values: dict[str, Any] = {}
    written: dict[str, str] = {}
    for word in words:
        override = _parse(parser, word)
        key = override.key_or_group
        if key in written:
            raise InvalidSpecificationError(f"{written[key]!r} and {word!r} choose the same; give one.")
        written[key] = word
        sweeps = override.is_sweep_override()
        if sweeps and not multirun:
            raise InvalidSpecificationError(
                f"{word!r} means several jobs; accepted is one value (quote a text that holds a comma). To run them "
                "all, add --multirun; to queue them as experiments: dvc exp run --queue -S ..."
            )
        given = axis_values(override, word, config_dir) if sweeps else [override.value()]
        plain = [_plain(item) for item in given]
        if multirun and key == "seed":
            choices[key] = plain if sweeps else plain[0]
        elif key in known_groups and all(item is None or isinstance(item, str) for item in plain):
            names = ["null" if item is None else item for item in plain]
            choices[key] = names if sweeps else names[0]
        else:  # in a multi-run, a list that is one value is a list inside a list
            is_axis = sweeps or (multirun and isinstance(plain[0], list))
            values[f"++{key}" if override.is_force_add() else key] = plain if is_axis else plain[0]
    return {**choices, "overrides": values}


def _parse(parser: OverridesParser, word: str) -> Override:
    try:
        override = parser.parse_override(word)
    except HydraException as error:  # also of its listeners, which raise the base class
        unknown = _UNKNOWN.search(str(error))
        if unknown is not None:
            raise InvalidSpecificationError(
                f"{word!r}: there is no function {unknown[1]!r}; {suggest(unknown[1], _FUNCTIONS)} "
                "Quote a text that holds brackets."
            ) from None
        raise InvalidSpecificationError(
            f"{word!r} is not understood; accepted is key=value, for example algorithm=a2c or algorithm.lr=0.001 "
            f"(see maze-run --help): {str(error).splitlines()[0]}"
        ) from None
    if not override.key_or_group:
        raise InvalidSpecificationError(f"{word!r}: there is no key before '='; accepted is key=value.")
    if override.is_delete():
        raise InvalidSpecificationError(f"{word!r}: deleting is not accepted; set the value, for example to null.")
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
