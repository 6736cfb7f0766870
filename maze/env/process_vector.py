"""Environments that are stepped in worker processes, several at a time: worth it where a step costs more than a pipe.

Observations, actions, rewards and ends lie in memory that all processes share; a step sends each process one byte, and
gets one back. The same seeds give the same trajectories as in one process, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from maze.env.env_chunk import (
    RESET_ROWS,
    STEP,
    STEP_ROWS,
    ChunkMaker,
    class_names,
    gathering_layers,
    keyed_arrays,
    lonely_layer,
    registered_specs,
    shared_arrays,
    step_arrays,
    without_layers,
)
from maze.env.foreign_events import ForeignEvents
from maze.env.maze_env import MazeEnv
from maze.env.snapshot import layers_within
from maze.env.vector_base import VectorEnv, VectorStep
from maze.errors import EnvError, InvalidSpecificationError
from maze.processes import WorkerGroup
from maze.seeding import draw_seed
from maze.statistics import EventCall, EventStats
from maze.types import Array, Observation, StateDict

__all__ = ["ProcessVectorEnv"]


class ProcessVectorEnv(VectorEnv):
    """N environments in W worker processes, as one vector environment that equals a `SyncVectorEnv`.

    The processes end with `close`, when this object is collected, and when this process ends, however it does. Where
    one dies or an exchange is broken off, that is an error, and what is asked next meets fresh environments:
    `load_state_dict` goes on from an earlier state, anything else begins with `reset`.

    Args:
        env_factory: makes one environment; is handed to the processes, by value where it cannot be imported there.
        n_envs: number of environments N, >= 1.
        n_processes: number of worker processes W, >= 1; no more than there are environments are started.
        prototype: an environment of the factory that belongs to this object from now on; made when None.
        n_layers: how many of the outermost wrappers are left out, since they work on whole batches elsewhere.
        silent: let the processes print nothing.
        n_threads: threads of NumPy's matrix products, and of torch where environments use it, in each process.
        events: say in every step what happened in each environment, which asks every process once more.

    Raises:
        InvalidSpecificationError: a number is not positive, the factory cannot be handed to another process, or a
            wrapper's statistics can be gathered in one process only.
        EnvError: the factory makes different environments.
    """

    def __init__(
        self,
        env_factory: Callable[[], MazeEnv],
        n_envs: int,
        n_processes: int,
        *,
        prototype: MazeEnv | None = None,
        n_layers: int = 0,
        silent: bool = False,
        n_threads: int = 1,
        events: bool = False,
    ) -> None:
        for name, number in (("n_envs", n_envs), ("n_processes", n_processes)):
            if number < 1:
                raise InvalidSpecificationError(f"{name} is {number}; worker processes need at least 1.")
        whole = env_factory() if prototype is None else prototype
        self._prototype = without_layers(whole, n_layers)
        lonely = lonely_layer(self._prototype)
        if lonely is not None:
            raise InvalidSpecificationError(
                f"{type(lonely).__name__} has statistics that only environments of one process can share; give it the "
                "methods take_gathered and add_gathered, or stay in one process with runner='dev'."
            )
        self.n_envs = n_envs
        self.observation_space, self.action_space = self._prototype.observation_space, self._prototype.action_space
        self._shared = shared = shared_arrays(self._prototype, n_envs)
        rows = slice(0, n_envs)
        self._arrays = step_arrays(shared, rows)
        self._action = keyed_arrays(shared, "action", rows)
        self._rows = shared.arrays["rows"]
        n_chunks = min(n_processes, n_envs)
        self._chunks = [slice(n_envs * i // n_chunks, n_envs * (i + 1) // n_chunks) for i in range(n_chunks)]
        specs = registered_specs()
        self._group = WorkerGroup(
            [
                ChunkMaker(env_factory, rows, n_layers, class_names(whole), shared, specs, events)
                for rows in self._chunks
            ],
            [f"worker process {i} (environments {c.start} to {c.stop - 1})" for i, c in enumerate(self._chunks)],
            what="env",
            source=env_factory,
            error=EnvError,
            silent=silent,
            n_threads=n_threads,
            inherited=[shared.descriptor],
        )
        self._gathering = gathering_layers(self._prototype)
        self._events, self._tells_events = ForeignEvents(), events
        self._seeds: list[int] = []
        self._training = False
        self._start()

    def _start(self) -> None:
        """Start the processes, and let their environments be as they have to be before an episode."""
        self._seeds = []
        self._group.start()
        for given in self._group.call("spaces", self._nothing()):
            if given != (self.observation_space, self.action_space):
                self._group.close()
                raise EnvError(f"The environments have different spaces: {given} and {self._prototype!r}.")
        if self._training:
            self._group.call("set_training", [(True,) for _ in self._chunks])
        self.spread_statistics()

    def _nothing(self) -> list[tuple[()]]:
        """Return arguments for a method of every chunk that has none."""
        return [() for _ in self._chunks]

    def _call(self, method: str, arguments: Sequence[Sequence[object]] | None = None) -> list[Any]:
        """Call a method of every chunk and return the results in the order of the environments."""
        if not self._group.is_ready():
            self._start()
        return self._group.call(method, self._nothing() if arguments is None else arguments)

    def _signal(self, code: bytes) -> bool:
        """Let every chunk hear a signal and tell whether it brought final observations; the path of every step."""
        group = self._group
        if not group.is_ready():
            self._start()
        group.in_order = False
        for member in group.members:
            member.signal(code)
        brought, failure = False, None
        for member in group.members:
            said, error = member.answer()
            brought = brought or said is True
            failure = failure or error
        group.in_order = True
        if failure is not None:
            raise failure
        return brought

    @property
    def training(self) -> bool:
        """Whether the environments' wrappers gather statistics."""
        return self._training

    @training.setter
    def training(self, value: bool) -> None:
        self._training = bool(value)
        self._call("set_training", [(self._training,) for _ in self._chunks])

    @property
    def observation(self) -> Observation:
        """The present observations ``[N, *shape]``."""
        return self._arrays.observation

    def begins_anew(self, state: StateDict) -> bool:
        """Tell whether not all of every environment's state could be saved without pickle."""
        return state["environments"] is None

    def seed(self, seeds: Sequence[int]) -> None:
        """Seed every environment; see `VectorEnv.seed`."""
        self.check_seeds(seeds)
        known = [int(seed) for seed in seeds]
        self._call("seed", [(known[chunk],) for chunk in self._chunks])
        self._seeds = known

    def reset(self, seeds: Sequence[int] | None = None) -> Observation:
        """Begin an episode in every environment; see `VectorEnv.reset`."""
        if not self._group.is_ready():
            self._start()
        if seeds is None and not self._seeds:
            seeds = [draw_seed() for _ in range(self.n_envs)]
        if seeds is not None:
            self.seed(seeds)
        self._call("reset")
        return self._arrays.observation

    def step(self, action: Mapping[str, Array]) -> VectorStep:
        """Act once in every environment; see `VectorEnv.step`."""
        brought = self._signal(STEP) if self._put(action) else any(self._call("step", self._parts_of(action)))
        given = self._arrays
        final = given.final if brought else None
        told = given.told_rewards or None
        events = self._step_events() if self._tells_events else None
        return VectorStep(given.observation, given.reward, given.terminated, given.truncated, final, told, events)

    def _step_events(self) -> list[list[EventCall]]:
        return [self._events.own_calls(told) for part in self._call("step_events") for told in part]

    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        """Act once in some environments; see `VectorEnv.step_rows`."""
        self._rows[...] = rows
        if self._put(action):
            self._signal(STEP_ROWS)
        else:
            self._call("step_rows", self._parts_of(action))
        given = self._arrays
        ends = given.terminated, given.truncated
        return VectorStep(given.observation, given.reward, *ends, told_rewards=given.told_rewards or None)

    def reset_rows(self, rows: Array) -> Observation:
        """Begin an episode in some environments; see `VectorEnv.reset_rows`."""
        self._rows[...] = rows
        self._signal(RESET_ROWS)
        return self._arrays.observation

    def _put(self, action: Mapping[str, Array]) -> bool:
        """Copy actions to where the chunks find them; False where they are not of the space's shapes and kinds."""
        heads = self.heads_of(action)
        rooms = [self._action.get(key) for key, _ in heads]
        if len(heads) != len(self._action) or not all(
            room is not None and room.dtype == values.dtype and room.shape == values.shape
            for room, (_, values) in zip(rooms, heads, strict=True)
        ):
            return False
        for key, values in heads:
            self._action[key][...] = values
        return True

    def _parts_of(self, action: Mapping[str, Array]) -> list[tuple[dict[str, Array]]]:
        """Return the actions of each chunk; whoever acts on them says what is wrong with them."""
        heads = self.heads_of(action)
        return [({key: values[chunk] for key, values in heads},) for chunk in self._chunks]

    def close(self) -> None:
        """Close every environment and end the processes."""
        try:
            self._group.close()
        finally:
            self._prototype.close()

    def drain_event_stats(self) -> EventStats:
        """Return, and forget, what is known of the events of every environment."""
        stats = EventStats()
        for chunk, part in zip(self._chunks, self._call("drain_event_stats"), strict=True):
            episodes = [(row + chunk.start, self._events.own_keys(told)) for row, told in part.episodes]
            stats.add(EventStats(episodes, self._events.own_keys(part.values)))
        return stats

    def fetch_statistics(self) -> None:
        """Give this process's wrappers what those in the worker processes gathered."""
        if self._gathering:
            parts = self._call("take_gathered")
            for index, layer in enumerate(self._gathering):
                layer.add_gathered([part[index] for part in parts])

    def spread_statistics(self) -> None:
        """Give the wrappers in the worker processes the statistics of this process's."""
        if self._gathering:
            state = self._prototype.statistics_state()
            self._call("load_statistics", [(state,) for _ in self._chunks])

    def update_statistics(self) -> None:
        """Merge what was gathered in any of the environments."""
        self.fetch_statistics()
        self._prototype.update_statistics()
        self.spread_statistics()

    def statistics_state(self) -> dict[str, Array]:
        """Return the shared statistics."""
        return self._prototype.statistics_state()

    def load_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over the shared statistics."""
        self._prototype.load_statistics(state)
        self.spread_statistics()

    def state_dict(self) -> StateDict:
        """Return the state that a `SyncVectorEnv` of these environments would have, which loads it, too."""
        parts = self._call("state_dict")
        snapshots = [part["environments"] for part in parts]
        return {
            "kind": "sync",
            "n_envs": self.n_envs,
            "seeds": list(self._seeds),
            "episodes": [count for part in parts for count in part["episodes"]],
            "observation": {key: value.copy() for key, value in self._arrays.observation.items()},
            "environments": None if None in snapshots else [saved for part in snapshots for saved in part],
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue; where the environments could not be saved, each begins an episode with a seed of its own."""
        self.check_state(state, "sync")
        environments = state["environments"]
        parts = [
            {
                "kind": "sync",
                "n_envs": chunk.stop - chunk.start,
                "seeds": state["seeds"][chunk],
                "episodes": state["episodes"][chunk],
                "observation": {key: value[chunk] for key, value in state["observation"].items()},
                "environments": None if environments is None else environments[chunk],
            }
            for chunk in self._chunks
        ]
        self._call("load_state_dict", [(part,) for part in parts])
        self._seeds = [int(seed) for seed in state["seeds"]]
        if self._gathering and self._seeds and environments is not None:
            self._take_over_statistics(environments[0]["layers"])

    def _take_over_statistics(self, saved: Sequence[StateDict]) -> None:
        """Let this process's wrappers have the statistics of an environment that was restored."""
        self._prototype.load_statistics(self._call("statistics_state")[0])
        for layer, part in zip(layers_within(self._prototype), saved, strict=True):
            if layer in self._gathering and "own" in part:
                layer.load_own_state(part["own"])
                layer.take_gathered()  # the worker processes have that as well
