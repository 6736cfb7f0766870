"""Playing a rollout: a policy, environments, and what is recorded of both."""

from __future__ import annotations

from pathlib import Path

from maze.config import RolloutConfig
from maze.env import MazeEnv, SyncVectorEnv, VectorStep
from maze.rollout import (
    MAX_ENVS,
    ActingPolicy,
    EventRecorder,
    RolloutResult,
    StepObserver,
    TrajectoryRecorder,
    play_episodes,
    write_rollout,
)
from maze.runner.environments import EnvironmentMaker
from maze.seeding import derive_seed, numpy_generator
from maze.types import Array, Observation

__all__ = ["play_rollout"]


def play_rollout(
    policy: ActingPolicy,
    environments: EnvironmentMaker,
    settings: RolloutConfig,
    directory: Path | None,
    *,
    env_seed: int,
    agent_seed: int,
    n_envs: int | None = None,
) -> RolloutResult:
    """Play episodes and write what was recorded of them.

    Args:
        policy: chooses the actions.
        environments: makes the environments.
        settings: how many episodes, and what is recorded.
        directory: where the files go; nowhere when None.
        env_seed: base of the episodes' seeds.
        agent_seed: base of the policy's draws.
        n_envs: environments side by side; None plays all episodes at once, up to ``MAX_ENVS``. A policy that draws
            draws for all of them together, so that its actions depend on this number. Drawing on a screen takes one.
    """
    episode_seed = derive_seed(env_seed, "rollout")
    n_envs = 1 if settings.render else min(settings.n_episodes, n_envs or MAX_ENVS)
    shown = environments.make_env(render=True) if settings.render else None
    env = (
        environments.make_vector_env(n_envs, events=settings.record_event_logs)
        if shown is None
        else SyncVectorEnv([shown], events=settings.record_event_logs)
    )
    trajectory = TrajectoryRecorder() if settings.record_trajectory else None
    events = EventRecorder() if settings.record_event_logs else None
    observers: list[StepObserver] = [observer for observer in (trajectory, events) if observer is not None]
    if shown is not None:
        observers.append(_Screen(shown))
    try:
        episodes = play_episodes(
            policy,
            env,
            [derive_seed(episode_seed, "episode", index) for index in range(settings.n_episodes)],
            numpy_generator(derive_seed(agent_seed, "rollout"), "actions"),
            deterministic=settings.deterministic,
            max_episode_steps=settings.max_episode_steps,
            observers=observers,
        )
        statistics = env.statistics_state()
    finally:
        env.close()
    steps = trajectory.steps() if trajectory is not None else {}
    log = events.log if events is not None else None
    files = write_rollout(directory, episodes, steps, log, statistics) if directory is not None else {}
    return RolloutResult(episodes, steps, log.tables() if log is not None else {}, files)


class _Screen:
    """Draws the environment after every step."""

    def __init__(self, env: MazeEnv) -> None:
        self._env = env

    def __call__(
        self, episode: Array, observation: Observation, action: dict[str, Array], step: VectorStep, active: Array
    ) -> None:
        del episode, observation, action, step, active
        self._env.render()
