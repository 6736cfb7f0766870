"""Returns and lengths of finished episodes, from the rewards and ends that environments give side by side.

The tracker costs a rollout a handful of NumPy calls, whatever its length, so that collecting pays nothing per step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maze.errors import EnvError
from maze.types import Array, StateDict

__all__ = ["EpisodeBatch", "EpisodeTracker", "summarise_episodes"]


@dataclass(frozen=True, slots=True)
class EpisodeBatch:
    """Finished episodes in the order in which they ended, ties by environment.

    Args:
        returns: sum of rewards, float64 [E].
        lengths: number of steps, int64 [E].
        env_index: which environment played the episode, int64 [E].
        end_step: how many vector steps the tracker had seen when the episode ended, int64 [E].
    """

    returns: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.int64]
    env_index: npt.NDArray[np.int64]
    end_step: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.returns)


class EpisodeTracker:
    """Follows every environment of a vector and hands out its finished episodes.

    ``update`` takes a whole rollout at once and is what collectors call; ``step`` takes one vector step, for loops that
    have no storage. Both may be mixed. Sums are float64.

    Args:
        n_envs: number of environments side by side, >= 1.
    """

    def __init__(self, n_envs: int) -> None:
        if n_envs < 1:
            raise EnvError(f"n_envs is {n_envs}; an episode tracker follows at least one environment.")
        self.n_envs = n_envs
        self._n_steps = 0
        self._partial_return = np.zeros(n_envs, dtype=np.float64)
        self._start_step = np.zeros(n_envs, dtype=np.int64)
        self._pending: list[EpisodeBatch] = []

    def step(self, reward: Array, done: Array) -> None:
        """Add one vector step.

        Args:
            reward: [N].
            done: bool [N], terminated or truncated.
        """
        self._partial_return += reward
        self._n_steps += 1
        if np.count_nonzero(done):
            ended = np.flatnonzero(done)
            self._finish(self._partial_return[ended], self._n_steps - self._start_step[ended], ended, self._n_steps)
            self._partial_return[ended] = 0.0
            self._start_step[ended] = self._n_steps

    def update(self, rewards: Array, dones: Array) -> None:
        """Add a whole rollout.

        Args:
            rewards: [T, N], time first.
            dones: bool [T, N], terminated or truncated.

        Raises:
            EnvError: when the shapes differ from each other or from the number of environments.
        """
        if rewards.shape != dones.shape or rewards.ndim != 2 or rewards.shape[1] != self.n_envs:
            raise EnvError(
                f"rewards of shape {rewards.shape} and dones of shape {dones.shape} do not fit together; "
                f"both must be [T, {self.n_envs}], time first."
            )
        n_rows = rewards.shape[0]
        if not np.count_nonzero(dones):
            self._partial_return += rewards.sum(axis=0, dtype=np.float64)
            self._n_steps += n_rows
            return
        # One segment per stretch of one environment without an end inside; laid out by environment, [N * T].
        begins = np.empty((self.n_envs, n_rows), dtype=bool)
        begins[:, 0] = True
        begins[:, 1:] = dones[:-1].T
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], self.n_envs * n_rows)  # exclusive
        env_index, first_row = np.divmod(starts, n_rows)
        end_step = self._n_steps + ends - env_index * n_rows
        begin_step = self._n_steps + first_row
        returns = np.add.reduceat(rewards.T.ravel(), starts, dtype=np.float64)
        carried = first_row == 0  # exactly one segment per environment, in the order of environments
        returns[carried] += self._partial_return
        begin_step[carried] = self._start_step

        finished = dones.T.ravel()[ends - 1]
        self._n_steps += n_rows
        self._partial_return[:] = 0.0
        self._start_step[:] = self._n_steps
        running = env_index[~finished]
        self._partial_return[running] = returns[~finished]
        self._start_step[running] = begin_step[~finished]
        if finished.any():
            order = np.flatnonzero(finished)
            order = order[np.argsort(end_step[order], kind="stable")]
            self._finish(returns[order], (end_step - begin_step)[order], env_index[order], end_step[order])

    def drain(self) -> EpisodeBatch:
        """Return the episodes that ended since the last call, and forget them; running ones go on."""
        batch = self._pending_batch()
        self._pending = []
        return batch

    def reset(self) -> None:
        """Forget running and undrained episodes: all environments are about to be reset."""
        self._n_steps = 0
        self._partial_return[:] = 0.0
        self._start_step[:] = 0
        self._pending = []

    def restart(self) -> None:
        """Forget running episodes, which never end: all environments have begun new ones. Ended ones are kept."""
        self._partial_return[:] = 0.0
        self._start_step[:] = self._n_steps

    def state_dict(self) -> StateDict:
        """Return everything that is needed to go on exactly: running and undrained episodes."""
        pending = self._pending_batch()
        return {
            "n_steps": self._n_steps,
            "partial_return": self._partial_return.copy(),
            "start_step": self._start_step.copy(),
            "returns": pending.returns,
            "lengths": pending.lengths,
            "env_index": pending.env_index,
            "end_step": pending.end_step,
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Go on from what ``state_dict`` returned.

        Raises:
            EnvError: when the state belongs to another number of environments.
        """
        partial_return = np.array(state["partial_return"], dtype=np.float64)
        if partial_return.shape != (self.n_envs,):
            raise EnvError(
                f"the state is of {len(partial_return)} environments, this tracker follows {self.n_envs}; "
                "continue with the number of environments that the run was started with."
            )
        self.reset()
        self._n_steps = int(state["n_steps"])
        self._partial_return[:] = partial_return
        self._start_step[:] = state["start_step"]
        if len(state["returns"]):
            self._finish(state["returns"], state["lengths"], state["env_index"], state["end_step"])

    def _finish(self, returns: Array, lengths: Array, env_index: Array, end_step: Array | int) -> None:
        batch = EpisodeBatch(
            returns=np.array(returns, dtype=np.float64),
            lengths=np.array(lengths, dtype=np.int64),
            env_index=np.array(env_index, dtype=np.int64),
            end_step=np.array(np.broadcast_to(end_step, len(returns)), dtype=np.int64),
        )
        self._pending.append(batch)

    def _pending_batch(self) -> EpisodeBatch:
        integers = np.zeros(0, dtype=np.int64)
        batches = [EpisodeBatch(np.zeros(0), integers, integers, integers), *self._pending]
        return EpisodeBatch(
            returns=np.concatenate([batch.returns for batch in batches]),
            lengths=np.concatenate([batch.lengths for batch in batches]),
            env_index=np.concatenate([batch.env_index for batch in batches]),
            end_step=np.concatenate([batch.end_step for batch in batches]),
        )


