"""Playing whole episodes, side by side, each with a seed of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Protocol

import numpy as np

from maze.env.vector import VectorEnv, VectorStep
from maze.statistics import EpisodeStats, EpochStatistics, EventStats, Plot, summarise_episodes
from maze.types import Array, Observation, StateDict

__all__ = ["ActingPolicy", "Episodes", "Player", "StepObserver", "acting", "new_player", "play_episodes"]

MANY_ROWS = 32
"""From so many observations at once on, laying out weights anew for a wave of episodes is worth it."""


class ActingPolicy(Protocol):
    """Chooses actions for a batch of observations."""

    def act(self, observation: Observation, rng: np.random.Generator, deterministic: bool = False) -> dict[str, Array]:
        """Return one action for each of the N rows, each [N, ...]."""
        ...


class Player(ActingPolicy, Protocol):
    """Plays N episodes side by side with a policy that has state, and keeps the state of each."""

    def forget(self, rows: Array | None = None) -> None:
        """Begin new episodes in the rows where ``rows``, bool [N], is True; in all of them when None."""
        ...

    def state_dict(self) -> StateDict:
        """Return a copy of the state of all rows."""
        ...

    def load_state_dict(self, state: StateDict) -> None:
        """Take over what :meth:`state_dict` returned."""
        ...


def new_player(policy: ActingPolicy, n_rows: int) -> Player | None:
    """Return what plays N new episodes side by side where a policy has state; None where it has none.

    A policy has state if it has a method ``remembering(n_rows)``, and that returns a :class:`Player`.
    """
    remembering = getattr(policy, "remembering", None)
    player: Player | None = remembering(n_rows) if callable(remembering) else None
    return player


def acting(policy: ActingPolicy, *, frozen: bool = False) -> Callable[..., dict[str, Array]]:
    """Return a policy's ``act`` for many steps in a row, during which nobody exchanges its networks.

    A policy whose class has a method ``prepared_act(*, frozen)`` looks things up there, once instead of at each step.

    Args:
        policy: who acts.
        frozen: nobody changes weights meanwhile either.
    """
    prepare = getattr(type(policy), "prepared_act", None)  # of the class: what stands in for a policy acts itself
    act: Callable[..., dict[str, Array]] = policy.act if prepare is None else prepare(policy, frozen=frozen)
    return act


class StepObserver(Protocol):
    """Is shown every step of :func:`play_episodes`, for example to record it.

    ``episode`` and the arrays of ``observation`` stay as they are; all others may be overwritten by the next step.
    """

    def __call__(
        self, episode: Array, observation: Observation, action: dict[str, Array], step: VectorStep, active: Array
    ) -> None:
        """Take note of one step of the rows where ``active`` is True; ``episode`` holds their episode numbers."""
        ...


@dataclass(frozen=True, slots=True)
class Episodes:
    """Finished episodes, in the order of their numbers.

    Attributes:
        returns: undiscounted sums of rewards, float64 [E].
        lengths: steps, int64 [E].
        terminated: the episode reached an end of its own, bool [E].
        truncated: the episode was cut off, by its time limit or by ``max_episode_steps``, bool [E].
        seeds: seed of each episode's reset, int64 [E].
        event_stats: what each episode's events tell, [E]; empty where the environment tells nothing, or the episode was
            cut off by ``max_episode_steps``.
    """

    returns: Array
    lengths: Array
    terminated: Array
    truncated: Array
    seeds: Array
    event_stats: tuple[EpisodeStats, ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.returns)

    @property
    def statistics(self) -> dict[str, float]:
        """Mean, deviation, extremes and count, as ``mean_return``, ``n_episodes``, ...; then those of events."""
        numbers = summarise_episodes(self.returns, self.lengths)
        if not any(self.event_stats):
            return numbers
        return {**numbers, **EpochStatistics().reduce(EventStats(list(enumerate(self.event_stats))))}

    @property
    def plots(self) -> dict[str, Plot]:
        """Figures that events declare with `define_plot`, not drawn yet, by name."""
        if not any(self.event_stats):
            return {}
        epoch = EpochStatistics()
        epoch.reduce(EventStats(list(enumerate(self.event_stats))))
        return epoch.plots

    @property
    def mean_return(self) -> float:
        """Mean of the episodes' returns."""
        return float(np.mean(self.returns))

    @classmethod
    def concatenate(cls, parts: Sequence[Episodes]) -> Episodes:
        """Join several batches of episodes, in the order given."""
        names = [f.name for f in fields(cls) if f.name != "event_stats"]
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**arrays, event_stats=tuple(stats for part in parts for stats in part.event_stats))


