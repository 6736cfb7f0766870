"""The command ``maze-run``: one file for each sub-command; anything else is the original's form of training.

maze-run -cn conf_train env.name=CartPole-v0 algorithm=a2c model=vector_obs critic=template_state
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from maze.cli.parsing import COMMANDS, CommandLineError, build_parser, parse
from maze.cli.remedies import at_the_command_line
from maze.errors import MazeError

__all__ = ["main"]

START = """maze-run trains, plays and evaluates reinforcement-learning agents, reproducibly. To begin:
  maze-run train                       train on CartPole-v1 with PPO; says where the run is and what comes next
  maze-run train --info                what can be chosen and set: groups, options, values
  maze-run doctor                      whether everything here is as it should be
  maze-run --help                      all commands
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after ``maze-run``; those of this process when None.

    Returns:
        Exit status: 0 when it worked, 1 when something ran and failed or differs, 2 for wrong input, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if argv is None else argv)  # noqa: TID251  (the one place that reads the command line)
    if argv is None:
        sys.path.append(str(Path.cwd()))  # as python -m finds code where the user is, but behind all that is installed
    if not words:
        print(START + _last_run(), end="")
        return 0
    try:
        arguments = parse(build_parser(), words)
        status: int = arguments.run(arguments)
    except CommandLineError as error:
        print(f"maze-run: error: {error}", file=sys.stderr)
        return 2
    except MazeError as error:
        print(f"maze-run: error: {at_the_command_line(str(error), words)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interruption:
        told = at_the_command_line(str(interruption)) or "stopped; what was learned until then is kept"
        print(f"maze-run: {told}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _last_run() -> str:
    """Return what can be done with the run that was trained last below ``outputs``; "" where there is none."""
    agents = Path("outputs").glob("*/*/agent/config.yaml")
    last = max(agents, key=lambda path: path.stat().st_mtime, default=None)
    return "" if last is None else f"Your last run:\n  maze-run evaluate {last.parent.parent}\n"
