"""Pre-processing of observations by cascades of pre-processors, as a configuration lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gymnasium import spaces

from maze.config.instantiate import check_arguments
from maze.config.targets import resolve_target
from maze.config.validation import read_entry
from maze.env import preprocessors
from maze.env.maze_env import MazeEnv
from maze.env.preprocessors import PreProcessor
from maze.env.wrapper_arguments import check_given
from maze.env.wrappers import ObservationWrapper
from maze.errors import InvalidSpecificationError, suggest
from maze.types import AnyMapping, Observation

__all__ = ["SHORT_TARGETS", "PreProcessingWrapper"]

SHORT_TARGETS: dict[str, type[PreProcessor]] = {
    "maze.preprocessors.FlattenPreProcessor": preprocessors.Flatten,
    "maze.preprocessors.OneHotPreProcessor": preprocessors.OneHot,
    "maze.preprocessors.ResizeImgPreProcessor": preprocessors.ResizeImg,
    "maze.preprocessors.Rgb2GrayPreProcessor": preprocessors.Rgb2Gray,
    "maze.preprocessors.TransposePreProcessor": preprocessors.Transpose,
    "maze.preprocessors.UnSqueezePreProcessor": preprocessors.UnSqueeze,
}
"""Names of pre-processors that a configuration may use besides their dotted names."""


@dataclass(frozen=True, kw_only=True)
class PreProcessorEntry:
    """One step of ``pre_processor_mapping``."""

    observation: str
    _target_: str
    keep_original: bool = False
    config: AnyMapping | None = None


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
        for position, given in enumerate(pre_processor_mapping):
            path = f"pre_processor_mapping.{position}"
            entry = read_entry(PreProcessorEntry, given, path)
            source, keep = entry.observation, entry.keep_original
            if source not in parts:
                raise InvalidSpecificationError(
                    f"{path}.observation: unknown observation {source!r}; {suggest(source, parts)}"
                )
            processor = _make(entry, parts[source], path)
            key = f"{source}-{processor.tag}"
            if key in parts:
                raise InvalidSpecificationError(
                    f"{path}: there is an observation {key!r} already; name each step once."
                )
            self._steps.append((source, key, keep, processor))
            parts[key] = processor.space
            if not keep:
                del parts[source]
        self.observation_space = spaces.Dict(list(parts.items()))

    @classmethod
    def check_values(cls, arguments: Mapping[str, Any], path: str) -> None:
        """Refuse steps that are wrong in every environment; see `Wrapper.check_values`."""
        for position, given in enumerate(arguments.get("pre_processor_mapping", ())):
            place = f"{path}.pre_processor_mapping.{position}"
            _find(read_entry(PreProcessorEntry, given, place), place)

    def observation(self, observation: Observation) -> Observation:
        """Return the results beside the observations that are kept, each ``[..., *shape]``."""
        result = dict(observation)
        for source, key, keep, processor in self._steps:
            result[key] = processor(result[source] if keep else result.pop(source))
        return result


def _find(entry: PreProcessorEntry, path: str) -> type[PreProcessor]:
    """Return the class of a step's pre-processor, which takes the arguments that are given."""
    name, config = entry._target_, entry.config or {}
    target = SHORT_TARGETS.get(name) or resolve_target(name, f"{path}._target_")
    if not (isinstance(target, type) and issubclass(target, PreProcessor)):
        raise InvalidSpecificationError(
            f"{path}._target_: {name} is no PreProcessor; accepted: {', '.join(SHORT_TARGETS)}."
        )
    check_arguments(partial(target, spaces.Dict()), name, config, f"{path}.config")
    check_given(target, config, f"{path}.config")
    return target


def _make(entry: PreProcessorEntry, space: spaces.Space[Any], path: str) -> PreProcessor:
    kind = _find(entry, path)
    try:
        return kind(space, **(entry.config or {}))
    except InvalidSpecificationError as error:
        kind_of_space = f"{type(space).__name__} of the shape {space.shape}"
        raise InvalidSpecificationError(
            f"{path}: the observation {entry.observation!r} is a {kind_of_space}. {error}"
        ) from error
