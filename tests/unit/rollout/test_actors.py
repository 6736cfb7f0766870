"""Actors and their pool: who is asked, what is taken, and what does not depend on where they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from maze.errors import MazeError
from maze.rollout import ActorPool, LocalWorkers, Rollout, batch_rollouts, split_seeds
from maze.rollout.actors import ActorPlan


class LastFirst(LocalWorkers):
    """Workers of which the one that was asked last answers first, where it does not matter who does."""

    def receive(self, worker: int | None = None) -> tuple[int, Any]:
        if worker is None and self._results:
            worker = self._results[-1][0]
        return super().receive(worker)


class Host:
    """Plays nothing, and counts for every actor how often it was asked."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    def play(self, actors: list[int], parameters: Any, statistics: Any, version: int) -> list[dict[str, Any]]:
        played = []
        for actor in actors:
            self.counts[actor] = self.counts.get(actor, 0) + 1
            played.append({"actor": actor, "version": version, "count": self.counts[actor]})
        return played

    def state_dict(self, actors: list[int]) -> list[dict[str, int]]:
        return [{"count": self.counts.get(actor, 0)} for actor in actors]

    def load_state_dict(self, actors: list[int], states: list[dict[str, int]]) -> None:
        self.counts.update({actor: state["count"] for actor, state in zip(actors, states, strict=True)})


class Plan:
    def make_host(self, worker: int) -> Host:
        return Host()


def pool_of(
    n_actors: int, depth: int, n_workers: int, *, in_order: bool = True, workers: Any = LocalWorkers
) -> ActorPool:
    make_plan: Callable[[], ActorPlan] = Plan  # type: ignore[assignment]
    return ActorPool(partial(workers, n_workers=n_workers), make_plan, n_actors, depth, in_order=in_order)


def played(rollouts: list[dict[str, Any]]) -> list[tuple[int, int, int]]:
    return [(rollout["actor"], rollout["count"], rollout["version"]) for rollout in rollouts]


@pytest.mark.parametrize("workers", [LocalWorkers, LastFirst])
@pytest.mark.parametrize("n_workers", [1, 2, 3, 5])
def test_in_order_nothing_depends_on_the_workers(n_workers: int, workers: Any) -> None:
    pool = pool_of(3, 2, n_workers, workers=workers)
    pool.ask(4, {}, {}, 0)
    taken = played(pool.take(2))
    assert taken == [(0, 1, 0), (1, 1, 0)]
    pool.ask(2, {}, {}, 1)
    assert pool.n_under_way == 4
    assert played(pool.take(4)) == [(2, 1, 0), (0, 2, 0), (1, 2, 1), (2, 2, 1)]  # everybody in turn, twice each
    assert pool.n_under_way == 0


def test_out_of_order_whoever_is_ready_is_taken_and_asked_again() -> None:
    pool = pool_of(3, 1, 3, in_order=False, workers=LastFirst)
    pool.ask(3, {}, {}, 0)
    assert played(pool.take(1)) == [(2, 1, 0)]
    pool.ask(1, {}, {}, 1)
    assert played(pool.take(2)) == [(2, 2, 1), (1, 1, 0)]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_pool_goes_on_from_a_state_with_rollouts_under_way(n_workers: int) -> None:
    whole, half = pool_of(3, 2, 2), pool_of(3, 2, 1)
    for pool in (whole, half):
        pool.ask(5, {}, {}, 0)
        pool.take(1)
    state = half.state_dict()
    assert state == whole.state_dict()
    assert [rollout["actor"] for rollout in state["arrived"]] == [1, 2, 0, 1]
    resumed = pool_of(3, 2, n_workers)
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state  # before there are any workers
    for pool in (whole, resumed, half):
        pool.ask(1, {}, {}, 7)
        assert played(pool.take(5)) == [(1, 1, 0), (2, 1, 0), (0, 2, 0), (1, 2, 0), (2, 2, 7)]


def test_a_closed_pool_makes_new_workers_where_it_was() -> None:
    pool = pool_of(2, 1, 1)
    pool.ask(2, {}, {}, 0)
    state = pool.state_dict()
    pool.take(1)
    pool.close()
    pool.load_state_dict(state)
    assert played(pool.take(2)) == [(0, 1, 0), (1, 1, 0)]
    pool.ask(1, {}, {}, 1)
    assert played(pool.take(1)) == [(0, 2, 1)]
    with pytest.raises(MazeError, match="asked for nothing"):
        LocalWorkers(lambda index: Host(), 1).receive()


@pytest.mark.parametrize(
    ("n_envs", "n_actors", "widths"), [(8, 2, [4, 4]), (5, 2, [3, 2]), (2, 8, [1, 1]), (3, 1, [3])]
)
def test_environments_are_shared_evenly(n_envs: int, n_actors: int, widths: list[int]) -> None:
    seeds = list(range(10, 10 + n_envs))
    parts = split_seeds(seeds, n_actors)
    assert [len(part) for part in parts] == widths
    assert [seed for part in parts for seed in part] == seeds


def rollout_of(first: int, n_envs: int, truncated: list[tuple[int, int]], n_steps: int = 3) -> Rollout:
    """Return a rollout in which the reward of a step tells its environment and time, and so do last observations."""
    number = first + np.arange(n_envs) + 100 * np.arange(n_steps + 1)[:, None]
    cut = np.zeros((n_steps, n_envs), np.bool_)
    for t, n in truncated:
        cut[t, n] = True
    rows = np.flatnonzero(cut)
    last = (number[:-1].reshape(-1)[rows, None] + np.array([0, 0.5])).astype(np.float32)
    return Rollout(
        observation={"observation": np.stack([number, -number], -1).astype(np.float32)},
        action={"action": number[:-1].astype(np.int64)},
        reward=number[:-1].astype(np.float32),
        terminated=~cut,
        truncated=cut,
        truncated_observation={"observation": last} if truncated else {},
        truncated_index=rows.astype(np.int64),
    )


def test_rollouts_become_one_of_all_environments() -> None:
    first = rollout_of(0, 2, [(0, 1), (2, 0)])
    second = rollout_of(2, 1, [])
    third = rollout_of(3, 3, [(0, 0), (1, 2)])
    batch, expected = batch_rollouts([first, second, third]), rollout_of(0, 6, [(0, 1), (2, 0), (0, 3), (1, 5)])
    for name in ("reward", "terminated", "truncated", "truncated_index"):
        np.testing.assert_array_equal(getattr(batch, name), getattr(expected, name))
        assert getattr(batch, name).dtype == getattr(expected, name).dtype
    for name in ("observation", "action", "truncated_observation"):
        np.testing.assert_equal(getattr(batch, name), getattr(expected, name))
    assert batch.n_steps == 18
    assert batch_rollouts([second]).truncated_observation == {}
