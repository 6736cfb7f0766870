"""A comparison for people: tables for the terminal, Markdown for pull requests and files."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from maze.report.comparison import Comparison, ComparisonRow
from maze.report.intervals import Interval

__all__ = ["comparison_markdown", "comparison_tables"]

_UNKNOWN = "n/a"
_MOST_VALUES = 40
"""Rows of differing values that are shown; all of them are in the JSON."""


def comparison_tables(comparison: Comparison) -> list[Table]:
    """Return the tables for the terminal: results, then the values of the configuration that differ."""
    tables = [_table("Results", _header(comparison), _result_rows(comparison), n_left=1)]
    tables[0].caption, tables[0].caption_justify = _meaning(comparison), "left"
    if comparison.differing:
        names = ("value", *(row.name for row in comparison.rows))
        tables.append(_table("What differs", names, _value_rows(comparison), n_left=len(names)))
    return tables


def comparison_markdown(comparison: Comparison) -> str:
    """Return the same as Markdown, with the notes below, for pull requests and step summaries."""
    header = _header(comparison)
    lines = ["## Comparison", "", _line(header), "|---|" + "---:|" * (len(header) - 1)]
    lines += [_line(row) for row in _result_rows(comparison)]
    lines += ["", _meaning(comparison)] if _meaning(comparison) else []
    if comparison.differing:
        names = ("value", *(row.name for row in comparison.rows))
        lines += ["", "### What differs", "", _line(names), "|---|" + "---|" * (len(names) - 1)]
        lines += [_line(row) for row in _value_rows(comparison)]
    lines += ["", *(f"- {note}" for note in comparison.notes)] if comparison.notes else []
    return "\n".join(lines) + "\n"


def _header(comparison: Comparison) -> tuple[str, ...]:
    known = [row.interval for row in comparison.rows if row.interval is not None]
    confidence = f"{known[0].confidence:.0%} interval".replace("%", " %") if known else "interval"
    return (
        "",
        "seeds",
        "episodes",
        "basis",
        "mean",
        "IQM",
        confidence,
        *(["P(better)"] if len(comparison.rows) > 1 else []),
    )


def _meaning(comparison: Comparison) -> str:
    """Say what the probabilities are."""
    if all(row.improvement is None for row in comparison.rows):
        return ""
    first = comparison.rows[0].name
    return f"P(better): chance that one of the seeds (or episodes) is better than one of {first}, with its interval"


def _result_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    return [_result_row(row, with_chance=len(comparison.rows) > 1) for row in comparison.rows]


def _result_row(row: ComparisonRow, *, with_chance: bool) -> tuple[str, ...]:
    cells = (
        row.name,
        str(row.n_agents),
        str(row.n_episodes),
        row.basis,
        _number(row.mean),
        f"{_number(row.iqm)} ({row.scores})",
        _interval(row.interval, row.scores),
    )
    return (*cells, _chance(row)) if with_chance else cells


def _chance(row: ComparisonRow) -> str:
    if row.improvement is None:
        return ""
    return f"{row.improvement.probability:.2f}, {_interval(row.improvement.interval, row.improvement_scores)}"


def _value_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    items = list(comparison.differing.items())
    rows = [(key, *(_word(key, value) for value in values)) for key, values in items[:_MOST_VALUES]]
    hidden = len(items) - len(rows)
    return [*rows, (f"... and {hidden} more", *[""] * len(comparison.rows))] if hidden else rows


def _word(key: str, value: str | None) -> str:
    """Return a value as people read it: of a class its name, which tells it apart from others well enough."""
    if value is None:
        return "-"
    return value.rpartition(".")[2] if key.endswith("_target_") else value


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, n_left: int) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for index, name in enumerate(header):
        table.add_column(
            Text(name), justify="left" if index < n_left else "right", overflow="fold", no_wrap=index >= n_left
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: brackets in a name are no markup
    return table


def _number(value: float) -> str:
    return _UNKNOWN if math.isnan(value) else f"{value:.2f}"


def _interval(interval: Interval | None, scores: str | None) -> str:
    return _UNKNOWN if interval is None else f"{interval.low:.2f} to {interval.high:.2f} ({scores})"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
