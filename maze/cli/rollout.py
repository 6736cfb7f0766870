"""Roll out a trained agent: play episodes and record every step."""

from __future__ import annotations

import argparse
from pathlib import Path

from maze.cli.printing import print_rollout
from maze.errors import InvalidSpecificationError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("source", metavar="RUN", help="directory of a run, MLflow run id, or models:/name/version")
    parser.add_argument("--episodes", type=int, help="how many, exactly (default: what the run says, or 50)")
    parser.add_argument("--deterministic", action="store_true", help="take the likeliest action instead of sampling")
    parser.add_argument("--max-episode-steps", type=int, help="cut episodes off after as many steps")
    parser.add_argument("--events", action="store_true", help="write a table for each kind of event (event_logs/*.tsv)")
    parser.add_argument("--render", action="store_true", help="show the environment while it is played")
    parser.add_argument("--output-dir", type=Path, help="where the files go (default: RUN/rollout)")
    parser.add_argument("--silent", action="store_true", help="print nothing")
    parser.add_argument(
        "--allow-code", action="store_true", help="let the agent name code outside of maze; trust it first"
    )
    parser.epilog = "A policy that nobody trained, or another environment: maze-run -cn conf_rollout --info"


def run(arguments: argparse.Namespace) -> int:
    """Play, and say where the episodes are."""
    from maze.api.run_context import RunContext  # noqa: PLC0415

    if "=" in arguments.source and not Path(arguments.source).exists():
        raise InvalidSpecificationError(
            f"{arguments.source!r} is no run; to play as a configuration says: maze-run -cn conf_rollout "
            f"{arguments.source}"
        )
    rc = RunContext.load(arguments.source, allow_code=arguments.allow_code, silent=arguments.silent)
    result = rc.rollout(
        n_episodes=arguments.episodes,
        max_episode_steps=arguments.max_episode_steps,
        record_event_logs=arguments.events or None,
        deterministic=arguments.deterministic or None,
        render=arguments.render or None,
        output_dir=arguments.output_dir,
    )
    if not arguments.silent:
        print_rollout(result)
    return 0
