"""Hydra's words for several values, as the axes of a multi-run: ``a,b``, ``choice()``, ``range()``, ``glob()``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, RangeSweep

from maze.config import group_options, groups
from maze.errors import InvalidSpecificationError

__all__ = ["axis_values"]

_LONGEST_AXIS = 10_000


def axis_values(override: Override, word: str, config_dir: Path | None = None) -> list[Any]:
    """Return the values that a word spans, as Hydra's parser gives them.

    Args:
        override: the parsed word, which is a sweep.
        word: as it was written, for messages.
        config_dir: a configuration tree of one's own, among whose options ``glob()`` chooses.

    Raises:
        InvalidSpecificationError: the word has no fixed list of values, or an empty one.
    """
    sweep: Any = override.value()
    if getattr(sweep, "shuffle", False):
        raise InvalidSpecificationError(
            f"{word!r}: shuffle() would give the jobs another order each time; write the values in the order that you "
            "want, or sort()."
        )
    if isinstance(sweep, ChoiceSweep):
        values = list(sweep.list)
    elif isinstance(sweep, RangeSweep):
        values = _range_values(sweep, word)
    elif isinstance(sweep, Glob):
        values = _matching_options(sweep, override.key_or_group, word, config_dir)
    else:
        raise InvalidSpecificationError(
            f"{word!r}: interval() is for a search, which decides itself on the next value; a multi-run needs a list: "
            "a,b,c, choice(a,b,c), range(start,stop,step) or glob(pattern)."
        )
    if not values:
        raise InvalidSpecificationError(f"{word!r} spans no values; a multi-run needs at least one.")
    return values


def _range_values(sweep: RangeSweep, word: str) -> list[Any]:
    start, stop, step = sweep.start or 0, sweep.stop or 0, sweep.step
    if not step or (stop - start) / step > _LONGEST_AXIS:
        raise InvalidSpecificationError(
            f"{word!r} spans too many values; accepted: a step other than 0, and {_LONGEST_AXIS} values at most."
        )
    return list(sweep.range())


def _matching_options(sweep: Glob, group: str, word: str, config_dir: Path | None) -> list[Any]:
    if group not in groups(config_dir):
        raise InvalidSpecificationError(
            f"{word!r}: glob() chooses among the options of a group, and {group!r} is none; write the values: a,b,c."
        )
    options = group_options(group, config_dir)
    found: list[Any] = sweep.filter(options)
    if not found:
        raise InvalidSpecificationError(f"{word!r} matches no option; {group} has {', '.join(options)}.")
    return found
