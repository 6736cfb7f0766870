"""Finding what was trained before, and reading configurations in every form in which they are given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from maze.artifacts import AgentFiles, read_arrays, read_json
from maze.config import RunConfig
from maze.errors import ArtifactError, InvalidSpecificationError

__all__ = ["AnyConfig", "check_agent_files", "find_agent", "read_agent_config", "read_config"]

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


def read_agent_config(files: AgentFiles, config: AnyConfig | None, *, allow_code: bool) -> RunConfig:
    """Return an agent's configuration, with the sections that it does not hold taken from a whole one.

    Args:
        files: the agent.
        config: a whole configuration, or None for defaults.
        allow_code: accept modules of the agent's own; otherwise only those that ``config`` declares.

    Raises:
        InvalidSpecificationError: the agent names modules that nobody allowed; nothing of them was imported.
    """
    whole = None if config is None else read_config(config)
    try:
        content = yaml.safe_load(files.config.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        content = None  # from_yaml says what is wrong with it
    declared = content.get("allowed_modules") if isinstance(content, dict) else None
    trusted = () if whole is None else whole.allowed_modules
    unknown = [name for name in declared or () if name not in trusted]
    if unknown and not allow_code:
        raise InvalidSpecificationError(
            f"{files.config}: the agent runs code of {', '.join(map(repr, unknown))}, which is not part of maze; "
            "if you trust it, pass allow_code=True (maze-run: --allow-code)."
        )
    agent_config = RunConfig.from_yaml(files.config)
    return agent_config if whole is None else whole.replace(agent_config.agent_part())


def check_agent_files(files: AgentFiles) -> None:
    """Read an agent's files once, without torch.

    Raises:
        ArtifactError: one is damaged.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import load_file  # noqa: PLC0415

    try:
        load_file(files.weights)
    except (SafetensorError, OSError) as error:
        raise ArtifactError(
            f"{files.weights}: does not hold the weights of this agent ({error}); restore the directory, for "
            "example with `dvc checkout`, or train again."
        ) from error
    read_arrays(files.statistics)
    read_json(files.spaces)


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
