"""What a new run takes over from an earlier agent: policy, critic where it is the same, normalisation statistics.

Only weights, spaces and statistics are read, so that no code of the earlier agent runs, and its algorithm, its model's
configuration and its optimiser do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maze.artifacts import AgentFiles, read_arrays
from maze.errors import ArtifactError, InvalidSpecificationError
from maze.runner.agent_files import read_spaces
from maze.runner.environments import EnvironmentMaker, kinds_of
from maze.types import Array

if TYPE_CHECKING:
    from torch import Tensor

    from maze.agents import ActorCritic

__all__ = ["Inheritance", "inherit"]

_OF_REWARDS = "ReturnNormalizationRewardWrapper."


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What was taken over.

    Attributes:
        files: the earlier agent's.
        taken: parts that go on: ``policy``, perhaps ``critic`` and ``statistics``.
        anew: parts that begin anew, each with the reason.
    """

    files: AgentFiles
    taken: tuple[str, ...]
    anew: Mapping[str, str]

    def __str__(self) -> str:
        """Return it in one line."""
        anew = "".join(f"; {part} begins anew: {reason}" for part, reason in self.anew.items())
        return f"began from {self.files.root}: {', '.join(self.taken)} taken over{anew}"


def inherit(files: AgentFiles, model: ActorCritic, environments: EnvironmentMaker) -> Inheritance:
    """Put what fits of an earlier agent into a model, and its statistics into environments.

    Args:
        files: the earlier agent's.
        model: freshly initialised; its policy is replaced, and its critic where names and shapes are the same.
        environments: are given the statistics that their wrappers have.

    Raises:
        ArtifactError: a file is damaged.
        InvalidSpecificationError: observations, actions, the policy's networks or the wrappers are others.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    _check_spaces(files, environments)
    try:
        weights: dict[str, Tensor] = load_file(files.weights)
    except (SafetensorError, OSError) as error:
        raise ArtifactError(f"{files.weights}: cannot be read ({error}); restore it or train it again.") from error
    own = model.export_weights()
    taken, anew = ["policy"], {}
    policy = _fitting(own, weights, "policy.")
    if isinstance(policy, str):
        raise InvalidSpecificationError(
            f"input_dir: the policy of {files.root} does not fit: {policy}. Give the model that it was trained with."
        )
    critic: dict[str, Tensor] | str = {}
    if model.critic is not None:
        critic = _fitting(own, weights, "critic.")
        if isinstance(critic, str):
            anew["critic"] = critic
        else:
            taken.append("critic")
    model.import_weights({**own, **({} if isinstance(critic, str) else critic), **policy})
    statistics, fresh = _statistics(files, environments)
    if statistics:
        taken.append("statistics")
        environments.use_statistics({**statistics, **fresh})
    if fresh:
        anew["statistics of rewards"] = "there are none"
    return Inheritance(files, tuple(taken), anew)


def _check_spaces(files: AgentFiles, environments: EnvironmentMaker) -> None:
    """Refuse an agent that observes or does something else."""
    for name, known, given in zip(
        ("observations", "actions"), read_spaces(files.spaces), environments.observed_and_acted, strict=False
    ):
        if kinds_of(known) != kinds_of(given):
            raise InvalidSpecificationError(
                f"input_dir: the {name} of {files.root} are {kinds_of(known)}, those of this run {kinds_of(given)}; "
                "give the environment and the wrappers that it was trained with."
            )


def _fitting(own: Mapping[str, Tensor], given: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor] | str:
    """Return the given weights of a part, or the first reason why they are not those of one's own."""
    names = [name for name in own if name.startswith(prefix)]
    part = {name: weights for name, weights in given.items() if name.startswith(prefix)}
    if not part:
        return f"it has no {prefix.removesuffix('.')}"
    for name in names:
        if name not in part:
            return f"it lacks the weights {name!r}"
        if part[name].shape != own[name].shape:
            return f"its weights {name!r} have the shape {tuple(part[name].shape)}, here it is {tuple(own[name].shape)}"
    unknown = [name for name in part if name not in own]
    return f"it has the weights {unknown[0]!r}, which are not there here" if unknown else part


def _statistics(files: AgentFiles, environments: EnvironmentMaker) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the statistics that go on, and those of wrappers that the earlier agent did not have.

    Observations have to be normalised as before, or the policy would not know them. What concerns rewards may change.
    """
    given = read_arrays(files.statistics)
    with environments.make_env() as env:
        own = env.statistics_state()
    of_observations = [name for name in {**given, **own} if not name.startswith(_OF_REWARDS)]
    for name in of_observations:
        if name not in own or name not in given or np.shape(own[name]) != np.shape(given[name]):
            what = "has no" if name not in given else "has" if name not in own else "has, in another shape, the"
            raise InvalidSpecificationError(
                f"input_dir: {files.root} {what} statistics {name!r}, unlike the wrappers of this run; give those that "
                "it was trained with, so that observations are normalised as before."
            )
    return {name: given[name] for name in own if name in given}, {n: v for n, v in own.items() if n not in given}
