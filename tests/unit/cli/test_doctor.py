"""maze-run doctor: what it prints, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maze.cli import main

Capture = pytest.CaptureFixture[str]


def test_a_problem_is_status_1_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 0
    assert "no problems" in capsys.readouterr().out
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text("seeds: [0]\nalgorithm: [\n")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "problem  params.yaml   line 3: is no YAML" in out
    assert "-> mend that line, or git checkout params.yaml" in out
    assert "2 problems, " in out


def test_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").touch()
    assert main(["doctor", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["problems"] == 1
    (problem,) = (finding for finding in report["findings"] if finding["status"] == "problem")
    assert problem["check"] == "outputs"
    assert set(problem) == {"check", "status", "message", "remedy"}
