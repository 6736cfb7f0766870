"""A search as one value: where it begins, what varies, how many trials of how many seeds, and what prunes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from maze.api import specs
from maze.api.tuning.space import Axis, Choice, Interval, read_axis
from maze.config import RunConfig, groups
from maze.errors import InvalidSpecificationError, suggest
from maze.tracking import code_digest

__all__ = ["Search"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_SAMPLERS = ("tpe", "random")
_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Search:
    """Everything that decides what a search finds.

    Attributes:
        space: what varies, by dotted path or group: intervals and choices, or what :func:`read_space` reads as such.
        choices: what does not: option by group, ``experiment`` and ``configuration`` included.
        values: literal values by dotted path.
        seeds: every trial trains one agent for each.
        n_trials: how many trials there are to be; another number goes on with the same search.
        sampler: ``tpe`` learns from earlier trials, ``random`` does not.
        sampler_seed: base of the sampler's randomness.
        n_startup_trials: trials before the sampler learns and the pruner prunes.
        n_warmup_epochs: epochs of a trial's first seed before it can be pruned.
        prunes: stop a trial whose learning curve is below the median of the earlier ones.
        n_jobs: how many trials run at once, each in a process of its own; with more than one, trials learn from those
            of earlier waves of ``n_jobs``, whichever ends first.
        config_dir: a configuration tree of the user's own.
    """

    space: Mapping[str, Axis]
    choices: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    seeds: Sequence[int] = (0,)
    n_trials: int = 20
    sampler: Literal["tpe", "random"] = "tpe"
    sampler_seed: int = 0
    n_startup_trials: int = 5
    n_warmup_epochs: int = 1
    prunes: bool = True
    n_jobs: int = 1
    config_dir: Path | None = None

    def __post_init__(self) -> None:
        """Read the space, and refuse values that no search can have."""
        axes = {
            path: axis if isinstance(axis, (Interval, Choice)) else read_axis(axis, path)
            for path, axis in dict(self.space).items()
        }
        object.__setattr__(self, "space", axes)
        if not self.space:
            raise InvalidSpecificationError(
                "space: there is nothing to search; give an interval or several values, for example "
                "'algorithm.lr=tag(log,interval(1e-4,1e-2))' or algorithm.gamma=0.95,0.99."
            )
        specs.check_seeds(list(self.seeds))
        specs.check_seed(self.sampler_seed, "sampler_seed")
        for name, least in (("n_trials", 1), ("n_startup_trials", 0), ("n_warmup_epochs", 0), ("n_jobs", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InvalidSpecificationError(
                    f"{name}: {value!r} is not accepted; accepted: a whole number >= {least}."
                )
        if self.sampler not in _SAMPLERS:
            raise InvalidSpecificationError(
                f"sampler: {self.sampler!r} is not accepted; {suggest(self.sampler, _SAMPLERS)}"
            )

    @classmethod
    def from_mapping(cls, content: Any, **changes: Any) -> Search:
        """Return the search that a file describes.

        Args:
            content: fields of a search by name.
            changes: win over those of the file; ``space``, ``choices`` and ``values`` key by key.

        Raises:
            InvalidSpecificationError: it is no mapping, or a key is none of them.
        """
        if not isinstance(content, Mapping):
            raise InvalidSpecificationError(
                f"the file of a search holds {type(content).__name__}; accepted: a mapping with {', '.join(_FIELDS)}."
            )
        for name in content:
            if name not in _FIELDS:
                raise InvalidSpecificationError(
                    f"{name}: no such key in the file of a search; {suggest(name, _FIELDS)}"
                )
        merged: dict[str, Any] = {**content, **changes}
        given = set(changes.get("choices", ())) | set(changes.get("values", ())) | set(changes.get("space", ()))
        for name in ("space", "choices", "values"):
            earlier = content.get(name) or {}
            if not isinstance(earlier, Mapping):
                raise InvalidSpecificationError(f"{name}: {earlier!r} is not accepted; accepted: a mapping.")
            kept = {path: value for path, value in earlier.items() if path not in given}
            merged[name] = {**kept, **changes.get(name, {})}
        return cls(**merged)

    def compose(self, drawn: Mapping[str, Any] = _NOTHING) -> RunConfig:
        """Return the configuration of a trial.

        Args:
            drawn: values of the configuration by what varies; the first end of every other axis is taken.

        Raises:
            InvalidSpecificationError: the values do not go together.
        """
        known = set(groups(self.config_dir))
        taken = {path: drawn.get(path, axis.ends[0]) for path, axis in self.space.items()}
        chosen = {path: value for path, value in taken.items() if path in known and isinstance(value, str)}
        choices = {**self.choices, **chosen}
        components = {name: option for name, option in choices.items() if name in specs.COMPONENTS}
        presets = {name: option for name, option in choices.items() if name not in components}
        for name in presets:
            if name not in ("experiment", "configuration"):
                raise InvalidSpecificationError(f"{name}: no choice of a search; {suggest(name, specs.COMPONENTS)}")
        values = {**self.values, **{path: value for path, value in taken.items() if path not in chosen}}
        config, _ = specs.compose_arguments(components, overrides=values, config_dir=self.config_dir, **presets)
        return config

    def values_of(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the configuration that draws of Optuna's mean, by what varies."""
        return {path: axis.value(drawn[path]) for path, axis in self.space.items() if path in drawn}

    def check(self) -> RunConfig:
        """Compose with both ends of every interval and with every choice, so that a wrong one is found at once.

        Returns:
            The configuration with the first end of every axis.

        Raises:
            InvalidSpecificationError: a value is not accepted, or something is given twice.
        """
        for path in self.space:
            if path in self.values or path in self.choices:
                raise InvalidSpecificationError(f"{path}: given as one value and in the space; give one of the two.")
            if path.partition(".")[0] in ("seed", "seeds", "seeding"):
                raise InvalidSpecificationError(f"{path}: seeds are not searched; every trial trains all of --seeds.")
        for path, axis in self.space.items():
            for end in axis.ends[1:]:
                self.compose({path: end})
        return self.compose()

    @property
    def key(self) -> str:
        """Identity of the search: equal for equal beginnings, spaces, seeds, code and trials at once, however many."""
        config = self.check()
        facts = {
            "config": config.digest(),
            "space": {path: axis.as_record() for path, axis in self.space.items()},
            "seeds": list(self.seeds),
            "sampler": [self.sampler, self.sampler_seed, self.n_startup_trials],
            "pruner": [self.prunes, self.n_warmup_epochs],
            "code": code_digest([*self._code(config)]),
            **({"jobs": self.n_jobs} if self.n_jobs > 1 else {}),  # decides which trials a trial can learn from
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @staticmethod
    def _code(config: RunConfig) -> Iterator[Path]:
        """Yield the code that decides results: this package's, and modules of the user's own below here."""
        yield from (_PACKAGE / name for name in _DECIDING)
        for module in config.allowed_modules:
            place = Path(*module.split("."))
            yield from (path for path in (place, place.with_suffix(".py")) if path.exists())


_FIELDS = (
    "space",
    "choices",
    "values",
    "seeds",
    "n_trials",
    "sampler",
    "sampler_seed",
    "n_startup_trials",
    "n_warmup_epochs",
    "prunes",
    "n_jobs",
)
"""What the file of a search may hold."""

_DECIDING = (
    "agents",
    "distributions",
    "env",
    "functional",
    "perception",
    "rollout",
    "runner",
    "seeding.py",
    "statistics",
    "trainers",
    "api/tuning",
)
"""Parts of this package an edit of which makes results of earlier trials stale."""
