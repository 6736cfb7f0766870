"""Play a rollout as a root configuration says: maze-run -cn conf_rollout policy=random_policy."""

from __future__ import annotations

import argparse
import inspect
from typing import TYPE_CHECKING

from maze.cli.printing import print_rollout
from maze.errors import InvalidSpecificationError

if TYPE_CHECKING:
    from maze.api.rollouts import RolloutRun

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Compose, play, and say where the episodes are."""
    from maze.cli.listing import print_info  # noqa: PLC0415

    if arguments.resume or arguments.multirun:
        option = "--resume" if arguments.resume else "--multirun"
        raise InvalidSpecificationError(
            f"{option} is for training; {arguments.config_name!r} plays a rollout. Leave {option} out."
        )
    rollout = _compose(arguments)
    if arguments.info:
        return print_info(rollout.config.to_mapping(), arguments.config_name, arguments.config_dir)
    if arguments.cfg:
        print(rollout.config.to_yaml(), end="")
        return 0
    result = rollout.play(silent=arguments.silent)
    if not arguments.silent:
        print_rollout(result)
        print(f"run directory: {rollout.run_dir}")
    return 0


def _compose(arguments: argparse.Namespace) -> RolloutRun:
    from maze.api.rollout_arguments import compose_arguments  # noqa: PLC0415
    from maze.api.rollouts import RolloutRun  # noqa: PLC0415
    from maze.cli.overrides import context_arguments  # noqa: PLC0415

    given = context_arguments(arguments.overrides, arguments.config_dir)
    accepted = inspect.signature(compose_arguments).parameters
    others = {group: given.pop(group) for group in list(given) if group not in accepted}
    return RolloutRun.compose(
        **given,
        groups=others,
        config_name=arguments.config_name,
        config_dir=arguments.config_dir,
        run_dir=arguments.run_dir,
        seed=arguments.seed,
        allow_code=arguments.allow_code,
    )
