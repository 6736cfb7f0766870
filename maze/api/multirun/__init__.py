"""Several jobs in one context: a grid of arguments, a process for each job, and what they left."""

from __future__ import annotations

__all__: list[str] = []
