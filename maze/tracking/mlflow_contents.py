"""The process that says what a store has of results: ``python -m maze.tracking.mlflow_contents FOLDER URI``.

Asked with ``stages``, those that work on an agent, it answers ``runs``: by the id that a run had first the ``complete``
stages, whether it is ``whole``, with its agents if it has any, and what its tag says that is ``missing``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlflow.entities import Run

from maze.errors import TrackingError
from maze.tracking.asking import Request, answer_request
from maze.tracking.missing import MISSING, is_complete
from maze.tracking.mlflow_database import STORE_ERRORS, open_client
from maze.tracking.mlflow_lookup import REBUILT_FROM, all_runs

__all__ = ["describe_contents"]


def describe_contents(request: Request) -> dict[str, Any]:
    """Return what a store has of results, see the module.

    Raises:
        TrackingError: the database is unusable.
        mlflow.exceptions.MlflowException: the store is away.
    """
    known: dict[str, dict[str, Any]] = {}
    for run in all_runs(open_client(request.store)):
        identity = run.data.tags.get(REBUILT_FROM, run.info.run_id)
        if not known.get(identity, {}).get("whole"):
            known[identity] = _describe(run, request.values["stages"])
    return {"runs": known}


def _describe(run: Run, stages: Iterable[str]) -> dict[str, Any]:
    """Return what is known of one run."""
    tags = run.data.tags
    complete = [stage for stage in (*stages, "report") if is_complete(tags.get(f"stage.{stage}", ""))]
    expected = {"report"} if tags.get("maze.kind") == "pipeline" else {*stages}
    whole = expected <= {*complete} and run.info.status == "FINISHED" and MISSING not in tags
    return {"complete": complete, "whole": whole, "missing": tags.get(MISSING, "")}


if __name__ == "__main__":
    answer_request(describe_contents, (TrackingError, *STORE_ERRORS))
