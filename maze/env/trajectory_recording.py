"""Keeping what happens in an environment, episode by episode, whoever plays in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from maze.env.episode_files import EpisodeFiles
from maze.env.episode_writer import EpisodeWriter
from maze.env.maze_env import MazeEnv
from maze.types import Action, Observation

__all__ = ["TrajectoryRecordingWrapper"]


class TrajectoryRecordingWrapper(EpisodeWriter):
    """Writes every episode as ``episode-00001.npz``, ``episode-00002.npz``, ..., as it looks where the wrapper stands.

    A file has ``observation.<key>`` ``[T + 1, ...]``, the last one included, ``action.<head>`` ``[T, ...]``, ``reward``
    float64 ``[T]``, and ``terminated`` and ``truncated`` as bools; an episode that was broken off by `reset` or `close`
    is neither. Read them with ``numpy.load``; nothing in them is pickled. Existing files are left alone: the numbers go
    on after them. ``RunContext.rollout(record_trajectory=True)`` records an agent's episodes, faster and in one file.

    Args:
        env: the environment inside.
        output_dir: where the files go, made when the first one is written: in the directory of the run, with
            evaluations and rollouts in folders of their own, unless it is absolute; see `place_files`.
    """

    def __init__(self, env: MazeEnv, output_dir: str | Path = "trajectories") -> None:
        super().__init__(env, EpisodeFiles(output_dir, ".npz"))
        self._observations: list[Observation] = []
        self._actions: list[Action] = []
        self._rewards: list[float] = []

    def reset(self) -> Observation:
        """Begin an episode; see `MazeEnv.reset`."""
        self._write(terminated=False, truncated=False)
        observation = super().reset()
        self._observations = [_copied(observation)]
        return observation

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`."""
        kept = _copied(action)
        observation, reward, done, info = super().step(action)
        if self._observations:  # empty once the episode has ended
            self._observations.append(_copied(observation))
            self._actions.append(kept)
            self._rewards.append(float(reward))
            if done:
                self._write(terminated=bool(info["terminated"]), truncated=bool(info["truncated"]))
        return observation, reward, done, info

    def close(self) -> None:
        """Write what there is, and close the environment."""
        self._write(terminated=False, truncated=False)
        super().close()

    def _write(self, *, terminated: bool, truncated: bool) -> None:
        """Write the episode, if anything was done in it, and begin to keep the next one."""
        if self._actions:
            arrays: dict[str, Any] = {
                **{f"observation.{key}": _stacked(self._observations, key) for key in self._observations[0]},
                **{f"action.{head}": _stacked(self._actions, head) for head in self._actions[0]},
                "reward": np.array(self._rewards, np.float64),
                "terminated": np.array(terminated),
                "truncated": np.array(truncated),
            }
            np.savez_compressed(self._files.next(), **arrays)
        self._observations, self._actions, self._rewards = [], [], []


def _copied(values: Any) -> dict[str, Any]:
    return {key: np.array(value) for key, value in values.items()}


def _stacked(steps: list[Any], key: str) -> Any:
    return np.stack([step[key] for step in steps])
