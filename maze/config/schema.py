"""The resolved configuration of a run: frozen, typed, and complete.

After a `RunConfig` exists nobody reads YAML, interpolates or fills in defaults any more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig

from maze.config import canonical
from maze.config.overrides import apply_values
from maze.config.reading import read_fields, thawed
from maze.config.sections import EvaluationConfig, RolloutConfig, RunnerConfig, SeedingConfig, TrackingConfig
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["EvaluationConfig", "RolloutConfig", "RunConfig", "RunnerConfig", "SeedingConfig", "TrackingConfig"]

_AGENT_SECTIONS = ("env", "wrappers", "model", "algorithm", "runner", "seeding")
_NOT_HASHED = frozenset(
    {"seeding", "run_dir", "log_base_dir", "tracking", "tags", "launcher", "choices", "allowed_modules"}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides what a run does, as values.

    Component sections can be read by attribute (``config.algorithm.lr``) and cannot be changed; `replace` makes a
    changed copy.

    Attributes:
        env: the environment, a mapping with ``_target_``.
        wrappers: list of mappings with ``_target_``, applied from first to last.
        algorithm: the algorithm's configuration, complete.
        model: the model composer, with its parts ``policy`` and ``critic``.
        runner: how training runs on this machine.
        launcher: where the jobs of a multi-run go.
        evaluation: how the evaluation stage evaluates.
        rollout: how the rollout stage rolls out.
        seeding: seeds.
        tracking: where the run is recorded.
        log_base_dir: where run directories are made when `run_dir` is null.
        run_dir: the directory of this run.
        tags: free labels for the tracking store.
        choices: option chosen in every group; null where a value or an object replaced it.
        allowed_modules: modules of the user's own that this configuration may name.
    """

    env: DictConfig
    wrappers: ListConfig
    algorithm: DictConfig
    model: DictConfig
    runner: RunnerConfig
    launcher: DictConfig
    evaluation: EvaluationConfig
    rollout: RolloutConfig
    seeding: SeedingConfig
    tracking: TrackingConfig
    log_base_dir: str
    run_dir: str | None
    tags: Mapping[str, str]
    choices: Mapping[str, str | None]
    allowed_modules: tuple[str, ...]

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> RunConfig:
        """Validate a resolved configuration.

        Args:
            mapping: nested values; sections with defaults may be left out, unknown keys are refused.

        Returns:
            The configuration.

        Raises:
            InvalidSpecificationError: names the first key that is unknown, missing or wrong.
        """
        return cls(**read_fields(mapping, [field.name for field in dataclasses.fields(cls)]))

    @classmethod
    def from_yaml(cls, path: str | Path) -> RunConfig:
        """Read a resolved configuration, as `to_yaml` writes it.

        Args:
            path: the file.

        Returns:
            The configuration.

        Raises:
            InvalidSpecificationError: if the file is missing, is not YAML, or holds anything wrong.
        """
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())  # YAML's own errors draw a picture over several lines
            raise InvalidSpecificationError(f"{path}: not a readable configuration: {reason}") from error
        if not isinstance(content, Mapping):
            raise InvalidSpecificationError(
                f"{path}: not a configuration: it holds {type(content).__name__}, not a mapping."
            )
        try:
            return cls.from_mapping(content)
        except InvalidSpecificationError as error:
            raise InvalidSpecificationError(f"{path}: {error}") from error

    def to_mapping(self) -> dict[str, Any]:
        """Return all values in plain containers, in canonical order; changing them changes nothing here."""
        return {field.name: thawed(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def to_yaml(self) -> str:
        """Write the configuration so that every YAML reader reads the same values, and equal ones are equal text."""
        return canonical.to_yaml(self.to_mapping())

    def section(self, name: str) -> Any:
        """Return one section in plain containers.

        Args:
            name: for example ``"env"``.

        Returns:
            A copy.

        Raises:
            InvalidSpecificationError: if there is no such section.
        """
        names = [field.name for field in dataclasses.fields(self)]
        if name not in names:
            raise InvalidSpecificationError(f"{name}: no such section; {suggest(name, names)}")
        return thawed(getattr(self, name))

    def __getitem__(self, path: str) -> Any:
        """Return the section or value at a dotted path.

        Args:
            path: for example ``"algorithm.lr"``.

        Returns:
            What attribute access returns.

        Raises:
            KeyError: if there is no such path.
        """
        node: Any = self
        for part in path.split("."):
            if isinstance(node, (DictConfig, Mapping)):
                node = node[int(part)] if part not in node and part.isdecimal() else node[part]
            elif isinstance(node, ListConfig) and part.isdecimal() and int(part) < len(node):
                node = node[int(part)]
            elif dataclasses.is_dataclass(node) and part in {field.name for field in dataclasses.fields(node)}:
                node = getattr(node, part)
            else:
                raise KeyError(path)
        return node

    def replace(self, values: Mapping[str, Any] | None = None, **sections: Any) -> RunConfig:
        """Make a changed copy.

        Args:
            values: value by dotted path, as in overrides.
            sections: whole sections, by name.

        Returns:
            The validated copy.

        Raises:
            InvalidSpecificationError: for unknown paths and wrong values.
        """
        return RunConfig.from_mapping(apply_values(self.to_mapping(), {**(values or {}), **sections}))

    def with_seeds(self, seed: int, *, keep: bool = False) -> RunConfig:
        """Fill in both seeds.

        Args:
            seed: a whole number >= 0.
            keep: leave seeds that are set already as they are.

        Returns:
            The seeded copy.
        """
        names = ("env_base_seed", "agent_base_seed")
        seeds = {name: getattr(self.seeding, name) if keep else None for name in names}
        seeding = SeedingConfig(**{name: seed if value is None else value for name, value in seeds.items()})
        return dataclasses.replace(self, seeding=seeding)

    def digest(self) -> str:
        """Hash what the run computes: all values but seeds, places, tracking, tags, launcher and recorded choices.

        Returns:
            sha256 in hexadecimal digits; two ways to the same values have one hash.
        """
        values = self.to_mapping()
        return canonical.digest({name: value for name, value in values.items() if name not in _NOT_HASHED})

    def agent_part(self) -> dict[str, Any]:
        """Return the sections on which the trained agent depends, in plain containers; `from_mapping` reads them."""
        names = (*_AGENT_SECTIONS, *(["allowed_modules"] if self.allowed_modules else []))
        return {name: self.section(name) for name in names}

    def flat(self) -> dict[str, Any]:
        """Return all values by dotted key, as tracking stores want them."""
        return canonical.flat(self.to_mapping())
