"""The command ``maze-run``: one file for each sub-command; anything else is the original's form of training.

maze-run -cn conf_train env.name=CartPole-v0 algorithm=a2c model=vector_obs critic=template_state
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from maze.cli import evaluate, results, rollout, tracking, train, ui
from maze.errors import MazeError

__all__ = ["main"]

COMMANDS: dict[str, ModuleType] = {
    "train": train,
    "rollout": rollout,
    "evaluate": evaluate,
    "results": results,
    "tracking": tracking,
    "ui": ui,
}

EXAMPLES = """examples:
  maze-run algorithm=a2c model=vector_obs critic=template_state   train; the same as maze-run train ...
  maze-run -cn conf_train env.name=CartPole-v0 algorithm=ppo      the same, with the root configuration named
  maze-run evaluate outputs/.../2026-01-01_12-00-00-000000        evaluate what was trained
  maze-run rollout outputs/.../... --episodes 10                  record episodes
  maze-run ui                                                     look at all runs in MLflow
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; how to use a command is what ``--help`` shows."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with status 2."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all sub-commands."""
    parser = _Parser(
        prog="maze-run",
        description="Train, roll out and evaluate reinforcement-learning agents, reproducibly.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(
            name, help=summary, description=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _parse(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; ``key=value`` may stand before, between and after options."""
    arguments, rest = parser.parse_known_args(words)
    if rest and (arguments.command != "train" or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.overrides.extend(rest)
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after ``maze-run``; those of this process when None.

    Returns:
        Exit status: 0 when it worked, 2 for wrong input, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if argv is None else argv)  # noqa: TID251  (the one place that reads the command line)
    parser = build_parser()
    if not words:
        parser.print_help()
        return 0
    if words[0] not in COMMANDS and words[0] not in {"-h", "--help"}:
        words.insert(0, "train")
    arguments = _parse(parser, words)
    try:
        status: int = arguments.run(arguments)
    except MazeError as error:
        print(f"maze-run: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("maze-run: stopped; what was learned until then is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status
