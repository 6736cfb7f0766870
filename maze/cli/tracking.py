"""Look after the tracking store: send what could not be sent before, or make it again from git and DVC."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

__all__ = ["add_arguments", "run"]

_EPILOG = """flush    sends records that wait for the store
rebuild  puts every result of the pipeline that git and DVC hold into the store: of all branches and tags, of DVC's
         experiments and of the working tree. To begin anew, move .maze/mlflow.db and .maze/mlartifacts away first;
         what is complete in the store stays as it is. Versions and aliases that `maze-run promote` gave come from the
         files in promoted/. A result whose files DVC's cache has lost is put there as far as git holds it, and its runs
         say in the tag maze.missing what they lack: get the files (dvc fetch --all-commits; of an experiment:
         dvc exp pull origin NAME), rebuild again, and the same runs are completed.

exit status of rebuild, for CI:
  0  the youngest result is in the store with everything, and so are all aliases, whatever older ones lack
  1  the youngest result or an alias is not there, or lacks files; with --allow-missing, files alone are no failure
  2  this is no project, or the store cannot be used
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument("action", choices=["flush", "rebuild"], help="see below")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="rebuild: say for each result what is wrong with it, or missing"
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="rebuild: exit with 0 although files are missing in DVC's cache"
    )
    parser.epilog = _EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Do it; exit status 1 when something is still not in the store that should be, see the help."""
    if arguments.action == "rebuild":
        return _rebuild(verbose=arguments.verbose, allow_missing=arguments.allow_missing)
    return _flush()


def _flush() -> int:
    from maze.tracking import flush_spool, project_store  # noqa: PLC0415

    sent, problems = flush_spool(project_store())
    print(f"{sent} runs sent")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _rebuild(*, verbose: bool, allow_missing: bool) -> int:
    from maze.api.promoted import restore_promotions  # noqa: PLC0415
    from maze.api.rebuild import rebuild_tracking  # noqa: PLC0415
    from maze.cli.rebuilding import RebuildProgress, exit_status, tell_models, tell_summary  # noqa: PLC0415

    with RebuildProgress(verbose=verbose) as progress:
        outcomes = rebuild_tracking(Path.cwd(), progress.tell, expect=progress.expect)
    tell_summary(outcomes, verbose=verbose)
    models = restore_promotions(Path.cwd()) if any(not outcome.problem for outcome in outcomes) else []
    tell_models(models)
    return exit_status(outcomes, models, allow_missing=allow_missing)
