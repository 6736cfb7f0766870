"""Copies of the project for the tests of a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.project import Project


@pytest.fixture(scope="module")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """Return a function that makes a copy of the project; its place has a space in its name."""

    def make(**params: Any) -> Project:
        directory = tmp_path_factory.mktemp("a place with spaces")
        root = directory / "the project"
        root.mkdir()
        return Project.create(root, directory / "dvc", params={"configuration": "test", **params})

    return make
