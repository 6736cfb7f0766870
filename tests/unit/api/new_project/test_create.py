"""What maze-run init refuses, and how it names things."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from maze.api.new_project.create import create_project
from maze.cli import main
from maze.errors import InvalidSpecificationError


@pytest.mark.parametrize(
    ("directory", "package"), [("warm-room", "warm_room"), ("Two Rooms", "two_rooms"), ("3rooms", "project_3rooms")]
)
def test_the_package_is_named_after_the_directory(tmp_path: Path, directory: str, package: str) -> None:
    project = create_project(tmp_path / directory, git=False)
    assert project.package == package
    assert (tmp_path / directory / package / "thermostat.py").is_file()
    allowed = (tmp_path / directory / "conf" / "allowed_modules.yaml").read_text()
    assert allowed.endswith(f"- {package}\n")


@pytest.mark.parametrize(
    ("directory", "name", "message"),
    [
        ("x", "a-b", "--name: 'a-b' cannot be a package"),
        ("x", "class", "--name: 'class' cannot be a package"),
        ("x", "é", "--name: 'é' cannot be a package"),
        ("tests", None, "--name: 'tests' is taken by a folder of the project"),
        ("x", "maze", "--name: 'maze' is taken"),
        ("numpy", None, "--name: 'numpy' is not accepted: a library has this name"),
        ("x", "random", "--name: 'random' is not accepted: a library"),
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path: Path, directory: str, name: str | None, message: str) -> None:
    with pytest.raises(InvalidSpecificationError) as caught:
        create_project(tmp_path / directory, name=name)
    assert str(caught.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path, tmp_path / "file"):
        with pytest.raises(InvalidSpecificationError, match="is there already"):
            create_project(place)
    assert (tmp_path / "file").read_text() == "mine"


def test_inside_a_repository_it_makes_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "-C", str(tmp_path), "init", "--quiet"], check=True)
    assert main(["init", str(tmp_path / "inner")]) == 0
    assert "lies in a git repository" in capsys.readouterr().err
    assert not (tmp_path / "inner" / ".git").exists()


def test_what_to_type_next_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--no-git", "--", "-odd name"]) == 0
    assert "next: cd './-odd name' && dvc repro" in capsys.readouterr().out
