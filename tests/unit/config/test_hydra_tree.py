"""Trees of files, and that nothing else in the process notices Hydra at work."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from maze.config.compose import compose, config_directory, group_options, groups
from maze.errors import InvalidSpecificationError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: ???", r"env\.name: .*needs a value"),
        ("name: ${env.nam}", r"env\.name: .*env\.nam"),
        ("a: ${env.b}\nb: ${env.a}", "Recursive interpolation"),
        ("name: ???\ntitle: ${env.name}", r"env\.title"),
        ("name: [1", "while parsing"),
        ("_target_: os.system", r"env\._target_: 'os\.system'"),
    ],
)
def test_broken_files_are_one_line_that_names_the_key(user_tree, content, message):
    with pytest.raises(InvalidSpecificationError, match=message) as caught:
        compose({"env": "broken"}, config_dir=user_tree(env__broken=content))
    assert "\n" not in str(caught.value)


def test_users_trees_add_options_groups_and_roots(user_tree):
    tree = user_tree(
        algorithm__own="_target_: maze.trainers.ppo.PPOAlgorithmConfig\nlr: 0.25\n",
        reward__scaled="# @package env\nscale: 2\n",
        conf_mine="defaults:\n  - conf_train\n  - override algorithm: own\n  - _self_\nrunner:\n  concurrency: 3\n",
    )
    config = compose({"algorithm": "own", "reward": "scaled"}, config_dir=tree)
    assert (config.algorithm.lr, config.env.scale) == (0.25, 2)
    assert compose({}, config_name="conf_mine", config_dir=tree).runner.concurrency == 3
    assert group_options("algorithm", tree) == sorted([*group_options("algorithm"), "own"])
    assert "reward" in groups(tree)
    assert "reward" not in groups()
    with pytest.raises(InvalidSpecificationError, match="config_name: 'conf_mine' not found"):
        compose({}, config_name="conf_mine")
    with pytest.raises(InvalidSpecificationError, match="'conf_rllib' is not available yet"):
        compose({}, config_name="conf_rllib")


def test_users_trees_cannot_hide_files_of_the_package(user_tree, tmp_path):
    with pytest.raises(InvalidSpecificationError, match=r"ppo\.yaml has the name of a file of maze"):
        compose({}, config_dir=user_tree(algorithm__ppo="lr: 1"))
    with pytest.raises(InvalidSpecificationError, match="is not a directory"):
        compose({}, config_dir=tmp_path / "nowhere")
    assert compose({}, config_dir=config_directory()) == compose({})


def test_edits_of_files_are_seen_at_once(user_tree):
    tree = user_tree(env__mine="_target_: maze.E\nname: first\n")
    assert compose({"env": "mine"}, config_dir=tree).env.name == "first"
    user_tree(env__mine="_target_: maze.E\nname: the second\n")
    assert compose({"env": "mine"}, config_dir=tree).env.name == "the second"


def test_nothing_else_in_the_process_changes():
    from hydra import initialize_config_dir
    from hydra.core import global_hydra
    from hydra.version import VersionBase

    with initialize_config_dir(str(config_directory()), version_base="1.2"):
        surrounding = global_hydra.GlobalHydra.instance()
        inner = surrounding.hydra
        before = _process_state()
        compose({"algorithm": "a2c", "experiment": "cartpole"}, {"algorithm.n_epochs": 17})
        assert _process_state() == before
        assert global_hydra.GlobalHydra.instance() is surrounding
        assert surrounding.hydra is inner
        assert str(VersionBase.instance().version_base) == "1.2"
    assert not global_hydra.GlobalHydra.instance().is_initialized()


def _process_state():
    handlers = [logging.root.handlers[:], logging.root.level, sorted(logging.root.manager.loggerDict)]
    return (sys.argv[:], Path.cwd(), dict(os.environ), handlers, warnings.filters[:], sys.path[:])  # noqa: TID251 - only looked at


def test_threads_compose_side_by_side():
    results: dict[int, int] = {}
    errors = []

    def work(index):
        try:
            choices = {"algorithm": ("a2c", "ppo")[index % 2], "configuration": ("test", None)[index % 3 == 0]}
            results[index] = compose(choices, {"algorithm.n_epochs": index + 1}).algorithm.n_epochs
        except Exception as error:  # noqa: BLE001 - reported below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert results == {index: index + 1 for index in range(12)}


APPLICATION = """
import sys
import hydra
from hydra.core.hydra_config import HydraConfig
from maze.config.compose import compose

@hydra.main(version_base=None, config_path=None)
def main(config):
    before = HydraConfig.get().job.name
    assert compose({"algorithm": "a2c"}).algorithm._target_.endswith("A2CAlgorithmConfig")
    assert HydraConfig.get().job.name == before
    assert "torch" not in sys.modules
    print("composed", config.x)

main()
"""


def test_it_works_inside_a_hydra_application_and_without_torch(tmp_path):
    (tmp_path / "application.py").write_text(APPLICATION)
    environment = {**os.environ, "PYTHONPATH": str(config_directory().parent)}
    command = [sys.executable, "application.py", "+x=3", "hydra.run.dir=out"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "composed 3", "")


def test_a_warm_call_is_fast():
    compose({"experiment": "cartpole"})
    begin = time.perf_counter()
    compose({"experiment": "cartpole"}, {"algorithm.lr": 0.5})
    assert time.perf_counter() - begin < 0.3
