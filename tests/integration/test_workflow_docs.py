"""Every command of the guide to the workflow runs, in a copy of the project, in the order in which it is read."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.integration.documents import ROOT
from tests.integration.project import SILENT, Project, shims

pytestmark = pytest.mark.slow

GUIDE = (ROOT / "docs/workflow.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL))
WITH_COMMANDS = [title for title, text in SECTIONS.items() if "```sh" in text]


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Project:
    project = make_project(set=SILENT)
    project.environment["PATH"] = shims(project.root.parent / "bin")
    project.environment["PYTHONPATH"] = str(project.root)  # for projects beside it, which use this maze
    return project


@pytest.mark.parametrize("title", WITH_COMMANDS)
def test_the_commands_of_a_section_run(project: Project, title: str) -> None:
    for block in re.findall(r"```sh\n(.*?)```", SECTIONS[title], re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            outcome = project.run("bash", "-c", line)
            assert outcome.status == 0, f"{line}: {outcome.text}"
    for code in re.findall(r"```python\n(.*?)```", SECTIONS[title], re.DOTALL):
        outcome = project.python("-W", "error", "-c", code)
        assert outcome.status == 0, outcome.text
    project.git("restore", ".")


def test_every_command_has_a_section() -> None:
    assert list(SECTIONS) == [
        "Experiments",
        "Search",
        "Share results",
        "A project of your own",
        "Continuous integration",
    ]
    assert list(SECTIONS) == WITH_COMMANDS
