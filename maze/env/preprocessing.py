"""Pre-processing of observations by cascades of pre-processors, as a configuration lists them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from gymnasium import spaces

from maze.config.targets import resolve_target
from maze.env import preprocessors
from maze.env.maze_env import MazeEnv
from maze.env.preprocessors import PreProcessor
from maze.env.wrappers import ObservationWrapper
from maze.errors import InvalidSpecificationError, suggest
from maze.types import AnyMapping, Observation

__all__ = ["SHORT_TARGETS", "PreProcessingWrapper"]

ENTRIES = ("observation", "_target_", "keep_original", "config")
SHORT_TARGETS: dict[str, type[PreProcessor]] = {
    "maze.preprocessors.FlattenPreProcessor": preprocessors.Flatten,
    "maze.preprocessors.OneHotPreProcessor": preprocessors.OneHot,
    "maze.preprocessors.ResizeImgPreProcessor": preprocessors.ResizeImg,
    "maze.preprocessors.Rgb2GrayPreProcessor": preprocessors.Rgb2Gray,
    "maze.preprocessors.TransposePreProcessor": preprocessors.Transpose,
    "maze.preprocessors.UnSqueezePreProcessor": preprocessors.UnSqueeze,
}
"""Names of pre-processors that a configuration may use besides their dotted names."""


class PreProcessingWrapper(ObservationWrapper):
    """Puts observations through pre-processors, one after the other.

    The result of a pre-processor has the observation's key, continued with the pre-processor's tag; so three of them,
    each working on what the one before made, end in a key such as ``observation-rgb2gray-resize_img-unsqueeze``.

    Args:
        env: the environment inside.
        pre_processor_mapping: a list with, for each step, ``observation``: the key to work on; ``_target_``: the
            pre-processor's dotted name; ``config``: its arguments (none); ``keep_original``: keep what it worked on,
            too (false).

    Raises:
        InvalidSpecificationError: an entry is not accepted.
    """

    def __init__(self, env: MazeEnv, pre_processor_mapping: Sequence[AnyMapping]) -> None:
        super().__init__(env)
        parts = dict(env.observation_space.spaces)
        self._steps: list[tuple[str, str, bool, PreProcessor]] = []
        for position, entry in enumerate(pre_processor_mapping):
            path = f"pre_processor_mapping.{position}"
            source, keep = _read_entry(entry, list(parts), path)
            processor = _make(entry, parts[source], path)
            key = f"{source}-{processor.tag}"
            if key in parts:
                raise InvalidSpecificationError(f"{path}: there is an observation {key!r} already.")
            self._steps.append((source, key, keep, processor))
            parts[key] = processor.space
            if not keep:
                del parts[source]
        self.observation_space = spaces.Dict(list(parts.items()))

    def observation(self, observation: Observation) -> Observation:
        """Return the results beside the observations that are kept, each ``[..., *shape]``."""
        result = dict(observation)
        for source, key, keep, processor in self._steps:
            result[key] = processor(result[source] if keep else result.pop(source))
        return result


def _read_entry(entry: AnyMapping, known: list[str], path: str) -> tuple[str, bool]:
    """Return the key that an entry works on and whether it is kept."""
    for name in entry:
        if name not in ENTRIES:
            raise InvalidSpecificationError(f"{path}: unknown entry {name!r}: {suggest(name, ENTRIES)}")
    source = entry.get("observation")
    if source not in known:
        raise InvalidSpecificationError(f"{path}: unknown observation {source!r}: {suggest(source, known)}")
    return str(source), bool(entry.get("keep_original", False))


def _make(entry: AnyMapping, space: spaces.Space[Any], path: str) -> PreProcessor:
    name, config = str(entry.get("_target_")), dict(entry.get("config") or {})
    target = SHORT_TARGETS.get(name) or resolve_target(name, f"{path}._target_")
    if not (isinstance(target, type) and issubclass(target, PreProcessor)):
        raise InvalidSpecificationError(f"{path}: {name} is no PreProcessor; accepted: {', '.join(SHORT_TARGETS)}.")
    try:
        inspect.signature(target).bind(space, **config)
    except TypeError as error:
        accepted = ", ".join(list(inspect.signature(target).parameters)[1:]) or "no arguments"
        raise InvalidSpecificationError(
            f"{path}: {name} cannot be made with {config!r}: {error}; accepted: {accepted}."
        ) from error
    return target(space, **config)
