"""Recorded trajectories as a dataset: what rollouts wrote, checked against an environment, as arrays to learn from.

from maze.rollout import load_trajectories

dataset = load_trajectories("outputs/.../rollout")     # or a run's directory, or a list of them
dataset = dataset.fitted(env.observation_space, env.action_space)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from gymnasium import spaces

from maze.errors import ArtifactError, InvalidSpecificationError, nearest_path
from maze.rollout.fitting import fit, require_possible
from maze.rollout.minari_files import METADATA_FILE, read_minari_steps
from maze.rollout.trajectory import STEPS_FILE, read_statistics, read_steps
from maze.types import FLOAT, Array

__all__ = ["TrajectoryDataset", "TrajectorySource", "load_trajectories", "recorded_files", "same_statistics"]

TrajectorySource: TypeAlias = str | Path | Sequence[str | Path]
"""A file of recorded steps, a directory that holds some, or a list of these."""

_REMEDY = "record some with rollout(record_trajectory=True), or run `dvc checkout` if DVC keeps them"
_COLUMNS = ("reward", "terminated", "truncated")


@dataclass(frozen=True, slots=True)
class TrajectoryDataset:
    """M recorded steps of E whole episodes, one episode after the other.

    Observations are what the policy saw: after all wrappers, and normalised by ``statistics`` where a wrapper
    normalises. Whoever learns from them has to act on observations that are normalised by the same statistics.

    Attributes:
        observation: what was acted on, by key, each [M, ...].
        action: what was done, by action head, each [M, ...].
        reward: float32 [M], after all wrappers.
        terminated: the episode reached an end of its own, bool [M].
        truncated: the episode was cut off, bool [M].
        next_observation: what the step led to, by key, each [M, ...]; at an episode's end its true last observation.
        starts: row of each episode's first step, int64 [E], increasing.
        statistics: normalisation statistics that observations were made with, as `VectorEnv.statistics_state` names
            them; empty where no wrapper normalises, or an early version of maze recorded the steps.
    """

    observation: dict[str, Array]
    action: dict[str, Array]
    reward: Array
    terminated: Array
    truncated: Array
    next_observation: dict[str, Array]
    starts: Array
    statistics: Mapping[str, Array] = field(default_factory=dict)

    @property
    def n_steps(self) -> int:
        """Number of steps M."""
        return len(self.reward)

    @property
    def n_episodes(self) -> int:
        """Number of episodes E."""
        return len(self.starts)

    def __len__(self) -> int:
        return self.n_steps

    @property
    def lengths(self) -> Array:
        """Steps of each episode, int64 [E]."""
        return np.diff(np.append(self.starts, self.n_steps))

    @property
    def episode(self) -> Array:
        """Number of each step's episode, int64 [M]."""
        return np.repeat(np.arange(self.n_episodes), self.lengths)

    @property
    def returns(self) -> Array:
        """Undiscounted return of each episode, float64 [E]."""
        return np.add.reduceat(self.reward.astype(np.float64), self.starts)

    def select(self, episodes: Sequence[int] | Array) -> TrajectoryDataset:
        """Return a dataset of some episodes, in the order given.

        Args:
            episodes: their numbers, from 0; at least one.
        """
        chosen, lengths = np.asarray(episodes, np.int64), self.lengths
        rows = np.concatenate([np.arange(lengths[number]) + self.starts[number] for number in chosen])
        return replace(
            self,
            observation=_rows(self.observation, rows),
            action=_rows(self.action, rows),
            reward=self.reward[rows],
            terminated=self.terminated[rows],
            truncated=self.truncated[rows],
            next_observation=_rows(self.next_observation, rows),
            starts=np.concatenate([[0], np.cumsum(lengths[chosen])[:-1]]).astype(np.int64),
        )

    def fitted(self, observation_space: spaces.Dict, action_space: spaces.Dict) -> TrajectoryDataset:
        """Return the dataset in the dtypes of an environment's spaces.

        Args:
            observation_space: of the environment with all its wrappers.
            action_space: of the environment with all its wrappers.

        Raises:
            InvalidSpecificationError: the steps are not of such an environment: a key is missing or is too many, or
                has another shape or dtype, or an action is not among the possible ones.
        """
        fitted = replace(
            self,
            observation=fit(self.observation, observation_space, "observation"),
            next_observation=fit(self.next_observation, observation_space, "next observation"),
            action=fit(self.action, action_space, "action"),
        )
        require_possible(fitted.observation, fitted.action, observation_space, action_space)
        return fitted

    def require_statistics_of(self, statistics: Mapping[str, Array]) -> None:
        """Refuse environments whose wrappers could not normalise by the statistics of this dataset.

        Args:
            statistics: of the environments, as `VectorEnv.statistics_state` returns them.

        Raises:
            InvalidSpecificationError: they have other names or shapes.
        """
        given, needed = ({name: np.shape(v) for name, v in part.items()} for part in (self.statistics, statistics))
        if given != needed:
            raise InvalidSpecificationError(
                f"trajectories: were recorded with the normalisation statistics {sorted(given) or 'of no wrapper'}; "
                f"those of the environment's wrappers are {sorted(needed) or 'none'}. Give the wrappers that they were "
                "recorded with; steps that an early version recorded lack statistics: record them again."
            )


