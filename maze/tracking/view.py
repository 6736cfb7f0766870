"""The view of an experiment that MLflow's interface opens: which columns its table of runs shows.

MLflow keeps the columns that somebody has chosen in that person's browser, but a view that is shared is a tag of the
experiment, which an address names. So every experiment gets one, under the same name.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

__all__ = ["VIEW_KEY", "VIEW_TAG", "shared_view", "view_addresses"]

VIEW_KEY = "maze"
"""Name of the view in addresses."""
VIEW_TAG = f"mlflow.sharedViewState.{VIEW_KEY}"
"""Tag of an experiment that holds the view."""

_COLUMNS = (
    ("metrics", "mean_return"),
    ("metrics", "iqm_return"),
    ("metrics", "evaluate/mean_return"),
    ("metrics", "best/return"),
    ("metrics", "system/steps_per_second"),
    ("params", "choices.algorithm"),
    ("params", "env.name"),
    ("params", "seeding.env_base_seed"),
    ("tags", "dvc.exp.name"),
    ("tags", "git.branch"),
)
"""What tells runs apart, and how well they did."""
_N_SHOWN = 5


def shared_view() -> str:
    """Return the view as the value of a tag."""
    return json.dumps({"selectedColumns": [f"{kind}.`{name}`" for kind, name in _COLUMNS]})


def view_addresses(database: Path, server: str) -> dict[str, str]:
    """Return where the interface shows the view of each experiment, by its name; the youngest first, a few at most.

    Args:
        database: of MLflow; it need not exist.
        server: address of the interface, for example ``"http://127.0.0.1:5000"``.
    """
    if not database.is_file():
        return {}
    query = (
        "SELECT experiments.name, experiments.experiment_id FROM experiments JOIN experiment_tags "
        "ON experiments.experiment_id = experiment_tags.experiment_id "
        "WHERE experiment_tags.key = ? AND experiments.lifecycle_stage = 'active' "
        "ORDER BY experiments.experiment_id DESC LIMIT ?"
    )
    try:
        connection = sqlite3.connect(database, timeout=5.0)
        try:
            found = connection.execute(query, (VIEW_TAG, _N_SHOWN)).fetchall()
        finally:
            connection.close()
    except sqlite3.Error:  # the interface itself says what is wrong with the database
        return {}
    return {
        str(name): f"{server}/#/experiments/{identity}/runs?viewStateShareKey={VIEW_KEY}" for name, identity in found
    }
