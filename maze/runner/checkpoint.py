"""The last state of a run on disk, from which another process trains on as if there had been no break.

An agent's directory holds what acts: the best state. A checkpoint holds what trains: the last state, with optimiser,
generators, environments, normalisation, counts and the curve so far, none of it pickled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze.config import RunConfig, canonical
from maze.config.describe import SOURCE_KEY
from maze.config.overrides import OBJECT_KEY
from maze.errors import ArtifactError, EnvError, InvalidSpecificationError
from maze.state_files import read_state, write_state
from maze.types import StateDict

if TYPE_CHECKING:
    from maze.runner.agent_runner import AgentRunner

__all__ = ["Checkpoint", "continue_training", "find_checkpoint", "save_checkpoint"]

FORMAT = 1
STATE = "state.npz"
MAY_DIFFER = ("algorithm.n_epochs", "algorithm.patience", "runner.n_processes")
"""They decide how long training goes on, and where, not what it does."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a run left for its continuation.

    Attributes:
        directory: where it was found.
        trainer: state of the trainer.
        rows: the curve until then, one row for each epoch.
    """

    directory: Path
    trainer: StateDict
    rows: list[dict[str, Any]]


def save_checkpoint(directory: Path, runner: AgentRunner, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the state from which training goes on, whole or not at all; equal runs write equal bytes.

    After an interruption it is the state after the last complete update, in the middle of an epoch where that came
    first. An epoch that an error or a second Ctrl-C broke off is not part of it.

    Args:
        directory: ``RunFiles.checkpoint``.
        runner: has trained.
        rows: the curve until now.

    Raises:
        ArtifactError: the disk is full, or a state holds what cannot be written; an earlier checkpoint is intact.
    """
    state = {
        "format": FORMAT,
        "config": _identity(runner.config),
        "rows": [dict(row) for row in rows],
        "trainer": runner.trainer.whole_state(),
    }
    write_state(directory / STATE, state)


def find_checkpoint(directory: Path, config: RunConfig) -> Checkpoint | None:
    """Return the checkpoint in a directory, or None where there is none; nothing is changed.

    Args:
        directory: ``RunFiles.checkpoint``.
        config: of the run that wants to go on from it.

    Raises:
        ArtifactError: it is damaged, or of a version that this one does not know.
        InvalidSpecificationError: it belongs to another configuration; names the first difference.
    """
    path = directory / STATE
    if not path.exists():
        return None
    try:
        state = read_state(path)
        found = state["format"]
        if found != FORMAT:
            raise ArtifactError(f"{path}: is of format {found!r}; accepted is {FORMAT}.")
        saved, trainer, rows = state["config"], state["trainer"], state["rows"]
    except (ArtifactError, KeyError) as error:
        raise ArtifactError(f"{error} {_without(directory)}") from error
    difference = _first_difference(saved, _identity(config))
    if difference:
        raise InvalidSpecificationError(
            f"{directory}: belongs to another configuration: {difference}. Give the earlier value to go on exactly, or "
            f"another run_dir to begin anew. {_without(directory)}"
        )
    return Checkpoint(directory, trainer, rows)


def continue_training(checkpoint: Checkpoint, runner: AgentRunner) -> str | None:
    """Let a run's trainer go on from a checkpoint, to the last bit.

    Args:
        checkpoint: of the same configuration.
        runner: holds the best state of the run that left it, and has not trained yet.

    Returns:
        What to warn of, where environments could not be saved and begin new episodes instead; None otherwise.

    Raises:
        ArtifactError: the agent is not the checkpoint's, or a state does not fit; the runner has no trainer then.
    """
    restored = False
    try:
        trainer = runner.trainer
        _require_same_agent(checkpoint, runner)
        trainer.load_state_dict(checkpoint.trainer)
        restored = True
    except (ArtifactError, EnvError, KeyError) as error:
        raise ArtifactError(
            f"{checkpoint.directory}: does not fit this run ({error}). {_without(checkpoint.directory)}"
        ) from error
    finally:
        if not restored:
            runner.forget_trainer()
    if not trainer.begins_anew(checkpoint.trainer):
        return None
    section = runner.config.section("env")
    name = section.get("name") or section.get(OBJECT_KEY) or section.get("_target_")
    return (
        f"the environment {name!r} holds what cannot be saved, so that its {runner.config.runner.concurrency} "
        "environments begin new episodes; weights, optimiser, generators, normalisation and counts go on exactly"
    )


def _require_same_agent(checkpoint: Checkpoint, runner: AgentRunner) -> None:
    """Raise an ArtifactError unless the agent that was loaded is the checkpoint's best state."""
    best = checkpoint.trainer["best"]["model"]["parameters"]
    present = runner.model.snapshot()["parameters"].cpu()
    if best.numpy().tobytes() != present.numpy().tobytes():
        raise ArtifactError("the agent beside it has other weights; it was replaced or restored since. Restore it")


def _without(directory: Path) -> str:
    return f"To go on from the agent's weights alone, with a new optimiser, delete {directory}."


def _identity(config: RunConfig) -> dict[str, Any]:
    """Return by dotted key what decides how the agent's training goes on; objects by their places alone."""
    values = canonical.flat({name: part for name, part in config.agent_part().items() if name != "allowed_modules"})
    return {
        key: True if key.endswith(f".{OBJECT_KEY}") else value
        for key, value in values.items()
        if key not in MAY_DIFFER and not key.endswith(f".{SOURCE_KEY}")
    }


def _first_difference(saved: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Return the first value that is not the same, in words; empty where there is none."""
    for key in dict.fromkeys([*saved, *given]):
        if key not in given:
            return f"{key} was {saved[key]!r} and is not there now"
        if key not in saved:
            return f"{key} is {given[key]!r} and was not there"
        if saved[key] != given[key]:
            return f"{key} was {saved[key]!r} and is {given[key]!r} now"
    return ""
