"""Ids are checked without making anything: registries, missing packages, arguments."""

from __future__ import annotations

import subprocess
import sys

import gymnasium
import pytest

from maze.env.engine_ids import check_engine, split_id
from maze.env.engines import make_engine
from maze.errors import InvalidSpecificationError


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("CartPole-v1", ("", "CartPole-v1")),
        ("package.module:Own-v0", ("package.module", "Own-v0")),
        ("ALE/Pong-v5", ("ale_py", "ALE/Pong-v5")),
        ("other:ALE/Pong-v5", ("other", "ALE/Pong-v5")),
        ("phys2d/CartPole-v1", ("", "phys2d/CartPole-v1")),
        ("MiniGrid-Empty-5x5-v0", ("minigrid", "MiniGrid-Empty-5x5-v0")),
    ],
)
def test_ids_have_a_module_that_registers_them(name: str, parts: tuple[str, str]) -> None:
    assert split_id(name) == parts


@pytest.mark.parametrize(
    "name",
    [
        "CartPole-v1",
        "CartPole-v0",
        "gymnasium:Acrobot-v1",
        "FrozenLake-v1",
        "Taxi-v3",
        "LunarLander-v3",
        "ALE/Pong-v5",
        "InvertedPendulum-v5",
    ],
)
def test_an_id_that_passes_can_be_made(name: str) -> None:
    check_engine(name, {})
    make_engine(name, None, {}).close()


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("CartPol-v1", {}),
        ("cartpole-v1", {}),
        ("CartPole-v9", {}),
        ("HalfCheetah-v3", {}),  # needs what is no longer made
        ("no_such_package:Some-v0", {}),
        ("CartPole-v1", {"gravity": 1.0}),
    ],
)
def test_an_id_that_does_not_pass_cannot_be_made(name: str, kwargs: dict[str, float]) -> None:
    with pytest.raises(InvalidSpecificationError):
        make_engine(name, None, kwargs)
    with pytest.raises(InvalidSpecificationError):
        check_engine(name, kwargs)


@pytest.mark.parametrize("name", sorted(gymnasium.registry))
def test_every_id_of_gymnasium_passes_or_names_its_remedy(name: str) -> None:
    entry_point = gymnasium.registry[name].entry_point
    moved = getattr(entry_point, "__name__", "").startswith("_raise")
    if not moved and (not isinstance(entry_point, str) or is_installed(entry_point)):
        check_engine(name, {})
    else:
        with pytest.raises(InvalidSpecificationError, match="Remedy: "):
            check_engine(name, {})


def is_installed(entry_point: str) -> bool:
    try:
        return bool(gymnasium.envs.registration.load_env_creator(entry_point))
    except (ImportError, gymnasium.error.DependencyNotInstalled):
        return False


def test_arguments_of_the_constructor_and_of_making_are_accepted() -> None:
    check_engine("CartPole-v1", {"sutton_barto_reward": True, "max_episode_steps": 5})
    with pytest.raises(
        InvalidSpecificationError, match=r"has no argument 'max_steps'; did you mean 'max_episode_steps'"
    ):
        check_engine("CartPole-v1", {"max_steps": 5})
    with pytest.raises(InvalidSpecificationError, match=r"'Taxi-v3' has no argument 'rain'"):
        check_engine("Taxi-v3", {"rain": True})


def test_where_the_package_is_there_the_remedy_is_a_newer_version() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"'HalfCheetah-v3' .*Remedy: use 'HalfCheetah-v5'\.$"):
        check_engine("HalfCheetah-v3", {})
    with pytest.raises(InvalidSpecificationError, match=r"'Pusher-v4' .*Remedy: use 'Pusher-v5'\.$"):
        make_engine("Pusher-v4", None, {})


def test_box2d_survives_where_warnings_are_errors() -> None:
    program = "from maze import GymMazeEnv; print(GymMazeEnv('LunarLander-v3').reset()['observation'].shape)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "(8,)\n"), done.stderr
