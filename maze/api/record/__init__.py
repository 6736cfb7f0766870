"""What a run leaves: its calls, its live objects with their source, and where it ran."""

from __future__ import annotations

__all__: list[str] = []
