"""Experience replay: the latest transitions of N environments, drawn uniformly, every observation stored once.

A transition's next observation is the observation of the next row of the same environment, so that nothing is stored
twice. Where an episode was cut off, what was seen last is kept apart, since the next row begins another episode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

from maze.errors import ArtifactError
from maze.rollout.collect import Rollout, allocate, not_finite
from maze.rollout.memory import reserving
from maze.state_files import JoinedArray
from maze.types import Array, Observation, StateDict

__all__ = ["Join", "ReplayBuffer", "ReplayMark", "Transitions"]

Join: TypeAlias = Callable[[tuple[Array, ...]], Array | JoinedArray]
"""Makes one array of parts, which follow each other along the first axis."""


@dataclass(frozen=True, slots=True)
class Transitions:
    """A batch of B transitions, in the dtypes of the environment; the arrays are the caller's own.

    Attributes:
        observation: what was acted on, by key [B, ...].
        action: what was done, by head [B, ...].
        reward: float32 [B].
        terminated: the episode reached an end of its own, bool [B]; what comes next has no value then.
        next_observation: what the step led to, before any reset, by key [B, ...]; where it terminated, any observation.
    """

    observation: Observation
    action: dict[str, Array]
    reward: Array
    terminated: Array
    next_observation: Observation

    def __len__(self) -> int:
        return len(self.reward)


@dataclass(frozen=True, slots=True)
class ReplayMark:
    """A point in a buffer's time to which it can go back, see :meth:`ReplayBuffer.mark`.

    Attributes:
        n_rows: rows added until then.
        first_row: oldest of them that counts.
    """

    n_rows: int
    first_row: int


class ReplayBuffer:
    """The latest transitions of N environments that are stepped side by side.

    Row ``t`` holds step t of all environments. Rows lie in a ring, and the row after the newest one holds the present
    observations, which wait for their actions. Memory is reserved at once and taken as it fills.

    Args:
        observation_space: of one environment.
        action_space: of one environment.
        n_envs: N.
        capacity: transitions that are kept, rounded up to whole rows of N.
        spare_steps: rows that stay in memory after they stopped counting, so that the buffer can go back as many steps.

    Raises:
        InvalidSpecificationError: so much memory cannot be reserved.
    """

    def __init__(
        self,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        n_envs: int,
        capacity: int,
        spare_steps: int = 0,
    ) -> None:
        self.n_envs = n_envs
        self.capacity = -(-capacity // n_envs)
        self._ring = self.capacity + spare_steps + 1
        with reserving("algorithm.replay_buffer_size", f"{capacity} transitions of {observation_space}"):
            self._observation = allocate(observation_space, self._ring, n_envs)
            self._action = allocate(action_space, self._ring, n_envs)
            self._reward = np.zeros((self._ring, n_envs), np.float32)
            self._terminated = np.zeros((self._ring, n_envs), np.bool_)
            self._final = np.zeros((self._ring, n_envs), np.int32)  # 1 + place in the pool, or 0
        self._pool = _Pool(observation_space)
        self._n_rows = 0  # rows that were ever added, of which the ring holds the latest
        self._first_row = 0  # oldest row that counts

    def __len__(self) -> int:
        """Return the number of transitions that can be drawn."""
        return (self._n_rows - self._first_row) * self.n_envs

    def begin(self, observation: Observation) -> None:
        """Take note of the present observations, by key [N, ...].

        Where they are not those that the newest row led to, its episodes count as cut off there.
        """
        row = self._n_rows % self._ring
        if self._n_rows > self._first_row:
            before = (self._n_rows - 1) % self._ring
            changed = np.zeros(self.n_envs, np.bool_)
            for key, values in observation.items():
                differs = self._observation[key][row] != values
                changed |= differs.reshape(self.n_envs, -1).any(axis=1)
            cut = np.flatnonzero(changed & ~self._terminated[before] & (self._final[before] == 0))
            if len(cut):
                led_to = {key: array[row][cut] for key, array in self._observation.items()}
                self._final[before, cut] = self._pool.put(led_to)
        for key, values in observation.items():
            self._observation[key][row] = values

    def extend(self, rollout: Rollout) -> None:
        """Add T steps of the N environments, the oldest making room.

        Args:
            rollout: its first observations are where the newest row led to, or where episodes begin.
        """
        n_steps = len(rollout.reward)
        if self._n_rows == 0:
            self.begin({key: array[0] for key, array in rollout.observation.items()})
        places = np.zeros(n_steps * self.n_envs, np.int32)
        for start in range(0, n_steps, self._ring - 1):  # a rollout may be longer than the ring
            steps = slice(start, min(start + self._ring - 1, n_steps))
            self._forget_finals(steps.stop - steps.start)
            inside = (rollout.truncated_index >= steps.start * self.n_envs) & (
                rollout.truncated_index < steps.stop * self.n_envs
            )
            if inside.any():
                index = rollout.truncated_index[inside]
                kept = {key: values[inside] for key, values in rollout.truncated_observation.items()}
                places[index] = self._pool.put(kept)
            self._write(rollout, steps, places.reshape(n_steps, self.n_envs))

    def _write(self, rollout: Rollout, steps: slice, places: Array) -> None:
        """Write some steps of a rollout into the next rows."""
        rows = np.arange(self._n_rows, self._n_rows + steps.stop - steps.start) % self._ring
        following = (rows + 1) % self._ring
        for key, array in rollout.observation.items():
            self._observation[key][following] = array[steps.start + 1 : steps.stop + 1]
        for key, array in rollout.action.items():
            self._action[key][rows] = array[steps]
        self._reward[rows] = rollout.reward[steps]
        self._terminated[rows] = rollout.terminated[steps]
        self._final[rows] = places[steps]
        self._n_rows += len(rows)
        self._first_row = max(self._first_row, self._n_rows - self.capacity)

    def _forget_finals(self, n_steps: int) -> None:
        """Free what was kept apart for the rows that the next steps overwrite."""
        if self._n_rows + n_steps > self._ring:  # before that, nothing is overwritten
            rows = np.arange(self._n_rows, self._n_rows + n_steps) % self._ring
            self._pool.free(self._final[rows])
            self._final[rows] = 0

    def not_finite(self) -> list[str]:
        """Name what of the transitions is not a finite number somewhere; see :func:`not_finite`."""
        return not_finite(self._observation, self._reward)

    def sample(self, n_transitions: int, generator: np.random.Generator) -> Transitions:
        """Return transitions that are drawn uniformly, with replacement.

        Args:
            n_transitions: B.
            generator: every draw comes from it.
        """
        return self.take(generator.integers(0, len(self), n_transitions))

    def take(self, index: Array) -> Transitions:
        """Return some of the transitions.

        Args:
            index: which, int64 [B]: the oldest row's are 0 to N - 1, by environment.
        """
        n_envs = self.n_envs
        flat = (index + (self._first_row % self._ring) * n_envs) % (self._ring * n_envs)
        following = (flat + n_envs) % (self._ring * n_envs)
        after = {key: _flat(array).take(following, 0) for key, array in self._observation.items()}
        final = _flat(self._final).take(flat)
        cut = final.nonzero()[0]
        if len(cut):
            self._pool.read_into(after, cut, final[cut])
        return Transitions(
            observation={key: _flat(array).take(flat, 0) for key, array in self._observation.items()},
            action={key: _flat(array).take(flat, 0) for key, array in self._action.items()},
            reward=_flat(self._reward).take(flat),
            terminated=_flat(self._terminated).take(flat),
            next_observation=after,
        )

    # --- state ----------------------------------------------------------------------------------------------------

    def mark(self) -> ReplayMark:
        """Return the present, to which the buffer can go back until ``spare_steps`` more steps were added."""
        return ReplayMark(self._n_rows, self._first_row)

    def go_back(self, mark: ReplayMark) -> None:
        """Forget what was added since a mark.

        Raises:
            ArtifactError: rows that counted then were overwritten since.
        """
        if mark.n_rows > mark.first_row and self._n_rows - mark.first_row >= self._ring:
            raise ArtifactError(f"{self._n_rows - mark.n_rows} steps were added; so many cannot be taken back.")
        rows = np.arange(mark.n_rows, self._n_rows) % self._ring
        self._pool.free(self._final[rows])
        self._final[rows] = 0
        self._n_rows, self._first_row = mark.n_rows, mark.first_row

    def state_dict(self) -> StateDict:
        """Return copies of all transitions, the oldest first, and of nothing else."""
        return self._state(self.mark(), _joined)

    def whole(self, mark: ReplayMark) -> StateDict:
        """Return what `state_dict` returned at a mark, for a file and not for `load_state_dict`.

        It takes next to no memory, since it looks at this buffer's arrays: write it before anything is added.

        Args:
            mark: the state as it was then.
        """
        return self._state(mark, JoinedArray)

    def _state(self, mark: ReplayMark, join: Join) -> StateDict:
        """Return the transitions of a mark, given how to join what lies at both ends of the ring."""
        rows = self._slices(mark.first_row, mark.n_rows)
        with_present = self._slices(mark.first_row, mark.n_rows + 1)

        def joined(arrays: Mapping[str, Array], places: tuple[slice, ...]) -> dict[str, Array | JoinedArray]:
            return {key: join(tuple(array[place] for place in places)) for key, array in arrays.items()}

        finals = [self._final[place].reshape(-1) for place in rows]
        cuts = [final.nonzero()[0] for final in finals]
        kept = np.concatenate([final[cut] for final, cut in zip(finals, cuts, strict=True)])
        return {
            "observation": joined(self._observation, with_present),
            "action": joined(self._action, rows),
            **joined({"reward": self._reward, "terminated": self._terminated}, rows),
            "final_index": np.concatenate([cuts[0], *(cut + finals[0].size for cut in cuts[1:])]),
            "final_observation": self._pool.rows(kept),
        }

    def _slices(self, first_row: int, stop_row: int) -> tuple[slice, ...]:
        """Return where some rows, no more than the ring has, lie in it: in one piece, or at its end and beginning."""
        start, stop = first_row % self._ring, first_row % self._ring + stop_row - first_row
        if stop <= self._ring:
            return (slice(start, stop),)
        return slice(start, self._ring), slice(0, stop - self._ring)

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` returned.

        Raises:
            ArtifactError: it is of other environments, or of more transitions than this buffer keeps.
        """
        n_rows = len(state["reward"])
        shape = (n_rows, self.n_envs)
        if state["reward"].shape != shape or n_rows > self.capacity:
            raise ArtifactError(
                f"The replay buffer's state has rewards of the shape {state['reward'].shape}; accepted are up to "
                f"{self.capacity} rows of {self.n_envs} environments."
            )
        self._final[:] = 0
        self._pool.clear()
        for key, values in state["observation"].items():
            self._observation[key][: n_rows + 1] = values
        for key, values in state["action"].items():
            self._action[key][:n_rows] = values
        self._reward[:n_rows] = state["reward"]
        self._terminated[:n_rows] = state["terminated"]
        if len(state["final_index"]):
            _flat(self._final)[state["final_index"]] = self._pool.put(state["final_observation"])
        self._n_rows, self._first_row = n_rows, 0


