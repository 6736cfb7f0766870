"""What agents see, do and earn, as events; and a sample of values that costs a stepping loop one copy."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from maze.statistics.distribution import distribution_of
from maze.statistics.event_decorators import define_episode_stats, define_epoch_stats, define_stats_grouping
from maze.types import Array, StateDict

__all__ = ["ActionEvents", "ObservationEvents", "RewardEvents", "ValueSample"]

MAX_ELEMENTS = 4096
"""Elements that are kept of one entry at most."""
MAX_VALUES = 2**15
"""Values that are kept at most."""


class ObservationEvents(ABC):
    """What agents see."""

    @define_epoch_stats(np.mean, output_name="mean")
    @define_epoch_stats(np.std, output_name="std")
    @define_epoch_stats(np.min, output_name="min")
    @define_epoch_stats(np.max, output_name="max")
    @define_epoch_stats(distribution_of, output_name="distribution")
    @define_stats_grouping("name")
    @abstractmethod
    def observation(self, name: str, value: Array) -> None:
        """Tell an observation by its key."""


class ActionEvents(ABC):
    """What agents do."""

    @define_epoch_stats(distribution_of, output_name="distribution")
    @define_stats_grouping("name")
    @abstractmethod
    def discrete_action(self, name: str, value: Array) -> None:
        """Tell the choice of one action head."""

    @define_epoch_stats(np.mean, output_name="mean")
    @define_epoch_stats(np.std, output_name="std")
    @define_epoch_stats(np.min, output_name="min")
    @define_epoch_stats(np.max, output_name="max")
    @define_epoch_stats(distribution_of, output_name="distribution")
    @define_stats_grouping("name")
    @abstractmethod
    def continuous_action(self, name: str, value: Array) -> None:
        """Tell the numbers of one action head."""


class RewardEvents(ABC):
    """What the environment pays, whichever wrappers change it for agents."""

    @define_epoch_stats(np.mean, input_name="sum", output_name="mean")
    @define_epoch_stats(np.std, input_name="sum", output_name="std")
    @define_epoch_stats(np.min, input_name="sum", output_name="min")
    @define_epoch_stats(np.max, input_name="sum", output_name="max")
    @define_epoch_stats(distribution_of, output_name="distribution")
    @define_episode_stats(np.sum, output_name="sum")
    @abstractmethod
    def reward_original(self, value: float) -> None:
        """Tell the reward of one step."""


class ValueSample:
    """A sample of the arrays that pass by: all of them at first, then every second, fourth, ... one.

    So the memory is bounded, every part of an epoch is equally represented, and equal runs keep equal samples. Of
    arrays with many elements some are kept, always the same ones.

    Args:
        max_values: how many values are kept at most.
    """

    def __init__(self, max_values: int = MAX_VALUES) -> None:
        self._max_values = max_values
        self._chosen: dict[int, Array] = {}  # which elements are kept, by the number of elements
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._entries: list[Array] = []
        self._n_values = 0
        self._stride = 1
        self._until_next = 1

    def add(self, values: Array) -> None:
        """Take note of an array of any shape."""
        self._until_next -= 1
        if self._until_next:
            return
        self._until_next = self._stride
        entry = np.array(values).reshape(-1) if values.size <= MAX_ELEMENTS else self._part(values)
        self._entries.append(entry)
        self._n_values += entry.size
        if self._n_values > self._max_values and len(self._entries) > 1:
            if len(self._entries) % 2 == 0:  # the last one goes, so the next to be kept is the very next
                self._until_next = self._stride
            else:
                self._until_next = 2 * self._stride
            del self._entries[1::2]
            self._stride *= 2
            self._n_values = sum(kept.size for kept in self._entries)

    def _part(self, values: Array) -> Array:
        chosen = self._chosen.get(values.size)
        if chosen is None:
            chosen = np.sort(np.random.default_rng(0).choice(values.size, MAX_ELEMENTS, replace=False))
            self._chosen[values.size] = chosen
        return np.asarray(values).reshape(-1)[chosen]

    def drain(self) -> Array | None:
        """Return what was kept, [E], and begin anew; None where nothing passed by."""
        entries = self._entries
        self.clear()
        return np.concatenate(entries) if entries else None

    def state_dict(self) -> StateDict:
        """Return the sample so far."""
        return {
            "entries": [entry.copy() for entry in self._entries],
            "stride": self._stride,
            "until_next": self._until_next,
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Go on from what ``state_dict`` returned."""
        self._entries = [np.array(entry) for entry in state["entries"]]
        self._n_values = sum(entry.size for entry in self._entries)
        self._stride, self._until_next = int(state["stride"]), int(state["until_next"])
