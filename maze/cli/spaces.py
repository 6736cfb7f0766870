"""Hydra's words for what a search varies: ``interval()``, ``tag(log, ...)``, ``range()``, ``choice()`` and commas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, RangeSweep
from hydra.errors import HydraException

from maze.cli.overrides import context_arguments
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["search_words"]

_TAGS = ("log",)


def search_words(words: Sequence[str], config_dir: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return ``space``, ``choices`` and ``values`` of a search.

    Args:
        words: for example ``["algorithm=ppo", "algorithm.lr=tag(log,interval(1e-4,1e-2))"]``.
        config_dir: a configuration tree of one's own.

    Raises:
        InvalidSpecificationError: a word is not understood, or says again what another one does.
    """
    intervals = {word: sweep for word in words if (sweep := _number_sweep(word)) is not None}
    given = context_arguments([word for word in words if word not in intervals], config_dir, multirun=True)
    values: dict[str, Any] = given.pop("overrides")
    space: dict[str, Any] = {}
    fixed: dict[str, dict[str, Any]] = {"choices": {}, "values": {}}
    for kind, entries in (("choices", given), ("values", values)):
        for path, value in entries.items():
            if isinstance(value, list) and len(value) > 1:
                space[path] = {"choices": value}
            else:
                fixed[kind][path] = value[0] if isinstance(value, list) else value
    for word, sweep in intervals.items():
        path = word.partition("=")[0]
        if path in space or path in values or path in given:
            raise InvalidSpecificationError(f"{path}: is said twice; give one.")
        space[path] = _axis(word, sweep)
    return {"space": space, **fixed}


def _number_sweep(word: str) -> IntervalSweep | RangeSweep | None:
    """Return what a word spans where that is numbers; everything else is left to the grammar of a multi-run."""
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException:
        return None
    value = override.value() if override.is_sweep_override() else None
    if isinstance(value, RangeSweep):
        return value if isinstance(value.start, int) and isinstance(value.step, int) and value.step > 0 else None
    return value if isinstance(value, IntervalSweep) else None


def _axis(word: str, sweep: IntervalSweep | RangeSweep) -> dict[str, Any]:
    for tag in sweep.tags:
        if tag not in _TAGS:
            raise InvalidSpecificationError(f"{word!r}: no such tag of a search; {suggest(tag, _TAGS)}")
    log = {"log": True} if "log" in sweep.tags else {}
    if isinstance(sweep, IntervalSweep):
        return {"low": sweep.start, "high": sweep.end, **log}
    numbers = list(sweep.range())
    if len(numbers) < 2:
        raise InvalidSpecificationError(f"{word!r} spans {len(numbers)} values; a search needs at least two.")
    step = {} if log or sweep.step == 1 else {"step": int(sweep.step)}
    return {"low": int(numbers[0]), "high": int(numbers[-1]), **step, **log}
