"""Environments that other packages register: agents learn in them, and missing packages are named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from maze import GymMazeEnv, InvalidSpecificationError, RunContext
from maze.errors import EnvError
from maze.trainers import A2C, PPO

MINIGRID = "MiniGrid-Empty-5x5-v0"
UPDATES = {
    "algorithm.n_epochs": 1,
    "algorithm.epoch_length": 3,
    "algorithm.n_rollout_steps": 32,
    "tracking.mode": "off",
}
PACKAGES = {
    "InvertedPendulum-v5": ("mujoco", "mujoco"),
    "MiniGrid-Empty-5x5-v0": ("minigrid", "minigrid"),
    "BabyAI-GoToObj-v0": ("minigrid", "minigrid"),
    "ALE/Pong-v5": ("ale_py", "atari"),
    "LunarLander-v3": ("Box2D", "box2d"),
}
"""Ids, the package that each needs, and the extra of maze that brings it."""

WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == sys.argv[1] else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without

from pathlib import Path
from maze import GymMazeEnv, InvalidSpecificationError, RunContext, TensorboardWriter

attempts = (lambda: RunContext(overrides={"env.name": sys.argv[2]}), lambda: GymMazeEnv(sys.argv[2]))
if sys.argv[2] == "writer":
    values = {"tracking.writers": ["json_lines", "tensorboard"]}
    attempts = (lambda: RunContext(overrides=values), lambda: TensorboardWriter(Path("nowhere")))
for attempt in attempts:
    try:
        attempt()
    except InvalidSpecificationError as error:
        print(str(error))
"""


def minigrid_with(wrapper: str) -> Callable[[], gymnasium.Env[Any, Any]]:
    def make() -> gymnasium.Env[Any, Any]:
        from minigrid import wrappers

        return getattr(wrappers, wrapper)(gymnasium.make(MINIGRID))

    return make


def without_a_space_for_texts() -> gymnasium.Env[Any, Any]:
    """Return MiniGrid with the length of its text in the text's place, as the error's remedy says."""
    import minigrid  # noqa: F401  (registers its ids)

    env = gymnasium.make(MINIGRID)
    numbers = gymnasium.spaces.Box(0, 100, (1,), np.float32)
    space = gymnasium.spaces.Dict({**env.observation_space.spaces, "mission": numbers})
    return gymnasium.wrappers.TransformObservation(
        env, lambda seen: {**seen, "mission": np.array([len(seen["mission"])], np.float32)}, space
    )


REAL: dict[str, tuple[dict[str, Any], dict[str, tuple[int, ...]]]] = {
    "MiniGrid without its text": (
        {"overrides": {"env.name": MINIGRID, "env.ignored_observations": ["mission"]}},
        {"direction": (), "image": (7, 7, 3)},
    ),
    "MiniGrid's wrapper for images": ({"env": minigrid_with("ImgObsWrapper")}, {"observation": (7, 7, 3)}),
    "MiniGrid's wrapper that encodes the text": ({"env": minigrid_with("FlatObsWrapper")}, {"observation": (2835,)}),
    "MiniGrid with a wrapper of gymnasium": (
        {"env": without_a_space_for_texts},
        {"direction": (), "image": (7, 7, 3), "mission": (1,)},
    ),
    "MuJoCo, one action": (
        {"wrappers": "vector_obs", "model": "vector_obs", "overrides": {"env.name": "InvertedPendulum-v5"}},
        {"observation": (4,)},
    ),
    "MuJoCo, several actions": (
        {"wrappers": "vector_obs", "model": "vector_obs", "overrides": {"env.name": "Hopper-v5"}},
        {"observation": (11,)},
    ),
    "Box2D": (
        {"wrappers": "vector_obs", "model": "vector_obs", "overrides": {"env.name": "LunarLander-v3"}},
        {"observation": (8,)},
    ),
}


@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
@pytest.mark.parametrize("name", REAL)
def test_agents_learn_in_environments_of_other_packages(name: str, algorithm: str, tmp_path: Path) -> None:
    choices, shapes = REAL[name]
    values = {**UPDATES, **choices.get("overrides", {})}
    with RunContext(
        **{**choices, "overrides": values}, algorithm=algorithm, run_dir=tmp_path / "run", seed=1, silent=True
    ) as rc:
        before = {key: value.clone() for key, value in rc.model.state_dict().items()}
        rc.train()
        assert isinstance(rc.trainer, {"a2c": A2C, "ppo": PPO}[algorithm])
        assert any(not value.equal(before[key]) for key, value in rc.trainer.model.state_dict().items())
        env = rc.env_factory()
        observation = env.reset()
        assert {key: value.shape for key, value in observation.items()} == shapes
        assert env.observation_space.contains(observation)
        assert env.action_space.contains(rc.compute_action(observation))


def test_a_text_is_refused_with_what_to_do_about_it(tmp_path: Path) -> None:
    rc = RunContext(overrides={**UPDATES, "env.name": MINIGRID}, run_dir=tmp_path / "run", silent=True)
    with pytest.raises(
        EnvError,
        match=r"observation 'mission' has the space MissionSpace.*not supported.*"
        r"ignored_observations=\['mission'\].*gymnasium\.wrappers\.TransformObservation",
    ):
        rc.train()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["mision"], r"there is no observation 'mision'; did you mean 'mission'"),
        (["mission", "image", "direction"], r"are all that there are; keep one"),
    ],
)
def test_ignored_observations_that_make_no_sense(keys: list[str], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        GymMazeEnv("MiniGrid-Empty-5x5-v0", ignored_observations=keys)


def test_a_text_in_the_place_of_a_list_of_keys_is_found_at_construction() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^env\.ignored_observations: 'mission' is not accepted"):
        RunContext(overrides={"env.name": MINIGRID, "env.ignored_observations": "mission"})


def test_half_cheetah_is_trained_from_the_command_line(tmp_path: Path) -> None:
    words = [
        "env.name=HalfCheetah-v5",
        "wrappers=vector_obs",
        "model=vector_obs",
        "algorithm=ppo",
        "configuration=test",
    ]
    done = subprocess.run(  # in a directory of its own: MuJoCo writes what it warns of into a file there
        [
            str(Path(sys.executable).parent / "maze-run"),
            "-cn",
            "conf_train",
            *words,
            "tracking.mode=off",
            "run_dir=run",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "agent" / "weights.safetensors").is_file()


def told_without(package: str, what: str) -> list[str]:
    """Return the errors of both attempts at something in a process that does not find a package."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, package, what],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stdout
    return lines


def test_where_tensorboard_is_missing_its_extra_is_named() -> None:
    for line in told_without("tensorboard", "writer"):
        assert "maze[tensorboard]" in line


@pytest.mark.parametrize("name", PACKAGES)
def test_where_a_package_is_missing_the_extra_that_brings_it_is_named(name: str) -> None:
    package, extra = PACKAGES[name]
    for line in told_without(package, name):
        assert f"The environment {name!r} needs packages that are missing" in line
        assert f'pip install "maze[{extra}]"' in line
