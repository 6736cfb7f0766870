"""Tables say n/a where a number is unknown, and show paths as they are."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.table import Table

from maze.report import location_table, result_markdown, result_table, summarise


def metrics(mean: float | None, std: float | None = 0.0, length: float | None = 10.0, n: int = 100) -> dict[str, Any]:
    """Return the evaluation metrics of a seed."""
    return {"mean_return": mean, "std_return": std, "mean_length": length, "n_episodes": n}


def printed(table: Table) -> str:
    """Return what a terminal would show."""
    console = Console(file=io.StringIO(), width=100)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_markdown_by_hand() -> None:
    per_seed = {0: metrics(480.0, 2.0, 480.0), 1: metrics(480.0, 2.0, 480.0)}
    text = result_markdown(
        per_seed, summarise(per_seed), locations={"policy": "out/train/0/agent"}, title="CartPole-v1"
    )
    assert text == (
        "## CartPole-v1\n\n"
        "| seed | mean return | std | mean length | episodes |\n"
        "|---|---:|---:|---:|---:|\n"
        "| 0 | 480.00 | 2.00 | 480.00 | 100 |\n"
        "| 1 | 480.00 | 2.00 | 480.00 | 100 |\n"
        "| **all** | 480.00 | 2.00 | 480.00 | 200 |\n\n"
        "IQM 480.00 (2 seeds), 95 % interval 480.00 to 480.00\n\n"
        "Where to look:\n\n"
        "- policy: `out/train/0/agent`\n"
    )


def test_terminal_tables_show_results_and_places() -> None:
    per_seed = {0: metrics(480.0), 1: metrics(500.0)}
    text = printed(result_table(per_seed, summarise(per_seed), title="CartPole-v1"))
    assert "CartPole-v1" in text
    assert "490.00" in text
    assert "IQM 490.00 (2 seeds), 95 % interval 480.00 to 500.00" in text
    assert "runs/[draft]/agent" in printed(location_table({"policy": "runs/[draft]/agent"}))


def test_what_is_unknown_is_not_zero() -> None:
    one = {0: metrics(487.5, 12.0)}
    assert "IQM 487.50 (1 seed), interval n/a (it takes two or more)" in result_markdown(one, summarise(one))
    one_empty = {0: metrics(None, None, None, 0), 1: metrics(10.0)}
    text = result_markdown(one_empty, summarise(one_empty))
    assert "| 0 | n/a | n/a | n/a | 0 |" in text
    assert "1 without a finished episode" in text
    assert "| **all** | n/a | n/a | n/a | 0 |" in result_markdown({}, summarise({}))
