"""Every example of the user's guide runs, Python and maze-run alike, in a directory of its own."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from maze.tracking import NullTracker
from tests.integration.documents import ROOT, Section, sections

SECTIONS = [*sections("docs/run_context.md"), *sections("docs/models.md"), *sections("docs/after_training.md")]


@pytest.fixture
def untracked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty directory, and keep runs of this process out of MLflow: its start takes longer than they do."""

    def nowhere(*arguments: Any, **options: Any) -> NullTracker:
        return NullTracker()

    monkeypatch.setattr("maze.api.record.audience.open_tracker", nowhere)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("section", SECTIONS, ids=[section.title for section in SECTIONS])
def test_the_guides_examples_run(section: Section, untracked: None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        section.run()


def test_the_guide_has_examples_of_everything() -> None:
    text = (ROOT / "docs/run_context.md").read_text()
    assert len(SECTIONS) >= 12
    for name in (
        "train",
        "evaluate",
        "rollout",
        "compute_action",
        "load",
        "from_config",
        "env_factory",
        "run_dir",
        "statistics",
    ):
        assert re.search(rf"\.{name}\b", text), name


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]:
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text()):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name}: {link}"
