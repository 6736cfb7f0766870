"""Train an agent: choices and values as key=value."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from maze.cli import configured_rollout

__all__ = ["add_arguments", "run"]


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
    parser.add_argument(
        "--multirun", "-m", action="store_true", help="a job for every combination: algorithm=a2c,ppo seed=range(0,3)"
    )
    parser.add_argument("--silent", action="store_true", help="print nothing")
    parser.add_argument(
        "--allow-code", action="store_true", help="in a rollout: let the agent of input_dir name code outside of maze"
    )
    parser.add_argument("--info", action="store_true", help="list groups, options and values, and train nothing")
    parser.add_argument("--cfg", action="store_true", help="print the resolved configuration, and train nothing")


def run(arguments: argparse.Namespace) -> int:
    """Compose, train, and say how it went; a root configuration without an algorithm plays a rollout instead."""
    from maze.cli.context import check_arguments, make_context, plays_rollout  # noqa: PLC0415
    from maze.cli.listing import print_info  # noqa: PLC0415
    from maze.cli.overrides import context_arguments  # noqa: PLC0415

    check_arguments(arguments)
    if plays_rollout(arguments):
        return configured_rollout.run(arguments)
    given: dict[str, Any] = context_arguments(arguments.overrides, arguments.config_dir, multirun=arguments.multirun)
    if arguments.multirun:
        from maze.cli.multirun import run_jobs  # noqa: PLC0415

        return run_jobs(arguments, given)
    rc = make_context(arguments, given)
    if arguments.info:
        return print_info(rc.config.to_mapping(), arguments.config_name, arguments.config_dir)
    if arguments.cfg:
        print(rc.config.to_yaml(), end="")
        return 0
    summary = rc.train()
    if not arguments.silent:
        consent = " --allow-code" if rc.config.allowed_modules else ""
        print(
            f"trained {summary.n_epochs} epochs, {summary.n_steps:,} steps ({summary.reason}); "
            f"best return {summary.best_return:.1f} in epoch {summary.best_epoch}\n"
            f"run directory: {rc.run_dir}\n"
            f"next: maze-run evaluate {shlex.quote(str(rc.run_dir))}{consent}"
        )
    return 0
