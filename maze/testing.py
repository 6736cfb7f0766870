"""For people who test their own configurations: one small job, run as ``maze-run`` runs it, in this process.

from maze.testing import run_maze_job

run_dir = run_maze_job({"algorithm": "ppo", "configuration": "test"})
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maze.cli.parsing import build_parser, parse
from maze.config import package_directory
from maze.errors import InvalidSpecificationError, MazeError

__all__ = ["run_maze_job"]

_QUIET = {"tracking.mode": "off"}


def run_maze_job(
    hydra_overrides: Mapping[str, Any],
    config_module: str = "maze.conf",
    config_name: str = "conf_train",
    *,
    config_dir: str | Path | None = None,
    run_dir: str | Path | None = None,
    seed: int | None = None,
) -> Path:
    """Run one job with the words of a command line, and raise what the command would print.

    Nothing is tracked and nothing is printed, unless the overrides say so. Choose ``configuration: test`` for a job of
    seconds. ``RunContext.load(run_dir)`` gives the agent, ``metrics.json`` and ``curve.csv`` the numbers.

    Args:
        hydra_overrides: choices and values by key, as ``maze-run`` takes them: ``{"algorithm": "ppo",
            "algorithm.lr": 0.001, "+experiment": "cartpole"}``. Texts are written as they are, so that ``"1"`` is a
            number, as on the command line.
        config_module: dotted name of the folder that holds one's own configuration tree.
        config_name: the root configuration.
        config_dir: the tree by its path, instead of ``config_module``.
        run_dir: directory of the run; a new temporary one when None.
        seed: base of all randomness; drawn when None.

    Returns:
        The directory of the run.

    Raises:
        MazeError: whatever is wrong with the job.
    """
    directory = Path(run_dir) if run_dir is not None else Path(tempfile.mkdtemp(prefix="maze-job-")) / "run"
    tree = config_dir if config_dir is not None else _tree(config_module)
    given = {str(key).lstrip("+"): key for key in hydra_overrides}
    overrides = {**{key: value for key, value in _QUIET.items() if key not in given}, **hydra_overrides}
    words = [f"{key}={_word(value)}" for key, value in overrides.items()]
    options = ["--config-name", config_name, "--config-dir", str(tree), "--run-dir", str(directory), "--silent"]
    seeds = [] if seed is None else ["--seed", str(seed)]
    arguments = parse(build_parser(), ["train", *words, *options, *seeds])
    status: int = arguments.run(arguments)
    if status != 0:
        raise MazeError(f"maze-run {' '.join(words)} ended with exit status {status}.")
    return directory


def _tree(module: str) -> Path:
    directory = package_directory(module)
    if directory is None:
        raise InvalidSpecificationError(
            f"config_module: {module!r} was not found; accepted: the dotted name of a folder with YAML files, such as "
            "'my_package.conf', on the module search path; or pass config_dir=."
        )
    return directory


def _word(value: Any) -> str:
    """Write a value in the grammar of Hydra's overrides."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_inner(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_inner(item) for item in value) + "]"
    return str(value)


def _inner(value: Any) -> str:
    """Write a value within a list or mapping, where texts need quotes."""
    if not isinstance(value, str):
        return _word(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
