"""How results are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maze.rollout import RolloutResult

__all__ = ["print_rollout"]


def print_rollout(result: RolloutResult) -> None:
    """Say how many episodes were played, how well, and where the files are."""
    numbers = result.statistics
    print(
        f"{len(result)} episodes, mean return {numbers['mean_return']:.1f} "
        f"(from {numbers['min_return']:.1f} to {numbers['max_return']:.1f}), mean length {numbers['mean_length']:.1f}"
    )
    for kind, path in result.files.items():
        print(f"{kind}: {path}")
