"""An agent's directory: weights, spaces, normalisation statistics and the configuration that made it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gymnasium import spaces

from maze.artifacts import AgentFiles, atomic_path, read_json, write_arrays, write_json, write_text
from maze.config import RunConfig, canonical
from maze.env.spaces import space_from_json, space_to_json
from maze.errors import ArtifactError
from maze.types import Array

if TYPE_CHECKING:
    from maze.agents import ActorCritic
    from maze.runner.environments import EnvironmentMaker

__all__ = ["load_weights", "read_spaces", "save_agent"]


def save_agent(
    files: AgentFiles,
    config: RunConfig,
    model: ActorCritic,
    environments: EnvironmentMaker,
    statistics: Mapping[str, Array],
) -> None:
    """Write an agent into its directory; the same agent gives the same bytes."""
    from safetensors.torch import save  # noqa: PLC0415

    observation_space, action_space = environments.observed_and_acted
    described = {
        "observation": observation_space,
        "action": action_space,
        "raw_observation": environments.raw_observation_space or observation_space,
    }
    write_text(files.config, canonical.to_yaml(config.agent_part()))
    write_json(files.spaces, {name: space_to_json(space) for name, space in described.items()})
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


def read_spaces(path: Path) -> tuple[spaces.Dict, spaces.Dict, spaces.Dict]:
    """Return the observation space, the action space and the space of observations before the wrappers.

    Raises:
        ArtifactError: the file is damaged.
    """
    description = read_json(path)
    try:
        found = [space_from_json(description[name]) for name in ("observation", "action", "raw_observation")]
    except (ArtifactError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path}: does not describe spaces ({error}); restore it or train again.") from error
    observation, action, raw = found
    if not all(isinstance(space, spaces.Dict) for space in found):
        raise ArtifactError(f"{path}: spaces are no dictionaries; the file was not written by maze.")
    return cast(spaces.Dict, observation), cast(spaces.Dict, action), cast(spaces.Dict, raw)
