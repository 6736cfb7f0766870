"""Evaluate a trained agent: play whole episodes and report their returns."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from maze.errors import InvalidSpecificationError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("source", metavar="RUN", help="directory of a run, MLflow run id, or models:/name/version")
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="further settings of the evaluator, for example n_envs=4"
    )
    parser.add_argument("--episodes", type=int, default=100, help="how many, exactly (default: 100)")
    parser.add_argument("--stochastic", action="store_true", help="sample actions instead of taking the likeliest")
    parser.add_argument("--max-episode-steps", type=int, help="cut episodes off after as many steps")
    parser.add_argument("--output-dir", type=Path, help="write episodes.parquet and metrics.json there")
    parser.add_argument("--silent", action="store_true", help="print nothing")
    parser.add_argument(
        "--allow-code", action="store_true", help="let the agent name code outside of maze; trust it first"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the statistics as JSON."""
    from maze.api.run_context import RunContext  # noqa: PLC0415

    settings = {
        "n_episodes": arguments.episodes,
        "deterministic": not arguments.stochastic,
        "max_episode_steps": arguments.max_episode_steps,
        **_settings(arguments.overrides),
    }
    rc = RunContext.load(arguments.source, allow_code=arguments.allow_code, silent=arguments.silent)
    episodes = rc.evaluate(**settings)
    if arguments.output_dir is not None:
        _write(arguments.output_dir, episodes)
    if not arguments.silent:
        print(json.dumps(episodes.statistics, indent=2))
    return 0


def _settings(words: list[str]) -> dict[str, Any]:
    """Return arguments of ``evaluate()``."""
    from maze.cli.overrides import context_arguments  # noqa: PLC0415

    given = context_arguments(words)
    values: dict[str, Any] = given.pop("overrides")
    for word in (*given, *(path for path in values if not path.isidentifier())):
        raise InvalidSpecificationError(
            f"{word}: no setting of the evaluator; accepted are n_episodes, deterministic, max_episode_steps, n_envs "
            "and seed, or _target_ with its arguments. What the agent was trained with cannot be changed afterwards."
        )
    return values


def _write(directory: Path, episodes: Any) -> None:
    from maze.artifacts import write_json  # noqa: PLC0415
    from maze.rollout import write_episodes  # noqa: PLC0415

    write_episodes(directory / "episodes.parquet", episodes)
    write_json(directory / "metrics.json", episodes.statistics)
