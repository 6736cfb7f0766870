"""Names of statistics in stores that group by event: ``path_Interface/event/statistic``.

A run calls its numbers by short names, such as ``train/mean_return``. TensorBoard and MLflow show them as statistics of
the events that they come from, too, such as ``train_BaseEnvEvents/reward/mean``, beside those of an environment's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["event_tag", "event_tags"]

_EPISODE = MappingProxyType(
    {
        "mean_return": "mean",
        "std_return": "std",
        "min_return": "min",
        "max_return": "max",
        "mean_length": "mean_step_count",
        "median_length": "median_step_count",
        "total_length": "total_step_count",
        "n_episodes": "episode_count",
        "total_episodes": "total_episode_count",
    }
)
"""Statistics of the event ``BaseEnvEvents.reward``, by the run's own names of returns and lengths."""

_LEARNER = MappingProxyType(
    {
        "loss/policy": "policy_loss",
        "loss/value": "critic_value_loss",
        "policy/entropy": "policy_entropy",
        "policy/gradient_norm": "policy_grad_norm",
        "policy/learning_rate": "learning_rate",
        "time/epoch": "time_epoch",
    }
)
"""Events of actor and critic, by what the learner calls its numbers."""

_PATHS = ("train", "eval")


def event_tag(path: str, name: str) -> str:
    """Return the tag of a statistic.

    Args:
        path: what it is of, for example ``"train"``.
        name: of the statistic, without the path; one without an event of its own stays below the path.
    """
    if name in _EPISODE:
        return f"{path}_BaseEnvEvents/reward/{_EPISODE[name]}"
    if name in _LEARNER:
        return f"{path}_ActorCriticEvents/{_LEARNER[name]}"
    return f"{path}_{name}" if "/" in name else f"{path}/{name}"


def event_tags(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers of a run by tag; those without an event are left out.

    Args:
        metrics: by the run's own names, such as ``"eval/mean_return"`` and ``"loss/policy"``.
    """
    tags = {}
    for name, value in metrics.items():
        path, _, rest = name.partition("/")
        if path in _PATHS and (rest in _EPISODE or "/" in rest):  # the interface is called whatever its author liked
            tags[event_tag(path, rest)] = value
        elif name in _LEARNER:
            tags[event_tag("train", name)] = value
    return tags
