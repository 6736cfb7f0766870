"""What a run achieved, for people: intervals over seeds, figures, tables.

Importing this package is cheap: matplotlib and rich load when something is drawn.
"""

from __future__ import annotations

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
