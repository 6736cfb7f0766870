"""The learner's side of actors: asking for rollouts, and taking them in an order that does or does not repeat."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from maze.env.foreign_events import ForeignEvents
from maze.rollout.actors import ActorPlan
from maze.rollout.workers import Workers
from maze.statistics import EventStats
from maze.types import Array, StateDict

__all__ = ["ActorPool"]


class ActorPool:
    """Some actors on some workers, each actor with rollouts that are under way.

    In order, rollouts are taken as they were asked for, so that nothing depends on how many workers there are or how
    fast they are. Out of order, whichever is there first is taken, and its actor is the next to be asked.

    Args:
        make_workers: makes the runner's workers; they are made when actors are first asked for something.
        make_plan: what all actors are told, made at that time, too.
        n_actors: how many actors there are.
        depth: how many rollouts of each actor may be under way.
        in_order: see above.

    Attributes:
        is_whole: nothing broke off what the pool was doing; otherwise it has to be closed, and can go on then.
    """

    def __init__(
        self,
        make_workers: Callable[[Callable[[int], Any]], Workers],
        make_plan: Callable[[], ActorPlan],
        n_actors: int,
        depth: int,
        *,
        in_order: bool,
    ) -> None:
        self.n_actors = n_actors
        self.in_order = in_order
        self._make_workers = make_workers
        self._make_plan = make_plan
        self._workers: Workers | None = None
        self._saved: list[StateDict] | None = None  # where actors begin that are not made yet
        self._next = deque(list(range(n_actors)) * depth)  # who is asked, in this order
        self._asked: deque[int] = deque()  # the actor of each rollout that was asked for and not taken, in order
        self._arrived: list[StateDict] = []
        self._n_open = 0  # requests that are not answered
        self._events = ForeignEvents()
        self.is_whole = True
        self._last = self.state_dict()

    @property
    def n_under_way(self) -> int:
        """How many rollouts were asked for and not taken."""
        return len(self._asked)

    def ask(self, n_rollouts: int, parameters: StateDict, statistics: Mapping[str, Array], version: int) -> None:
        """Ask the actors whose turn it is for rollouts; see `ActorHost.play`.

        Args:
            n_rollouts: how many; no more than can be under way.
            parameters: of the networks.
            statistics: for normalisation.
            version: of the parameters.
        """
        self.is_whole = False
        workers = self._ready()
        actors = [self._next.popleft() for _ in range(n_rollouts)]
        self._asked.extend(actors)
        if self.in_order:  # the parameters travel once to each worker
            requests = [part for part in self._by_worker(workers, actors) if part]
        else:
            requests = [[actor] for actor in actors]
        for request in requests:
            workers.submit(request[0] % workers.n_workers, "play", request, parameters, statistics, version)
            self._n_open += 1
        self.is_whole = True

    def take(self, n_rollouts: int) -> list[StateDict]:
        """Wait for rollouts and return them; their actors can be asked again.

        Args:
            n_rollouts: how many; no more than are under way.

        Returns:
            For each rollout its ``actor`` and ``version``, and what `ActorHost.play` tells.

        Raises:
            MazeError: a worker has ended.
        """
        self.is_whole = False
        taken = []
        for _ in range(n_rollouts):
            actor = self._asked[0] if self.in_order else None
            rollout = self._find(actor)
            while rollout is None:
                self._receive(None if actor is None else actor % self._ready().n_workers)
                rollout = self._find(actor)
            self._asked.remove(rollout["actor"])
            self._next.append(rollout["actor"])
            taken.append(rollout)
        self.is_whole = True
        return taken

    def drain_event_stats(self, first_env: Sequence[int]) -> EventStats:
        """Return, and forget, what all environments tell of their events, those of rollouts under way included.

        Args:
            first_env: for each actor, the number of its first environment.
        """
        stats = EventStats()
        if self._workers is None and self._saved is None:
            return stats
        for actor, part in enumerate(self._call("drain_event_stats")):
            episodes = [(first_env[actor] + row, self._events.own_keys(told)) for row, told in part.episodes]
            stats.add(EventStats(episodes, self._events.own_keys(part.values)))
        return stats

    def state_dict(self) -> StateDict:
        """Return everything that further rollouts depend on; those under way are waited for, and part of it."""
        if self._workers is not None:
            self._saved = self._call("state_dict")
        if self.in_order:
            self._arrived = [self._pop(actor) for actor in self._asked]
        else:
            self._asked = deque(rollout["actor"] for rollout in self._arrived)
        self._last = {"actors": self._saved, "next": list(self._next), "arrived": list(self._arrived)}
        return dict(self._last)

    def load_state_dict(self, state: StateDict) -> None:
        """Go on from what `state_dict` returned, with new workers."""
        self._last = state
        self.close()

    def close(self) -> None:
        """Close all workers; what is asked for next goes on from the last state that was returned or loaded."""
        workers, self._workers = self._workers, None
        self._saved = self._last["actors"]
        self._next = deque(self._last["next"])
        self._arrived = list(self._last["arrived"])
        self._asked = deque(rollout["actor"] for rollout in self._arrived)
        self._n_open = 0
        self.is_whole = True
        if workers is not None:
            workers.close()

    # --- inside -------------------------------------------------------------------------------------------------

    def _ready(self) -> Workers:
        if self._workers is None:
            self._workers = workers = self._make_workers(self._make_plan().make_host)
            if self._saved is not None:
                for actors in self._by_worker(workers, range(self.n_actors)):
                    states = [self._saved[actor] for actor in actors]
                    workers.submit(actors[0] % workers.n_workers, "load_state_dict", actors, states)
                    workers.receive(actors[0] % workers.n_workers)
        return self._workers

    def _by_worker(self, workers: Workers, actors: Sequence[int]) -> list[list[int]]:
        """Return the actors of each worker that has any, each in the order given."""
        parts: dict[int, list[int]] = {}
        for actor in actors:
            parts.setdefault(actor % workers.n_workers, []).append(actor)
        return list(parts.values())

    def _call(self, method: str) -> list[Any]:
        """Return what a method tells of each actor, once nothing is under way."""
        self.is_whole = False
        workers = self._ready()
        while self._n_open:
            self._receive(None)
        parts = self._by_worker(workers, range(self.n_actors))
        for actors in parts:
            workers.submit(actors[0] % workers.n_workers, method, actors)
        told: dict[int, Any] = {}
        for actors in parts:
            told.update(zip(actors, workers.receive(actors[0] % workers.n_workers)[1], strict=True))
        self.is_whole = True
        return [told[actor] for actor in range(self.n_actors)]

    def _receive(self, worker: int | None) -> None:
        _, rollouts = self._ready().receive(worker)
        self._n_open -= 1
        self._arrived.extend(rollouts)

    def _find(self, actor: int | None) -> StateDict | None:
        """Remove and return the first rollout that has arrived, of an actor or of whichever; None without one."""
        for position, rollout in enumerate(self._arrived):
            if actor is None or rollout["actor"] == actor:
                return self._arrived.pop(position)
        return None

    def _pop(self, actor: int) -> StateDict:
        rollout = self._find(actor)
        assert rollout is not None  # noqa: S101  (an invariant: everything that was asked for has arrived)
        return rollout
