"""Worker processes: objects that live in processes of their own, which come and go with their owner."""

from __future__ import annotations

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
