"""Versions of packages with their builds, also where pip noted none."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest
import torch

from maze.tracking import installed_version, public_version, versions


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place from which packages are imported, with one whose list of facts says 1.5."""
    facts = tmp_path / "built_package-1.5.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: built_package\nVersion: 1.5\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "built_package").mkdir()
    return tmp_path / "built_package" / "version.py"


def test_torchs_is_the_one_that_torch_says() -> None:
    assert installed_version("torch") == versions()["torch"] == torch.__version__


def test_others_are_those_that_pip_noted() -> None:
    assert installed_version("numpy") == importlib.metadata.version("numpy")
    assert installed_version("no-such-package") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from typing import Optional\n\n__version__ = '1.5+cu130'\ncuda = '13.0'\n", "1.5+cu130"),
        ("__version__ = '1.6+cu130'\n", "1.5"),  # a file that something else left
        ("version = '1.5+cu130'\n", "1.5"),
        (None, "1.5"),
    ],
)
def test_a_build_that_pip_did_not_note_is_read_from_the_package(
    text: str | None, expected: str, installed: Path
) -> None:
    if text is not None:
        installed.write_text(text)
    assert installed_version("built_package") == expected
    assert public_version(expected) == "1.5"
