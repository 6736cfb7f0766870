"""Comparing experiments, from wherever their results are read."""

from __future__ import annotations

__all__: list[str] = []
