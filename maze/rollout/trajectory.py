"""Recorded rollouts: an episode table as parquet, all steps as one npz; readable without maze, no pickle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from maze.artifacts import atomic_path, read_arrays
from maze.env.vector import VectorStep
from maze.rollout.episodes import Episodes
from maze.statistics import EventLog
from maze.types import Array, Observation

__all__ = [
    "RolloutResult",
    "TrajectoryRecorder",
    "episode_columns",
    "read_statistics",
    "read_steps",
    "write_episodes",
    "write_rollout",
]

EPISODES_FILE = "episodes.parquet"
STEPS_FILE = "steps.npz"
EVENTS_FOLDER = "event_logs"
STATISTICS = "statistics."
"""What the names of normalisation statistics begin with in the file of the steps."""


@dataclass(frozen=True, slots=True)
class RolloutResult:
    """What a rollout gave.

    Attributes:
        episodes: every episode's return, length and end.
        steps: recorded steps of all episodes in order, by name, each [S, ...]; empty when nothing was recorded.
        events: the events of all steps, a table by column for each kind of event; empty when none were recorded.
        files: what was written, by kind (``episodes``, ``steps``, ``event_logs/reward``, ...); empty when no directory
            was given.
    """

    episodes: Episodes
    steps: Mapping[str, Array] = field(default_factory=dict)
    events: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def returns(self) -> Array:
        """Undiscounted return of each episode, float64 [E]."""
        return self.episodes.returns

    @property
    def lengths(self) -> Array:
        """Steps of each episode, int64 [E]."""
        return self.episodes.lengths

    @property
    def statistics(self) -> dict[str, float]:
        """Mean, standard deviation, extremes and count over the episodes."""
        return self.episodes.statistics

    def __len__(self) -> int:
        return len(self.episodes)


class TrajectoryRecorder:
    """Keeps every step of the episodes that are being played; pass it as an observer to ``play_episodes``.

    What a step led to is what the next one begins with, and only last steps end episodes, so that both are kept for
    the last step of each episode alone.
    """

    def __init__(self) -> None:
        self._episode: list[Array] = []
        self._observation: list[Mapping[str, Array]] = []
        self._action: list[Mapping[str, Array]] = []
        self._reward: list[Array] = []
        self._ends: list[dict[str, Array]] = []
        self._latest: tuple[Array, VectorStep, Observation, Array] | None = None

    def __call__(
        self, episode: Array, observation: Observation, action: dict[str, Array], step: VectorStep, active: Array
    ) -> None:
        """Copy the active rows of one step."""
        if np.count_nonzero(active) == len(active):
            self._episode.append(episode)
            self._observation.append(observation)
            self._action.append({key: np.array(values) for key, values in action.items()})
            self._reward.append(step.reward.copy())
        else:
            rows = active.nonzero()[0]
            self._episode.append(episode[rows])
            self._observation.append({key: values[rows] for key, values in observation.items()})
            self._action.append({key: np.asarray(values)[rows] for key, values in action.items()})
            self._reward.append(step.reward[rows])
        if step.final_observation is not None:
            ended = (step.terminated | step.truncated) & active
            self._ends.append(_end(episode, step, step.final_observation, ended))
            active = active & ~ended
        self._latest = episode, step, step.observation, active

    def steps(self) -> dict[str, Array]:
        """Return all steps, ordered by episode and then by time, by name, each [S, ...]."""
        if self._latest is None:
            return {}
        episode, order = self._order()
        kept = {"observation": self._observation, "action": self._action}
        steps = {  # one column after the other: memory that is fresh costs more than the copies
            f"{kind}/{key}": _joined(rows, key).take(order, axis=0) for kind, rows in kept.items() for key in rows[0]
        }
        steps["reward"] = np.concatenate(self._reward).take(order)
        last = np.append(episode[1:] != episode[:-1], True).nonzero()[0]
        ends = [*self._ends, _end(*self._latest)]  # the latest where the recorder is asked before all have ended
        end_order = np.argsort(_joined(ends, "episode"))
        at_end = {name: _joined(ends, name)[end_order] for name in ends[0] if name != "episode"}
        for name in ("terminated", "truncated"):
            steps[name] = np.zeros(len(episode), np.bool_)
            steps[name][last] = at_end.pop(name)
        for name, values in at_end.items():
            steps[name] = _next(steps[name.removeprefix("next_")], last, values)
        return {"episode": episode, **steps}

    def _order(self) -> tuple[Array, Array]:
        """Return the episodes of all steps in order, int [S], and which of the steps in order of time stands where."""
        first, n_times = self._episode[0], len(self._episode)
        if all(episode is first for episode in self._episode) and np.all(first[1:] > first[:-1]):  # all equally long
            return np.repeat(first, n_times), np.arange(n_times * len(first)).reshape(n_times, -1).T.ravel()
        episode = np.concatenate(self._episode)
        order = np.argsort(episode, kind="stable")
        return episode[order], order


def _end(episode: Array, step: VectorStep, led_to: Observation, rows: Array) -> dict[str, Array]:
    """Copy how a step ended the episodes of some rows, bool [N], and what it led to."""
    return {
        "episode": episode[rows],
        "terminated": step.terminated[rows],
        "truncated": step.truncated[rows],
        **{f"next_observation/{key}": values[rows] for key, values in led_to.items()},
    }


def _joined(parts: Sequence[Mapping[str, Array]], name: str) -> Array:
    """Join a column [K, ...] of several tables."""
    return np.concatenate([part[name] for part in parts])


def _next(values: Array, last: Array, final: Array) -> Array:
    """Return what follows each of S values: the next one, but ``final`` [E, ...] after the ``last`` ones [E]."""
    following = np.empty_like(values)
    following[:-1] = values[1:]
    following[last] = final
    return following


def write_episodes(path: Path, episodes: Episodes) -> None:
    """Write a table of episodes as parquet; the same episodes give the same bytes.

    Args:
        path: the file.
        episodes: become the columns episode, seed, return, length, terminated and truncated.
    """
    import pyarrow as pa  # noqa: PLC0415  (a tenth of a second that only recorded rollouts need)
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns = {name: _arrow_array(values) for name, values in episode_columns(episodes).items()}
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns), temporary)


def _arrow_array(values: Array) -> Any:
    """Return numbers or truth values [E] as a column of a table; ``pyarrow.array`` would import pandas for that."""
    import pyarrow as pa  # noqa: PLC0415

    if values.dtype == np.bool_:  # Arrow has eight of them in a byte
        kind, stored = pa.bool_(), np.packbits(values, bitorder="little")
    else:
        kind, stored = pa.from_numpy_dtype(values.dtype), np.ascontiguousarray(values)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(stored)])


def episode_columns(episodes: Episodes) -> dict[str, Array]:
    """Return episodes as the columns of a table, each [E]."""
    return {
        "episode": np.arange(len(episodes)),
        "seed": episodes.seeds,
        "return": episodes.returns,
        "length": episodes.lengths,
        "terminated": episodes.terminated,
        "truncated": episodes.truncated,
    }


def write_rollout(
    directory: Path,
    episodes: Episodes,
    steps: Mapping[str, Array],
    events: EventLog | None = None,
    statistics: Mapping[str, Array] | None = None,
) -> dict[str, Path]:
    """Write the episode table and, when there are any, the steps and events; the same data gives the same bytes.

    The files of an earlier rollout in the same directory are replaced, so that all of them tell of one rollout.

    Args:
        directory: where the files go.
        episodes: every episode.
        steps: of all episodes, by name.
        events: of all steps.
        statistics: normalisation statistics that the observations of the steps were made with; part of their file.

    Returns:
        The files by kind: ``episodes`` (parquet: episode, seed, return, length, terminated, truncated), ``steps``
        (npz: one array for each name of :meth:`TrajectoryRecorder.steps`, with a full stop for the slash, and
        ``statistics.<name>``) and one ``event_logs/<kind>`` for each kind of event (tab-separated text).
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / STEPS_FILE).unlink(missing_ok=True)
    files = {"episodes": directory / EPISODES_FILE}
    write_episodes(files["episodes"], episodes)
    if steps:
        files["steps"] = directory / STEPS_FILE
        arrays = {name.replace("/", ".", 1): values for name, values in steps.items()}
        arrays |= {f"{STATISTICS}{name}": values for name, values in (statistics or {}).items()}
        with atomic_path(files["steps"]) as temporary, temporary.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
    logs = (events or EventLog()).write(directory / EVENTS_FOLDER)
    return files | {f"{EVENTS_FOLDER}/{event}": path for event, path in logs.items()}


def read_steps(path: Path) -> dict[str, Array]:
    """Return the steps that :func:`write_rollout` wrote, by name, each [S, ...].

    Raises:
        ArtifactError: the file is missing or damaged.
    """
    arrays = read_arrays(path)
    return {name.replace(".", "/", 1): values for name, values in arrays.items() if not name.startswith(STATISTICS)}


def read_statistics(path: Path) -> dict[str, Array]:
    """Return the normalisation statistics in a file that :func:`write_rollout` wrote, by name.

    Raises:
        ArtifactError: the file is missing or damaged.
    """
    arrays = read_arrays(path)
    return {name.removeprefix(STATISTICS): values for name, values in arrays.items() if name.startswith(STATISTICS)}
