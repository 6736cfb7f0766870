"""Every example runs as a user runs it: a process of its own in an empty directory, with nothing set up for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.documents import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
EXPECTED = {
    "grid": "PPOAlgorithmConfig     lr 0.01",
    "inside_hydra": "Hydra's files and the run lie in",
    "own_algorithm": "n_epochs=3",
    "own_environment": "mean_return",
    "own_network": "n_epochs=2",
    "quickstart": "everything about this run is in",
    "record_and_replay": "bit-identical",
    "serve": "measured again:",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a tracking store for all examples: making one takes longer than most of them."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


def run(words: list[str], place: Path, store: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a directory, with this project on its path, and return what it said."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": store},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.stem for example in EXAMPLES])
def test_an_example_runs_anywhere_and_says_what_it_did(example: Path, tmp_path: Path, store: str) -> None:
    done = run([str(example)], tmp_path, store)
    assert done.returncode == 0, done.stderr
    assert EXPECTED[example.stem] in done.stdout
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert len(example.read_text().splitlines()) <= 40


def test_the_notebook_runs_and_looks_as_it_should(tmp_path: Path, store: str) -> None:
    notebook = tmp_path / "quickstart.ipynb"
    source = json.loads((ROOT / "examples/quickstart.ipynb").read_text())
    assert all(not cell.get("outputs") for cell in source["cells"]), "outputs are not committed"
    check = 'import gymnasium, logging, os, random, signal, sys, warnings, numpy, torch\nprint("state", '
    check += "os.getcwd(), sys.argv, sorted(os.environ), random.getstate()[1][:3], numpy.random.get_state()[1][:3], "
    check += "torch.random.initial_seed(), torch.get_num_threads(), signal.getsignal(signal.SIGINT), "
    check += "[str(item) for item in warnings.filters], logging.getLogger().handlers)"
    watch = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": check}
    train = next(n for n, cell in enumerate(source["cells"]) if "rc.train(" in "".join(cell["source"]))
    source["cells"].insert(train, {**watch, "id": "before"})
    source["cells"].append({**watch, "id": "after"})
    notebook.write_text(json.dumps(source))

    words = ["-m", "pytest", "--nbmake", "--overwrite", "--rootdir", str(tmp_path), "-p", "no:cacheprovider", "-q"]
    done = run([*words, "-c", os.devnull, str(notebook)], tmp_path, store)
    assert done.returncode == 0, done.stdout

    cells = {cell["id"]: cell for cell in json.loads(notebook.read_text())["cells"]}
    printed = {name: "".join(cells[name]["outputs"][0]["text"]) for name in ("before", "after")}
    assert printed["before"] == printed["after"], "training in a notebook changes nothing global"
    shown = json.dumps([cell.get("outputs") for cell in cells.values()])
    assert "image/png" in shown, "the learning curve is shown"
    assert "(True," in shown, "what was loaded plays as what was trained"
    (progress,) = [cell for cell in cells.values() if "rc.train(" in "".join(cell["source"])]
    texts = [output for output in progress["outputs"] if output["output_type"] != "execute_result"]
    assert 1 <= len(texts) <= 2, f"one progress bar, not one for each refresh: {texts}"
    assert "5/5" in json.dumps(texts)
    assert "[A" not in json.dumps(texts), "no control characters of terminals"
