"""Sending what earlier runs could not: their journals wait in the spool until somebody does."""

from __future__ import annotations

from maze.tracking.journal import JournalReader, pending_journals, read_state
from maze.tracking.sender import last_words, run_module
from maze.tracking.store import StoreLocation

__all__ = ["flush_spool"]


def flush_spool(store: StoreLocation) -> tuple[int, list[str]]:
    """Send what earlier runs could not.

    Returns:
        The number of journals that are now in the store, and one line for each that is not.
    """
    sent, problems = 0, []
    for directory in pending_journals(store.spool):
        if not JournalReader(directory).is_abandoned():
            continue
        run_module("maze.tracking.mlflow_worker", [str(directory), store.uri, "0"], store)
        if directory.exists():
            problems.append(f"{directory}: {read_state(directory).error or last_words(store) or 'in use'}")
        else:
            sent += 1
    return sent, problems
