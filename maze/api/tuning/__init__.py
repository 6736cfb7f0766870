"""Hyper-parameter search: what may vary, the trials, and what came out of them."""

from __future__ import annotations

__all__: list[str] = []
