"""Roll out a trained agent: play episodes and record every step."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("source", metavar="RUN", help="directory of a run, MLflow run id, or models:/name/version")
    parser.add_argument("--episodes", type=int, help="how many, exactly (default: what the run says, or 50)")
    parser.add_argument("--deterministic", action="store_true", help="take the likeliest action instead of sampling")
    parser.add_argument("--max-episode-steps", type=int, help="cut episodes off after as many steps")
    parser.add_argument("--render", action="store_true", help="show the environment while it is played")
    parser.add_argument("--output-dir", type=Path, help="where the files go (default: RUN/rollout)")
    parser.add_argument(
        "--allow-code", action="store_true", help="let the agent name code outside of maze; trust it first"
    )


def run(arguments: argparse.Namespace) -> int:
    """Play, and say where the episodes are."""
    from maze.api.run_context import RunContext  # noqa: PLC0415

    rc = RunContext.load(arguments.source, allow_code=arguments.allow_code)
    result = rc.rollout(
        n_episodes=arguments.episodes,
        max_episode_steps=arguments.max_episode_steps,
        deterministic=arguments.deterministic or None,
        render=arguments.render or None,
        output_dir=arguments.output_dir,
    )
    print(f"{len(result)} episodes, mean return {result.statistics['mean_return']:.1f}")
    for kind, path in result.files.items():
        print(f"{kind}: {path}")
    return 0
