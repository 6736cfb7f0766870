"""maze: reproducible reinforcement-learning experiments.

Public names load on first use, so that ``import maze`` stays fast: torch, mlflow and hydra are imported when needed.
"""

from __future__ import annotations

import lazy_loader as lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
