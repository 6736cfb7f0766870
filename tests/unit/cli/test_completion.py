"""The completion script, in a real bash: what Tab offers."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maze.cli import main
from maze.cli.parsing import COMMANDS

_TAB = """
source "$1"
COMP_LINE="$2"; COMP_POINT=${#COMP_LINE}; COMP_WORDBREAKS="$3"
if [[ "$COMP_WORDBREAKS" == *=* ]]; then read -ra COMP_WORDS <<< "${COMP_LINE//=/ = }"
else read -ra COMP_WORDS <<< "$COMP_LINE"; fi
if [[ "$COMP_LINE" == *[[:space:]] ]]; then COMP_WORDS+=(""); fi
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
entry=$(complete -p maze-run); entry=${entry##*-F }; entry=${entry%% *}
"$entry" maze-run
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the script as a new process writes it, which must be fast enough for a start-up file."""
    path = tmp_path_factory.mktemp("completion") / "maze-run"
    code = "import sys; from maze.cli import main; sys.exit(main(['completion', 'bash']))"
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert time.perf_counter() - started < 5.0  # 0.2 s where nothing else runs
    path.write_text(done.stdout)
    return path


def offered(script: Path, line: str, word_breaks: str = " \t\n\"'><=;|&(:") -> list[str]:
    """Return what the script offers at the end of a line."""
    bash = shutil.which("bash")
    assert bash is not None
    command = [bash, "-c", _TAB, "bash", str(script), line, word_breaks]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [word for word in done.stdout.splitlines() if word]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("maze-run ev", ["evaluate"]),
        (
            "maze-run algo",
            [
                "algorithm=a2c",
                "algorithm=bc",
                "algorithm=es",
                "algorithm=impala",
                "algorithm=ppo",
                "algorithm=sac",
                "algorithm=sacfd",
            ],
        ),
        ("maze-run algorithm=", ["a2c", "bc", "es", "impala", "ppo", "sac", "sacfd"]),
        ("maze-run algorithm=p", ["ppo"]),
        ("maze-run train algorithm=p", ["ppo"]),
        ("maze-run algorithm=a2c wrappers=v", ["vector_obs", "vector_obs_rnn"]),
        ("maze-run algorithm=a2c --se", ["--seed"]),
        ("maze-run -cn conf_r", ["conf_rollout"]),
        ("maze-run evaluate --st", ["--stochastic"]),
        ("maze-run rollout --ev", ["--events"]),
        ("maze-run tracking ", ["flush", "rebuild"]),
        ("maze-run completion ", ["bash", "fish", "zsh"]),
    ],
)
def test_what_is_offered(line: str, words: list[str], script: Path) -> None:
    assert offered(script, line) == words


def test_bashes_that_do_not_break_words_at_the_equals_sign(script: Path) -> None:
    assert offered(script, "maze-run algorithm=p", " \t\n") == ["algorithm=ppo"]


def test_every_command_is_offered_first(script: Path) -> None:
    assert offered(script, "maze-run ")[: len(COMMANDS)] == list(COMMANDS)


def test_directories_are_offered_where_runs_are_named(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outputs").mkdir()
    (tmp_path / "other.txt").touch()
    monkeypatch.chdir(tmp_path)
    assert offered(script, "maze-run evaluate o") == ["outputs"]
    assert offered(script, "maze-run train --run-dir o") == ["outputs"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_the_same_words(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("evaluate", "doctor", "algorithm=a2c", "model=vector_obs", "conf_rollout"):
        assert word in script
    assert "env_configuration" not in script
