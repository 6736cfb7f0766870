"""Evaluating agents anew, all at the same episodes, so that their numbers can be compared."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from maze import report
from maze.api.record.afterwards import unrecorded
from maze.errors import ArtifactError
from maze.seeding import derive_seed

if TYPE_CHECKING:
    from maze.rollout import Episodes

__all__ = ["evaluate_agent", "play_agent"]


def evaluate_agent(agent: report.MeasuredAgent, n_episodes: int, *, allow_code: bool) -> report.MeasuredAgent:
    """Return an agent with what fresh episodes gave, the same ones for every agent; nothing is recorded.

    Args:
        agent: one whose files are at hand.
        n_episodes: how many it plays.
        allow_code: it may name code outside of maze.

    Raises:
        ArtifactError: its files are not at hand.
    """
    if not agent.source:
        raise ArtifactError(
            f"{agent.name}: cannot be evaluated, its agent is not here: not in MLflow, or not in DVC's "
            "cache; run `dvc fetch --all-commits`, or compare without --episodes."
        )
    episodes = play_agent(agent.source, n_episodes, seed=derive_seed(0, "comparison"), allow_code=allow_code)
    return dataclasses.replace(
        agent,
        mean_return=episodes.mean_return,
        basis="evaluation",
        n_episodes=len(episodes.returns),
        returns=episodes.returns,
        lengths=episodes.lengths,
    )


def play_agent(source: str, n_episodes: int, *, seed: int, allow_code: bool) -> Episodes:
    """Play episodes with a saved agent, taking the likeliest actions, and return them; nothing is recorded.

    Args:
        source: what loads it.
        n_episodes: how many.
        seed: decides the episodes.
        allow_code: it may name code outside of maze.
    """
    from maze.api.run_context import RunContext  # noqa: PLC0415  (loads torch when it plays)

    with unrecorded(), RunContext.load(source, allow_code=allow_code, silent=True) as rc:
        return rc.evaluate(n_episodes=n_episodes, deterministic=True, seed=seed)
