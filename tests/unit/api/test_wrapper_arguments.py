"""Values that wrappers cannot take are found when an experiment is specified, with their place and what is accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maze import (
    InvalidSpecificationError,
    ObservationNormalizationWrapper,
    RewardScalingWrapper,
    RunContext,
    StepSkipWrapper,
)
from maze.api.specs import from_params
from maze.cli import main
from tests.scripted import counting

RESIZE = {
    "observation": "observation",
    "_target_": "maze.preprocessors.ResizeImgPreProcessor",
    "config": {"target_size": [84, 84]},
}
STACK = {"observation": "observation", "stack_steps": 2}
CLIP = "default_strategy_config.clip_range"

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("RewardScalingWrapper", {"scale": "a"}, r"scale: 'a' is not accepted; accepted: number\."),
    ("RewardScalingWrapper", {"scale": "0.1"}, r"scale: '0\.1' is not accepted; .* It is text: remove the quotes"),
    ("RewardScalingWrapper", {"scale": None}, r"scale: None is not accepted; accepted: number\."),
    ("RewardScalingWrapper", {"scale": float("nan")}, r"scale: nan .*accepted: number\. The number has to be finite\."),
    ("RewardClippingWrapper", {"min_val": "a"}, r"min_val: 'a' is not accepted; accepted: number or null\."),
    ("RewardClippingWrapper", {"min_val": 1, "max_val": -1}, r"min_val: 1 must be smaller than max_val -1\."),
    ("ReturnNormalizationRewardWrapper", {"gamma": "a"}, r"gamma: 'a' is not accepted; accepted: number >= 0 and <= 1"),
    ("ReturnNormalizationRewardWrapper", {"clip_range": 3}, r"clip_range: 3 .*accepted: list of 2 numbers or null"),
    ("StepSkipWrapper", {"n_steps": 0}, r"n_steps: 0 is not accepted; accepted: whole number >= 1"),
    ("StepSkipWrapper", {"n_steps": True}, r"n_steps: True is not accepted"),
    (
        "StepSkipWrapper",
        {"n_steps": 2, "skip_mode": "stick"},
        r"skip_mode: 'stick' is unknown; did you mean 'sticky'\?",
    ),
    (
        "TimeLimitWrapper",
        {"max_episode_steps": -5},
        r"max_episode_steps: -5 is not accepted; accepted: whole number >= 0",
    ),
    ("RandomResetWrapper", {"min_skip_steps": 11}, r"max_skip_steps: 10 must not be less than min_skip_steps 11"),
    ("ObservationNormalizationWrapper", {CLIP: 3}, rf"{CLIP}: 3 is not accepted; accepted: list of 2 numbers or null"),
    ("ObservationNormalizationWrapper", {CLIP: [1, "a"]}, rf"{CLIP}\.1: 'a' is not accepted"),
    ("ObservationNormalizationWrapper", {CLIP: [1, -1]}, rf"{CLIP}\.0: 1\.0 must be smaller than clip_range\.1 -1\.0"),
    (
        "ObservationNormalizationWrapper",
        {"exclude": "observation"},
        r"exclude: 'observation' .*: list of texts or null",
    ),
    (
        "ObservationNormalizationWrapper",
        {"default_statistics.mean": 0},
        r"default_statistics: .*mapping with mean and std",
    ),
    (
        "ObservationNormalizationWrapper",
        {"default_statistics": {"mean": 0, "std": 0}},
        r"default_statistics\.std: 0\.0 is not accepted; accepted: numbers > 0",
    ),
    ("ObservationClippingWrapper", {"min_val": 3, "max_val": 1}, r"min_val: 3 must be smaller than max_val 1"),
    (
        "ObservationClippingWrapper",
        {"min_val": 0, "max_val": float("inf"), "observations": "observation"},
        r"observations: 'observation' is not accepted; accepted: list of texts or null",
    ),
    (
        "PreProcessingWrapper",
        {"pre_processor_mapping": RESIZE},
        r"pre_processor_mapping: .*accepted: list of mappings\.",
    ),
    ("PreProcessingWrapper", {"pre_processor_mapping": ["x"]}, r"pre_processor_mapping\.0: 'x' is not accepted"),
    (
        "PreProcessingWrapper",
        {"pre_processor_mapping": [{**RESIZE, "config": {"target_size": 84}}]},
        r"pre_processor_mapping\.0\.config\.target_size: 84 is not accepted; accepted: list of 2 whole numbers >= 1\.",
    ),
    (
        "PreProcessingWrapper",
        {"pre_processor_mapping": [{**RESIZE, "config": {"target_sizes": [8, 8]}}]},
        r"pre_processor_mapping\.0\.config\.target_sizes: .*did you mean 'target_size'\?",
    ),
    (
        "PreProcessingWrapper",
        {"pre_processor_mapping": [{**RESIZE, "keep_original": "no"}]},
        r"pre_processor_mapping\.0\.keep_original: 'no' is not accepted; accepted: true or false",
    ),
    ("ObservationStackWrapper", {"stack_config": STACK}, r"stack_config: .*accepted: list of mappings\."),
    (
        "ObservationStackWrapper",
        {"stack_config": [{**STACK, "stack_steps": 0}]},
        r"stack_config\.0\.stack_steps: 0 is not",
    ),
    ("MazeEnvMonitoringWrapper", {"action_logging": "yes"}, r"action_logging: 'yes' is not accepted; .*true or false"),
    ("LogStatsWrapper", {"logging_prefix": 3}, r"logging_prefix: 3 is not accepted; accepted: text or null"),
    ("ExportGifWrapper", {"duration": 0}, r"duration: 0 is not accepted; accepted: number > 0"),
    ("ActionMaskWrapper", {"action": 3}, r"action: 3 is not accepted; accepted: text"),
    (
        "DiscretizeActionsWrapper",
        {"discretization_config": {"action": {"num_bins": 3, "low": None}}},
        r"discretization_config\.action\.low: None is not accepted; accepted: numbers",
    ),
    (
        "DiscretizeActionsWrapper",
        {"discretization_config": {"action": {"num_bins": 3, "low": 2, "high": [3, 1]}}},
        r"discretization_config\.action: the range is 2\.0 to \[3\. 1\.\]; give low and high, low the smaller",
    ),
    (
        "SplitActionsWrapper",
        {"split_config": {"action": {"a": "0"}}},
        r"split_config\.action\.a: '0' is not accepted; give indices",
    ),
    (
        "SplitActionsWrapper",
        {"split_config": {"action": {"a": {"indexes": [0]}}}},
        r"split_config\.action\.a\.indexes: there is no such key; did you mean 'indices'\?",
    ),
]


@pytest.mark.parametrize(("name", "arguments", "message"), WRONG)
def test_wrong_values_are_found_at_construction(name: str, arguments: dict[str, Any], message: str) -> None:
    given = dict(arguments)
    nested: dict[str, Any] = {}
    for path in arguments:
        head, dot, key = path.partition(".")
        if dot:
            nested.setdefault(head, {})[key] = given.pop(path)
    wrappers = [{"_target_": "maze.LogStatsWrapper"}, {"_target_": f"maze.{name}", **given, **nested}]
    told = rf"^wrappers\.1\.{message}.* That is an argument of {name}\.$"
    with pytest.raises(InvalidSpecificationError, match=told) as caught:
        RunContext(wrappers=wrappers)
    assert "\n" not in str(caught.value)


def test_every_door_finds_them(capsys: pytest.CaptureFixture[str]) -> None:
    message = r"^wrappers\.2\.scale: 'a' is not accepted; accepted: number\."
    for path in ("wrappers.2.scale", "wrappers.maze.env.rewards.RewardScalingWrapper.scale"):
        with pytest.raises(InvalidSpecificationError, match=message):
            RunContext(experiment="pendulum_ppo", overrides={path: "a"})
        with pytest.raises(InvalidSpecificationError, match=message):
            from_params({"experiment": "pendulum_ppo", "set": {path: "a"}})
    words = ["-cn", "conf_rollout", "wrappers=[{_target_:maze.RewardScalingWrapper,scale:a}]", "policy=random_policy"]
    assert main(words) != 0
    assert "wrappers.0.scale: 'a' is not accepted; accepted: number." in capsys.readouterr().err


class Fifth(RewardScalingWrapper):
    """A wrapper of a user's own, with a constructor of its own."""

    def __init__(self, env: Any, parts: Any = 5) -> None:
        super().__init__(env, 1 / parts if isinstance(parts, int) else parts)


