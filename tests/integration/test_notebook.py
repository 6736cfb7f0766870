"""What is defined in a notebook's cells is stored with its source, and is repeated where nobody knows the notebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from maze.artifacts import read_json
from tests.integration.test_isolation import run_script

CLASSES = """
import torch
from torch import nn
from maze import ObservationWrapper, RunContext

class Halved(ObservationWrapper):
    "A wrapper that only this notebook has."
    def observation(self, observation):
        return {name: value / 2 for name, value in observation.items()}

class OwnNetwork(nn.Module):
    "A network that only this notebook has."
    def __init__(self, obs_shapes, action_logits_shapes):
        super().__init__()
        self.layer = nn.Linear(obs_shapes["observation"][0], action_logits_shapes["action"][0])
    def forward(self, observation):
        return {"action": self.layer(observation["observation"])}
"""

TRAINING = """
network = OwnNetwork({"observation": (4,)}, {"action": (2,)})
rc = RunContext(wrappers=Halved, policy=network, algorithm="a2c", configuration="test", seed=1, silent=True,
                run_dir="run", overrides={"tracking.mode": "off"})
rc.train()
"""


REPLAY = "import sys; from maze.cli import main; sys.exit(main(['replay', sys.argv[1], '--allow-code']))"


def test_classes_of_a_notebook(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": [], "source": source}
        for name, source in (("classes", CLASSES), ("training", TRAINING))
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "own.ipynb").write_text(json.dumps(notebook))
    words = ["-m", "pytest", "--nbmake", "--rootdir", str(tmp_path), "-p", "no:cacheprovider", "-q", "own.ipynb"]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(
        [sys.executable, *words], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    objects = tmp_path / "run" / "agent" / "objects"
    sources = {
        path: (objects / entry["source"]).read_text()
        for path, entry in read_json(objects / "index.json")["objects"].items()
    }
    assert "A wrapper that only this notebook has." in sources["wrappers.0"]
    assert "self.layer = nn.Linear" in sources["model.policy"]
    load = "from maze import RunContext; RunContext.load({!r}, silent=True, allow_code=True).evaluate(n_episodes=1)"
    loaded = run_script(load.format(str(tmp_path / "run")), tmp_path / "elsewhere")
    assert loaded.returncode == 0, loaded.stderr.decode()
    replayed = subprocess.run(
        [sys.executable, "-c", REPLAY, str(tmp_path / "run")],
        check=False,
        cwd=tmp_path / "elsewhere",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
