"""A name that means nothing is answered with the nearest few of what could be compared, and how many there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze.api.comparison.compare import compare_experiments
from maze.errors import ArtifactError


def test_of_many_runs_a_few_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(30):
        directory = tmp_path / "outputs" / "cartpole" / f"run-{number}"
        directory.mkdir(parents=True)
        (directory / "record.json").write_text("{}")
    with pytest.raises(ArtifactError) as refused:
        compare_experiments(["nosuch"])
    listed = str(refused.value).partition("accepted: ")[2]
    assert listed.endswith("and 25 more.")
    assert listed.count("outputs/cartpole/run-") == 5
