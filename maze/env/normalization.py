"""Normalisation of observations by running statistics, gathered while training and frozen otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from gymnasium import spaces
from pydantic import Field

from maze.config.validation import read_entry
from maze.env.gathering import Gathering, in_blocks
from maze.env.mask_keys import mask_keys
from maze.env.maze_env import MazeEnv
from maze.env.running_statistics import STRATEGIES, RunningStatistics
from maze.env.wrapper_arguments import check_order
from maze.env.wrappers import ObservationWrapper
from maze.errors import InvalidSpecificationError, suggest
from maze.types import FLOAT, AnyMapping, Array, Observation, StateDict

__all__ = ["ObservationNormalizationWrapper"]

SHORT_TARGETS = {
    "maze.normalization_strategies.MeanZeroStdOneObservationNormalizationStrategy": "mean_zero_std_one",
    "maze.normalization_strategies.RangeZeroOneObservationNormalizationStrategy": "range_zero_one",
}
"""Names of strategies that a configuration may use, too."""


class ObservationNormalizationWrapper(ObservationWrapper):
    """Shifts and scales numeric observations; before any statistics it is the identity. Its output is float32.

    Args:
        env: the environment inside.
        default_strategy: ``"mean_zero_std_one"`` or ``"range_zero_one"``, or a name of `SHORT_TARGETS`.
        default_strategy_config: ``clip_range`` (two numbers, or None) bounds the result; ``axis`` (number, list or
            None) are the axes of the stacked samples ``[sample, *shape]`` that share their statistics: 0 keeps one
            mean for each element, ``[0, 1]`` also shares along the observation's first axis, None shares all.
        exclude: observation keys that stay as they are; masks of actions always do.
        manual_config: for an observation key its own ``strategy``, ``strategy_config`` and known ``statistics``.
        default_statistics: known statistics for all observations without their own, which are used from the start and
            never change: ``mean`` and ``std``, or ``min`` and ``max``, each a number or an array.
        online: gather statistics while `training` is on; else they come from `estimate` or `load_statistics` alone.
        estimation_samples: observations of random play that a run estimates the statistics from before it trains; 0
            for none, so that the first observations in training stay as they are.

    Raises:
        InvalidSpecificationError: a strategy, option or observation key does not exist.
    """

    def __init__(
        self,
        env: MazeEnv,
        default_strategy: str = "mean_zero_std_one",
        default_strategy_config: AnyMapping | None = None,
        exclude: Sequence[str] | None = None,
        manual_config: Mapping[str, AnyMapping] | None = None,
        online: bool = True,
        default_statistics: AnyMapping | None = None,
        estimation_samples: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        super().__init__(env)
        keys = list(env.observation_space.spaces)
        for name, given in (("exclude", exclude or ()), ("manual_config", manual_config or {})):
            for key in given:
                if key not in keys:
                    raise InvalidSpecificationError(f"{name}: unknown observation key {key!r}; {suggest(key, keys)}")
        self.online, self.estimation_samples = online, estimation_samples
        self._statistics: dict[str, RunningStatistics] = {}
        self._pending: dict[str, Gathering] = {}  # of those that are not known from the start
        default = {
            "strategy": default_strategy,
            "strategy_config": default_strategy_config,
            "statistics": default_statistics,
        }
        left_out = {*(exclude or ()), *mask_keys(env.observation_space, env.action_space).values()}
        parts: list[tuple[str, spaces.Space[Any]]] = []
        for key, space in env.observation_space.spaces.items():
            part: spaces.Space[Any] = space
            if isinstance(space, spaces.Box) and key not in left_out:
                settings = {**default, **(manual_config or {}).get(key, {})}
                statistics = _make_statistics(settings, space.shape)
                if settings["statistics"] is None:
                    self._pending[key] = Gathering()
                else:
                    statistics.load_known(settings["statistics"])
                self._statistics[key], part = statistics, statistics.output_space()
            parts.append((key, part))
        self.observation_space = spaces.Dict(parts)

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse strategies and statistics that are wrong in every environment; see `Wrapper.check_values`."""
        default = {name: arguments.get(f"default_{name}") for name in ("strategy", "strategy_config", "statistics")}
        _check_settings(default, {name: f"{path}.default_{name}" for name in default})
        for key, own in (arguments.get("manual_config") or {}).items():
            place = f"{path}.manual_config.{key}"
            for name in own:
                if name not in default:
                    raise InvalidSpecificationError(f"{place}.{name}: no such option; {suggest(name, default)}")
            _check_settings({**default, **own}, {name: f"{place}.{name}" for name in default})

    def observation(self, observation: Observation) -> Observation:
        """Return normalised copies of the numeric observations ``[..., *shape]``."""
        result = dict(observation)
        for key, statistics in self._statistics.items():
            result[key] = statistics.normalize(observation[key])
        return result

    def gather(self, observation: Observation, rows: Array | None = None) -> None:
        """Keep a copy of the raw observations ``[..., *shape]`` until `update_statistics`."""
        if not self.online:
            return
        for key, pending in self._pending.items():
            pending.add(observation[key], rows)
            self._statistics[key].add(pending.take_block(self._statistics[key].shape))

    def update_statistics(self) -> None:
        """Merge the gathered observations of this and all inner wrappers."""
        super().update_statistics()
        for key, pending in self._pending.items():
            statistics = self._statistics[key]
            statistics.add(pending.take(statistics.shape))
            statistics.publish()

    def estimate(self, samples: Iterable[Observation]) -> None:
        """Replace the statistics by those of raw observations.

        Args:
            samples: observations ``[..., *shape]`` as the inner environment returns them.
        """
        batches = list(samples)
        for key, pending in self._pending.items():
            statistics = self._statistics[key]
            pending.drop()
            statistics.clear()
            statistics.add([np.asarray(sample[key]) for sample in batches])
            statistics.publish()

    def own_statistics(self) -> dict[str, Array]:
        """Return the statistics in use, float64 by ``key.name``."""
        return {
            f"{key}.{name}": value for key, part in self._statistics.items() for name, value in part.state().items()
        }

    def load_own_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over statistics and drop what was gathered meanwhile."""
        for key, statistics in self._statistics.items():
            statistics.load({name: state[f"{key}.{name}"] for name in statistics.state()})
        for pending in self._pending.values():
            pending.drop()

    def gather_own_anew(self) -> None:
        """Begin gathering from nothing; the statistics in use stay in use until `update_statistics`."""
        for key, pending in self._pending.items():
            pending.drop()
            self._statistics[key].clear()

    def merge_own_statistics(self, state: Mapping[str, Array]) -> None:
        """Merge what the same wrapper gathered elsewhere; known statistics stay as they are."""
        for key in self._pending:
            statistics = self._statistics[key]
            statistics.merge_state({name: state[f"{key}.{name}"] for name in statistics.state()})

    def share_statistics(self, other: ObservationNormalizationWrapper) -> None:
        """Gather into, and normalise by, the statistics of the same wrapper around a sister environment."""
        self._statistics = other._statistics
        for key, pending in self._pending.items():
            pending.join(other._pending[key])

    def take_gathered(self) -> dict[str, list[Array]]:
        """Remove and return the gathered observations, ``[M, *shape]`` of each environment by key."""
        return {key: pending.hand_over(self._statistics[key].shape) for key, pending in self._pending.items()}

    def add_gathered(self, parts: Sequence[dict[str, list[Array]]]) -> None:
        """Gather the observations of environments in other processes."""
        for key in self._pending:
            for block in in_blocks([samples for part in parts for samples in part[key]]):
                self._statistics[key].add(block)

    def own_state(self) -> StateDict:
        """Return the statistics in use and everything gathered since."""
        return {
            key: {
                "published": part.state(),
                "gathered": part.gathered_state(),
                "pending": self._pending[key].state() if key in self._pending else None,
            }
            for key, part in self._statistics.items()
        }

    def load_own_state(self, state: StateDict) -> None:
        """Take over what `own_state` returned."""
        for key, statistics in self._statistics.items():
            statistics.load(state[key]["published"])
            statistics.load_gathered(state[key]["gathered"])
            if key in self._pending and state[key]["pending"] is not None:
                self._pending[key].load(state[key]["pending"])


@dataclass(frozen=True, kw_only=True)
class StrategyConfig:
    """Options of a strategy."""

    clip_range: tuple[float, float] | None = None
    axis: int | tuple[int, ...] | None = 0


def _check_settings(settings: AnyMapping, paths: Mapping[str, str]) -> None:
    """Refuse the settings of an observation; ``paths`` says where each of them stands."""
    strategy = SHORT_TARGETS.get(settings["strategy"], settings["strategy"])
    if strategy not in STRATEGIES:
        raise InvalidSpecificationError(
            f"{paths['strategy']}: unknown normalisation strategy {strategy!r}; {suggest(strategy, STRATEGIES)}"
        )
    config = read_entry(StrategyConfig, settings["strategy_config"] or {}, paths["strategy_config"])
    low, high = config.clip_range or (None, None)
    check_order(low, high, ("clip_range.0", "clip_range.1"), paths["strategy_config"])
    if settings["statistics"] is not None:
        STRATEGIES[strategy].check_known(settings["statistics"], paths["statistics"])


def _make_statistics(settings: AnyMapping, shape: tuple[int, ...]) -> RunningStatistics:
    strategy: str = settings["strategy"]
    config = read_entry(StrategyConfig, settings["strategy_config"] or {}, "strategy_config")
    bounds = None if config.clip_range is None else (FLOAT(config.clip_range[0]), FLOAT(config.clip_range[1]))
    return STRATEGIES[SHORT_TARGETS.get(strategy, strategy)](shape, bounds, config.axis)