def test_constructors_check_as_well_those_of_subclasses_included() -> None:
    for make in (
        lambda: RewardScalingWrapper(counting([3]), "a"),  # type: ignore[arg-type]
        lambda: RewardScalingWrapper.wrap(counting([3]), scale="a"),
        lambda: Fifth.wrap(counting([3]), parts="a"),
    ):
        with pytest.raises(InvalidSpecificationError, match=r"^RewardScalingWrapper\.scale: 'a' is not accepted"):
            make()
    with pytest.raises(TypeError, match="n_stepz"):
        StepSkipWrapper.wrap(counting([3]), n_stepz=3)
    env = Fifth.wrap(counting([3]))
    env.reset()
    assert env.step({"action": 0})[1] == np.float32(0.2)


def test_what_is_right_is_taken_numpys_numbers_and_live_objects_too() -> None:
    env = RewardScalingWrapper.wrap(counting([3]), scale=np.float64(2))
    env.reset()
    assert env.step({"action": 0})[1] == 2.0
    statistics = {"mean": np.zeros(2), "std": np.array([1.0, 2.0])}
    ObservationNormalizationWrapper.wrap(counting([3]), default_statistics=statistics, exclude=())
    known = {"_target_": "maze.ObservationNormalizationWrapper", "default_statistics": statistics}
    with RunContext(env=lambda: counting([3]), wrappers=[known], configuration="test", silent=True) as rc:
        observation = rc.env_factory().reset()
    assert observation["observation"].tolist() == [0.0, 0.0]


def test_what_depends_on_the_environment_is_told_with_its_place() -> None:
    pendulum = {"_target_": "maze.GymMazeEnv", "env": "Pendulum-v1"}
    config = {"discretization_config": {"action": {"num_bins": 3, "low": -3}}}
    with RunContext(env=pendulum, wrappers={"maze.DiscretizeActionsWrapper": config}, silent=True) as rc:
        message = (
            r"^wrappers\.0 \(maze\.DiscretizeActionsWrapper\): discretization_config\.action\.low: -3 is outside of"
        )
        with pytest.raises(InvalidSpecificationError, match=message):
            rc.env_factory()
