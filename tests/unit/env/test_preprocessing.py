"""Cascades of pre-processors, and the wrapper modules of the configuration tree that use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import yaml
from gymnasium import spaces

import maze
from maze import RunContext
from maze.config.targets import resolve_target
from maze.env import GymMazeEnv, MazeEnv, PreProcessingWrapper, make_vector_env
from maze.errors import InvalidSpecificationError
from tests.scripted import counting

CONF = Path(maze.__file__).parent / "conf" / "wrappers"


class Camera(gymnasium.Env[Any, Any]):
    """Red images that grow brighter by 10 each step; episodes of 3 steps."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0, 255, (120, 100, 3), np.uint8)
        self.action_space = spaces.Discrete(2)
        self.time = 0

    def picture(self) -> Any:
        image = np.zeros((120, 100, 3), np.uint8)
        image[..., 0] = 10 * self.time
        return image

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        self.time = 0
        return self.picture(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self.time += 1
        return self.picture(), 0.0, self.time == 3, False, {}


def wrapped(env: MazeEnv, module: str) -> MazeEnv:
    for name, arguments in yaml.safe_load((CONF / f"{module}.yaml").read_text()).items():
        env = resolve_target(name).wrap(env, **arguments)
    return env


def test_the_key_tells_what_was_done() -> None:
    mapping = [
        {"observation": "observation", "_target_": "maze.env.preprocessors.Rgb2Gray", "keep_original": True},
        {
            "observation": "observation-rgb2gray",
            "_target_": "maze.preprocessors.ResizeImgPreProcessor",
            "config": {"target_size": [2, 3], "interpolation": "area"},
        },
    ]
    env = PreProcessingWrapper.wrap(GymMazeEnv(Camera()), pre_processor_mapping=mapping)
    assert list(env.observation_space) == ["observation", "observation-rgb2gray-resize_img"]
    env.reset()
    observation = env.step({"action": 0})[0]
    assert list(observation) == list(env.observation_space)
    assert observation["observation-rgb2gray-resize_img"].tolist() == [[3, 3, 3], [3, 3, 3]]  # 0.299 * 10
    assert env.observation_space.contains(observation)


KEY = "observation-rgb2gray-resize_img-unsqueeze"


@pytest.mark.parametrize(("module", "shape"), [("pixel_obs", (1, 96, 96)), ("pixel_obs_rnn", (4, 1, 96, 96))])
def test_pixel_modules(module: str, shape: tuple[int, ...]) -> None:
    env = wrapped(GymMazeEnv(Camera()), module)
    assert {key: space.shape for key, space in env.observation_space.spaces.items()} == {KEY: shape}
    env.training = True
    env.reset()
    env.step({"action": 0})
    env.step({"action": 0})
    env.update_statistics()
    # gray values 0, 3, 6: mean 3, deviation sqrt(6)
    first = env.reset()[KEY]
    assert first.dtype == np.float32
    assert np.allclose(first, -3 / np.sqrt(6))
    second = env.step({"action": 0})[0][KEY]
    assert np.allclose(second.reshape(-1, 96, 96)[-1], 0.0, atol=1e-6)
    assert env.observation_space.contains({KEY: second})
    vector = make_vector_env(lambda: wrapped(GymMazeEnv(Camera()), module), 2)
    vector.load_statistics(env.statistics_state())
    vector.reset([0, 1])
    for _ in range(3):
        step = vector.step({"action": np.zeros(2, int)})
    assert step.final_observation is not None
    # at the end 9: (9 - 3) / sqrt(6); then the next episode's first one
    assert np.allclose(step.final_observation[KEY].reshape(2, -1, 96, 96)[:, -1], 6 / np.sqrt(6))
    assert np.allclose(step.observation[KEY], -3 / np.sqrt(6))


def test_vector_module_with_memory() -> None:
    env = wrapped(counting([9]), "vector_obs_rnn")
    assert {key: space.shape for key, space in env.observation_space.spaces.items()} == {"observation": (4, 2)}
    env.training = True
    env.reset()
    env.step({"action": 0})
    env.update_statistics()
    # times 0 0 0 0 and 0 0 0 1: one mean of 1/8 for all places
    state = env.statistics_state()
    assert state["ObservationNormalizationWrapper.0.observation.mean"].tolist() == [[0.0, 0.125]]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"observation": "obs", "_target_": "maze.env.preprocessors.Flatten"}, "unknown observation 'obs'"),
        ({"observation": "observation", "_target_": "maze.preprocessors.Flaten"}, "_target_"),
        ({"observation": "observation", "_target_": "maze.env.MazeEnv"}, "is no PreProcessor"),
        (
            {"observation": "observation", "_target_": "maze.env.preprocessors.UnSqueeze"},
            r"0\.config\.dim: maze\.env\.preprocessors\.UnSqueeze needs this argument",
        ),
        ({"observation": "observation", "_target": "x"}, "did you mean '_target_'"),
    ],
)
def test_wrong_entries(entry: dict, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        PreProcessingWrapper.wrap(GymMazeEnv(Camera()), pre_processor_mapping=[entry])


VECTOR = r"pre_processor_mapping\.0: the observation 'observation' is a Box of the shape \(4,\)\. "


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("Rgb2Gray", {}, r"Rgb2Gray works on images with an axis of three colours, such as \[H, W, 3\]\. Name the obs"),
        (
            "ResizeImg",
            {"target_size": [2, 2]},
            r"ResizeImg works on images of 2 or 3 axes, .*; this has 1\. Name the obs",
        ),
        ("Transpose", {"axes": [1, 0]}, r"Transpose: axes is \[1, 0\]; name each of 1 axes once, .* such as \[0\]"),
        ("UnSqueeze", {"dim": 3}, "UnSqueeze: dim is 3; give a whole number from -2 to 1"),
        ("Flatten", {"num_flatten_dims": 2}, "Flatten: num_flatten_dims is 2, of 1 axes; give 1 to 1, or null for all"),
        ("OneHot", {}, "OneHot works on Discrete and MultiDiscrete; leave this step out"),
    ],
)
def test_observations_that_do_not_fit_are_named_with_what_is_expected(name: str, config: dict, message: str) -> None:
    entry = {"observation": "observation", "_target_": f"maze.env.preprocessors.{name}", "config": config}
    with pytest.raises(InvalidSpecificationError, match=f"^{VECTOR}{message}"):
        PreProcessingWrapper.wrap(GymMazeEnv("CartPole-v1"), pre_processor_mapping=[entry])
    wrappers = {"maze.PreProcessingWrapper": {"pre_processor_mapping": [entry]}}
    with (
        RunContext(wrappers=wrappers, configuration="test", silent=True) as rc,
        pytest.raises(
            InvalidSpecificationError, match=rf"^wrappers\.0 \(maze\.PreProcessingWrapper\): {VECTOR}{message}"
        ),
    ):
        rc.env_factory()


def test_two_results_of_one_name() -> None:
    entry = {"observation": "observation", "_target_": "maze.env.preprocessors.Flatten", "keep_original": True}
    with pytest.raises(InvalidSpecificationError, match="'observation-flatten' already"):
        PreProcessingWrapper.wrap(GymMazeEnv(Camera()), pre_processor_mapping=[entry, entry])
