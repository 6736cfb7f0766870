"""From the arguments of a rollout to its configuration: what the user gives, and what a trained agent brings."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maze.api import specs
from maze.api.arguments import read_directory, read_name
from maze.api.checks import check_environment
from maze.api.loading import find_agent, read_agent_config
from maze.config.describe import describe_object
from maze.config.rollout_run import RolloutRunConfig, RolloutRunnerConfig, compose_rollout
from maze.errors import InvalidSpecificationError

__all__ = ["compose_arguments", "is_trained"]

_TRAINED = ("maze.agents.policy.TorchPolicy", "maze.agents.TorchPolicy", "maze.TorchPolicy")
_OF_THE_AGENT = ("env", "wrappers")


def is_trained(config: RolloutRunConfig) -> bool:
    """Say whether the policy of a rollout is a trained agent, which is loaded from ``input_dir``."""
    return config.policy.get("_target_") in _TRAINED


def compose_arguments(
    *,
    env: Any = None,
    wrappers: Any = None,
    policy: Any = None,
    runner: Any = None,
    model: Any = None,
    input_dir: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    configuration: str | None = None,
    experiment: str | None = None,
    config_name: str = "conf_rollout",
    config_dir: str | Path | None = None,
    groups: Mapping[str, str] | None = None,
    allow_code: bool = False,
) -> tuple[RolloutRunConfig, dict[str, Any]]:
    """Compose the configuration of a rollout; none of the arguments is changed.

    A trained agent brings its environment and its wrappers; one of the two that is chosen here replaces the agent's.

    Args:
        env: module name, mapping with ``_target_``, or a callable without arguments that makes an environment.
        wrappers: as for `RunContext`.
        policy: module name (``random_policy``, ``torch_policy``, ``lunar_lander_heuristics``,
            ``dummy_cartpole_policy``), mapping with ``_target_``, or an object with
            ``act(observation, rng, deterministic)`` for N observations at once.
        runner: module name (``sequential``, ``parallel``), mapping, or `RolloutRunnerConfig`.
        model: a trained agent's model, where it is to be compared with the agent; module name or mapping.
        input_dir: where the trained agent is: directory of a run, MLflow run id, or ``models:/name/version``.
        overrides: literal values, mappings or objects by dotted path.
        configuration: name of a specialisation.
        experiment: name of a preset.
        config_name: name of the root configuration.
        config_dir: a user's own configuration tree.
        groups: options of groups that only the user's own tree has.
        allow_code: let the agent's configuration name code outside of maze.

    Returns:
        The configuration, and live objects by the dotted path of the place that it keeps for them.

    Raises:
        InvalidSpecificationError: for anything wrong in the specification.
        ArtifactError: the trained agent is missing or damaged.
    """
    given = {"env": env, "wrappers": wrappers}
    specification = specs.split(given, overrides=overrides, config_dir=config_dir)
    parts = {"policy": policy, "runner": _runner(runner), "model": model}
    choices: dict[str, str | None] = {
        **(groups or {}),
        **specification.choices,
        **{name: part for name, part in parts.items() if isinstance(part, str)},
        "configuration": read_name(configuration, "configuration"),
        "experiment": read_name(experiment, "experiment"),
    }
    values = dict(specification.values)
    values |= {name: part for name, part in parts.items() if isinstance(part, Mapping)}
    objects = dict(specification.objects)
    if policy is not None and not isinstance(policy, (str, Mapping)):
        values["policy"], objects["policy"] = describe_object(policy), policy
    if input_dir is not None:
        values["input_dir"] = read_directory(input_dir)
    compose = functools.partial(compose_rollout, config_name=config_name, config_dir=config_dir)
    allowed = specification.allowed_modules
    config = compose(choices, values, allowed_modules=allowed)
    if not is_trained(config):
        if config.input_dir is not None:
            raise InvalidSpecificationError(
                f"input_dir: {config.input_dir!r} is used by policy='torch_policy' alone; choose that, or leave it out."
            )
        return _checked(config), objects
    given_parts = {name for name in _OF_THE_AGENT if name in values or choices.get(name) is not None}
    usual = compose({}).choices
    given_parts |= {name for name in _OF_THE_AGENT if config.choices[name] != usual[name]}  # by an experiment
    brought, modules = _of_the_agent(config, without=given_parts, allow_code=allow_code)
    return _checked(compose(choices, {**brought, **values}, allowed_modules=(*allowed, *modules))), objects


def _checked(config: RolloutRunConfig) -> RolloutRunConfig:
    """Return a configuration whose environment and wrappers exist, and accept what they are given."""
    check_environment(config.section("env"), config.section("wrappers"), config.allowed_modules)
    return config


def _runner(runner: Any) -> Any:
    """Return a name or a mapping."""
    if isinstance(runner, RolloutRunnerConfig):
        return dataclasses.asdict(runner)
    if runner is None or isinstance(runner, (str, Mapping)):
        return runner
    raise InvalidSpecificationError(
        f"runner: {runner!r} is not accepted; accepted: 'sequential', 'parallel', a mapping, or RolloutRunnerConfig."
    )


def _of_the_agent(
    config: RolloutRunConfig, *, without: set[str], allow_code: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a trained agent's environment and wrappers, but for what was chosen, and the modules that they need."""
    if config.input_dir is None:
        raise InvalidSpecificationError(
            "input_dir: missing; policy='torch_policy' needs the directory of a trained run (or an MLflow run id, or "
            "models:/name/version) to load the agent from."
        )
    agent = read_agent_config(find_agent(config.input_dir), None, allow_code=allow_code)
    _check_model(config.section("model"), agent.section("model"))
    return {name: agent.section(name) for name in _OF_THE_AGENT if name not in without}, agent.allowed_modules


def _check_model(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Refuse an agent whose networks are not those that were asked for; nobody asks its critic."""
    for part in wanted:
        if part != "critic" and wanted[part] != found.get(part):
            raise InvalidSpecificationError(
                f"model.{part}: {wanted[part]!r} is not what the agent was trained with ({found.get(part)!r}); leave "
                "model out, since the agent brings its own."
            )
