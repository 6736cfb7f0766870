"""What DVC keeps: outputs in dvc.lock, data that was added, and what lies within them."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze.api.repository.outputs import is_kept_by_dvc
from maze.errors import ArtifactError

LOCK = """
schema: '2.0'
stages:
  expert:
    cmd: train
    outs:
    - {path: out/expert, hash: md5, md5: 0123.dir}
    - {path: out/other/agent, hash: md5, md5: 4567.dir}
  nothing:
    cmd: look
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "part" / ".dvc").mkdir(parents=True)
    (root / "part" / "dvc.lock").write_text(LOCK, encoding="utf-8")
    (root / "part" / "data.dvc").write_text("outs: []\n", encoding="utf-8")
    (root / "dvc.lock").write_text("stages: {a: {outs: [{path: part}]}}", encoding="utf-8")  # of another project
    return root / "part"


@pytest.mark.parametrize(
    ("path", "is_kept"),
    [
        ("out/expert", True),
        ("out/expert/agent/weights", True),
        ("out/other/agent", True),
        ("out/other", False),
        ("out/expertise", False),
        ("out", False),
        ("data", True),
        ("data/run", True),
        ("outputs/run", False),
        ("../outputs", False),
    ],
)
def test_outputs_and_data_are_kept_and_nothing_beside_them(project: Path, path: str, is_kept: bool) -> None:
    assert is_kept_by_dvc((project / path).resolve()) is is_kept


def test_a_lock_that_cannot_be_read_is_told(project: Path) -> None:
    (project / "dvc.lock").write_text("<<<<<<< HEAD", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"dvc\.lock"):
        is_kept_by_dvc(project / "out")
