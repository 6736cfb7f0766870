"""A finished run for the commands that need one, and what words compose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import ruamel.yaml  # noqa: F401  (what a library does on its own first import is that library's: done here, once)
import yaml

from maze.cli import main
from tests.scripted import tiny_context


@pytest.fixture(scope="package")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a finished run."""
    directory = tmp_path_factory.mktemp("cli") / "run"
    tiny_context(directory).train()
    return directory


@pytest.fixture
def composed(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function from words to the configuration that they compose."""

    def compose(*words: str) -> dict[str, Any]:
        assert main([*words, "--cfg"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        config: dict[str, Any] = yaml.safe_load(out)
        return config

    return compose


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function from words, which must be wrong, to the one line that says so."""

    def refuse(*words: str) -> str:
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("maze-run: error: ")
        assert err.count("\n") == 1
        return err.removeprefix("maze-run: error: ").rstrip("\n")

    return refuse
