"""Make an agent the champion of its task in MLflow, if it is better than the present one."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from maze.cli.playing_arguments import add_playing_arguments

if TYPE_CHECKING:
    from maze.api.promotion import Promotion

__all__ = ["add_arguments", "run"]

_EPILOG = """Both agents play the same episodes, which neither has seen. The new one is better if the interval of the
mean difference lies above zero. The policy is registered and serves from then on:
  mlflow models serve --model-uri models:/NAME@champion --env-manager local --port 5001
exit status: 0 it is the champion; 1 it is not better, and nothing was changed; 2 wrong input
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("source", metavar="RUN", help="run in MLflow (id or name), or directory of a tracked run")
    parser.add_argument("--name", help="of the policy (default: what the run says, or its environment)")
    parser.add_argument("--alias", default="champion", help="which to give (default: champion)")
    parser.add_argument("--force", action="store_true", help="promote it even if it is not better")
    each = "how many each of them plays (default: 100)"
    add_playing_arguments(parser, episodes=each, default=100, intervals="the interval")
    parser.epilog = _EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Print the verdict; exit status 1 where the agent was not promoted."""
    from maze.api.promotion import promote  # noqa: PLC0415

    found = promote(
        arguments.source,
        name=arguments.name,
        alias=arguments.alias,
        n_episodes=arguments.episodes,
        confidence=arguments.confidence,
        force=arguments.force,
        allow_code=arguments.allow_code,
    )
    print(json.dumps(found.as_mapping(), indent=2) if arguments.json else _told(found))
    return 0 if found.promoted else 1


def _told(found: Promotion) -> str:
    lines = []
    if found.mean_return is not None:
        lines.append(f"run {found.run_id}: mean return {found.mean_return:.2f} over {found.n_episodes} episodes")
    if found.predecessor_return is not None:
        lines.append(f"{found.alias}, version {found.predecessor}: mean return {found.predecessor_return:.2f}")
    if not found.promoted:
        return "\n".join([*lines, f"not promoted: {found.reason}", "--force promotes it all the same"])
    how = "forced, although " if found.forced else ""
    lines.append(f"models:/{found.model}@{found.alias} is version {found.version}: {how}{found.reason}")
    if found.kept_in is not None:
        lines.append(f"commit {found.kept_in}, from which maze-run tracking rebuild gives it back")
    return "\n".join([*lines, *([found.note] if found.note else [])])
