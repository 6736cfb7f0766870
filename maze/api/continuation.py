"""How training goes on from what an earlier run left: exactly where that is a checkpoint, else from its best state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from maze.artifacts import AgentFiles, RunFiles
from maze.config import RunConfig, canonical
from maze.config.describe import SOURCE_KEY
from maze.errors import ArtifactError, InvalidSpecificationError

if TYPE_CHECKING:
    from maze.api.session import RunSession
    from maze.runner import AgentRunner
    from maze.runner.checkpoint import Checkpoint
    from maze.trainers import Trainer

__all__ = ["Continuation", "refuse_other_model", "with_earlier_seeds"]


class Continuation:
    """Brings a run's first training to where the loaded agent's run stands, and saves where this one ends.

    Stages of a pipeline neither read nor write checkpoints: what they train depends on their declared inputs alone.

    Args:
        config: resolved configuration with seeds.
        agent: the agent that the run goes on from, or None.
        is_stage: a stage of a pipeline is running.
        warn: shows a message to the user.
    """

    def __init__(
        self, config: RunConfig, agent: AgentFiles | None, *, is_stage: bool, warn: Callable[[str], None]
    ) -> None:
        self._config = config
        self._is_stage = is_stage
        self._warn = warn
        self._earlier = RunFiles(agent.root.parent) if agent is not None and agent.root.name == "agent" else None
        self._checkpoint: Checkpoint | None = None

    def find(self) -> None:
        """Look for the earlier run's checkpoint, before anything is changed.

        Raises:
            ArtifactError: it is damaged.
            InvalidSpecificationError: it belongs to another configuration.
        """
        if self._earlier is not None and not self._is_stage:
            from maze.runner.checkpoint import find_checkpoint  # noqa: PLC0415

            self._checkpoint = find_checkpoint(self._earlier.checkpoint, self._config)

    def take_over_curve(self, session: RunSession) -> None:
        """Let the run's curve begin with the one that led to the checkpoint."""
        if self._checkpoint is not None and self._earlier is not None:
            session.take_over(self._checkpoint.rows, self._earlier)

    def begin(self, runner: AgentRunner, session: RunSession) -> Trainer[Any]:
        """Return the trainer, from which training goes on.

        Raises:
            ArtifactError: the checkpoint does not fit the agent or the environments.
        """
        if self._checkpoint is not None:
            from maze.runner.checkpoint import continue_training  # noqa: PLC0415

            message = continue_training(self._checkpoint, runner)
            if message is not None:
                self._warn(message)
        else:
            session.resume_trainer(runner.trainer)
        self._earlier = self._checkpoint = None  # from now on the trainer itself stands further
        return runner.trainer

    def save(self, runner: AgentRunner, session: RunSession) -> None:
        """Write the checkpoint of what was trained; where that cannot be, say so and keep everything else."""
        if self._is_stage:
            return
        try:
            session.save_checkpoint(runner)
        except ArtifactError as error:
            self._warn(f"no checkpoint was written, so that another process cannot go on exactly from here: {error}")


def with_earlier_seeds(config: RunConfig, files: RunFiles) -> RunConfig:
    """Return the configuration with the seeds of an earlier run wherever it has none of its own."""
    source = files.agent.config if files.agent.config.is_file() else files.record
    try:
        content = yaml.safe_load(source.read_text(encoding="utf-8"))  # JSON is YAML
        earlier = dict(content.get("config", content)["seeding"])
    except (OSError, yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError, KeyError, ValueError):
        return config  # loading the agent says what is wrong with it
    present = config.section("seeding")
    missing = {name: earlier.get(name) for name, value in present.items() if value is None}
    return replace(config, seeding=replace(config.seeding, **missing))


def refuse_other_model(config: RunConfig, agent: AgentFiles) -> None:
    """Refuse to go on from an agent whose networks are described in another way, before its weights do not fit.

    Args:
        config: of the run that wants to go on.
        agent: of the earlier run; where its configuration cannot be read, whoever loads it says so.

    Raises:
        InvalidSpecificationError: names the first value that is not the same.
    """
    try:
        earlier = yaml.safe_load(agent.config.read_text(encoding="utf-8"))["model"]
    except (OSError, yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError):
        return
    saved, given = (canonical.flat({"model": model}) for model in (earlier, config.section("model")))
    for key in dict.fromkeys([*saved, *given]):
        before, now = saved.get(key), given.get(key)
        if before != now and not key.endswith(f".{SOURCE_KEY}"):
            raise InvalidSpecificationError(
                f"{key}: was {before!r} in the earlier run and is {now!r} now, so that its weights do not fit; give "
                "the earlier value to go on, or another run_dir to begin anew."
            )
