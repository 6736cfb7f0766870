"""The project's history: revisions and experiments by name, and what the pipeline had written there."""

from __future__ import annotations

__all__: list[str] = []
