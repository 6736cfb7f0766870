"""A user's script passes mypy strictly with the types that the package ships, and runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import maze

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests/typing/user_script.py"


def python(words: list[str], place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a directory and return what it said."""
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, *words], cwd=place, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_package_says_that_it_has_types() -> None:
    assert (Path(maze.__file__).parent / "py.typed").is_file()


def test_a_users_script_passes_mypy_strictly_and_mistakes_do_not(tmp_path: Path) -> None:
    mistakes = tmp_path / "mistakes.py"
    mistakes.write_text(
        "from maze import GymMazeEnv, RunContext\n"
        "rc = RunContext(seed='one')\n"  # 2
        "rc.train(n_epochs='many')\n"  # 3
        "number: int = rc.run_dir\n"  # 4
        "GymMazeEnv('CartPole-v1').step(0)\n"  # 5
        "rc.evaluate().mean_retrun\n"  # 6
    )
    # As for an installed package, only the scripts' own errors count.
    words = ["-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=", f"--cache-dir={tmp_path / 'cache'}"]
    done = python([*words, str(SCRIPT), str(mistakes)], tmp_path, MYPYPATH=str(ROOT))
    reported = [line.partition(" ")[0] for line in done.stdout.splitlines() if ": error:" in line]
    assert reported == [f"mistakes.py:{line}:" for line in range(2, 7)], done.stdout + done.stderr


def test_a_users_script_runs(tmp_path: Path) -> None:
    done = python([str(SCRIPT)], tmp_path, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
