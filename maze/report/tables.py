"""Results over seeds for people: tables for the terminal, Markdown for pull requests and files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["location_table", "result_markdown", "result_table"]

_COLUMNS = {
    "mean return": "mean_return",
    "std": "std_return",
    "mean length": "mean_length",
    "episodes": "n_episodes",
}
_UNKNOWN = "n/a"


def result_table(
    per_seed: Mapping[int, Mapping[str, Any]], summary: Mapping[str, float | None], *, title: str = "Results"
) -> Table:
    """Return a table for the terminal: one row a seed, then all seeds together and the interquartile mean.

    Args:
        per_seed: evaluation metrics by seed.
        summary: what ``summarise`` made of them.
        title: printed above.
    """
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  (Markdown does without)
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for name in ("seed", *_COLUMNS):
        table.add_column(name, justify="left" if name == "seed" else "right")
    for seed in sorted(per_seed):
        table.add_row(str(seed), *_cells(per_seed[seed]))
    table.add_section()
    table.add_row("all", *_cells(summary), style="bold")
    table.caption = _interval_line(summary)
    table.caption_justify = "left"
    return table


def location_table(locations: Mapping[str, str], *, title: str = "Where to look") -> Table:
    """Return a table for the terminal that says where to find what, for example ``{"policy": "out/train/0/agent"}``."""
    from rich.box import SIMPLE  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title=title, box=SIMPLE, show_header=False, title_justify="left", title_style="bold")
    table.add_column("what", style="bold", no_wrap=True)
    table.add_column("where", overflow="fold")
    for what, where in locations.items():
        table.add_row(Text(what), Text(where))  # Text: brackets in a path are no markup
    return table


def result_markdown(
    per_seed: Mapping[int, Mapping[str, Any]],
    summary: Mapping[str, float | None],
    *,
    locations: Mapping[str, str] | None = None,
    title: str = "Results",
) -> str:
    """Return the same as Markdown that also reads well as plain text, for pull requests and step summaries."""
    rows = [(str(seed), *_cells(per_seed[seed])) for seed in sorted(per_seed)]
    rows.append(("**all**", *_cells(summary)))
    lines = [f"## {title}", "", _markdown_row(("seed", *_COLUMNS)), "|---|" + "---:|" * len(_COLUMNS)]
    lines += [_markdown_row(row) for row in rows]
    lines += ["", _interval_line(summary)]
    if locations:
        lines += ["", "Where to look:", "", *(f"- {what}: `{where}`" for what, where in locations.items())]
    return "\n".join(lines) + "\n"


def _cells(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(_number(metrics.get(name), digits=0 if name == "n_episodes" else 2) for name in _COLUMNS.values())


def _number(value: float | None, *, digits: int = 2) -> str:
    return _UNKNOWN if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _interval_line(summary: Mapping[str, float | None]) -> str:
    n_seeds = int(summary["n_seeds"] or 0)
    line = f"IQM {_number(summary['iqm_return'])} ({n_seeds} seed{'' if n_seeds == 1 else 's'})"
    if summary["iqm_low"] is None or summary["iqm_high"] is None:
        line += f", interval {_UNKNOWN} (it takes two or more)"
    else:
        line += f", 95 % interval {_number(summary['iqm_low'])} to {_number(summary['iqm_high'])}"
    empty = int(summary["n_seeds_empty"] or 0)
    return f"{line}; {empty} without a finished episode" if empty else line


def _markdown_row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
