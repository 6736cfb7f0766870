"""Finding what was trained before, and reading configurations in every form in which they are given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from maze.artifacts import AgentFiles
from maze.config import RunConfig
from maze.errors import ArtifactError

__all__ = ["AnyConfig", "find_agent", "read_config", "widen"]

AnyConfig: TypeAlias = str | Path | Mapping[str, Any] | RunConfig
"""A resolved configuration: a YAML file, a mapping, or itself."""


def read_config(config: AnyConfig) -> RunConfig:
    """Return a resolved configuration.

    Raises:
        InvalidSpecificationError: the file cannot be read or a value is wrong.
    """
    if isinstance(config, RunConfig):
        return config
    return RunConfig.from_yaml(config) if isinstance(config, str | Path) else RunConfig.from_mapping(config)


def widen(agent_config: RunConfig, config: AnyConfig | None) -> RunConfig:
    """Return the agent's configuration with the sections that it does not hold taken from a whole one."""
    return agent_config if config is None else read_config(config).replace(agent_config.agent_part())


def find_agent(source: str | Path) -> AgentFiles:
    """Return the files of an agent.

    Args:
        source: directory of a run or of its agent, an MLflow run id, or ``models:/name/version``.

    Raises:
        ArtifactError: there is none, or it is not complete.
    """
    directory = Path(source)
    for candidate in (directory / "agent", directory):
        if (candidate / "config.yaml").is_file() or (candidate / "weights.safetensors").is_file():
            return AgentFiles(candidate).require()
    if directory.exists():
        raise ArtifactError(
            f"{source}: holds no agent; accepted is the directory of a trained run (with agent/config.yaml inside), an "
            "MLflow run id, or models:/name/version. Train first, or run `dvc checkout` if DVC keeps it."
        )
    from maze.tracking import download_agent  # noqa: PLC0415  (loads mlflow)

    return AgentFiles(download_agent(str(source))).require()
