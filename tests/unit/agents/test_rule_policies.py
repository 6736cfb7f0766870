"""Policies with written rules: by hand on single observations, by name in rollouts, and nowhere else."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from maze import DummyCartPolePolicy, GymMazeEnv, HeuristicLunarLanderPolicy, RunContext, run_rollout
from maze.errors import InvalidSpecificationError

RNG = np.random.default_rng(0)


def made(policy_class: type[Any], env_id: str, **arguments: Any) -> Any:
    with GymMazeEnv(env_id, **arguments) as env:
        return policy_class(env.observation_spaces_dict, env.action_spaces_dict)


def test_the_cart_is_pushed_under_the_pole() -> None:
    policy = made(DummyCartPolePolicy, "CartPole-v1")
    rows = np.array([[0, 0, 0.1, 0.0], [0, 0, -0.1, 0.0], [0, 0, 0.1, -0.2], [0, 0, -0.1, 0.2]], np.float32)
    actions = policy.act({"observation": rows}, RNG)["action"]
    assert actions.tolist() == [1, 0, 0, 1]
    assert actions.dtype == np.int64
    assert policy.compute_action({"observation": rows[0]}) == {"action": 1}


@pytest.mark.parametrize("continuous", [False, True])
def test_the_lander_does_what_gymnasiums_rules_say(continuous: bool) -> None:
    policy = made(HeuristicLunarLanderPolicy, "LunarLander-v3", continuous=continuous)
    falling = np.array([0, 0.1, 0, -1.0, 0, 0, 0, 0], np.float32)  # hover_todo = (0 - 0.1) / 2 + 0.5 = 0.45
    leaning = np.array([0, 1.0, 0, 0, 0.5, 0, 0, 0], np.float32)  # angle_todo = -0.25, hover_todo = -0.5
    actions = policy.act({"observation": np.stack([falling, leaning])}, RNG)["action"]
    expected = [[1.0, 0.0], [-1.0, 1.0]] if continuous else [2, 3]
    np.testing.assert_allclose(actions, expected, atol=1e-6)
    with GymMazeEnv("LunarLander-v3", continuous=continuous) as env:
        assert env.action_space["action"].contains(actions[0])
    np.testing.assert_array_equal(policy.compute_action({"observation": falling})["action"], actions[0])


@pytest.mark.parametrize(
    ("policy_class", "env_id"),
    [(DummyCartPolePolicy, "CartPole-v1"), (HeuristicLunarLanderPolicy, "LunarLander-v3")],
)
def test_without_spaces_they_play_the_environment_as_it_is_registered(policy_class: type[Any], env_id: str) -> None:
    bare = policy_class()
    with GymMazeEnv(env_id) as env:
        env.seed(0)
        seen = env.reset()
        action = bare.compute_action(seen)
        assert env.action_space["action"].contains(action["action"])
        assert action == made(policy_class, env_id).compute_action(seen)
    acted = bare.act({"observation": np.stack([seen["observation"]] * 3)}, RNG)["action"]
    assert acted.tolist() == [action["action"]] * 3
    with pytest.raises(InvalidSpecificationError, match=r"plays .*; given is the observation 'other' of shape \(3,\)"):
        bare.compute_action({"other": np.zeros(3, np.float32)})


def test_the_spaces_of_other_environments_are_refused() -> None:
    for policy_class, env_id in ((DummyCartPolePolicy, "Acrobot-v1"), (HeuristicLunarLanderPolicy, "CartPole-v1")):
        with pytest.raises(InvalidSpecificationError, match=rf"{policy_class.__name__} plays .*; given are the obs"):
            made(policy_class, env_id)
    two = {0: spaces.Dict(a=spaces.Box(-1.0, 1.0, (4,)), b=spaces.Discrete(2))}
    for given in (two, {}, None):
        with pytest.raises(InvalidSpecificationError, match="DummyCartPolePolicy plays CartPole"):
            DummyCartPolePolicy(given, {0: spaces.Dict(action=spaces.Discrete(2))})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "env", "least"),
    [("dummy_cartpole_policy", "CartPole-v1", 400.0), ("lunar_lander_heuristics", "LunarLander-v3", 150.0)],
)
def test_they_play_rollouts_by_name_and_are_worth_watching(policy: str, env: str, least: float, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run_rollout(
            policy=policy,
            overrides={"env.name": env, "runner.n_episodes": 10, "runner.record_trajectory": False},
            seed=0,
            run_dir=tmp_path / "run",
            silent=True,
        )
    assert np.mean(result.returns) > least


@pytest.mark.parametrize("policy", ["dummy_cartpole_policy", "lunar_lander_heuristics"])
def test_nobody_trains_them(policy: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"policy: '{policy}' is a policy for rollouts only"):
        RunContext(policy=policy)
