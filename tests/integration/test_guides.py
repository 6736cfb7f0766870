"""Every command and example of the guides runs, from a guide's first line to its last, as a reader would type them."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from maze import A2CAlgorithmConfig, PPOAlgorithmConfig
from maze.tracking import NullTracker
from tests.integration.documents import ROOT, sections
from tests.integration.project import SILENT, Project

GUIDES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "guides").glob("*.md"))
IN_A_PROJECT = {"From a repository with the pipeline"}
"""Sections whose commands need a project in which the pipeline has run."""

_MAZE_RUN = "import sys; sys.path.insert(0, ''); from maze.cli import main; sys.exit(main())"


@pytest.fixture
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Run in an empty directory on the module search path, and keep runs of this process out of MLflow."""

    def nowhere(*arguments: Any, **options: Any) -> NullTracker:
        return NullTracker()

    monkeypatch.setattr("maze.api.record.audience.open_tracker", nowhere)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("guide", ["docs/index.md", *GUIDES])
def test_a_guide_runs_from_beginning_to_end(guide: str, empty_folder: None) -> None:
    parts = [section for section in sections(guide) if section.title not in IN_A_PROJECT]
    document = parts[0].opened()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for part in parts:
            for example in part.examples(document):
                example.evaluate()


@pytest.mark.slow
def test_the_commands_for_a_project_run_in_one(make_project: Callable[..., Project]) -> None:
    found = [section for guide in GUIDES for section in sections(guide) if section.title in IN_A_PROJECT]
    assert {section.title for section in found} == IN_A_PROJECT
    project = make_project(set=SILENT)
    program = project.root.parent / "bin" / "maze-run"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{_MAZE_RUN}" "$@"\n')
    program.chmod(0o755)
    project.environment["PATH"] = f"{program.parent}:{project.environment['PATH']}"
    project.repro()
    project.commit()
    for section in found:
        for block in re.findall(r"```sh\n(.*?)```", section.text, re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                outcome = project.run("bash", "-c", line)
                assert outcome.status == 0, f"{line}: {outcome.text}"


def test_settings_that_the_guides_name_exist() -> None:
    fields = {*PPOAlgorithmConfig.__dataclass_fields__, *A2CAlgorithmConfig.__dataclass_fields__}
    table = (ROOT / "docs/guides/stable_baselines3.md").read_text().split("## Names of settings")[1].split("\n## ")[0]
    for left, right in re.findall(r"^\| (`.*?) \| (.*?) \|$", table, re.MULTILINE)[1:]:
        for name in re.findall(r"`(\w+)`", left if right == "the same" else right.partition(";")[0]):
            assert name in fields, name


def test_every_page_is_found_from_the_first_one() -> None:
    first = (ROOT / "docs/index.md").read_text()
    for page in [*(ROOT / "docs").glob("guides/*.md"), *(ROOT / "docs").glob("*.md")]:
        assert page.name == "index.md" or f"({page.relative_to(ROOT / 'docs')})" in first, page.name
