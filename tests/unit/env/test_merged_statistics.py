"""Statistics that several actors gather side by side become those that one would have gathered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from maze import MazeEnv, ObservationNormalizationWrapper, ReturnNormalizationRewardWrapper, Wrapper
from maze.env import VectorEnv, make_vector_env
from maze.errors import ArtifactError, EnvError
from tests.scripted import counting

N_STEPS = 12


def mean(env: MazeEnv) -> MazeEnv:
    return ObservationNormalizationWrapper.wrap(env)


def extremes(env: MazeEnv) -> MazeEnv:
    return ObservationNormalizationWrapper.wrap(env, default_strategy="range_zero_one")


def returns(env: MazeEnv) -> MazeEnv:
    return mean(ReturnNormalizationRewardWrapper.wrap(env))


def vector(wrap: Any, n_envs: int, seed: int) -> VectorEnv:
    env = make_vector_env(lambda: wrap(counting()), n_envs)
    env.training = True
    env.reset([seed + index for index in range(n_envs)])
    return env


def play(env: VectorEnv) -> None:
    for _ in range(N_STEPS):
        env.step({"action": np.zeros(env.n_envs, np.int64)})
    env.update_statistics()


@pytest.mark.parametrize("wrap", [mean, extremes, returns])
def test_what_two_gathered_is_what_one_would_have(wrap: Any) -> None:
    whole, first, second = vector(wrap, 4, 0), vector(wrap, 2, 0), vector(wrap, 2, 2)
    whole.gather_anew()
    gatherer = make_vector_env(lambda: wrap(counting()), 1)
    for _ in range(3):
        in_use = gatherer.statistics_state()
        for actor in (first, second):
            actor.load_statistics(in_use)
            actor.gather_anew()
            np.testing.assert_equal(actor.statistics_state(), in_use)  # in use until the end of the rollout
            play(actor)
            gatherer.merge_statistics(actor.statistics_state())
        np.testing.assert_equal(gatherer.statistics_state(), in_use)  # merged, and not yet in use
        gatherer.update_statistics()
        play(whole)
    given = gatherer.statistics_state()
    for name, value in whole.statistics_state().items():
        np.testing.assert_allclose(given[name], value, rtol=1e-9, atol=1e-12)


def test_of_nothing_nothing_changes() -> None:
    gatherer, actor = vector(mean, 2, 0), vector(mean, 2, 0)
    play(gatherer)
    before = gatherer.statistics_state()
    actor.gather_anew()
    actor.update_statistics()
    gatherer.merge_statistics(actor.statistics_state())
    gatherer.update_statistics()
    np.testing.assert_equal(gatherer.statistics_state(), before)


def test_known_statistics_stay_known() -> None:
    def known(env: MazeEnv) -> MazeEnv:
        return ObservationNormalizationWrapper.wrap(env, default_statistics={"mean": 2.0, "std": 3.0})

    gatherer, actor = vector(known, 1, 0), vector(known, 1, 0)
    before = gatherer.statistics_state()
    actor.gather_anew()
    play(actor)
    gatherer.merge_statistics(actor.statistics_state())
    gatherer.update_statistics()
    np.testing.assert_equal(gatherer.statistics_state(), before)


class Peculiar(Wrapper):
    """Has statistics, and does not say how they are merged."""

    def own_statistics(self) -> dict[str, Any]:
        return {"count": np.zeros(())}

    def load_own_statistics(self, state: Mapping[str, Any]) -> None:
        """Take over nothing."""


def test_who_cannot_be_merged_says_so() -> None:
    env = vector(Peculiar.wrap, 1, 0)
    with pytest.raises(EnvError, match=r"Peculiar has statistics and no merge_own_statistics.*gather_own_anew"):
        env.merge_statistics(env.statistics_state())
    with pytest.raises(ArtifactError, match=r"no wrapper that uses them"):
        vector(lambda env: env, 1, 0).merge_statistics({"a": np.zeros(())})
