"""From words to the arguments of one command."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from maze.cli import (
    compare,
    completion,
    dataset,
    doctor,
    evaluate,
    exp,
    init,
    promote,
    replay,
    results,
    rollout,
    serve,
    tracking,
    train,
    tune,
    ui,
)
from maze.cli.listing import groups_for_help
from maze.errors import MazeError, suggest

__all__ = ["COMMANDS", "CommandLineError", "CommandParser", "build_parser", "parse"]

COMMANDS: dict[str, ModuleType] = {
    "train": train,
    "rollout": rollout,
    "evaluate": evaluate,
    "init": init,
    "exp": exp,
    "tune": tune,
    "dataset": dataset,
    "replay": replay,
    "results": results,
    "compare": compare,
    "promote": promote,
    "serve": serve,
    "ui": ui,
    "tracking": tracking,
    "doctor": doctor,
    "completion": completion,
}

_DESCRIPTION = "Train, roll out and evaluate reinforcement-learning agents, reproducibly."

_EPILOG = """examples:
  maze-run algorithm=a2c model=vector_obs critic=template_state   train; the same as maze-run train ...
  maze-run -cn conf_train env.name=CartPole-v0 algorithm=ppo      the same, with the root configuration named
  maze-run -cn conf_rollout runner.n_episodes=10                  play random actions, and record every step
  maze-run evaluate outputs/.../2026-01-01_12-00-00-000000        evaluate what was trained
  maze-run rollout outputs/.../... --episodes 10 --events         record episodes of what was trained
  maze-run exp algorithm=ppo algorithm.lr=3e-4                    an experiment of the pipeline here, through DVC
  maze-run tune algorithm.gamma=0.95,0.99 --trials 10             search for values that learn best
  maze-run ui                                                     look at all runs in MLflow

exit status: 0 it worked; 1 something ran and failed, or differs; 2 wrong input, nothing was run; 130 interrupted
"""


class CommandLineError(MazeError):
    """Words that are no command; the message is written for the command line."""


class CommandParser(argparse.ArgumentParser):
    """Says what is wrong in one line; how to use a command is what ``--help`` shows.

    Attributes:
        more_help: makes the end of the help, which is costly to make.
    """

    more_help: Callable[[], str] | None = None

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **settings})

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is none of the choices as everything else is refused here."""
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, f"{value!r} is not accepted; {suggest(value, action.choices)}")

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with status 2."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")

    def format_help(self) -> str:
        """Return the help with everything at its end."""
        text = super().format_help()
        return text if self.more_help is None else f"{text}\n{self.more_help()}\n"

    def unknown(self, words: Sequence[str]) -> NoReturn:
        """Print the words that are not understood, with the options that are nearest to them, and exit."""
        options = [option for action in self._actions for option in action.option_strings if option.startswith("--")]
        first = next((word for word in words if word.startswith("-")), words[0])
        self.error(f"unrecognized arguments: {shlex.join(words)}; {suggest(first, options)}")


def build_parser() -> CommandParser:
    """Return the parser of all sub-commands."""
    shape: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = CommandParser(prog="maze-run", description=_DESCRIPTION, **shape)
    parser.more_help = _more_help
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary, **shape)
        module.add_arguments(command)
        command.set_defaults(run=module.run, parser=command, root=parser)
        if module is train:
            command.more_help = groups_for_help
    return parser


def _more_help() -> str:
    return f"{groups_for_help()}\n\n{_EPILOG}".rstrip()


def parse(parser: CommandParser, words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; ``key=value`` may stand before, between and after options.

    Args:
        parser: as `build_parser` returns it.
        words: at least one; without the name of a command they train.

    Raises:
        CommandLineError: the first word is no command.
        SystemExit: for wrong options, and after ``--help``.
    """
    first = words[0]
    if first not in COMMANDS and first not in {"-h", "--help"}:
        if not first.startswith("-") and "=" not in first:
            raise CommandLineError(_no_command(first))
        words = ["train", *words]
    arguments, rest = parser.parse_known_args(words)
    takes_words = hasattr(arguments, "overrides")
    if rest and (not takes_words or any(word.startswith("-") for word in rest)):
        arguments.parser.unknown(rest)
    if rest:
        arguments.overrides.extend(rest)
    return arguments


def _no_command(word: str) -> str:
    if Path(word).exists():
        return f"{word!r} is no command; to use a run: maze-run evaluate {word}, or maze-run rollout {word}."
    from maze.config.directories import find_directories  # noqa: PLC0415

    options = find_directories().options(word)
    if options:
        return f"{word!r} is no command, and accepted is key=value otherwise: {word}={' or '.join(options)}."
    return f"{word!r} is no command, and accepted is key=value otherwise; {suggest(word, COMMANDS)}"
