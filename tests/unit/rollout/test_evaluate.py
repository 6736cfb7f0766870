"""The evaluator: exact numbers of episodes on whatever kind of environment it was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maze import InvalidSpecificationError, LogStatsWrapper, MazeEnv, MazeError, RolloutEvaluator, RunContext
from maze.env import ObservationNormalizationWrapper, SyncVectorEnv, make_vector_env
from tests.scripted import ConstantPolicy, counting


@pytest.mark.parametrize(
    "make",
    [
        counting,
        lambda: SyncVectorEnv([counting() for _ in range(3)]),
        lambda: lambda n_envs: make_vector_env(counting, n_envs),
    ],
    ids=["maze_env", "vector_env", "factory"],
)
def test_every_kind_of_environment_gives_the_same_episodes_twice_in_a_row(make: Any) -> None:
    evaluator = RolloutEvaluator(eval_env=make(), n_episodes=5, seed=11)
    first, second = evaluator.evaluate(ConstantPolicy()), evaluator.evaluate(ConstantPolicy())
    expected = RolloutEvaluator(eval_env=counting(), n_episodes=5, seed=11).evaluate(ConstantPolicy())
    assert len(first) == 5
    assert first.returns.tolist() == second.returns.tolist() == expected.returns.tolist()
    assert first.seeds.tolist() == list(evaluator.episode_seeds)
    evaluator.close()


def test_a_factory_is_asked_for_one_environment_per_episode_unless_told_otherwise() -> None:
    asked: list[int] = []

    def factory(n_envs: int) -> Any:
        asked.append(n_envs)
        return make_vector_env(counting, n_envs)

    RolloutEvaluator(eval_env=factory, n_episodes=5)
    RolloutEvaluator(eval_env=factory, n_episodes=5, n_envs=2)
    RolloutEvaluator(eval_env=factory, n_episodes=1000)
    assert asked == [5, 2, 128]


def test_the_seed_decides_which_episodes_are_played() -> None:
    seeds = [RolloutEvaluator(eval_env=counting(), n_episodes=3, seed=seed).episode_seeds for seed in (1, 1, 2)]
    assert seeds[0] == seeds[1]
    assert set(seeds[0]).isdisjoint(seeds[2])


def test_model_selection_is_told_the_mean_return() -> None:
    told: list[float] = []

    class Selection:
        def update(self, reward: float) -> None:
            told.append(reward)

    RolloutEvaluator(counting([2]), n_episodes=3, model_selection=Selection()).evaluate(ConstantPolicy())
    assert told == [3.0]


def test_wrappers_that_log_see_exactly_the_episodes_that_are_counted() -> None:
    env = LogStatsWrapper.wrap(counting([3]), logging_prefix="eval")
    episodes = RolloutEvaluator(eval_env=env, n_episodes=2, model_selection=None).evaluate(ConstantPolicy())
    assert env.episode_returns == [6.0, 6.0]
    assert episodes.returns.tolist() == env.episode_returns


def test_max_episode_steps_is_obeyed() -> None:
    evaluator = RolloutEvaluator(counting([9]), n_episodes=2, max_episode_steps=4)
    episodes = evaluator.evaluate(ConstantPolicy())
    assert episodes.lengths.tolist() == [4, 4]
    assert episodes.truncated.all()


def test_evaluation_never_changes_statistics() -> None:
    env = ObservationNormalizationWrapper.wrap(counting([3]))
    evaluator = RolloutEvaluator(eval_env=env, n_episodes=2)
    before = {name: value.tolist() for name, value in env.statistics_state().items()}
    evaluator.evaluate(ConstantPolicy())
    assert {name: value.tolist() for name, value in evaluator.env.statistics_state().items()} == before


@pytest.mark.parametrize("n_episodes", [0, -1, 2.5, True, "8", None])
def test_a_wrong_number_of_episodes_is_refused(n_episodes: Any) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^n_episodes: .* is not a positive integer"):
        RolloutEvaluator(eval_env=counting(), n_episodes=n_episodes)


@pytest.mark.parametrize("settings", [{"max_episode_steps": 0}, {"max_episode_steps": "9"}, {"n_envs": -2}])
def test_other_wrong_numbers_are_refused(settings: Any) -> None:
    name = next(iter(settings))
    with pytest.raises(InvalidSpecificationError, match=f"^{name}: "):
        RolloutEvaluator(eval_env=lambda n: make_vector_env(counting, n), n_episodes=1, **settings)


@pytest.mark.parametrize("env", [None, 3, "CartPole-v1"])
def test_what_is_no_environment_is_refused(env: Any) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^eval_env: .*is no environment"):
        RolloutEvaluator(eval_env=env)


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", "x"), ("seed", -1), ("seed", True), ("deterministic", "yes"), ("model_selection", object())],
)
def test_wrong_settings_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"^{name}: "):
        RolloutEvaluator(eval_env=counting(), **{name: value})


def test_numpy_numbers_are_numbers() -> None:
    evaluator = RolloutEvaluator(eval_env=counting(), n_episodes=np.int64(2), seed=np.int64(3))
    assert evaluator.evaluate(ConstantPolicy()).seeds.tolist() == list(evaluator.episode_seeds)


def test_a_function_has_to_make_a_vector_environment() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^eval_env: .* made a GymMazeEnv; accepted is a function"):
        RolloutEvaluator(eval_env=lambda _: counting())  # type: ignore[arg-type,return-value]


def test_a_policy_of_another_environment_says_what_it_needs() -> None:
    policy = RunContext(configuration="test", silent=True).policy
    with pytest.raises(MazeError, match=r"^The observation 'observation' has the shape \(1, 2\); expected is \(4,\)"):
        RolloutEvaluator(eval_env=counting(), n_episodes=1).evaluate(policy)


def test_a_factory_of_single_environments_is_told_apart() -> None:
    def make() -> MazeEnv:
        return counting()

    with pytest.raises(InvalidSpecificationError, match=r"does not take the number of environments; .*make_vector_env"):
        RolloutEvaluator(eval_env=make)
