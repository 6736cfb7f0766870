"""Who commits: what maze-run says beforehand is what DVC, which really runs here, would do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maze.api.doctor.identity import check_identity, require_identity
from maze.cli import main
from maze.errors import InvalidSpecificationError
from tests.integration.project import clean_environment

PIPELINE = "stages:\n  copy:\n    cmd: cp params.yaml copy.txt\n    params: [seeds]\n    outs:\n    - copy.txt\n"
COMMITTER = {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@b.c"}


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed pipeline on a machine whose git knows nobody."""
    environment = clean_environment(tmp_path)
    nameless = {name: value for name, value in environment.items() if not name.startswith("GIT_")}
    for name in os.environ:
        if name not in nameless:
            monkeypatch.delenv(name)
    home = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "home"), "GIT_CONFIG_NOSYSTEM": "1"}
    for name, value in {**nameless, **home}.items():
        monkeypatch.setenv(name, value)
    root = tmp_path / "project"
    root.mkdir()
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "params.yaml").write_text("seeds: [0]\n")
    (root / "notes.txt").write_text("one\n")
    for command in (
        ["git", "init", "--quiet"],
        [sys.executable, "-m", "dvc", "init", "--quiet"],
        ["git", "add", "--all"],
        ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "Begin"],
    ):
        subprocess.run(command, cwd=root, check=True)
    return root


def begins(root: Path) -> bool:
    """Run an experiment of DVC's, and say whether it did not break off for want of an identity."""
    command = [sys.executable, "-m", "dvc", "exp", "run", "--set-param", "seeds=[1]"]
    process = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert process.returncode == 0 or "user name and email must be configured" in process.stderr, process.stderr
    return process.returncode == 0


@pytest.mark.parametrize(
    ("changed", "variables", "settings", "expected"),
    [
        (True, {}, {}, False),
        (True, {"EMAIL": "a@b.c"}, {}, False),  # enough for git, not for DVC
        (True, {}, {"user.name": "A"}, False),
        (True, COMMITTER, {}, True),
        (True, {}, {"user.name": "A", "user.email": "a@b.c"}, True),
        (False, {}, {}, True),
    ],
    ids=["nobody", "an address for git", "a name alone", "variables", "settings", "nothing has changed"],
)
def test_what_is_said_beforehand_is_what_dvc_does(
    changed: bool,
    variables: dict[str, str],
    settings: dict[str, str],
    expected: bool,
    nobody: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name, value in settings.items():
        subprocess.run(["git", "config", name, value], cwd=nobody, check=True)
    if changed:
        (nobody / "notes.txt").write_text("two\n")
    (finding,) = check_identity(nobody)
    known = len({*variables, *settings}) == 2
    assert finding.status == ("ok" if known else "warning")
    if expected:
        require_identity(nobody)
    else:
        with pytest.raises(
            InvalidSpecificationError, match=r"git config --global user\.email you@example\.com$"
        ) as said:
            require_identity(nobody)
        assert "the changes of 1 file in" in str(said.value)
        assert ("git config --global user.name 'Your Name'" in str(said.value)) == ("user.name" not in settings)
    assert begins(nobody) == expected


def test_an_experiment_is_refused_in_one_line_before_dvc_runs(
    nobody: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (nobody / "notes.txt").write_text("two\n")
    monkeypatch.chdir(nobody)
    assert main(["exp", "seeds=[1]"]) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1, error
    assert "git does not know who you are (user.name, user.email)" in error
    assert (nobody / "params.yaml").read_text() == "seeds: [0]\n"
