"""Where the pipeline's files are, and how its stages are called."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from maze import InvalidSpecificationError, MazeError, RunConfig
from maze.api.leaving import STAGE_VARIABLE, leave_with_dvc
from maze.api.slices import SliceTakenError, alone_on

PARAMS = Path("params.yaml")
CONFIG = Path("build/config.yaml")
OUT = Path("out")
RECORDS = OUT / "record"
FILES = OUT / "files"
LOCKS = Path(".maze/locks")

_DOING = {"train": "training", "rollout": "rolling out", "evaluate": "evaluating", "compose": "composing"}
_TAKEN_STATUS = 75  # EX_TEMPFAIL of sysexits.h: nothing is wrong, later it will work


def read_params() -> dict[str, object]:
    """Return the content of params.yaml, in the dialect that DVC reads and writes: YAML 1.2.

    There ``1e-3`` is a number and ``off`` a word; in YAML 1.1, which PyYAML reads, they are a word and a truth value.

    Raises:
        InvalidSpecificationError: it is missing, or is no YAML, or holds no mapping.
    """
    try:
        params = YAML(typ="safe", pure=True).load(PARAMS.read_text(encoding="utf-8"))
    except (OSError, ValueError, YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InvalidSpecificationError(
            f"{PARAMS}: cannot be read ({reason}); restore it, or run from the project."
        ) from error
    if not isinstance(params, dict):
        raise InvalidSpecificationError(f"{PARAMS}: holds no mapping of choices; restore it from git.")
    return params


def read_config() -> RunConfig:
    """Return the composed configuration, with the tags of params.yaml, which change no result."""
    return RunConfig.from_yaml(CONFIG).replace({"tags": read_params().get("tags") or {}})


def record_path(stage: str, seed: int) -> Path:
    """Return where a stage's record for one seed goes."""
    return RECORDS / stage / f"{seed}.json"


def files_path(stage: str, seed: int) -> Path:
    """Return where wrappers of a stage write files such as pictures: beside what DVC keeps, whose hashes they spare."""
    return FILES / stage / str(seed)


def shown_path(stage: str, seed: int) -> Path:
    """Return where a stage that is tracked keeps what no table holds: drawings, figures of events, videos."""
    return OUT / "copies" / stage / str(seed) / "shown"


def keep_copies(stage: str, seed: int, *names: str) -> None:
    """Copy files that DVC does not cache to where it does, so that a run cache in a remote is whole.

    Args:
        stage: which made them.
        seed: of the agent.
        names: of files in ``out/<stage>/<seed>``.
    """
    directory = OUT / "copies" / stage / str(seed)
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(OUT / stage / str(seed) / name, directory / name)


def read_seed() -> int:
    """Return the seed from the command line."""
    parser = argparse.ArgumentParser(description="A stage of the pipeline for one seed.")
    parser.add_argument("--seed", type=int, required=True, help="base of all randomness, a whole number >= 0")
    return int(parser.parse_args().seed)


def run_stage(stage: Callable[[], None]) -> None:
    """Run a stage, alone on its slice, and only for as long as the DVC that has started it, if any, is there.

    What the user did wrong is one line on standard error and exit status 2, not a traceback. Where another process
    works on the slice, nothing is touched and the exit status is 75.

    Args:
        stage: does it; its name is that of the stage.
    """
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--seed", type=int)
    seed = parser.parse_known_args()[0].seed  # what is missing or wrong, the stage itself says
    name = stage.__name__ if seed is None else f"{stage.__name__}-{seed}"
    doing = _DOING.get(stage.__name__, f"running {stage.__name__}")
    try:
        leave_with_dvc()
        with alone_on(LOCKS / name, doing if seed is None else f"{doing} seed {seed}", _say):
            if STAGE_VARIABLE in os.environ:
                _clear(stage.__name__, seed)
            stage()
    except SliceTakenError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(_TAKEN_STATUS)
    except MazeError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; the best state until then is kept in the stage's outputs", file=sys.stderr)
        sys.exit(130)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _clear(stage: str, seed: int | None) -> None:
    """Remove what a process wrote that was still leaving after DVC had removed the outputs of the stage.

    What ``compose`` writes stays until it is replaced, and so do the lists of what git is to ignore.
    """
    slice_name = stage if seed is None else f"{stage}/{seed}"
    for directory in (OUT / slice_name, OUT / "copies" / slice_name):
        for path in directory.iterdir() if directory.is_dir() else ():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != ".gitignore":
                path.unlink()
    if seed is not None:
        record_path(stage, seed).unlink(missing_ok=True)
