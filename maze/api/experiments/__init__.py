"""Experiments of a project's pipeline: words of a person as the settings of ``dvc exp run``."""

from __future__ import annotations

__all__: list[str] = []
