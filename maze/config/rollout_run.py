"""The resolved configuration of a rollout that stands for itself, and how it is composed.

A root configuration that chooses from the group ``algorithm`` trains; any other one plays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from omegaconf import DictConfig, ListConfig
from pydantic import Field

from maze.config import canonical
from maze.config.compose import completed_sections, protected, resolved
from maze.config.hydra_tree import NULL, ConfigFiles, Tree, comes_later
from maze.config.offered import instead_of
from maze.config.overrides import ADD, apply_values, to_plain
from maze.config.reading import SectionKinds
from maze.config.resolved import ResolvedConfig
from maze.config.sections import RolloutConfig, SeedingConfig
from maze.config.targets import allow_modules
from maze.config.validation import validate_fields
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["RolloutRunConfig", "RolloutRunnerConfig", "compose_rollout", "plays"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_SPECIALISATION = "_configuration"
_Count = Annotated[int, Field(ge=1)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RolloutRunnerConfig:
    """How many episodes are played, and how.

    Attributes:
        n_episodes: episodes, exactly.
        max_episode_steps: cut episodes after so many steps; null and 0 leave it to the environment.
        record_trajectory: store observations, actions and rewards of all steps.
        record_event_logs: store the events of all steps, one table for each kind.
        deterministic: take the most likely action instead of sampling.
        render: show the environment while it is played, one episode at a time.
        n_envs: environments side by side in this process; null plays all episodes at once, up to 128.
        n_processes: former spelling of `n_envs`; null leaves that.
    """

    n_episodes: _Count = 50
    max_episode_steps: Annotated[int, Field(ge=0)] | None = None
    record_trajectory: bool = True
    record_event_logs: bool = True
    deterministic: bool = False
    render: bool = False
    n_envs: _Count | None = 1
    n_processes: _Count | None = None

    def __post_init__(self) -> None:
        validate_fields(self, "runner")

    @property
    def side_by_side(self) -> int | None:
        """Environments side by side, in whichever spelling they were given."""
        return self.n_envs if self.n_processes is None else self.n_processes

    @property
    def settings(self) -> RolloutConfig:
        """What any rollout is told, whoever plays."""
        return RolloutConfig(
            n_episodes=self.n_episodes,
            max_episode_steps=self.max_episode_steps or None,
            record_trajectory=self.record_trajectory,
            record_event_logs=self.record_event_logs,
            deterministic=self.deterministic,
            render=self.render,
        )


_KINDS = SectionKinds(
    typed=MappingProxyType({"runner": RolloutRunnerConfig, "seeding": SeedingConfig}),
    components=("env", "policy", "model"),
    needed=("env", "policy"),
    directories=("log_base_dir", "run_dir", "input_dir"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RolloutRunConfig(ResolvedConfig):
    """Everything that decides what a rollout does, as values.

    Attributes:
        env: the environment, a mapping with ``_target_``.
        wrappers: list of mappings with ``_target_``, applied from first to last.
        policy: who plays, a mapping with ``_target_``.
        model: the model that a trained agent has to have; empty accepts any.
        runner: how many episodes, and how.
        input_dir: where the trained agent is; null where nobody was trained.
        seeding: seeds.
        log_base_dir: where run directories are made when `run_dir` is null.
        run_dir: the directory of this run.
        tags: free labels for the record.
        choices: option chosen in every group; null where a value or an object replaced it.
        allowed_modules: modules of the user's own that this configuration may name.
    """

    kinds: ClassVar[SectionKinds] = _KINDS

    env: DictConfig
    wrappers: ListConfig
    policy: DictConfig
    model: DictConfig
    runner: RolloutRunnerConfig
    input_dir: str | None
    seeding: SeedingConfig
    log_base_dir: str
    run_dir: str | None
    tags: Mapping[str, str]
    choices: Mapping[str, str | None]
    allowed_modules: tuple[str, ...]


def plays(config_name: str, config_dir: str | Path | None = None) -> bool:
    """Say whether a root configuration describes a rollout, not a training run.

    Args:
        config_name: name of the root configuration.
        config_dir: a user's own configuration tree.

    Raises:
        InvalidSpecificationError: there is no such root, or it is broken.
    """
    return "algorithm" not in ConfigFiles.find(config_dir, config_name).defaults


def compose_rollout(
    choices: Mapping[str, str | None],
    values: Mapping[str, Any] = _NOTHING,
    *,
    config_name: str = "conf_rollout",
    config_dir: str | Path | None = None,
    allowed_modules: Iterable[str] = (),
) -> RolloutRunConfig:
    """Compose, resolve and validate the configuration of a rollout.

    Args:
        choices: option by group; None leaves the choice to the experiment or the defaults, ``"null"`` chooses nothing.
        values: literal values by dotted path; they win over everything else.
        config_name: name of the root configuration.
        config_dir: a user's own configuration tree; its groups add options to those of the package.
        allowed_modules: modules that the configuration may name besides those that it declares itself.

    Raises:
        InvalidSpecificationError: for anything wrong, in one line.
    """
    files = ConfigFiles.find(config_dir, config_name)
    if "algorithm" in files.defaults:
        raise InvalidSpecificationError(
            f"config_name: {config_name!r} trains: it chooses an algorithm; the root of a rollout has none."
        )
    explicit = {group: option for group, option in choices.items() if option is not None}
    for group, option in explicit.items():
        _check_choice(files, group, option)
    _refuse_names(files, values)
    tokens: dict[str, str] = {}
    literal = {path: protected(to_plain(value, path), tokens) for path, value in values.items()}
    replaced = {path.removeprefix(ADD) for path in values} & set(files.defaults)
    tree, chosen = files.compose(explicit)
    _check_sections(tree, chosen, replaced)
    tree["wrappers"] = canonical.canonical_wrappers(tree.get("wrappers"))
    if isinstance(literal.get("wrappers"), dict):
        literal["wrappers"] = canonical.canonical_wrappers(literal["wrappers"])
    literal = completed_sections(literal, _KINDS.typed)
    merged = files.trusting(resolved(apply_values(tree, literal, aliases={}), tokens))
    known = [name for name, option in chosen.items() if not name.endswith(_SPECIALISATION)]
    merged["choices"] = {name: None if name in replaced else chosen[name] for name in known}
    if allowed_modules:
        merged["allowed_modules"] = sorted({*(merged.get("allowed_modules") or ()), *allowed_modules})
    with allow_modules(allowed_modules):
        return RolloutRunConfig.from_mapping(merged)


def _check_choice(files: ConfigFiles, group: str, option: str) -> None:
    """Refuse groups that a rollout does not have, and unknown options."""
    if group == "critic":
        raise InvalidSpecificationError(
            f"critic: {option!r} is not accepted; nothing is learnt in a rollout. Leave it out."
        )
    if group not in files.defaults:
        known = [name for name in files.defaults if not name.endswith(_SPECIALISATION)]
        reason = (
            f"{option!r} is not accepted; a rollout has no {group};" if group in files.groups() else "no such group;"
        )
        raise InvalidSpecificationError(f"{group}: {reason} {suggest(group, known)}{instead_of(group)}")
    options = files.options(group)
    if option == NULL and group in _KINDS.needed:
        raise InvalidSpecificationError(f"{group}: a rollout needs one; {suggest(option, options)}")
    if option not in options and option != NULL:
        later = " is not available yet; it comes in a later release;" if comes_later(option) else " not found;"
        raise InvalidSpecificationError(f"{group}: {option!r}{later} {suggest(option, options)}{instead_of(option)}")


def _refuse_names(files: ConfigFiles, values: Mapping[str, Any]) -> None:
    """Refuse the name of a configuration module where only values are understood."""
    for path, value in values.items():
        if isinstance(value, str) and path in files.defaults:
            raise InvalidSpecificationError(
                f"{path}: names of configuration modules are not resolved here; choose with {path}={value!r}."
            )


def _check_sections(tree: Tree, chosen: Mapping[str, str | None], replaced: set[str]) -> None:
    """Refuse options of groups that training shares, but that only training understands."""
    if not tree.get("policy") and "policy" not in replaced:
        raise InvalidSpecificationError(
            f"policy: {chosen.get('policy')!r} has networks whose weights nobody has trained, so that there is nothing "
            "to play; choose 'random_policy', or 'torch_policy' with input_dir, the directory of a trained run."
        )
    runner = tree.get("runner")
    if "runner" not in replaced and not (isinstance(runner, dict) and "n_episodes" in runner):
        raise InvalidSpecificationError(
            f"runner: {chosen.get('runner')!r} trains; accepted in a rollout: 'parallel', 'sequential'."
        )
