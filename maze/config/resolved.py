"""What resolved configurations have in common: reading, writing, sections, and changed copies."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from omegaconf import DictConfig, ListConfig

from maze.config import canonical
from maze.config.overrides import apply_values
from maze.config.reading import SectionKinds, read_fields, read_mapping, read_section, thawed
from maze.config.sections import SeedingConfig
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["ResolvedConfig"]


class ResolvedConfig:
    """A complete configuration: base of frozen dataclasses, each field of which is a section.

    Component sections can be read by attribute (``config.env.name``) and cannot be changed; `replace` makes a changed
    copy.

    Attributes:
        kinds: how the sections are read.
        seeding: seeds; every subclass has this section.
    """

    kinds: ClassVar[SectionKinds]
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    seeding: SeedingConfig

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Validate a resolved configuration.

        Args:
            mapping: nested values; sections with defaults may be left out, unknown keys are refused.

        Returns:
            The configuration.

        Raises:
            InvalidSpecificationError: names the first key that is unknown, missing or wrong.
        """
        return cls(**read_fields(mapping, cls._names(), cls.kinds))

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """Read a resolved configuration, as `to_yaml` writes it.

        Args:
            path: the file.

        Returns:
            The configuration.

        Raises:
            InvalidSpecificationError: if the file is missing, is not YAML, or holds anything wrong.
        """
        content = read_mapping(path)
        try:
            return cls.from_mapping(content)
        except InvalidSpecificationError as error:
            raise InvalidSpecificationError(f"{path}: {error}") from error

    @classmethod
    def _names(cls) -> list[str]:
        return [field.name for field in dataclasses.fields(cls)]

    def to_mapping(self) -> dict[str, Any]:
        """Return all values in plain containers, in canonical order; changing them changes nothing here."""
        return {name: thawed(getattr(self, name)) for name in self._names()}

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
        if name not in self._names():
            raise InvalidSpecificationError(f"{name}: no such section; {suggest(name, self._names())}")
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

    def replace(self, values: Mapping[str, Any] | None = None, **sections: Any) -> Self:
        """Make a changed copy.

        Args:
            values: value by dotted path, as in overrides.
            sections: whole sections, by name.

        Returns:
            The validated copy.

        Raises:
            InvalidSpecificationError: for unknown paths and wrong values.
        """
        return self.from_mapping(apply_values(self.to_mapping(), {**(values or {}), **sections}))

    def changed_section(self, name: str, values: Mapping[str, Any]) -> Any:
        """Make a changed copy of one section with fixed keys, without looking at the others.

        Args:
            name: for example ``"rollout"``.
            values: by key.

        Raises:
            InvalidSpecificationError: for unknown keys and wrong values.
        """
        paths = {f"{name}.{key}": value for key, value in values.items()}
        changed = apply_values({name: self.section(name)}, paths)
        return read_section(self.kinds.typed[name], changed[name], name)

    def with_seeds(self, seed: int, *, keep: bool = False) -> Self:
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
