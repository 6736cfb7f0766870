"""Modules of the user's own that a configuration imports without naming them as targets."""

from __future__ import annotations

import linecache
from pathlib import Path
from typing import Any

import pytest

from maze.config.own_code import modules_of_ids, source_of


def test_environment_ids_name_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "envs_of_mine.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    values = {
        "env": {"name": "envs_of_mine:My-v0", "device": "envs_of_mine:0"},
        "wrappers": [{"of": ["gymnasium:CartPole-v1", "no_such_module:X-v0", "http://x", ":", 3, None]}],
    }
    assert modules_of_ids(values) == {"envs_of_mine"}
    assert modules_of_ids({"env": {"device": "envs_of_mine:0"}, "wrappers": []}) == set()


CELL = '''
import functools

class Base:
    pass

@functools.total_ordering
class Own(Base):
    """A class of a cell."""

    width = 3

    def __lt__(self, other):
        return True  # the first line of a method

class Outer:
    class Inner:
        def method(self):
            return 1

class Plain:
    width = 3
'''


def test_a_class_that_no_file_holds_is_found_by_its_methods() -> None:
    """As in a notebook, whose cells are compiled under names that linecache knows."""
    name = "/tmp/ipykernel_1/42.py"
    linecache.cache[name] = (len(CELL), None, CELL.splitlines(keepends=True), name)
    space: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(CELL, name, "exec"), space)
        own = source_of(space["Own"])
        assert own is not None
        assert own.startswith("@functools.total_ordering\nclass Own(Base):\n")
        assert own.endswith("# the first line of a method\n")
        assert source_of(space["Own"]()) == own
        assert source_of(space["Outer"].Inner) == "    class Inner:\n        def method(self):\n            return 1\n"
        assert source_of(space["Plain"]) is None
    finally:
        linecache.cache.pop(name, None)
