"""Wrappers of one's own, written for one environment, or for batches: each gives the same training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maze import ActionWrapper, EnvError, ObservationWrapper, RewardWrapper, RunContext, Wrapper
from maze.types import Action, Array, Observation
from tests.scripted import tiny_context, weights_of


class Unit(ObservationWrapper):
    """The largest number of an observation is 1."""

    def observation(self, observation: Observation) -> Observation:
        values = observation["observation"]
        return {"observation": values / np.abs(values).max()}


class Threshold(RewardWrapper):
    def reward(self, reward: Array) -> Any:
        return 2.0 if reward > 0.5 else 0.0


class Mirrored(ActionWrapper):
    def action(self, action: Action) -> Action:
        return {"action": 1 - int(action["action"])}  # type: ignore[dict-item]


class UnitByHand(Wrapper):
    """The same as `Unit`, in methods of its own."""

    def reset(self) -> Observation:
        return self._unit(super().reset())

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        observation, reward, done, info = super().step(action)
        return self._unit(observation), reward, done, info

    def _unit(self, observation: Observation) -> Observation:
        return {"observation": observation["observation"] / np.abs(observation["observation"]).max()}


class Units(ObservationWrapper):
    batchable = True

    def observation(self, observation: Observation) -> Observation:
        values = observation["observation"]
        return {"observation": values / np.abs(values).max(axis=-1, keepdims=True)}


class Thresholds(RewardWrapper):
    batchable = True

    def reward(self, reward: Array) -> Array:
        return np.where(reward > 0.5, np.float32(2.0), np.float32(0.0))


class AllMirrored(ActionWrapper):
    batchable = True

    def action(self, action: Action) -> Action:
        return {"action": 1 - action["action"]}


WAYS: dict[str, list[type[Wrapper]]] = {
    "for one": [Unit, Threshold, Mirrored],
    "by hand": [UnitByHand, Threshold, Mirrored],
    "for batches": [Units, Thresholds, AllMirrored],
}


def test_written_for_one_environment_or_for_batches_they_train_the_same_agent(tmp_path: Path) -> None:
    contexts: dict[str, RunContext] = {}
    for way, wrappers in WAYS.items():
        contexts[way] = tiny_context(tmp_path / way, {"runner.concurrency": 4}, wrappers=wrappers)
        contexts[way].train()
    weights = {weights_of(rc).tobytes() for rc in contexts.values()}
    assert len(weights) == 1
    played = [rc.rollout(n_episodes=3, record_trajectory=True) for rc in contexts.values()]
    for result in played:
        seen = result.steps["observation/observation"]
        assert np.abs(seen).max(axis=-1).tolist() == [1.0] * len(seen)
        assert set(result.steps["reward"].tolist()) == {2.0}
    assert len({result.steps["observation/observation"].tobytes() for result in played}) == 1


@pytest.mark.parametrize("given", [None, "x", [1.0, 2.0]])
def test_what_is_no_reward_is_an_error_that_names_the_wrapper(given: Any, tmp_path: Path) -> None:
    class Odd(RewardWrapper):
        def reward(self, reward: Array) -> Any:
            return given

    with pytest.raises(EnvError, match=r"reward\(\) of Odd\(.* returned .*; expected is an array of shape \("):
        tiny_context(tmp_path, wrappers=[Odd]).train()
