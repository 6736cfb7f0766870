"""An agent's directory: weights, spaces, normalisation statistics and the configuration that made it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gymnasium import spaces

from maze.artifacts import AgentFiles, atomic_path, read_json, write_arrays, write_json, write_text
from maze.config import RunConfig, canonical
from maze.env.spaces import space_from_json, space_to_json
from maze.errors import ArtifactError
from maze.types import Array

if TYPE_CHECKING:
    from maze.agents import ActorCritic

__all__ = ["load_weights", "read_spaces", "save_agent"]


def save_agent(
    files: AgentFiles,
    config: RunConfig,
    model: ActorCritic,
    observed_and_acted: tuple[spaces.Dict, spaces.Dict],
    statistics: Mapping[str, Array],
) -> None:
    """Write an agent into its directory; the same agent gives the same bytes."""
    from safetensors.torch import save  # noqa: PLC0415

    observation_space, action_space = observed_and_acted
    write_text(files.config, canonical.to_yaml(config.agent_part()))
    write_json(files.spaces, {"observation": space_to_json(observation_space), "action": space_to_json(action_space)})
    write_arrays(files.statistics, statistics)
    with atomic_path(files.weights) as temporary:
        temporary.write_bytes(save(model.export_weights()))


def load_weights(files: AgentFiles, model: ActorCritic) -> None:
    """Put saved weights into a model of the same shape.

    Raises:
        ArtifactError: the file is damaged, or the weights do not fit the model.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        model.import_weights(load_file(files.weights))
    except (SafetensorError, ArtifactError, OSError) as error:
        raise ArtifactError(
            f"{files.weights}: does not hold the weights of this agent ({error}); restore the directory, for "
            "example with `dvc checkout`, or train again."
        ) from error


def read_spaces(path: Path) -> tuple[spaces.Dict, spaces.Dict]:
    """Return the observation and the action space that a file describes."""
    description = read_json(path)
    try:
        observation_space, action_space = (space_from_json(description[name]) for name in ("observation", "action"))
    except (ArtifactError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path}: does not describe spaces ({error}); restore it or train again.") from error
    if not isinstance(observation_space, spaces.Dict) or not isinstance(action_space, spaces.Dict):
        raise ArtifactError(f"{path}: spaces are no dictionaries; the file was not written by maze.")
    return observation_space, action_space
