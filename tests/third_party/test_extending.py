"""An algorithm, an environment and a tree from outside the package are as good as built-in ones."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from maze import InvalidSpecificationError, RunConfig, RunContext
from maze.api.specs import from_params
from maze.cli import main
from maze.config import class_to_target
from maze.config.targets import allow_modules
from maze.testing import run_maze_job
from tests.third_party.guide import forgotten, snippets, write_project

QUIET = {"tracking.mode": "off"}
SAME_FILES = ("agent/weights.safetensors", "agent/statistics.npz", "agent/config.yaml", "curve.csv", "metrics.json")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The guide's files in the working directory, which is on the module search path."""
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with forgotten("my_project"):
        yield tmp_path


def train(run_dir: Path, **arguments: Any) -> RunContext:
    overrides = {**QUIET, **arguments.pop("overrides", {})}
    rc = RunContext(**arguments, overrides=overrides, config_dir="my_conf", seed=3, silent=True, run_dir=run_dir)
    rc.train()
    return rc


def contents(run_dir: Path) -> dict[str, bytes]:
    return {name: (run_dir / name).read_bytes() for name in SAME_FILES}


def test_it_learns_the_way_to_the_end_of_the_corridor(project: Path) -> None:
    rc = train(project / "run", env="corridor", algorithm="reinforce", overrides={"algorithm.n_epochs": 4})
    assert type(rc.trainer).__name__ == "Reinforce"
    episodes = rc.evaluate(n_episodes=5, deterministic=True)
    np.testing.assert_allclose(episodes.returns, 1.0 - 3 * 0.1, rtol=1e-6)  # four steps, the last of which is paid
    assert episodes.lengths.tolist() == [4] * 5
    assert rc.config.allowed_modules == ("my_project",)


def test_name_mapping_object_and_command_give_the_same_bytes(project: Path) -> None:
    fields = {"n_epochs": 2, "epoch_length": 3, "n_rollout_steps": 16, "lr": 0.02}
    by_path = {f"algorithm.{name}": value for name, value in fields.items()}
    train(project / "name", env="corridor", algorithm="reinforce", overrides=by_path)
    mapping = {"_target_": "my_project.reinforce.ReinforceConfig", **fields}
    corridor = {"_target_": "my_project.corridor.Corridor", "length": 5, "render_mode": None}
    train(project / "mapping", env=corridor, algorithm=mapping)
    module = importlib.import_module("my_project.reinforce")
    given = module.ReinforceConfig(**fields)
    by_object = train(project / "object", env="corridor", algorithm=given)
    words = ["env=corridor", "algorithm=reinforce", *(f"{path}={value}" for path, value in by_path.items())]
    options = ["--config-dir", "my_conf", "--seed", "3", "--silent", "--run-dir", "command"]
    assert main([*words, "tracking.mode=off", *options]) == 0
    run_maze_job(dict(word.split("=") for word in words), config_dir="my_conf", run_dir=project / "job", seed=3)
    params = {"env": "corridor", "algorithm": "reinforce", "set": {**by_path, **QUIET}, "config_dir": "my_conf"}
    config = RunConfig.from_mapping(from_params(params).to_mapping())
    RunContext.from_config(config, seed=3, run_dir=project / "stage", silent=True).train()

    first = contents(project / "name")
    for way in ("mapping", "object", "command", "job", "stage"):
        assert contents(project / way) == first, way
    with allow_modules(["my_project"]):
        assert by_object.config.section("algorithm") == class_to_target(given)


@pytest.mark.parametrize("kind", ["name", "mapping", "object", "object of a class without an option"])
def test_what_depends_on_the_choice_follows_the_class(project: Path, kind: str) -> None:
    module = importlib.import_module("my_project.reinforce")
    algorithm = {
        "name": "reinforce",
        "mapping": {"_target_": "my_project.reinforce.ReinforceConfig", "n_epochs": 7},
        "object": module.ReinforceConfig(n_epochs=7),
        "object of a class without an option": module.ReinforceConfig(n_epochs=7),
    }[kind]
    if kind == "object of a class without an option":
        (project / "my_conf/algorithm/reinforce.yaml").unlink()
    config = RunContext(algorithm=algorithm, configuration="test", config_dir="my_conf").config
    assert config.algorithm.n_epochs == (2 if kind == "name" else 7)  # given fields stay as given
    assert config.evaluation.max_episode_steps == (None if "without" in kind else 10)

    # what the default algorithm's specialisation says of other sections reaches no other algorithm
    (project / "my_conf/configuration").mkdir()
    (project / "my_conf/configuration/short.yaml").write_text("# @package _global_\n{}\n")
    special = "# @package _global_\nevaluation:\n  n_envs: 2\n"
    (project / "my_conf/algorithm_configuration/ppo-short.yaml").write_text(special)
    short = {"configuration": "short", "config_dir": "my_conf"}
    assert RunContext(algorithm=algorithm, **short).config.evaluation.n_envs is None
    assert RunContext(**short).config.evaluation.n_envs == 2


