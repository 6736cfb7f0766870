"""A user's configuration tree and a user's module, made anew for each test."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

Tree = Callable[..., Path]


@pytest.fixture
def user_tree(tmp_path: Path) -> Tree:
    """Write files (path without suffix: content) into a user's own configuration tree."""

    def write(**files: str) -> Path:
        root = tmp_path / "user conf's"
        for name, content in files.items():
            path = root / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return root

    return write


@pytest.fixture
def user_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Import a module of the user's own, with an algorithm configuration in it."""
    module = types.ModuleType("somebodys_project")

    @dataclass(frozen=True, kw_only=True)
    class OwnConfig:
        trainer: ClassVar[str] = "somebodys_project.Own"
        lr: float = 0.5
        n_epochs: int = 3

    OwnConfig.__module__, OwnConfig.__qualname__ = module.__name__, "OwnConfig"
    module.OwnConfig = OwnConfig
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module
