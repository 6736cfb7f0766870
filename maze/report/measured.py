"""What was measured of trained agents, whatever store it was read from, as the comparison needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from maze.report.curves import Curve

__all__ = ["Measured", "MeasuredAgent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredAgent:
    """One trained agent and how well it plays.

    Attributes:
        name: what people read.
        seed: base of its randomness; None where that is not known.
        config: its configuration, dotted key to value in words.
        mean_return: of its episodes.
        basis: ``evaluation`` for episodes that training never saw; ``training`` for the evaluation during training in
            which it was best, which flatters.
        n_episodes: how many were played.
        returns: of each episode, float64 [E]; None where only their mean is known.
        lengths: steps of each episode, int64 [E]; None where they are not known.
        curve: progress while it was trained, or None.
        source: what loads it: a directory, an MLflow run id; "" where it is not at hand.
        varied: its values on the axes of a multi-run, in words; empty where it is no job of one.
        unfinished: why its training did not come to its end, in words; "" where it did.
    """

    name: str
    seed: int | None
    config: Mapping[str, str]
    mean_return: float
    basis: Literal["evaluation", "training"]
    n_episodes: int
    returns: npt.NDArray[np.float64] | None = None
    lengths: npt.NDArray[np.int64] | None = None
    curve: Curve | None = None
    source: str = ""
    varied: Mapping[str, str] = field(default_factory=dict)
    unfinished: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One configuration, trained with one or several seeds.

    Attributes:
        name: what people read.
        agents: one for each seed, at least one.
        notes: what readers should know about the numbers.
    """

    name: str
    agents: tuple[MeasuredAgent, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def means(self) -> npt.NDArray[np.float64]:
        """Mean return of each agent, float64 [A]."""
        return np.array([agent.mean_return for agent in self.agents], dtype=np.float64)

    @property
    def returns(self) -> npt.NDArray[np.float64]:
        """Returns of the episodes of all agents, float64 [E]; empty where they are not known."""
        return np.concatenate([np.zeros(0), *(a.returns for a in self.agents if a.returns is not None)])

    @property
    def lengths(self) -> npt.NDArray[np.float64]:
        """Lengths of the episodes of all agents, float64 [E]; empty where they are not known."""
        return np.concatenate([np.zeros(0), *(a.lengths for a in self.agents if a.lengths is not None)])

    @property
    def curves(self) -> tuple[Curve, ...]:
        """Progress of the agents of which it is known."""
        return tuple(agent.curve for agent in self.agents if agent.curve is not None and len(agent.curve.steps))

    @property
    def basis(self) -> Literal["evaluation", "training", "mixed"]:
        """What the numbers rest on; ``mixed`` where that is not the same for all agents."""
        found = {agent.basis for agent in self.agents}
        return "mixed" if len(found) > 1 else found.pop()
