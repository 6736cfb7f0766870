"""Modules of the user's own that a configuration imports without naming them as targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze.config.own_code import modules_of_ids


def test_environment_ids_name_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "envs_of_mine.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    values = {
        "env": {"name": "envs_of_mine:My-v0", "device": "envs_of_mine:0"},
        "wrappers": [{"of": ["gymnasium:CartPole-v1", "no_such_module:X-v0", "http://x", ":", 3, None]}],
    }
    assert modules_of_ids(values) == {"envs_of_mine"}
    assert modules_of_ids({"env": {"device": "envs_of_mine:0"}, "wrappers": []}) == set()
