"""Look after the tracking store: send what could not be sent before, or make it again from git and DVC."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maze.api.promoted import RestoredModel
    from maze.api.rebuild import Rebuilt

__all__ = ["add_arguments", "run"]

_EPILOG = """flush    sends records that wait for the store
rebuild  puts every result of the pipeline that git and DVC hold into the store: of all branches and tags, of DVC's
         experiments and of the working tree. To begin anew, move .maze/mlflow.db and .maze/mlartifacts away first;
         what is complete in the store stays as it is. Versions and aliases that `maze-run promote` gave come from the
         files in promoted/. Exit status 1 when the youngest result, or one of those, is not in the store.
"""

_FETCH = (
    "dvc fetch --all-commits gets their files, if somebody has pushed them with dvc push --all-commits; what no remote "
    "holds can only be trained again: git checkout the commit, then dvc repro."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("action", choices=["flush", "rebuild"], help="see below")
    parser.epilog = _EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Do it; exit status 1 when something is still not in the store."""
    return _rebuild() if arguments.action == "rebuild" else _flush()


def _flush() -> int:
    from maze.tracking import flush_spool, project_store  # noqa: PLC0415

    sent, problems = flush_spool(project_store())
    print(f"{sent} runs sent")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _rebuild() -> int:
    from maze.api.promoted import restore_promotions  # noqa: PLC0415
    from maze.api.rebuild import rebuild_tracking  # noqa: PLC0415

    outcomes = rebuild_tracking(Path.cwd(), _tell)
    done = [outcome for outcome in outcomes if not outcome.problem]
    print(f"{len(done)} results with {sum(outcome.n_agents for outcome in done)} agents are in the store")
    if len(done) < len(outcomes):
        print(f"{len(outcomes) - len(done)} are not; {_FETCH}", file=sys.stderr)
    models = restore_promotions(Path.cwd()) if done else []
    for model in models:
        _tell_model(model)
    is_whole = not outcomes or not outcomes[-1].problem
    return 0 if is_whole and not any(model.missing for model in models) else 1


def _tell_model(model: RestoredModel) -> None:
    for alias, version in model.aliases.items():
        print(f"models:/{model.name}@{alias} is version {version}")
    for alias, run_id in model.missing.items():
        print(
            f"models:/{model.name}@{alias}: not given back, its run {run_id} is not in the store: it is no result that "
            "git and DVC hold here; promote another one, or take the run from whoever has it.",
            file=sys.stderr,
        )


def _tell(outcome: Rebuilt) -> None:
    if outcome.problem:
        print(f"{outcome.name}: not rebuilt: {outcome.problem}", file=sys.stderr)
    else:
        print(f"{outcome.name}: {outcome.n_agents} agents", flush=True)
