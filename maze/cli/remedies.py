"""What a message of the library says to a programmer, said to somebody at the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["at_the_command_line"]

_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"RunContext\.load\(run_dir\) to use it", "maze-run evaluate RUN to use it"),
    (r"RunContext\.load\(run_dir\)\.train\(\)", "maze-run train --resume --run-dir RUN"),
    (r"\brc\.train\(\)", "maze-run train"),
    (r"allow_code=True \(maze-run: --allow-code\)", "--allow-code"),
    (r"\ballow_code=True", "--allow-code"),
    (r"\bresume=True", "--resume"),
    (r"\bmultirun=True", "--multirun"),
    (r"\bsilent=True", "--silent"),
    (r"\brecord_event_logs=True", "--events"),
    (r"\brun_dir=(?![\w'\"/.~])", "--run-dir "),
    (r"\brun_dir=\.(?!\w|/)", "--run-dir."),
    (r"; or pass the objects again, for example env=\.\.\.", ""),
    (r"\b(env|wrappers|algorithm|model|policy|critic|runner|launcher|experiment|configuration)='(\w+)'", r"\1=\2"),
    (r"\boverrides=\{'([\w.]+)': '([^'}]*)'\}", r"\1=\2"),
)
"""Patterns of Python, and what means the same at the command line, in the order in which they are looked for."""


_OPTIONS: tuple[tuple[str, str], ...] = (
    (r"^(?:rollout\.)?n_episodes: (?!no such)", "--episodes: "),
    (r"^(?:rollout\.)?max_episode_steps: (?!no such)", "--max-episode-steps: "),
    (r"^(seed|resume): ", r"--\1: "),
    (r"^(config|run)_(dir|name): ", r"--\1-\2: "),
)
"""Arguments at the beginning of a message, and the options that are meant unless they were written as keys."""

_KEY = re.compile(r"[+~]*(?:set\.)?([\w.]+)=")


def at_the_command_line(message: str, words: Sequence[str] = ()) -> str:
    """Return a message whose remedies can be typed after ``maze-run``.

    Args:
        message: of a :class:`maze.errors.MazeError`.
        words: what was typed after it; what stands there as ``key=value`` keeps its name.
    """
    for pattern, remedy in _REMEDIES:
        message = re.sub(pattern, remedy, message)
    typed = {match[1] for match in map(_KEY.match, words) if match is not None}
    if list(words[:1]) == ["exp"] or message.partition(":")[0] in typed:
        return message  # experiments have none of these options
    for pattern, remedy in _OPTIONS:
        message = re.sub(pattern, remedy, message)
    return message
