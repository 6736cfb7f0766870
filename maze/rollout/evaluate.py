"""Evaluating a policy: exact numbers of whole episodes, apart from training."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from maze.env.maze_env import MazeEnv
from maze.env.vector import SyncVectorEnv, VectorEnv
from maze.errors import InvalidSpecificationError
from maze.rollout.episodes import ActingPolicy, Episodes, play_episodes
from maze.seeding import derive_seed, draw_seed, numpy_generator
from maze.types import StateDict

__all__ = ["MAX_ENVS", "ModelSelection", "RolloutEvaluator"]

MAX_ENVS = 128
"""Environments that play side by side at most, unless told otherwise."""


class ModelSelection(Protocol):
    """Is told every evaluation's mean return, for example to keep the best state."""

    def update(self, reward: float) -> None:
        """Take note of a mean return."""
        ...


class RolloutEvaluator:
    """Plays a number of whole episodes and reports their statistics.

    Args:
        eval_env: a MazeEnv, a vector environment, or a function that makes the latter from a number of environments.
        n_episodes: how many episodes each evaluation plays, exactly.
        model_selection: is told the mean return of each evaluation; may be None.
        deterministic: take the most likely action instead of a sample.
        max_episode_steps: cut episodes off after as many steps; None leaves that to the environment.
        n_envs: how many environments play side by side where ``eval_env`` is a function; one for each episode, up to
            ``MAX_ENVS``, when None. The result of a deterministic policy does not depend on it.
        seed: base of the episodes' seeds; every evaluation plays the same ones. Drawn when None.

    Raises:
        InvalidSpecificationError: a number is not a positive integer, or there is no environment.
    """

    def __init__(
        self,
        eval_env: MazeEnv | VectorEnv | Callable[[int], VectorEnv] | None = None,
        n_episodes: int = 8,
        model_selection: ModelSelection | None = None,
        deterministic: bool = False,
        max_episode_steps: int | None = None,
        n_envs: int | None = None,
        seed: int | None = None,
    ) -> None:
        _check_positive("n_episodes", n_episodes)
        for name, value in {"max_episode_steps": max_episode_steps, "n_envs": n_envs}.items():
            if value is not None:
                _check_positive(name, value)
        if not isinstance(deterministic, bool):
            raise InvalidSpecificationError(f"deterministic: {deterministic!r} is not accepted; give True or False.")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
            raise InvalidSpecificationError(f"seed: {seed!r} is not accepted; give a whole number from 0 on, or None.")
        if model_selection is not None and not callable(getattr(model_selection, "update", None)):
            raise InvalidSpecificationError(
                f"model_selection: {model_selection!r} has no method update(reward); give an object that has, or None."
            )
        self.n_episodes = int(n_episodes)
        self.model_selection = model_selection
        self.deterministic = deterministic
        self.max_episode_steps = max_episode_steps
        self.seed = draw_seed() if seed is None else int(seed)
        self.env = _as_vector_env(eval_env, n_envs or min(n_episodes, MAX_ENVS))

    @property
    def episode_seeds(self) -> Sequence[int]:
        """Seed of each episode's reset."""
        return [derive_seed(self.seed, "episode", index) for index in range(self.n_episodes)]

    def evaluate(self, policy: ActingPolicy) -> Episodes:
        """Play the episodes with a policy; calling again plays the same ones again.

        Args:
            policy: who plays, for example ``rc.policy``.

        Raises:
            InvalidSpecificationError: that is no policy.
        """
        if not callable(getattr(policy, "act", None)):
            remedy = "; pass its policy: evaluate(rc.policy)" if hasattr(policy, "compute_action") else ""
            raise InvalidSpecificationError(
                f"policy: {policy!r} has no method act(observation, rng, deterministic){remedy or '; pass rc.policy'}."
            )
        episodes = play_episodes(
            policy,
            self.env,
            self.episode_seeds,
            numpy_generator(self.seed, "actions"),
            deterministic=self.deterministic,
            max_episode_steps=self.max_episode_steps,
        )
        if self.model_selection is not None:
            self.model_selection.update(episodes.mean_return)
        return episodes

    def load_statistics(self, state: dict[str, np.ndarray]) -> None:
        """Use these normalisation statistics from now on; evaluation itself never changes them."""
        self.env.load_statistics(state)

    def own_state(self) -> StateDict:
        """Return what the next evaluations depend on, besides the policy, for an exact continuation."""
        selection_state = getattr(self.model_selection, "own_state", None)
        return {
            "seed": self.seed,
            "env": self.env.state_dict(),
            "model_selection": selection_state() if selection_state is not None else None,
        }

    def load_own_state(self, state: StateDict) -> None:
        """Take over what :meth:`own_state` returned."""
        self.seed = int(state["seed"])
        self.env.load_state_dict(state["env"])
        if state["model_selection"] is not None:
            self.model_selection.load_own_state(state["model_selection"])  # type: ignore[union-attr]

    def close(self) -> None:
        """Release the environments."""
        self.env.close()


def _check_positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InvalidSpecificationError(f"{name}: {value!r} is not a positive integer; give 1 or more.")


def _check_takes_a_number(make: Callable[[int], VectorEnv]) -> None:
    try:
        inspect.signature(make).bind(1)
    except TypeError as error:
        raise InvalidSpecificationError(
            f"eval_env: {make!r} does not take the number of environments; for a function that makes one environment "
            "pass lambda n_envs: maze.make_vector_env(function, n_envs), or one environment that it made."
        ) from error
    except ValueError:  # some compiled functions have no signature
        return


def _as_vector_env(eval_env: MazeEnv | VectorEnv | Callable[[int], VectorEnv] | None, n_envs: int) -> VectorEnv:
    if isinstance(eval_env, VectorEnv):
        return eval_env
    if isinstance(eval_env, MazeEnv):
        return SyncVectorEnv([eval_env])
    if callable(eval_env) and not isinstance(eval_env, type):
        _check_takes_a_number(eval_env)
        made = eval_env(n_envs)
        if isinstance(made, VectorEnv):
            return made
        raise InvalidSpecificationError(
            f"eval_env: {eval_env!r} made a {type(made).__name__}; accepted is a function that makes a vector "
            "environment from a number of environments, such as lambda n: make_vector_env(make_env, n)."
        )
    raise InvalidSpecificationError(
        f"eval_env: {type(eval_env).__name__} is no environment; pass a MazeEnv, a vector environment "
        "or a function that makes a vector environment from a number of environments."
    )
