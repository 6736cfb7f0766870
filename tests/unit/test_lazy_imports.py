"""Importing and composing stay light, and every public name can be imported."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import maze

HEAVY = ("torch", "hydra", "mlflow", "matplotlib", "pyarrow", "pandas", "gym", "rich")
ROOT = Path(__file__).parents[2]
MODULES = sorted(
    item.name
    for item in pkgutil.walk_packages(maze.__path__, "maze.")
    if item.name != "maze.conf" and not item.name.startswith("maze.conf.")
)


def loaded_after(code: str, tmp_path: Path) -> list[str]:
    """Run code in a fresh interpreter and return which of the heavy packages it loaded."""
    script = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_importing_maze_loads_nothing_heavy(tmp_path: Path) -> None:
    assert loaded_after("import maze; maze.__version__; dir(maze)", tmp_path) == []


def test_importing_run_context_and_the_command_line_loads_nothing_heavy(tmp_path: Path) -> None:
    assert loaded_after("from maze import RunContext\nimport maze.cli, maze.errors", tmp_path) == []


def test_constructing_loads_hydra_but_neither_torch_nor_mlflow_and_writes_nothing(tmp_path: Path) -> None:
    code = """
from maze import RunContext
rc = RunContext(algorithm="a2c", model="vector_obs", critic="template_state", wrappers="vector_obs", seed=1)
assert rc.config.algorithm.lr == 0.001
rc.config.to_yaml(); rc.config.digest()
"""
    assert loaded_after(code, tmp_path) == ["hydra"]
    assert list(tmp_path.iterdir()) == []


def test_a_resolved_configuration_needs_nothing_heavy(tmp_path: Path) -> None:
    from maze import RunContext

    (tmp_path / "config.yaml").write_text(RunContext(seed=1).config.to_yaml())
    code = "from maze import RunContext\nRunContext.from_config('config.yaml', seed=2)"
    assert loaded_after(code, tmp_path) == []


def test_algorithm_configurations_load_no_torch(tmp_path: Path) -> None:
    assert "torch" not in loaded_after("from maze import A2CAlgorithmConfig\nA2CAlgorithmConfig()", tmp_path)


def test_every_public_name_can_be_imported(tmp_path: Path) -> None:
    code = f"""
import importlib
for name in {["maze", *MODULES]!r}:
    module = importlib.import_module(name)
    assert module.__doc__, f"{{name}} has no docstring"
    assert len(set(module.__all__)) == len(module.__all__), name
    for public in module.__all__:
        assert getattr(module, public, None) is not None, f"{{name}}.{{public}}"
        assert public in dir(module), f"{{name}}.{{public}}"
"""
    # In a process of its own: importing all of mlflow warns and sets up logging, which is mlflow's business.
    assert "torch" in loaded_after(f"import warnings\nwarnings.simplefilter('ignore')\n{code}", tmp_path)


INTERNAL = {
    "maze.api": "modules, which are imported as such",
    "maze.functional": "mathematics for trainers of one's own, with names as short as its formulas'",
    "maze.processes": "how worker processes are kept, for environments and workers",
    "maze.report": "what the pipeline's last stage draws and counts",
    "maze.tracking": "what a run does with the tracking store by itself",
}
"""Subpackages whose names are not offered by `maze`, and why."""

CLASHING = {"Distribution": "of actions in maze.distributions, of numbers in maze.statistics"}
"""Names that two subpackages give to different things."""


def public_names(stub: Path) -> list[str]:
    """Return what a stub lists.

    Left out are functions of configuration, helpers for those who write blocks, actors or replay buffers, a constant,
    and names of types, which have no text of their own.
    """
    listed = next(
        ast.literal_eval(node.value)
        for node in ast.parse(stub.read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    helpers = {
        "config": {name for name in listed if name.islower()},
        "blocks": {name for name in listed if not name.endswith(("Block", "Graph"))},
        "statistics": {"EpisodeStats", "Event", "LogStats", "StatsValue", "send_plot"},
        "rollout": {name for name in listed if name.islower() and not name.startswith(("play_", "write_", "load_"))}
        | {"MAX_ENVS", "TrajectorySource"},
    }
    return sorted(set(listed) - helpers.get(stub.parent.name, set()))


STUBS = sorted(path for path in (ROOT / "maze").rglob("__init__.pyi") if path.parent != ROOT / "maze")


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.parent.relative_to(ROOT).as_posix())
def test_public_names_of_subpackages_can_be_imported_from_maze(stub: Path) -> None:
    module = ".".join(stub.parent.relative_to(ROOT).parts)
    if any(module == name or module.startswith(f"{name}.") for name in INTERNAL):
        return
    for name in public_names(stub):
        if name in CLASHING:
            assert name not in maze.__all__
        else:
            assert getattr(maze, name) is getattr(importlib.import_module(module), name), name
