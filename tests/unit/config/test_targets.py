"""A configuration names only what it may."""

from __future__ import annotations

import subprocess
import sys
import threading

import gymnasium
import pytest

from maze.config.targets import allow_modules, check_target, dotted_name, resolve_target
from maze.errors import InvalidSpecificationError, MazeError


def test_names_of_allowed_modules_are_found():
    assert resolve_target("maze.errors.MazeError") is MazeError
    assert resolve_target("gymnasium.spaces.Box") is gymnasium.spaces.Box


def test_gym_spaces_are_gymnasium_spaces(monkeypatch):
    monkeypatch.setitem(sys.modules, "gym", None)  # importing it would fail
    assert resolve_target("gym.spaces.Box") is gymnasium.spaces.Box


@pytest.mark.parametrize(
    "target", ["os.system", "builtins.eval", "torch.load", "subprocess.run", "gymnasiumx.make", "mazes.A"]
)
def test_other_modules_are_refused_without_importing_them(target):
    with pytest.raises(
        InvalidSpecificationError, match=rf"^env\._target_: '{target}' does not belong.*allowed_modules: \["
    ):
        check_target(target, "env._target_")


@pytest.mark.parametrize("target", ["maze.errors.difflib.get_close_matches", "maze.config.hydra_tree.threading.Thread"])
def test_what_an_allowed_module_merely_imports_is_refused(target):
    with pytest.raises(InvalidSpecificationError, match="really is"):
        resolve_target(target)


@pytest.mark.parametrize("target", ["maze.RunContext.load", "maze.replay", "maze.cli.main", "maze.run_rollout"])
def test_what_runs_code_that_runs_have_stored_is_no_component(target):
    with pytest.raises(InvalidSpecificationError, match="runs or loads whole runs"), allow_modules(["maze.api"]):
        resolve_target(target)


@pytest.mark.parametrize(
    "target", ["Tanh", "", None, 3, "maze..x", "maze.errors; import os", "maze.errors.MazeError()"]
)
def test_what_is_no_dotted_name_is_refused(target):
    with pytest.raises(InvalidSpecificationError, match="not the dotted name"):
        resolve_target(target)


def test_unknown_names_get_the_nearest_match():
    with pytest.raises(InvalidSpecificationError, match=r"did you mean 'MazeError'\?"):
        resolve_target("maze.errors.MazeErorr")
    with pytest.raises(InvalidSpecificationError, match="was not found"):
        resolve_target("maze.no_such_module.Thing")
    with pytest.raises(InvalidSpecificationError, match="is a module"):
        resolve_target("maze.errors")


def test_users_declare_their_modules_for_a_block_and_a_thread(user_module):
    target = "somebodys_project.OwnConfig"
    seen = []

    def elsewhere():
        try:
            resolve_target(target)
        except InvalidSpecificationError:
            seen.append("refused")

    with allow_modules(["somebodys_project"]):
        assert resolve_target(target) is user_module.OwnConfig
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert seen == ["refused"]
    with pytest.raises(InvalidSpecificationError):
        resolve_target(target)


def test_a_module_that_is_not_installed_is_named():
    with allow_modules(["not_installed_anywhere"]), pytest.raises(InvalidSpecificationError, match="is it installed"):
        resolve_target("not_installed_anywhere.Thing")


def test_dotted_names_are_those_that_lead_back():
    assert dotted_name(MazeError) == "maze.errors.MazeError"
    assert dotted_name(lambda: 1) is None
    assert dotted_name(threading.Thread) is None

    class Local:
        pass

    assert dotted_name(Local) is None


def test_torch_functions_and_classes_are_found_but_nothing_of_torch_itself():
    code = """
from maze.config.targets import resolve_target
from maze.errors import InvalidSpecificationError
import torch
assert resolve_target("torch.nn.Tanh") is torch.nn.Tanh
assert resolve_target("torch.optim.Adam") is torch.optim.Adam
for name in ("relu", "tanh", "gelu", "softplus"):
    resolve_target(f"torch.nn.functional.{name}")
module = "torch.nn.modules.module"
for name in (f"{module}.torch.load", "torch.nn.functional.torch.load", f"{module}.functools.partial"):
    try:
        resolve_target(name)
    except InvalidSpecificationError:
        continue
    raise SystemExit(name)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
