"""Statistics of random play are those of what was observed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maze import RunContext
from maze.env import GymMazeEnv, ObservationNormalizationWrapper, RewardScalingWrapper, estimate_statistics
from maze.env.estimation import wants_estimation
from maze.errors import InvalidSpecificationError
from tests.scripted import counting, tiny_context

NAME = "ObservationNormalizationWrapper"


def test_observations_that_somebody_acts_on() -> None:
    env = ObservationNormalizationWrapper.wrap(counting([3]), online=False)
    state = estimate_statistics(RewardScalingWrapper.wrap(env, scale=2.0), seed=1, n_samples=6)
    # episodes 0 and 1, steps 0 1 2: the third step ends the episode and is not counted
    assert state[f"{NAME}.0.observation.count"] == 6
    assert state[f"{NAME}.0.observation.mean"].tolist() == [0.5, 1.0]
    assert state[f"{NAME}.0.observation.squared_deviations"].tolist() == pytest.approx([1.5, 4.0])
    # it is in use, and training does not change it
    env.training = True
    assert env.reset()["observation"][1] == pytest.approx(-1 / np.sqrt(4 / 6))
    env.update_statistics()
    assert env.statistics_state()[f"{NAME}.0.observation.count"] == 6


def test_inner_statistics_come_first_and_seeds_repeat() -> None:
    def estimated(seed: int) -> dict[str, np.ndarray]:
        env = ObservationNormalizationWrapper.wrap(
            ObservationNormalizationWrapper.wrap(GymMazeEnv("CartPole-v1")), default_strategy="range_zero_one"
        )
        return estimate_statistics(env, seed, n_samples=300)

    first, again, other = estimated(1), estimated(1), estimated(2)
    assert {key: value.tobytes() for key, value in first.items()} == {
        key: value.tobytes() for key, value in again.items()
    }
    assert (first[f"{NAME}.0.observation.mean"] != other[f"{NAME}.0.observation.mean"]).all()
    # the outer one saw values that were normalised already
    assert (np.abs(first[f"{NAME}.1.observation.minimum"]) > 0.9).all()


def test_each_wrapper_says_how_many() -> None:
    env = ObservationNormalizationWrapper.wrap(
        ObservationNormalizationWrapper.wrap(counting([3]), estimation_samples=4)
    )
    assert wants_estimation(RewardScalingWrapper.wrap(env, scale=2.0))
    state = estimate_statistics(env, seed=1)
    assert [state[f"{NAME}.{rank}.observation.count"] for rank in (0, 1)] == [4, 0]
    assert not wants_estimation(RewardScalingWrapper.wrap(counting([3]), scale=2.0))
    with pytest.raises(
        InvalidSpecificationError, match="estimation_samples: -1 is not accepted; accepted: whole number >= 0"
    ):
        ObservationNormalizationWrapper.wrap(counting([3]), estimation_samples=-1)


def test_a_run_estimates_before_it_trains_and_keeps_that(tmp_path: Path) -> None:
    arguments = {"online": False, "estimation_samples": 40}
    wrappers = {"maze.env.normalization.ObservationNormalizationWrapper": arguments}
    rc = tiny_context(tmp_path / "run", {"env.name": "CartPole-v1"}, wrappers=wrappers)
    rc.train()
    state, loaded = (c.env_factory().statistics_state() for c in (rc, RunContext.load(rc.run_dir)))
    assert state[f"{NAME}.0.observation.count"] == 40
    assert {key: value.tobytes() for key, value in state.items()} == {k: v.tobytes() for k, v in loaded.items()}


def test_no_samples_are_no_statistics() -> None:
    with pytest.raises(InvalidSpecificationError, match="n_samples is 0"):
        estimate_statistics(counting([3]), seed=1, n_samples=0)
