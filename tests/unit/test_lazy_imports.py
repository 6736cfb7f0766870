"""Importing and composing stay light, and every public name can be imported."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

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


def test_importing_run_context_and_the_command_line_loads_hydra_at_most(tmp_path: Path) -> None:
    assert loaded_after("from maze import RunContext\nimport maze.cli, maze.errors", tmp_path) in ([], ["hydra"])


def test_constructing_loads_hydra_but_neither_torch_nor_mlflow_and_writes_nothing(tmp_path: Path) -> None:
    code = """
from maze import RunContext
rc = RunContext(algorithm="a2c", model="vector_obs", critic="template_state", wrappers="vector_obs", seed=1)
assert rc.config.algorithm.lr == 0.001
rc.config.to_yaml(); rc.config.digest()
"""
    assert loaded_after(code, tmp_path) == ["hydra"]
    assert list(tmp_path.iterdir()) == []


def test_a_resolved_configuration_needs_neither_torch_nor_mlflow(tmp_path: Path) -> None:
    from maze import RunContext

    (tmp_path / "config.yaml").write_text(RunContext(seed=1).config.to_yaml())
    code = "from maze import RunContext\nRunContext.from_config('config.yaml', seed=2)"
    assert loaded_after(code, tmp_path) in ([], ["hydra"])


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