def play_episodes(
    policy: ActingPolicy,
    env: VectorEnv,
    seeds: Sequence[int],
    generator: np.random.Generator,
    *,
    deterministic: bool = False,
    max_episode_steps: int | None = None,
    observers: Sequence[StepObserver] = (),
) -> Episodes:
    """Play one episode for each seed and return all of them.

    The environments play in waves, one episode each, and wait for the longest. So exactly ``len(seeds)`` episodes are
    counted, short ones are never over-represented, and a deterministic policy's result does not depend on the number
    of environments.

    Args:
        policy: chooses the actions; what it remembers begins with each episode, and is kept here alone.
        env: N environments; fewer seeds than environments leave the rest idle.
        seeds: seed of the reset of each episode.
        generator: source of the policy's randomness.
        deterministic: take the most likely action instead of a sample.
        max_episode_steps: cut episodes off after as many steps; None leaves that to the environment.
        observers: are shown every step.

    Returns:
        The episodes in the order of the seeds.
    """
    waves = []
    for first in range(0, len(seeds), env.n_envs):
        wave = _Wave(env, list(seeds[first : first + env.n_envs]), first)
        waves.append(wave.play(policy, generator, deterministic, max_episode_steps, observers))
    return Episodes.concatenate(waves)


class _Wave:
    """One episode in each environment."""

    def __init__(self, env: VectorEnv, seeds: list[int], first_episode: int) -> None:
        self.env = env
        self.seeds = seeds
        n_envs = env.n_envs
        self.episode = np.arange(first_episode, first_episode + n_envs)
        self.active = np.arange(n_envs) < len(seeds)
        self.n_active = len(seeds)
        self.n_steps = 0
        self.reward_sums = np.zeros(n_envs, np.float64)  # also of what environments play after their episode
        self.returns = np.zeros(n_envs, np.float64)
        self.lengths = np.zeros(n_envs, np.int64)
        self.terminated = np.zeros(n_envs, np.bool_)
        self.truncated = np.zeros(n_envs, np.bool_)

    def play(
        self,
        policy: ActingPolicy,
        generator: np.random.Generator,
        deterministic: bool,
        max_episode_steps: int | None,
        observers: Sequence[StepObserver],
    ) -> Episodes:
        padding = [self.seeds[0]] * (self.env.n_envs - len(self.seeds))
        self.env.drain_event_stats()  # of what was played before
        observation = self.env.reset(self.seeds + padding)
        check = getattr(policy, "check_observation", None)
        if check is not None:  # a policy's act() checks nothing, and the environment may be of another kind
            check(observation)
        player = new_player(policy, self.env.n_envs)
        act = acting(policy, frozen=self.env.n_envs >= MANY_ROWS) if player is None else player.act
        while self.n_active:
            action = act(observation, generator, deterministic)
            if observers:  # the environments may write the next observation where this one is
                observation = {key: np.array(values) for key, values in observation.items()}
            step = self.env.step(action)
            self.n_steps += 1
            if self.n_steps == max_episode_steps:
                step = _cut(step)
            for observer in observers:
                observer(self.episode, observation, action, step, self.active)
            self._count(step)
            if player is not None:
                player.forget(step.terminated | step.truncated)
            observation = step.observation
        n_played = len(self.seeds)
        told = self.env.drain_event_stats().first_of_each()  # environments that end early go on meanwhile
        return Episodes(
            returns=self.returns[:n_played],
            lengths=self.lengths[:n_played],
            terminated=self.terminated[:n_played],
            truncated=self.truncated[:n_played],
            seeds=np.asarray(self.seeds, np.int64),
            event_stats=tuple(told.get(row, {}) for row in range(n_played)),
        )

    def _count(self, step: VectorStep) -> None:
        self.reward_sums += step.reward
        ended = step.terminated | step.truncated
        if np.count_nonzero(ended):
            ended &= self.active
            self.returns[ended] = self.reward_sums[ended]
            self.lengths[ended] = self.n_steps
            self.terminated[ended] = step.terminated[ended]
            self.truncated[ended] = step.truncated[ended]
            self.active &= ~ended
            self.n_active = int(np.count_nonzero(self.active))


def _cut(step: VectorStep) -> VectorStep:
    """Return a step that cuts off every episode that it did not end; nothing was reset, so they end where they are."""
    ended = step.terminated | step.truncated
    final = dict(step.observation)
    for key, values in (step.final_observation or {}).items():
        final[key] = np.where(ended.reshape(-1, *[1] * (values.ndim - 1)), values, final[key])
    return replace(step, truncated=step.truncated | ~step.terminated, final_observation=final)
