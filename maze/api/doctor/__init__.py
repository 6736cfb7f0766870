"""What people trip over on their machine and in their project, and the remedies."""

from __future__ import annotations

__all__: list[str] = []
