"""New projects: a folder with an environment, a configuration tree, the pipeline, tests and workflows of its own."""

from __future__ import annotations

__all__: list[str] = []
