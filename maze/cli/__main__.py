"""``python -m maze.cli`` is ``maze-run``."""

from __future__ import annotations

import sys

from maze.cli import main

sys.exit(main())
