"""Paths with a typing error are told the nearest that exists, in every command that takes a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze.cli import main
from maze.errors import nearest_path


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for seed in ("0", "1"):
        (tmp_path / "out" / "train" / f"agent-{seed}").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("out/trian/agent-1", "did you mean 'out/train/agent-1'? "),
        ("ou/trian/agent1", "did you mean 'out/train/agent-1'? "),
        ("out/train/zzz", ""),
        ("nothing/like/it", ""),
        ("out/train/agent-0", ""),
    ],
)
def test_every_part_is_compared_with_what_lies_in_its_place(given: str, expected: str, place: Path) -> None:
    assert nearest_path(given) == expected
    assert nearest_path(place / given) == expected.replace("'out", f"'{place}/out")


@pytest.mark.parametrize(
    "words",
    [
        ["promote", "out/trian/agent-0"],
        ["evaluate", "out/trian/agent-0"],
        ["rollout", "out/trian/agent-0"],
        ["dataset", "out/trian/agent-0", "cartpole/expert-v0"],
    ],
)
def test_commands_tell_it(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "did you mean 'out/train/agent-0'?" in capsys.readouterr().err
