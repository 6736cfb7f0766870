"""What maze offers instead of names that a configuration knows from elsewhere: bare ones, and MazeRL's."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping

from maze.config.source_files import find_module
from maze.config.source_lookup import Definition, look_up

__all__ = ["instead_of", "meant_by", "offered_as"]

_PLACES = ("maze", "maze.env.preprocessors")
"""Modules whose public names are offered, the first one first."""

_RENAMED: Mapping[str, str] = {
    "ActionRecordingWrapper": "TrajectoryRecordingWrapper",
    "BCTrainer": "BC",
    "DistributedRandomPolicy": "RandomPolicy",
    "FlattenConcatMaskedPolicyNet": "FlattenConcatPolicyNet",
    "GymCoreEnv": "GymMazeEnv",
    "MazeLocalLauncher": "JoblibLauncher",
    "SequentialVectorEnv": "SyncVectorEnv",
    "SerializedTorchPolicy": "TorchPolicy",
    "SpacesRecordingWrapper": "TrajectoryRecordingWrapper",
    "SubprocVectorEnv": "ProcessVectorEnv",
    "TorchActorCritic": "ActorCritic",
    "TorchSharedStateCritic": "TorchStateCritic",
    "TorchStepStateActionCritic": "TorchStateActionCritic",
    "TorchStepStateCritic": "TorchStateCritic",
    "UniformReplayBuffer": "ReplayBuffer",
    "random_policy_from_config": "RandomPolicy",
}
"""Names of MazeRL that are other names here."""

_GRAPHS = "blocks for graphs and point clouds come in a later release; docs/models.md says how to write one."
_NUMBERS = "what trainers tell are numbers of the run, such as loss/policy; docs/migration.md says which."
_SUB_STEPS = "it is for environments of several sub-steps, which come in a later release."

_WITHOUT: Mapping[str, str] = {
    **dict.fromkeys(("ActorCriticEvents", "ESEvents", "ImitationEvents", "ImpalaEvents", "SACEvents"), _NUMBERS),
    **dict.fromkeys(("DeltaStateCriticComposer", "SharedStateActionCriticComposer"), _SUB_STEPS),
    **dict.fromkeys(("GraphAttentionBlock", "GraphConvBlock", "PointNetFeatureBlock"), _GRAPHS),
    "ObservationVisualizationWrapper": "maze.MazeEnvMonitoringWrapper tells what agents see, and events with "
    "maze.define_plot draw figures.",
    "SortedSpacesWrapper": "it is for RLlib, which comes in a later release.",
}
"""Names of MazeRL that nothing is called here, and what is said instead."""

_FORMER_PACKAGES = (
    "maze.core",
    "maze.normalization_strategies",
    "maze.preprocessors",
    "maze.rllib",
    "maze.train",
    "maze.utils",
)
"""Packages of MazeRL that are not here."""

_SEARCH = "Settings are searched with maze-run tune, in Python with maze.tune."

_INSTEAD: Mapping[str, str] = {
    "algorithm_launcher": "Jobs go to launcher='joblib' or launcher='serial', whatever the algorithm.",
    "algorithm_runner": "A runner serves every algorithm: runner='dev', or runner='local' for worker processes.",
    "masked_random_policy": "policy='random_policy' obeys masks; see docs/migration.md.",
    "replay_recorded_actions_policy": "maze-run replay repeats a run with its actions; see docs/migration.md.",
    "hydra": "Hydra's own settings are not used: run_dir names the directory, multirun=True spans a grid.",
    "hydra/launcher": "Jobs go to launcher='joblib' or launcher='serial'.",
    "hydra/sweeper": _SEARCH,
    "nevergrad": _SEARCH,
    "normalization_samples": "How many observations of random play statistics are estimated from is "
    "estimation_samples of the wrapper maze.ObservationNormalizationWrapper.",
    "runner_launcher": "Jobs go to launcher='joblib' or launcher='serial', whatever the runner.",
}
"""What there is instead of options, groups and keys of MazeRL's configuration."""

_FORMER_SUFFIXES = ("PreProcessor", "ProbabilityDistribution")
"""Ends of MazeRL's names that are left out here."""


def offered_as(name: str) -> str | None:
    """Return the dotted name under which what is meant can be found here.

    Args:
        name: a bare name, or a dotted one that does not exist, whose last part counts.

    Returns:
        For example ``"maze.TimeLimitWrapper"``; None where nothing is called so, nor nearly so in a module that does
        not exist either.
    """
    module, _, last = name.rpartition(".")
    if last in _WITHOUT:
        return None
    spellings = [last, _RENAMED.get(last, ""), *(last.removesuffix(suffix) for suffix in _FORMER_SUFFIXES)]
    public = {place: importlib.import_module(place).__all__ for place in _PLACES}
    for place, names in public.items():
        found = next((spelling for spelling in spellings if spelling in names), None)
        if found is not None and f"{place}.{found}" != name:
            return f"{place}.{found}"
    if not module and isinstance(look_up(f"torch.nn.{last}"), Definition):
        return f"torch.nn.{last}"
    if module and (find_module(module) is not None or not module.startswith("maze.")):
        return None
    everything = {called: place for place, names in reversed(public.items()) for called in names}
    nearest = difflib.get_close_matches(last, everything, n=1, cutoff=0.8)
    return f"{everything[nearest[0]]}.{nearest[0]}" if nearest else None


def meant_by(name: object) -> str:
    """Return the tail of a message about a name that was not found: ``" did you mean 'maze.TimeLimitWrapper'?"``.

    Args:
        name: what was given.

    Returns:
        The question, or where MazeRL's names are told, with a space in front; nothing where nothing is known.
    """
    without = _WITHOUT.get(name.rpartition(".")[2]) if isinstance(name, str) else None
    if without is not None:
        return f" {without}"
    found = offered_as(name) if isinstance(name, str) and name else None
    if found is not None:
        return f" did you mean {found!r}?"
    former = isinstance(name, str) and any(name.startswith(f"{package}.") for package in _FORMER_PACKAGES)
    return " it is a name of MazeRL's; docs/migration.md says what there is instead." if former else ""


def instead_of(name: str) -> str:
    """Say what there is instead of an option, group or key of MazeRL's configuration.

    Args:
        name: as it was given, for example ``"hydra/sweeper"`` or ``"runner.normalization_samples"``.

    Returns:
        A sentence with a space in front, or nothing.
    """
    parts = name.replace("/", ".").split(".")
    for candidate in ("/".join(parts[:2]), parts[-1], parts[0]):
        if candidate in _INSTEAD:
            return f" {_INSTEAD[candidate]}"
    return ""