def test_the_options_own_file_needs_no_list_of_fields(project: Path) -> None:
    config = RunContext(algorithm="reinforce", config_dir="my_conf", overrides={"algorithm.gamma": 0.5}).config
    assert (config.algorithm.gamma, config.algorithm.lr, config.algorithm.n_rollout_steps) == (0.5, 0.01, 64)
    with pytest.raises(InvalidSpecificationError, match=r"algorithm\.gama.*gamma"):
        RunContext(algorithm="reinforce", config_dir="my_conf", overrides={"algorithm.gama": 0.5})
    with pytest.raises(InvalidSpecificationError, match=r"algorithm\.gamma: 2 .*accepted: number >= 0 and <= 1"):
        RunContext(algorithm="reinforce", config_dir="my_conf", overrides={"algorithm.gamma": 2})


def test_a_root_and_a_group_of_ones_own_are_the_same_run(project: Path) -> None:
    (project / "my_conf/reward").mkdir()
    (project / "my_conf/reward/small.yaml").write_text("# @package algorithm\nlr: 0.03\n")
    root = "defaults:\n  - conf_train\n  - override env: corridor\n  - override algorithm: reinforce\n  - _self_\n"
    (project / "my_conf/my_train.yaml").write_text(root + "runner:\n  torch_threads: 1\n")
    options = ["-cd", "my_conf", "--seed", "3", "--silent", "--run-dir", "root", "tracking.mode=off"]
    assert main(["-cn", "my_train", "configuration=test", "+reward=small", *options]) == 0
    values = {"algorithm.lr": 0.03, "runner.torch_threads": 1}
    train(project / "python", env="corridor", algorithm="reinforce", configuration="test", overrides=values)
    assert contents(project / "root") == contents(project / "python")


def test_a_trainer_of_a_script_is_named_by_its_class(project: Path) -> None:
    module = importlib.import_module("my_project.reinforce")

    class Louder(module.Reinforce):  # type: ignore[name-defined, misc]
        def update(self) -> Any:
            return {**super().update(), "loudness": 11.0}

    @dataclass(frozen=True, kw_only=True)
    class LouderConfig(module.ReinforceConfig):  # type: ignore[name-defined, misc]
        trainer: ClassVar[type] = Louder

    rc = train(project / "run", env="corridor", algorithm=LouderConfig(n_epochs=1, epoch_length=1))
    assert type(rc.trainer) is Louder
    assert rc.statistics["loudness"] == 11.0


def test_nobody_names_code_that_no_tree_declares(project: Path) -> None:
    (project / "my_conf/allowed_modules.yaml").unlink()
    with pytest.raises(InvalidSpecificationError, match=r"my_project\.corridor\.Corridor.*allowed_modules"):
        RunContext(env="corridor", config_dir="my_conf")
    assert "my_project" not in sys.modules
    (project / "my_conf/allowed_modules.yaml").write_text("my_project")
    with pytest.raises(InvalidSpecificationError, match=r"allowed_modules\.yaml: 'my_project' is not accepted"):
        RunContext(env="corridor", config_dir="my_conf")


def test_runs_that_do_not_use_the_tree_are_what_they_were(project: Path) -> None:
    with_tree, without = RunContext(config_dir="my_conf", seed=1).config, RunContext(seed=1).config
    assert with_tree.to_yaml() == without.to_yaml()


def test_an_agent_is_loaded_where_its_code_is_trusted(project: Path) -> None:
    rc = train(project / "run", experiment="corridor", configuration="test")
    assert rc.config.env.length == 6
    with pytest.raises(InvalidSpecificationError, match=r"runs code of 'my_project'.*allow_code"):
        RunContext.load(project / "run")
    loaded = RunContext.load(project / "run", allow_code=True, silent=True)
    observation = rc.env_factory().reset()
    assert loaded.compute_action(observation, deterministic=True) == rc.compute_action(observation, deterministic=True)


def test_training_goes_on_exactly(project: Path) -> None:
    options: dict[str, Any] = {"env": "corridor", "algorithm": "reinforce", "configuration": "test"}
    at_once = train(project / "at once", **options)
    parts = RunContext(
        **options, overrides=QUIET, config_dir="my_conf", seed=3, silent=True, run_dir=project / "in parts"
    )
    parts.train(1)
    parts.train(1)
    assert (
        contents(at_once.run_dir)["agent/weights.safetensors"] == contents(parts.run_dir)["agent/weights.safetensors"]
    )


def test_the_guides_python_and_params_run(project: Path) -> None:
    python = "\n".join(snippets("python"))
    script = project / "script.py"
    script.write_text(python.replace("rc.train()", "rc.train(1)"), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    params = next(block for block in snippets("yaml") if "config_dir" in block)
    read = dict(line.split(": ") for line in params.splitlines())
    assert from_params(read).env.length == 6


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_guides_commands_run_where_the_code_is(project: Path, index: int) -> None:
    words = snippets("sh")[0].splitlines()[index].split()[1:]
    code = "import sys; from maze.cli import main; sys.path.remove(''); sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-c", code, *words, *(["--cfg"] if "--info" not in words else [])]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "reinforce" in done.stdout
    assert json.dumps(done.stdout).count("corridor") > 0