def load_trajectories(source: TrajectorySource) -> TrajectoryDataset:
    """Return the recorded steps of one or several rollouts as one dataset.

    Args:
        source: directory of a run (the steps are in its ``rollout/``), directory that a rollout wrote (with
            ``steps.npz``), directory of such directories (those of several seeds, in the order of their names), the
            file itself, directory of a Minari dataset (with ``data/metadata.json``), whoever wrote it, or a list of
            these.

    Returns:
        All episodes, in the order of the sources.

    Raises:
        ArtifactError: nothing was recorded there, or a file is damaged or empty.
        InvalidSpecificationError: the sources do not fit together: they hold other keys, shapes or normalisation
            statistics.
    """
    files = recorded_files(source)
    parts = [_read(file) for file in files]
    for part, file in zip(parts, files, strict=True):
        _check_fits(part, parts[0], file, files[0])
    if len(parts) == 1:
        return parts[0]
    first_rows = np.cumsum([0, *(len(part) for part in parts)])
    return replace(
        parts[0],
        observation=_joined([part.observation for part in parts]),
        action=_joined([part.action for part in parts]),
        reward=np.concatenate([part.reward for part in parts]),
        terminated=np.concatenate([part.terminated for part in parts]),
        truncated=np.concatenate([part.truncated for part in parts]),
        next_observation=_joined([part.next_observation for part in parts]),
        starts=np.concatenate([part.starts + row for part, row in zip(parts, first_rows, strict=False)]),
    )


def recorded_files(source: TrajectorySource) -> list[Path]:
    """Return the files that :func:`load_trajectories` reads: of recorded steps, or the metadata of Minari datasets.

    Raises:
        ArtifactError: nothing was recorded there.
        InvalidSpecificationError: an empty list was given.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    if not sources:
        raise InvalidSpecificationError(f"trajectories: an empty list was given; name a directory, or {_REMEDY}.")
    return [file for given in sources for file in _files(Path(given))]


def _files(source: Path) -> list[Path]:
    """Return the files of recorded steps that a source stands for."""
    if source.is_file():
        return [source]
    places = (STEPS_FILE, f"rollout/{STEPS_FILE}", f"data/{METADATA_FILE}", METADATA_FILE)
    for candidate in (source / place for place in places):
        if candidate.is_file():
            return [candidate]
    found = sorted(source.glob(f"*/{STEPS_FILE}"))
    if not found:
        reason = f"holds no recorded steps ({STEPS_FILE}); " if source.is_dir() else "does not exist; "
        start = f"{nearest_path(source)}Accepted" if nearest_path(source) else "accepted"
        raise ArtifactError(
            f"{source}: {reason}{start} is the directory of a run or of a rollout whose steps were recorded, or of "
            f"a Minari dataset. To get one, {_REMEDY}."
        )
    return found


def _read(file: Path) -> TrajectoryDataset:
    """Return the steps of one file.

    Raises:
        ArtifactError: it is damaged or empty, or holds something else.
    """
    minari = file.name == METADATA_FILE
    steps, statistics = read_minari_steps(file.parent) if minari else (read_steps(file), read_statistics(file))
    missing = [name for name in ("episode", *_COLUMNS) if name not in steps]
    groups = {
        kind: {name.removeprefix(f"{kind}/"): values for name, values in steps.items() if name.startswith(f"{kind}/")}
        for kind in ("observation", "action", "next_observation")
    }
    missing += [kind for kind, arrays in groups.items() if not arrays]
    if missing:
        raise ArtifactError(f"{file}: holds no recorded steps, {missing[0]!r} is missing; {_REMEDY}.")
    episode = steps["episode"]
    if not len(episode):
        raise ArtifactError(f"{file}: holds no steps; {_REMEDY}.")
    for name, values in steps.items():
        if len(values) != len(episode):
            raise ArtifactError(f"{file}: {name!r} has {len(values)} rows and 'episode' {len(episode)}; {_REMEDY}.")
    return TrajectoryDataset(
        observation=groups["observation"],
        action=groups["action"],
        reward=steps["reward"].astype(FLOAT, copy=False),
        terminated=steps["terminated"].astype(np.bool_, copy=False),
        truncated=steps["truncated"].astype(np.bool_, copy=False),
        next_observation=groups["next_observation"],
        starts=np.flatnonzero(np.diff(episode, prepend=episode[0] - 1)).astype(np.int64),
        statistics=statistics,
    )


def _check_fits(part: TrajectoryDataset, first: TrajectoryDataset, file: Path, first_file: Path) -> None:
    """Refuse steps of another environment, or of observations that were normalised in another way."""
    for name in ("observation", "action", "next_observation"):
        given = {key: values.shape[1:] for key, values in getattr(part, name).items()}
        expected = {key: values.shape[1:] for key, values in getattr(first, name).items()}
        if given != expected:
            raise InvalidSpecificationError(
                f"{file}: its {name}s are {given}, those of {first_file} are {expected}; give rollouts of one "
                "environment with the same wrappers."
            )
    if not same_statistics(part.statistics, first.statistics):
        raise InvalidSpecificationError(
            f"{file}: its observations were normalised by other statistics than those of {first_file}; give rollouts "
            "of one agent, or of agents without running statistics."
        )


def same_statistics(given: Mapping[str, Array], expected: Mapping[str, Array]) -> bool:
    """Return whether two sets of normalisation statistics are the same."""
    return given.keys() == expected.keys() and all(
        np.array_equal(values, expected[name]) for name, values in given.items()
    )


def _rows(arrays: Mapping[str, Array], rows: Array) -> dict[str, Array]:
    return {key: values[rows] for key, values in arrays.items()}


def _joined(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
