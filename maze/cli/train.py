"""Train an agent: choices and values as key=value."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from maze.errors import InvalidSpecificationError, suggest

__all__ = ["add_arguments", "run"]

ROOT_CONFIGURATIONS = ("conf_train",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="a choice (algorithm=a2c) or a value (algorithm.lr=0.001)"
    )
    parser.add_argument("-cn", "--config-name", default="conf_train", help="root configuration (default: conf_train)")
    parser.add_argument("-cd", "--config-dir", type=Path, help="a configuration tree of your own")
    parser.add_argument("--seed", type=int, help="base of all randomness; drawn and recorded when left out")
    parser.add_argument("--run-dir", type=Path, help="directory of the run; a fresh one below outputs/ when left out")
    parser.add_argument("--resume", action="store_true", help="go on from the agent in --run-dir")
    parser.add_argument("--multirun", "-m", action="store_true", help="not available yet; see dvc exp run --queue")
    parser.add_argument("--silent", action="store_true", help="print nothing")
    parser.add_argument("--info", action="store_true", help="list groups and their options, and train nothing")
    parser.add_argument("--cfg", action="store_true", help="print the resolved configuration, and train nothing")


def run(arguments: argparse.Namespace) -> int:
    """Compose, train, and say how it went."""
    if arguments.config_name not in ROOT_CONFIGURATIONS:
        accepted = suggest(arguments.config_name, ROOT_CONFIGURATIONS)
        raise InvalidSpecificationError(
            f"--config-name: {arguments.config_name!r} is not a root configuration; {accepted} "
            "To play or to measure what was trained: maze-run rollout RUN, maze-run evaluate RUN."
        )
    if arguments.info:
        return _print_groups(arguments.config_dir)
    from maze.api.run_context import RunContext  # noqa: PLC0415
    from maze.cli.overrides import context_arguments  # noqa: PLC0415

    given: dict[str, Any] = context_arguments(arguments.overrides, arguments.config_dir)
    rc = RunContext(
        **given,
        run_dir=arguments.run_dir,
        seed=arguments.seed,
        config_dir=arguments.config_dir,
        resume=arguments.resume,
        multirun=arguments.multirun,
        silent=arguments.silent,
    )
    if arguments.cfg:
        print(rc.config.to_yaml(), end="")
        return 0
    summary = rc.train()
    if not arguments.silent:
        print(
            f"trained {summary.n_epochs} epochs, {summary.n_steps:,} steps ({summary.reason}); "
            f"best return {summary.best_return:.1f} in epoch {summary.best_epoch}\n"
            f"run directory: {rc.run_dir}\n"
            f"next: maze-run evaluate {rc.run_dir}"
        )
    return 0


def _print_groups(config_dir: Path | None) -> int:
    from maze.config import group_options, groups  # noqa: PLC0415

    for group in groups(config_dir):
        print(f"{group}: {', '.join(group_options(group, config_dir))}")
    return 0
