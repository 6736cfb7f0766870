"""The probes' documented values are those of their dynamics."""

from __future__ import annotations

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

from maze.env import GymMazeEnv
from tests.probes import PROBES, Probe


@pytest.mark.parametrize("kind", PROBES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("discount", [0.0, 0.5, 0.99])
def test_true_values_are_the_discounted_rewards_of_the_best_actions(kind: type[Probe], discount: float) -> None:
    env = GymMazeEnv(kind())
    env.seed(0)
    seen = set()
    for _ in range(20):
        observations, rewards, done = [float(env.reset()["observation"][0])], [], False
        while not done:
            action = kind.best_action(observations[-1])
            observation, reward, done, _ = env.step({"action": action or 0})
            observations.append(float(observation["observation"][0]))
            rewards.append(reward)
        for t, start in enumerate(observations[:-1]):
            value = sum(reward * discount**k for k, reward in enumerate(rewards[t:]))
            assert kind.true_value(start, discount) == pytest.approx(value)
            seen.add(start)
    assert seen == set(kind.observations)


@pytest.mark.parametrize("kind", PROBES, ids=lambda kind: kind.__name__)
def test_probes_are_valid_and_unregistered(kind: type[Probe]) -> None:
    check_env(kind(), skip_render_check=True)
    assert not any(kind.__name__ in str(spec.entry_point) for spec in gymnasium.registry.values())