def summarise_episodes(returns: npt.ArrayLike, lengths: npt.ArrayLike) -> dict[str, float]:
    """Return the numbers that describe a set of episodes, as plain Python numbers.

    Args:
        returns: [E].
        lengths: [E], in steps.

    Returns:
        ``mean_return``, ``std_return`` (of the population: divided by E), ``min_return``, ``max_return``,
        ``mean_length``, ``median_length``, ``total_length`` (int) and ``n_episodes`` (int). Without episodes all but
        the last two are NaN: unknown is not zero.

    Raises:
        EnvError: when there are not as many lengths as returns.
    """
    episode_returns = np.asarray(returns, dtype=np.float64)
    episode_lengths = np.asarray(lengths, dtype=np.float64)
    if episode_returns.shape != episode_lengths.shape:
        raise EnvError(
            f"{episode_returns.size} returns and {episode_lengths.size} lengths were given; an episode has one of each."
        )
    if episode_returns.size == 0:
        names = ("mean_return", "std_return", "min_return", "max_return", "mean_length", "median_length")
        return {**dict.fromkeys(names, float("nan")), "total_length": 0, "n_episodes": 0}
    return {
        "mean_return": float(episode_returns.mean()),
        "std_return": float(episode_returns.std()),
        "min_return": float(episode_returns.min()),
        "max_return": float(episode_returns.max()),
        "mean_length": float(episode_lengths.mean()),
        "median_length": float(np.median(episode_lengths)),
        "total_length": int(episode_lengths.sum()),
        "n_episodes": int(episode_returns.size),
    }
