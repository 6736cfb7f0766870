"""Finding what was trained before, and reading configurations in every form in which they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from maze.api.arguments import read_component
from maze.api.record.objects import allow_copies, load_objects, read_index, refusal
from maze.artifacts import AgentFiles, RunFiles, read_arrays, read_json
from maze.config import RunConfig, installed_modules
from maze.config.describe import describe_object, with_objects
from maze.config.own_code import modules_of_ids
from maze.config.targets import is_within
from maze.errors import ArtifactError, InvalidSpecificationError

__all__ = [
    "AnyConfig",
    "check_agent_files",
    "find_agent",
    "load_agent",
    "read_agent_config",
    "read_config",
    "read_env",
    "refuse_code",
    "refuse_missing_objects",
    "stored_writers",
]

AnyConfig: TypeAlias = str | Path | Mapping[str, Any] | RunConfig
"""A resolved configuration: a YAML file, a mapping, or itself."""

_OF_THE_RUN = ("evaluation", "rollout", "tracking")
"""Sections that an agent does not hold, and the record of its run does."""

_OUTSIDE = ("uri", "registered_model", "alias")
"""Values of tracking that name stores and models of others."""

_NOT_FOR_ACTING = ("env", "wrappers", "algorithm", "runner", "launcher")
"""Sections whose objects an agent does not need in order to act."""


def read_config(config: AnyConfig) -> RunConfig:
    """Return a resolved configuration.

    Raises:
        InvalidSpecificationError: the file cannot be read or a value is wrong.
    """
    if isinstance(config, RunConfig):
        return config
    if isinstance(config, str | Path):
        return RunConfig.from_yaml(config)
    if not isinstance(config, Mapping):
        raise InvalidSpecificationError(
            f"config: {config!r} is not accepted; accepted: the path of a YAML file, a mapping, or a RunConfig."
        )
    return RunConfig.from_mapping(config)


def refuse_missing_objects(config: RunConfig) -> None:
    """Refuse a configuration to which live objects belong, where there is nothing but the configuration.

    Raises:
        InvalidSpecificationError: names the first one, and how to pass it.
    """
    for section in ("env", "wrappers", "model", "algorithm"):
        with_objects(config.section(section), {}, section)
    with_objects(config.section("tracking")["writers"], {}, "tracking.writers")


def load_agent(
    source: str | Path, config: AnyConfig | None, *, allow_code: bool, env: Any
) -> tuple[AgentFiles, RunConfig, dict[str, Any]]:
    """Return an agent's files, its configuration, and the live objects that belong to it.

    Args:
        source: directory of a run or of its agent, an MLflow run id, or ``models:/name/version``.
        config: where ``evaluation``, ``rollout`` and ``tracking`` come from, which an agent does not hold; None takes
            them from the record of its run, where that lies beside it.
        allow_code: load objects and modules that are stored with the agent, which runs their code. Otherwise an
            environment, wrappers and evaluators are refused when they are used, and everything else here.
        env: a callable that makes the environment, in place of the agent's own; None keeps that.

    Raises:
        ArtifactError: there is no agent, or its files are damaged.
        InvalidSpecificationError: the agent needs code that was not allowed, or an object that could not be stored.
    """
    files = find_agent(source)
    check_agent_files(files)
    if allow_code is True:
        allow_copies(files.objects)
    agent_config = read_agent_config(files, config, allow_code=allow_code)
    if config is None:
        agent_config = _as_recorded(agent_config, files, allow_code=allow_code)
    writers = stored_writers(files.objects)
    if env is None:
        return files, agent_config, _objects_of(files.objects, allow_code, writers)
    agent_config, given = read_env(agent_config, env)
    return files, agent_config, {**_objects_of(files.objects, allow_code, ["env", *writers]), "env": given}


def _as_recorded(config: RunConfig, files: AgentFiles, *, allow_code: bool) -> RunConfig:
    """Return an agent's configuration with the sections that only the record of its run holds.

    Writers of one's own are left out, since agents act without them; and where code is not allowed, so is what reaches
    further than this machine, since the record may be a stranger's.

    Raises:
        InvalidSpecificationError: the record says something that is not accepted; names the record.
    """
    record = RunFiles(files.root.parent).record
    try:
        recorded = read_json(record).get("config") if files.root.name == "agent" and record.is_file() else None
    except ArtifactError:
        return config  # a damaged record keeps no agent from acting
    if not isinstance(recorded, Mapping):
        return config
    sections = {name: recorded[name] for name in _OF_THE_RUN if isinstance(recorded.get(name), Mapping)}
    tracking = {key: value for key, value in sections.get("tracking", {}).items() if allow_code or key not in _OUTSIDE}
    if isinstance(tracking.get("writers"), list):
        tracking["writers"] = [writer for writer in tracking["writers"] if isinstance(writer, str)]
    try:
        return RunConfig.from_mapping({**config.to_mapping(), **sections, "tracking": tracking})
    except InvalidSpecificationError as error:
        raise InvalidSpecificationError(f"{record}: {error} Pass config=... to use other sections.") from error


class _Withheld:
    """Stands for an object that was not allowed to be loaded; whoever uses it learns what to do.

    So an agent can act, and be served, where only its environment or its evaluator is code of somebody's own.
    """

    def __init__(self, message: str) -> None:
        self._message = message

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        del arguments, keywords
        raise InvalidSpecificationError(self._message)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise InvalidSpecificationError(self._message)


def _objects_of(directory: Path, allow_code: bool, without: list[str]) -> dict[str, Any]:
    """Return the objects of an agent; those that acting does not need are withheld where code is not allowed."""
    if allow_code is True:
        return load_objects(directory, allow_code=True, without=without)
    index = {path: entry for path, entry in read_index(directory).items() if path not in without}
    late = {path: entry for path, entry in index.items() if path.partition(".")[0] in _NOT_FOR_ACTING}
    load_objects(directory, allow_code=False, without=[*without, *late])
    return {path: _Withheld(refusal(directory, {path: entry})) for path, entry in late.items()}


def stored_writers(directory: Path) -> list[str]:
    """Return the places of a run's own writers of statistics among its stored objects; agents act without them.

    Args:
        directory: of the objects.
    """
    return [path for path in read_index(directory) if path.startswith("tracking.")]


def read_env(config: RunConfig, env: Any) -> tuple[RunConfig, Any]:
    """Return a configuration in which a callable makes the environment, and the callable.

    Args:
        config: of a run.
        env: a callable without arguments that makes an environment.

    Raises:
        InvalidSpecificationError: it is none.
    """
    given = read_component(env, "env")
    if not callable(given):
        raise InvalidSpecificationError(
            f"env: {env!r} is not accepted here; accepted is a callable without arguments that makes an environment, "
            "such as lambda: GymMazeEnv('CartPole-v1')."
        )
    return RunConfig.from_mapping({**config.to_mapping(), "env": describe_object(given)}), given


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
    trusted = () if whole is None else (*whole.allowed_modules,)
    trusted += installed_modules() if declared else ()
    if allow_code is not True:
        refuse_code(files, declared or (), trusted)
    agent_config = RunConfig.from_yaml(files.config)
    if allow_code is not True:
        refuse_code(files, sorted(modules_of_ids(agent_config.agent_part())), trusted)
    return agent_config if whole is None else whole.replace(agent_config.agent_part())


def refuse_code(files: AgentFiles, modules: Iterable[str], trusted: Iterable[str]) -> None:
    """Refuse an agent that needs modules which nobody allowed; none of them is imported.

    Args:
        files: the agent, whose configuration the message names.
        modules: what it needs.
        trusted: what it may have.

    Raises:
        InvalidSpecificationError: it needs another one.
    """
    unknown = [name for name in modules if not is_within(str(name), trusted)]
    if unknown:
        raise InvalidSpecificationError(
            f"{files.config}: the agent runs code of {', '.join(map(repr, unknown))}, which is not part of maze; "
            "if you trust it, pass allow_code=True (maze-run: --allow-code)."
        )


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
    directory = Path(source).absolute()  # the caller may go elsewhere before the agent is used
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
