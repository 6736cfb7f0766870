"""A package that announces its tree: built and installed by pip, and then trained by name alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maze import RunContext
from maze.config import group_options
from maze.testing import run_maze_job
from tests.third_party.guide import forgotten, write_package

pytestmark = pytest.mark.slow

NAME = "packaged_project"
HERE = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory into which the guide's package was installed."""
    directory = tmp_path_factory.mktemp("installed")
    source = write_package(directory / "source", NAME)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--target", str(directory / "site"), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return directory / "site"


def test_it_is_trained_by_name_through_every_door(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))
    with forgotten(NAME):
        assert "reinforce" in group_options("algorithm")
        assert NAME not in sys.modules
        overrides = {"tracking.mode": "off"}
        rc = RunContext(experiment="corridor", configuration="test", overrides=overrides, seed=1, silent=True)
        assert rc.config.allowed_modules == (NAME,)
        rc = RunContext.from_config(rc.config, run_dir=tmp_path / "python", silent=True)
        rc.train()
        words = {"+experiment": "corridor", "configuration": "test"}
        run_maze_job(words, run_dir=tmp_path / "job", seed=1)
        run_maze_job(words, f"{NAME}.conf", run_dir=tmp_path / "named", seed=1)
        for name in ("agent/weights.safetensors", "agent/config.yaml", "curve.csv"):
            content = (tmp_path / "python" / name).read_bytes()
            assert (tmp_path / "job" / name).read_bytes() == (tmp_path / "named" / name).read_bytes() == content
        loaded = RunContext.load(tmp_path / "job", silent=True)  # who installed the package trusts its code
        assert loaded.evaluate(n_episodes=2).statistics["n_episodes"] == 2


def test_the_command_lists_and_composes_it(site: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(site)])}
    code = "import sys; from maze.cli import main; sys.exit(main())"
    for words, expected in ((["train", "--info"], "reinforce"), (["env=corridor", "--cfg"], f"{NAME}.corridor")):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert expected in done.stdout
