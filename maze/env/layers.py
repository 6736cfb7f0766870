"""Wrappers as layers around an environment: their order, their names, and the statistics that all of them have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from maze.env.base_env import MazeEnv
from maze.env.transparent import TransparentEnv
from maze.errors import ArtifactError, EnvError
from maze.types import Array

if TYPE_CHECKING:
    from maze.env.wrappers import Wrapper

__all__ = ["Layer", "chain_statistics", "load_chain_statistics", "names_of_layers", "wrapper_layers"]


class Layer(TransparentEnv):
    """What every wrapper has to do with the statistics of all: its own, and those of the environment inside."""

    def own_statistics(self) -> dict[str, Array]:
        """Return this wrapper's statistics by name; the chain's are the sum of all wrappers'."""
        return {}

    def load_own_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over what `own_statistics` returned."""

    def gather_own_anew(self) -> None:
        """Begin gathering statistics from nothing; those in use stay in use until `update_statistics`."""

    def merge_own_statistics(self, state: Mapping[str, Array]) -> None:
        """Merge what the same wrapper gathered elsewhere, as `own_statistics` tells it; `update_statistics` uses it.

        Raises:
            EnvError: the wrapper has statistics and does not say how they are merged.
        """
        if state:
            raise EnvError(
                f"{type(self).__name__} has statistics and no merge_own_statistics, so that actors cannot gather them "
                "side by side. Write merge_own_statistics and gather_own_anew, or train with PPO, which needs neither."
            )

    def update_statistics(self) -> None:
        """Merge what this and all inner wrappers gathered."""
        self.env.update_statistics()

    def statistics_state(self) -> dict[str, Array]:
        """Return the statistics of this and all inner wrappers as arrays by flat name."""
        return chain_statistics(self)

    def load_statistics(self, state: Mapping[str, Array]) -> None:
        """Take over the statistics of this and all inner wrappers; see `MazeEnv.load_statistics`."""
        load_chain_statistics(self, state)

    def gather_anew(self) -> None:
        """Let this and all inner wrappers begin gathering from nothing; see `MazeEnv.gather_anew`."""
        self.gather_own_anew()
        self.env.gather_anew()

    def merge_statistics(self, state: Mapping[str, Array]) -> None:
        """Merge statistics of the same wrappers, gathered elsewhere; see `MazeEnv.merge_statistics`."""
        for layer, own in _by_layer(self, state):
            layer.merge_own_statistics(own)


def wrapper_layers(env: MazeEnv) -> list[Wrapper]:
    """List the wrappers around an environment, innermost first."""
    layers: list[Wrapper] = []
    while issubclass(type(env), Layer):
        layers.append(env)  # type: ignore[arg-type]
        env = env.env  # type: ignore[attr-defined]
    return layers[::-1]


def names_of_layers(layers: list[Wrapper]) -> Iterator[tuple[str, Wrapper]]:
    """Name each layer by its class and its rank, from inside, among the layers of that class."""
    counts: dict[str, int] = {}
    for layer in layers:
        kind = type(layer).__name__
        counts[kind] = counts.get(kind, -1) + 1
        yield f"{kind}.{counts[kind]}", layer


def chain_statistics(env: MazeEnv) -> dict[str, Array]:
    """Return the statistics of all wrappers around an environment by flat name."""
    named = names_of_layers(wrapper_layers(env))
    return {f"{name}.{key}": value for name, layer in named for key, value in layer.own_statistics().items()}


def load_chain_statistics(env: MazeEnv, state: Mapping[str, Array]) -> None:
    """Give each wrapper its part of the statistics.

    Raises:
        ArtifactError: there are statistics for wrappers that are not there, or wrappers without statistics.
    """
    for layer, own in _by_layer(env, state):
        layer.load_own_statistics(own)


def _by_layer(env: MazeEnv, state: Mapping[str, Array]) -> Iterator[tuple[Wrapper, dict[str, Array]]]:
    """Yield each wrapper with its part of the statistics.

    Raises:
        ArtifactError: there are statistics for wrappers that are not there, or wrappers without statistics.
    """
    expected = chain_statistics(env)
    if expected.keys() != state.keys():
        missing, unknown = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
        raise ArtifactError(
            f"The statistics do not belong to these wrappers: missing {missing}, unknown {unknown}. "
            "Use the wrappers that the statistics were saved with."
        )
    for name, layer in names_of_layers(wrapper_layers(env)):
        start = f"{name}."
        yield layer, {key.removeprefix(start): state[key] for key in state if key.startswith(start)}
