"""Run, or queue, an experiment of the pipeline: choices and values as key=value."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from maze.errors import InvalidSpecificationError

__all__ = ["add_arguments", "run"]

_EPILOG = """examples:
  maze-run exp algorithm=ppo                                 another algorithm; params.yaml keeps it
  maze-run exp experiment=cartpole_ppo algorithm.lr=3e-4     a preset with another learning rate
  maze-run exp seeds=0,1,2 --name three-seeds                several seeds
  maze-run exp algorithm=a2c,ppo algorithm.lr=1e-3,3e-4 --queue     a grid; then: dvc queue start -j 2
  maze-run exp algorithm=ppo --temp                          in a copy of the project; the working tree stays as it is
  maze-run exp algorithm=ppo --dry-run                       print the command of DVC

Everything is composed before DVC runs, so that a wrong value is one line and changes nothing. Exit status: that of DVC,
or 2 where something is wrong. Ctrl-C, SIGTERM (143) and SIGHUP (129) end DVC and its stage in good order.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="a choice (algorithm=a2c), a value (algorithm.lr=0.001), seeds=[0,1], tags.note=text",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--queue", action="store_true", help="only queue it, or all of several values: algorithm=a2c,ppo"
    )
    place.add_argument("--temp", action="store_true", help="run in a temporary copy of the project")
    parser.add_argument("-n", "--name", help="name of the experiment; DVC makes one up when left out")
    parser.add_argument("-m", "--message", help="message of the experiment's commit")
    parser.add_argument("-f", "--force", action="store_true", help="run all stages, changed or not")
    parser.add_argument("--pull", action="store_true", help="fetch what is missing from the remote cache")
    parser.add_argument("--dry-run", action="store_true", help="print the command of DVC, and run nothing")
    parser.epilog = _EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Check, then hand over to DVC."""
    from maze.api.doctor.identity import require_identity  # noqa: PLC0415
    from maze.cli.handing_over import run_in_good_order  # noqa: PLC0415

    command = _command(arguments)
    if arguments.dry_run:
        print(shlex.join(command))
        return 0
    require_identity(Path.cwd())
    print(f"running: {shlex.join(command)}", file=sys.stderr, flush=True)
    environment = {"DVC_NO_ANALYTICS": "1", **os.environ}
    status = run_in_good_order([sys.executable, "-m", *command], environment)
    if status == 0:
        print("next: dvc queue start -j 2" if arguments.queue else "next: dvc exp show --only-changed", file=sys.stderr)
    return status


def _command(arguments: argparse.Namespace) -> list[str]:
    """Return the words of DVC's command.

    Raises:
        InvalidSpecificationError: anything is wrong in any of the experiments.
    """
    from maze.api.experiments.settings import (  # noqa: PLC0415  (loads Hydra)
        check_name,
        check_project,
        check_settings,
        check_words,
        read_changes,
        read_params,
    )
    from maze.cli.overrides import context_arguments  # noqa: PLC0415

    project = Path.cwd()
    check_words(arguments.overrides)
    params = read_params(project)
    given: dict[str, Any] = context_arguments(arguments.overrides, _config_dir(arguments, params), multirun=True)
    changes = read_changes(given)
    try:
        n_experiments = check_settings(params, changes, project)
    except InvalidSpecificationError as error:
        raise InvalidSpecificationError(str(error).removeprefix("set.")) from error
    if n_experiments > 1 and not arguments.queue:
        raise InvalidSpecificationError(
            f"these words mean {n_experiments} experiments; add --queue, then run them: dvc queue start -j 2."
        )
    if arguments.queue or arguments.temp:
        check_project(project)
    name = None if arguments.name is None else check_name(arguments.name)
    named = {"--name": name, "--message": arguments.message}
    flags = {f"--{name}": getattr(arguments, name) for name in ("queue", "temp", "force", "pull")}
    return [
        *("dvc", "exp", "run"),
        *(option for option, is_set in flags.items() if is_set),
        *(word for option, value in named.items() if value is not None for word in (option, value)),
        *(word for change in changes for word in ("--set-param", change.word)),
    ]


def _config_dir(arguments: argparse.Namespace, params: dict[str, Any]) -> Path | None:
    """Return the configuration tree that the experiment will use, among whose groups words choose."""
    given = [word.partition("=")[2] for word in arguments.overrides if word.startswith("config_dir=")]
    place = given[-1] if given else params.get("config_dir")
    return Path(place) if isinstance(place, str) and Path(place).is_dir() else None
