"""Evaluate a trained agent: play whole episodes and report their returns."""

from __future__ import annotations

import argparse
import json

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("source", metavar="RUN", help="directory of a run, MLflow run id, or models:/name/version")
    parser.add_argument("--episodes", type=int, default=100, help="how many, exactly (default: 100)")
    parser.add_argument("--stochastic", action="store_true", help="sample actions instead of taking the likeliest")
    parser.add_argument("--max-episode-steps", type=int, help="cut episodes off after as many steps")
    parser.add_argument(
        "--allow-code", action="store_true", help="let the agent name code outside of maze; trust it first"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the statistics as JSON."""
    from maze.api.run_context import RunContext  # noqa: PLC0415

    rc = RunContext.load(arguments.source, allow_code=arguments.allow_code)
    episodes = rc.evaluate(
        n_episodes=arguments.episodes,
        deterministic=not arguments.stochastic,
        max_episode_steps=arguments.max_episode_steps,
    )
    print(json.dumps(episodes.statistics, indent=2))
    return 0
