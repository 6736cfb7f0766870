"""Where the numbers of a run go, and where a run came from: trackers, the MLflow store, lineage.

Nothing here imports MLflow into the process that trains; see :mod:`maze.tracking.mlflow_tracker`.
"""

from __future__ import annotations

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
