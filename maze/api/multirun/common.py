"""What the jobs of a multi-run have in common: one configuration for all, in which what varies is shown as such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from maze.config import RunConfig
from maze.config.canonical import flat, to_yaml

__all__ = ["common_parameters", "common_yaml"]

_ABSENT = object()
_MOST_VALUES = 20


def common_yaml(configs: Sequence[RunConfig], run_dir: str) -> str:
    """Return the configuration of all jobs as YAML for people; what varies reads ``<varies: 0.001, 0.01>``.

    Args:
        configs: of the jobs, in order; at least one.
        run_dir: stands in the place of their own directories.
    """
    return to_yaml(_common([_with_directory(config, run_dir) for config in configs]))


def common_parameters(configs: Sequence[RunConfig], run_dir: str) -> dict[str, str]:
    """Return the values of all jobs by dotted key; where they vary, all of them, joined by commas.

    Args:
        configs: of the jobs, in order; at least one.
        run_dir: stands in the place of their own directories.
    """
    rows = [flat(_with_directory(config, run_dir)) for config in configs]
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: ", ".join(_words(row.get(key, _ABSENT) for row in rows)) for key in keys}


def _with_directory(config: RunConfig, run_dir: str) -> dict[str, Any]:
    return {**config.to_mapping(), "run_dir": run_dir}


def _common(values: Sequence[Any]) -> Any:
    """Return what values have in common: one value, or containers whose members are seen in the same way."""
    if len({repr(value) for value in values}) == 1:
        return values[0]
    if all(isinstance(value, Mapping) for value in values):
        keys = dict.fromkeys(key for value in values for key in value)
        return {key: _common([value.get(key, _ABSENT) for value in values]) for key in keys}
    if all(isinstance(value, list) for value in values) and len({len(value) for value in values}) == 1:
        return [_common(list(items)) for items in zip(*values, strict=True)]
    return f"<varies: {', '.join(_words(values))}>"


def _words(values: Sequence[Any] | Iterator[Any]) -> list[str]:
    """Return the different values in words, in order; a dash where a job has none."""
    words = dict.fromkeys("-" if value is _ABSENT else str(value) for value in values)
    return [*words] if len(words) <= _MOST_VALUES else [*list(words)[:_MOST_VALUES], "..."]
