"""Actors: they play with a copy of the policy, in a worker of their own or of several actors, for a learner elsewhere.

What travels to them is the vector of parameters and the normalisation statistics in use; what comes back is a rollout,
the log probabilities of its actions under the parameters that acted, and what was gathered on the way.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from maze.env.vector import VectorEnv
from maze.rollout.collect import Collector, Rollout
from maze.seeding import TorchDraws, derive_seed, numpy_generator
from maze.statistics import EventStats
from maze.types import Array, StateDict

if TYPE_CHECKING:
    from torch import Tensor

    from maze.agents import ActorCritic

__all__ = ["ActorHost", "ActorPlan", "batch_rollouts", "plain_parameters", "split_seeds"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ActorPlan:
    """Everything that is the same throughout a run, for all actors; travels once.

    Attributes:
        model: its networks act; the weights come with every request.
        make_vector_env: makes as many environments as it is told.
        n_steps: steps of each environment in one rollout.
        seeds: by actor, a seed for each of its environments.
        action_seed: base of the actors' own randomness.
        draws_globally: a network may draw from torch's global generator.
    """

    model: ActorCritic
    make_vector_env: Callable[[int], VectorEnv]
    n_steps: int
    seeds: Sequence[Sequence[int]]
    action_seed: int
    draws_globally: bool

    def make_host(self, worker: int) -> ActorHost:
        """Make the worker of a number: it has any actor that it is asked for, whichever worker it is."""
        del worker
        return ActorHost(self)


class _Actor:
    """Environments, generators and running episodes of one actor."""

    def __init__(self, plan: ActorPlan, model: ActorCritic, number: int) -> None:
        seeds = plan.seeds[number]
        env = plan.make_vector_env(len(seeds))
        env.training = True
        generator = numpy_generator(plan.action_seed, "actor", number)
        self.model = model
        self.collector = Collector(env, model.policy, plan.n_steps, generator, seeds)
        self.draws = TorchDraws(derive_seed(plan.action_seed, "torch", number)) if plan.draws_globally else None

    def play(self, statistics: Mapping[str, Array]) -> StateDict:
        """Play one rollout and return copies of everything that the learner needs of it."""
        env = self.collector.env
        env.load_statistics(statistics)
        env.gather_anew()
        with self.draws.flowing() if self.draws is not None else nullcontext():
            rollout = self.collector.collect()
            observation = self.model.tensors(rollout.flat_observation(with_last=False))
            log_prob = self.model.log_prob(observation, self.model.tensors(rollout.flat_action()))
        return {
            "rollout": dataclasses.asdict(rollout),  # copies: the next rollout overwrites the arrays
            "log_prob": log_prob.numpy().reshape(rollout.reward.shape),
            "statistics": env.statistics_state(),
            "episodes": dataclasses.asdict(self.collector.episodes.drain()),
        }

    def state_dict(self) -> StateDict:
        """Return everything that the next rollouts depend on, besides what comes with the requests."""
        return {"collector": self.collector.state_dict(), "draws": self.draws.state if self.draws is not None else None}

    def load_state_dict(self, state: StateDict) -> None:
        """Go on from what `state_dict` returned."""
        self.collector.load_state_dict(state["collector"])
        if self.draws is not None:
            self.draws.state = state["draws"]


class ActorHost:
    """A worker in which actors play, one after the other; they are made when they are first asked for.

    Args:
        plan: what is the same for all actors.
    """

    def __init__(self, plan: ActorPlan) -> None:
        self._plan = plan
        self._model = copy.deepcopy(plan.model).to("cpu").flatten_parameters_().eval()
        self._buffers = dict(self._model.named_buffers())
        self._actors: dict[int, _Actor] = {}

    def play(
        self, actors: Sequence[int], parameters: StateDict, statistics: Mapping[str, Array], version: int
    ) -> list[StateDict]:
        """Play one rollout with each of some actors.

        Args:
            actors: their numbers.
            parameters: of the networks, see `plain_parameters`.
            statistics: for normalisation, as `VectorEnv.statistics_state` returns them.
            version: of the parameters; comes back with the rollouts.
        """
        model = self._model
        model.flat_parameters.copy_(model.tensor(parameters["parameters"]))
        for name, buffer in self._buffers.items():
            buffer.copy_(model.tensor(parameters["buffers"][name]))
        return [{"actor": number, "version": version, **self._actor(number).play(statistics)} for number in actors]

    def state_dict(self, actors: Sequence[int]) -> list[StateDict]:
        """Return the states of some actors."""
        return [self._actor(number).state_dict() for number in actors]

    def load_state_dict(self, actors: Sequence[int], states: Sequence[StateDict]) -> None:
        """Let some actors go on from states."""
        for number, state in zip(actors, states, strict=True):
            self._actor(number).load_state_dict(state)

    def drain_event_stats(self, actors: Sequence[int]) -> list[EventStats]:
        """Return, and forget, what the environments of some actors tell of their events."""
        return [self._actor(number).collector.env.drain_event_stats() for number in actors]

    def close(self) -> None:
        """Close all environments."""
        for actor in self._actors.values():
            actor.collector.env.close()
        self._actors = {}

    def _actor(self, number: int) -> _Actor:
        if number not in self._actors:
            self._actors[number] = _Actor(self._plan, self._model, number)
        return self._actors[number]


def plain_parameters(flat_parameters: Tensor, buffers: Mapping[str, Tensor]) -> StateDict:
    """Return a copy of a model's weights as arrays: ``parameters`` float32 [P], and ``buffers`` by name."""
    tensors = {name: buffer.detach().to("cpu", copy=True).numpy() for name, buffer in buffers.items()}
    return {"parameters": flat_parameters.detach().to("cpu", copy=True).numpy(), "buffers": tensors}


def split_seeds(seeds: Sequence[int], n_actors: int) -> list[list[int]]:
    """Share environments, each known by its seed, among actors as evenly as can be; no more actors than environments.

    Args:
        seeds: one for each environment.
        n_actors: how many actors there should be, >= 1.
    """
    parts = np.array_split(np.asarray(seeds, np.int64), min(n_actors, len(seeds)))
    return [part.tolist() for part in parts]


def batch_rollouts(rollouts: Sequence[Rollout]) -> Rollout:
    """Return rollouts of T steps side by side, as one rollout of all their environments; everything is copied.

    Args:
        rollouts: of ``n_1, n_2, ...`` environments; the result has N, their sum.
    """
    widths = [rollout.reward.shape[1] for rollout in rollouts]
    first_env = np.cumsum([0, *widths])
    places = [
        rollout.truncated_index // width * first_env[-1] + rollout.truncated_index % width + first
        for rollout, width, first in zip(rollouts, widths, first_env, strict=False)
    ]
    place = np.concatenate(places)
    order = np.argsort(place)
    cut_off = [rollout.truncated_observation for rollout in rollouts if len(rollout.truncated_index)]
    return Rollout(
        observation=_side_by_side([rollout.observation for rollout in rollouts]),
        action=_side_by_side([rollout.action for rollout in rollouts]),
        reward=np.concatenate([rollout.reward for rollout in rollouts], axis=1),
        terminated=np.concatenate([rollout.terminated for rollout in rollouts], axis=1),
        truncated=np.concatenate([rollout.truncated for rollout in rollouts], axis=1),
        truncated_observation={
            key: np.concatenate([rows[key] for rows in cut_off])[order] for key in (cut_off[0] if cut_off else ())
        },
        truncated_index=place[order],
    )


def _side_by_side(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {key: np.concatenate([part[key] for part in parts], axis=1) for key in parts[0]}