class _Pool:
    """Observations that are kept apart, in arrays that grow as they are needed; places count from 1."""

    def __init__(self, space: spaces.Dict) -> None:
        self._arrays = allocate(space, 0)
        self._free: list[int] = []

    def put(self, observation: Observation) -> Array:
        """Keep K observations, and return their places, int32 [K]."""
        n_rows = len(next(iter(observation.values())))
        missing = n_rows - len(self._free)
        if missing > 0:
            self._grow(missing)
        places = np.array([self._free.pop() for _ in range(n_rows)], np.int32)
        for key, values in observation.items():
            self._arrays[key][places - 1] = values
        return places

    def _grow(self, missing: int) -> None:
        size = self._size
        more = max(missing, size, 16)
        for key, array in self._arrays.items():
            grown = np.zeros((size + more, *array.shape[1:]), array.dtype)
            grown[:size] = array
            self._arrays[key] = grown
        self._free.extend(range(size + more, size, -1))

    @property
    def _size(self) -> int:
        return len(next(iter(self._arrays.values())))

    def free(self, places: Array) -> None:
        """Give places up; those that are 0 are none."""
        self._free.extend(places[places > 0].tolist())

    def rows(self, places: Array) -> dict[str, Array]:
        """Return copies of what is kept at places [K]."""
        return {key: array[places - 1] for key, array in self._arrays.items()}

    def read_into(self, observation: Observation, rows: Array, places: Array) -> None:
        """Replace some rows of a batch by what is kept at places."""
        for key, array in self._arrays.items():
            observation[key][rows] = array[places - 1]

    def clear(self) -> None:
        """Give everything up."""
        self._free = list(range(self._size, 0, -1))


def _joined(parts: tuple[Array, ...]) -> Array:
    """Return a copy of the parts as one array."""
    return np.concatenate(parts)


def _flat(array: Array) -> Any:
    """Return a view [rows * N, ...] of an array [rows, N, ...]."""
    return array.reshape(-1, *array.shape[2:])
