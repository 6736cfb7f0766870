"""Normalisation statistics from random play, before training begins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maze.env.maze_env import MazeEnv
from maze.env.normalization import ObservationNormalizationWrapper
from maze.env.sampling import ActionSampler
from maze.env.wrappers import wrapper_layers
from maze.errors import InvalidSpecificationError
from maze.seeding import derive_seed, numpy_generator
from maze.types import Array, Observation

__all__ = ["estimate_statistics", "wants_estimation"]


def estimate_statistics(env: MazeEnv, seed: int, n_samples: int | None = None) -> dict[str, Array]:
    """Estimate the statistics of the normalising wrappers around an environment from random actions.

    Where there are several, those further inside come first, so that the others see what they will see later.

    Args:
        env: one environment with its wrappers, whose statistics are replaced; its episode is over afterwards.
        seed: of the environment and of the actions.
        n_samples: observations that each wrapper's statistics are made of; last observations of episodes, on which
            nobody acts, are not among them. None: as many as each wrapper's ``estimation_samples`` says; those that
            say 0 are left as they are.

    Returns:
        The statistics of all wrappers, for ``load_statistics`` of equal environments.

    Raises:
        InvalidSpecificationError: the number of samples is not positive.
    """
    if n_samples is not None and n_samples < 1:
        raise InvalidSpecificationError(f"n_samples is {n_samples}; statistics need at least 1 observation.")
    for index, layer in enumerate(wrapper_layers(env)):
        if not issubclass(type(layer), ObservationNormalizationWrapper):  # isinstance would see through the others
            continue
        number = layer.estimation_samples if n_samples is None else n_samples
        if number:
            layer.estimate(_observations(layer.env, number, derive_seed(seed, "estimation", index)))
    return env.statistics_state()


def wants_estimation(env: MazeEnv) -> bool:
    """Tell whether a wrapper around an environment asks for statistics from random play."""
    layers = (layer for layer in wrapper_layers(env) if issubclass(type(layer), ObservationNormalizationWrapper))
    return any(layer.estimation_samples for layer in layers)


def _observations(env: MazeEnv, n_samples: int, seed: int) -> Iterator[Observation]:
    """Yield observations of random play, at every one of which there is an action."""
    rng: np.random.Generator = numpy_generator(seed, "actions")
    sampler = ActionSampler(env.action_space, env.observation_space)
    env.seed(seed)
    observation = env.reset()
    for _ in range(n_samples):
        yield observation
        observation, _, done, _ = env.step(sampler.draw_one(rng, observation))
        if done:
            observation = env.reset()
