"""What a store has of results already, so that nothing is told to it in vain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from maze.tracking.asking import asking
from maze.tracking.store import StoreLocation

__all__ = ["StoreContents", "StoredRun"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """What a store has of a run.

    Attributes:
        complete: stages that have told everything that they left.
        whole: it is closed, and neither it nor one of its agents lacks anything.
        missing: what its tag says that is missing.
    """

    complete: Collection[str] = ()
    whole: bool = False
    missing: str = ""


@dataclass(frozen=True, slots=True)
class StoreContents:
    """The runs of a store.

    Attributes:
        runs: by the id that they had first.
    """

    runs: Mapping[str, StoredRun]

    @classmethod
    def of(cls, store: StoreLocation, stages: Iterable[str]) -> StoreContents:
        """Ask a store; one whose database does not exist yet has nothing.

        Args:
            store: where the runs are.
            stages: those that work on an agent; a run without one of them is not whole.

        Raises:
            TrackingError: the store cannot be used.
        """
        if store.database is not None and not store.database.is_file():
            return cls({})
        with asking("maze.tracking.mlflow_contents", {"stages": list(stages)}, store) as (told, _):
            return cls({identity: StoredRun(**run) for identity, run in told["runs"].items()})

    def run(self, identity: str | None) -> StoredRun:
        """Return what the store has of a run; nothing where it does not know it."""
        return self.runs.get(identity or "", StoredRun())

    def says(self, identity: str | None, missing: str) -> bool:
        """Return whether a run says what would be said of it now: that it lacks this, or nothing and is whole."""
        run = self.run(identity)
        return run.missing == missing if missing else run.whole
