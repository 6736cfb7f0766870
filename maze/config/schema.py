"""The resolved configuration of a run: frozen, typed, and complete.

After a `RunConfig` exists nobody reads YAML, interpolates or fills in defaults any more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from omegaconf import DictConfig, ListConfig

from maze.config import canonical
from maze.config.reading import TRAINING, SectionKinds
from maze.config.resolved import ResolvedConfig
from maze.config.sections import EvaluationConfig, RolloutConfig, RunnerConfig, SeedingConfig, TrackingConfig

__all__ = ["EvaluationConfig", "RolloutConfig", "RunConfig", "RunnerConfig", "SeedingConfig", "TrackingConfig"]

_AGENT_SECTIONS = ("env", "wrappers", "model", "algorithm", "runner", "seeding")
_NOT_HASHED = frozenset(
    {"seeding", "run_dir", "log_base_dir", "tracking", "tags", "launcher", "choices", "allowed_modules"}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(ResolvedConfig):
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
        input_dir: an earlier agent, from whose weights and statistics a new one begins; null begins anew.
        seeding: seeds.
        tracking: where the run is recorded.
        log_base_dir: where run directories are made when `run_dir` is null.
        run_dir: the directory of this run.
        tags: free labels for the tracking store.
        choices: option chosen in every group; null where a value or an object replaced it.
        allowed_modules: modules of the user's own that this configuration may name.
    """

    kinds: ClassVar[SectionKinds] = TRAINING

    env: DictConfig
    wrappers: ListConfig
    algorithm: DictConfig
    model: DictConfig
    runner: RunnerConfig
    launcher: DictConfig
    evaluation: EvaluationConfig
    rollout: RolloutConfig
    input_dir: str | None
    seeding: SeedingConfig
    tracking: TrackingConfig
    log_base_dir: str
    run_dir: str | None
    tags: Mapping[str, str]
    choices: Mapping[str, str | None]
    allowed_modules: tuple[str, ...]

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
