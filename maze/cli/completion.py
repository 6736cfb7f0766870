"""Print a script that completes commands, options and GROUP=OPTION in a shell."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]

_EPILOG = """to use it from the next shell on:
  bash  maze-run completion bash > ~/.local/share/bash-completion/completions/maze-run
  zsh   maze-run completion zsh > ~/.zfunc/_maze-run    (with fpath+=~/.zfunc before compinit in ~/.zshrc)
  fish  maze-run completion fish > ~/.config/fish/completions/maze-run.fish
The options are those of this moment; print the script again when there are others.
"""

_WITH_CHOICES = ("train", "exp", "tune")
"""Commands after which GROUP=OPTION may stand."""

_WORDS = {
    "bash": """_maze_run_words() {{ compgen -W "{words}" -- "$1"; }}
_maze_run_roots() {{ compgen -W "{roots}" -- "$1"; }}""",
    "zsh": """_maze_run_words() {{ local -a words; words=({words}); compadd -- $words }}
_maze_run_roots() {{ local -a roots; roots=({roots}); compadd -- $roots }}""",
    "fish": "",
}

# bash takes the equals sign for the end of a word: what stands before it must not be given again. Without a command,
# words mean those of train.
_BASH_ENTRY = """
_maze_run_complete() {{
  local line="${{COMP_LINE:0:COMP_POINT}}" word
  local current="${{line##*[[:space:]]}}"
  COMPREPLY=()
  if [[ "$current" == [A-Za-z]*=* ]]; then
    while IFS= read -r word; do
      [[ "$COMP_WORDBREAKS" == *=* ]] && word="${{word#*=}}"
      COMPREPLY+=("$word")
    done < <(_maze_run_words "$current")
    return 0
  fi
  if (( COMP_CWORD > 1 )) && [[ " {commands} " != *" ${{COMP_WORDS[1]}} "* ]]; then
    COMP_WORDS=("${{COMP_WORDS[0]}}" train "${{COMP_WORDS[@]:1}}")
    (( COMP_CWORD += 1 ))
  fi
  _shtab_maze_run "$@"
  if (( COMP_CWORD == 1 )) && [[ "$current" != -* ]]; then
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(_maze_run_words "$current")
  fi
  return 0
}}
complete -o bashdefault -F _maze_run_complete maze-run"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("shell", choices=sorted(_WORDS), help="which shell the script is for")
    parser.epilog = _EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab  # noqa: PLC0415

    from maze.config.directories import find_directories  # noqa: PLC0415

    directories = find_directories()
    groups = [group for group in directories.groups() if not group.endswith("_configuration")]
    words = " ".join(f"{group}={option}" for group in groups for option in directories.options(group))
    roots = " ".join(sorted(directories.roots()))
    parser: argparse.ArgumentParser = arguments.root
    commands = _commands(parser)
    for name, command in commands.items():
        for action in command._actions:
            _say_what_completes(action, words if name in _WITH_CHOICES else "", roots)
    script = shtab.complete(parser, arguments.shell, preamble=_WORDS[arguments.shell].format(words=words, roots=roots))
    print(script)
    if arguments.shell == "bash":
        print(_BASH_ENTRY.format(commands=" ".join(commands)))
    return 0


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of all commands by name."""
    choices = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: command for choice in choices for name, command in choice.items()}


def _say_what_completes(action: argparse.Action, words: str, roots: str) -> None:
    """Tell shtab what an argument may be: a directory, a root configuration, or GROUP=OPTION where there are words."""
    import shtab  # noqa: PLC0415

    if action.type is Path or action.dest == "source":
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif action.dest == "config_name":
        action.complete = {"bash": "_maze_run_roots", "zsh": "_maze_run_roots", "fish": roots}  # type: ignore[attr-defined]
    elif action.dest == "overrides" and words:
        action.complete = {"bash": "_maze_run_words", "zsh": "_maze_run_words", "fish": words}  # type: ignore[attr-defined]
