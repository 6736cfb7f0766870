"""From the arguments of ``maze-run train`` to a RunContext."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from maze.errors import InvalidSpecificationError

if TYPE_CHECKING:
    from maze.api.run_context import RunContext
    from maze.api.single_run import SingleRun

__all__ = ["check_arguments", "make_context", "plays_rollout"]

_DEFAULT_ROOT = "conf_train"


def check_arguments(arguments: argparse.Namespace) -> None:
    """Refuse what can be known to be wrong before anything is composed.

    Raises:
        InvalidSpecificationError: a word means something else, or two options exclude each other.
    """
    from maze.cli.words import check_words  # noqa: PLC0415

    if (
        arguments.resume
        and arguments.run_dir is None
        and not any(w.startswith("run_dir=") for w in arguments.overrides)
    ):
        raise InvalidSpecificationError("--resume: goes on from an earlier run; say which one: --run-dir RUN")
    check_words(
        [word for word in arguments.overrides if not (arguments.multirun and word.startswith("seed="))],
        config_name=arguments.config_name,
        config_dir=arguments.config_dir,
        run_dir=arguments.run_dir,
    )


def plays_rollout(arguments: argparse.Namespace) -> bool:
    """Say whether the root configuration describes a rollout.

    Raises:
        InvalidSpecificationError: there is no such root.
    """
    if arguments.config_name == _DEFAULT_ROOT:
        return False
    from maze.config.rollout_run import plays  # noqa: PLC0415  (loads Hydra)

    return plays(arguments.config_name, arguments.config_dir)


def make_context(arguments: argparse.Namespace, given: Mapping[str, Any]) -> RunContext | SingleRun:
    """Return the run that the arguments describe; a RunContext has no arguments for roots and groups of one's own.

    Args:
        arguments: of the command.
        given: choices by group, and ``overrides``.

    Raises:
        InvalidSpecificationError: anything is wrong.
    """
    from maze.api.run_context import RunContext  # noqa: PLC0415
    from maze.api.specs import COMPONENTS  # noqa: PLC0415

    common: dict[str, Any] = {"run_dir": arguments.run_dir, "seed": arguments.seed, "silent": arguments.silent}
    usual = {*COMPONENTS, "experiment", "configuration", "overrides"}
    if arguments.config_name == _DEFAULT_ROOT and usual.issuperset(given):
        return RunContext(**given, **common, config_dir=arguments.config_dir, resume=arguments.resume)
    from maze.api.single_run import SingleRun  # noqa: PLC0415
    from maze.config.compose import compose  # noqa: PLC0415

    choices = {group: option for group, option in given.items() if group != "overrides"}
    config = compose(choices, given["overrides"], config_name=arguments.config_name, config_dir=arguments.config_dir)
    common["run_dir"] = arguments.run_dir if arguments.run_dir is not None else config.run_dir
    return SingleRun(config, {}, **common, resume=arguments.resume)
