"""Arguments of the commands in which agents play against each other to be judged."""

from __future__ import annotations

import argparse

__all__ = ["add_playing_arguments"]


def add_playing_arguments(
    parser: argparse.ArgumentParser, *, episodes: str, default: int | None, intervals: str
) -> None:
    """Describe how agents play, how sure the verdict is to be, and how it is printed.

    Args:
        parser: of the command.
        episodes: help of ``--episodes``.
        default: how many they are when left out.
        intervals: whose confidence is meant.
    """
    parser.add_argument("--episodes", type=int, default=default, help=episodes)
    parser.add_argument("--confidence", type=float, default=0.95, help=f"of {intervals} (default: 0.95)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, and nothing else")
    parser.add_argument(
        "--allow-code", action="store_true", help="let the agents name code outside of maze; trust it first"
    )
