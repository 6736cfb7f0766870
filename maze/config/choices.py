"""Which option every group ends up with: explicit choices against experiments, and the model against its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from maze.config.hydra_tree import NULL, Choices, ConfigFiles, Tree, comes_later
from maze.config.offered import instead_of, offered_as
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["PARTS", "chosen_tree", "own_part"]

PARTS = ("policy", "critic")
"""Groups whose options are parts of the model."""

_NEEDED = ("env", "algorithm", "model")
_ROLLOUT_POLICIES = frozenset(
    {
        "dummy_cartpole_policy",
        "lunar_lander_heuristics",
        "masked_random_policy",
        "random_policy",
        "replay_recorded_actions_policy",
        "torch_policy",
    }
)
_SPECIALISATION = "_configuration"


def chosen_tree(files: ConfigFiles, explicit: Mapping[str, str], replaced: set[str]) -> tuple[Tree, Choices]:
    """Compose the tree that values are then set on, and say which option every group has.

    Args:
        files: the configuration trees.
        explicit: option by group, as the user chose.
        replaced: groups whose section a value or an object will replace as a whole.

    Returns:
        The tree, with its interpolations, and the option of every group.

    Raises:
        InvalidSpecificationError: for unknown names, and for choices that exclude each other.
    """
    choices = _against_experiment(files, _checked(files, explicit))
    tree, chosen = files.compose(choices)
    derived = (f"{group}{_SPECIALISATION}" for group in sorted(replaced - explicit.keys()))
    foreign = tuple(group for group in derived if chosen.get(group) in files.options(group))
    if foreign:  # they belong to options that something else replaces
        tree, chosen = files.compose(choices, foreign)
    _refuse_rollouts(tree, chosen, replaced)
    for part in PARTS:
        option = chosen.get(part)
        if option is None or "model" not in chosen:
            continue
        if "model" in replaced:
            if part not in explicit:
                chosen[part] = None
            continue
        base = files.compose({**_plain_choices(chosen), part: NULL})[0].get("model", {}).get(part)
        if isinstance(base, dict):
            tree["model"][part] = _without_leftovers(tree["model"].get(part), base, own_part(files, part, option))
    for name in ("experiment", "configuration"):
        if not tree.get(name):
            tree.pop(name, None)
    return tree, {group: option for group, option in chosen.items() if not group.endswith(_SPECIALISATION)}


def _plain_choices(chosen: Mapping[str, str | None]) -> Choices:
    """The choices without what is laid over them."""
    plain = {group: option for group, option in chosen.items() if not group.endswith(_SPECIALISATION)}
    laid_over = ("experiment", "configuration")
    return {group: NULL if option is None or group in laid_over else option for group, option in plain.items()}


def own_part(files: ConfigFiles, part: str, option: str) -> Any:
    """Return what one option of a group of parts says by itself.

    Args:
        files: the configuration trees.
        part: ``"policy"`` or ``"critic"``.
        option: an option of that group.
    """
    return files.compose({part: option}, absent=("model",))[0].get("model", {}).get(part)


def _without_leftovers(merged: Any, base: Any, own: Any) -> Any:
    """Drop what a replaced part of the model left behind when Hydra merged its successor over it."""
    if not (isinstance(merged, dict) and isinstance(base, dict) and isinstance(own, dict)):
        return merged
    return {
        key: _without_leftovers(value, base.get(key), own.get(key))
        for key, value in merged.items()
        if key in own or key not in base or value != base[key]
    }


def _checked(files: ConfigFiles, explicit: Mapping[str, str]) -> dict[str, str]:
    """Refuse unknown groups and options."""
    known = files.groups()
    for group, option in explicit.items():
        if not isinstance(option, str):
            raise InvalidSpecificationError(f"{group}: {option!r} is not the name of a configuration module.")
        if group not in known:
            raise InvalidSpecificationError(f"{group}: no such group; {suggest(group, known)}{instead_of(group)}")
        options = files.options(group)
        if option == NULL and group in _NEEDED:
            raise InvalidSpecificationError(f"{group}: a run needs one; {suggest(option, options)}")
        if option in options or option == NULL:
            continue
        if comes_later(option):
            raise InvalidSpecificationError(
                f"{group}: {option!r} is not available yet; it comes in a later release; {suggest(option, options)}"
            )
        if group == "policy" and option in _ROLLOUT_POLICIES:
            raise InvalidSpecificationError(_rollout_policy(option) + instead_of(option))
        known = [name for name in options if group != "policy" or name not in _ROLLOUT_POLICIES]
        raise InvalidSpecificationError(
            f"{group}: {option!r} not found; {suggest(option, known)}{_advice(group, option)}"
        )
    return dict(explicit)


def _advice(group: str, option: str) -> str:
    if group == "env":
        return f" An environment's own id goes to env.name: overrides={{'env.name': {option!r}}}."
    offered = offered_as(option) if group == "wrappers" else None
    if offered is None:
        return instead_of(option)
    return f" A class is given as a mapping: wrappers={{{offered!r}: {{...}}}}."


def _refuse_rollouts(tree: Tree, chosen: Choices, replaced: set[str]) -> None:
    """Refuse options of groups that rollouts share, but that only rollouts understand."""
    if "policy" in tree and "policy" not in replaced:
        raise InvalidSpecificationError(_rollout_policy(str(chosen.get("policy"))))
    if "runner" not in replaced and "n_episodes" in (tree.get("runner") or {}):
        raise InvalidSpecificationError(
            f"runner: {chosen.get('runner')!r} plays rollouts (maze-run -cn conf_rollout) and trains nothing; "
            "choose 'dev'."
        )


def _rollout_policy(option: str) -> str:
    return (
        f"policy: {option!r} is a policy for rollouts only; it has no weights that training could change. "
        "Choose one with networks, such as 'flatten_concat'."
    )


def _against_experiment(files: ConfigFiles, explicit: dict[str, str]) -> dict[str, str]:
    """Settle explicit choices against those of an experiment, which lose."""
    experiment = explicit.get("experiment", NULL)
    if experiment == NULL or not explicit.keys() & {"algorithm", "model"}:
        return explicit
    tree, own = files.compose({"experiment": experiment})
    algorithm = explicit.get("algorithm", own.get("algorithm"))
    if algorithm != own.get("algorithm"):
        words = set(re.split(r"[^a-z0-9]+", experiment.lower()))
        named = words & set(files.options("algorithm"))
        neutral = files.compose(_plain_choices(own))[0]
        if (named and algorithm not in named) or neutral.get("algorithm") != tree.get("algorithm"):
            raise InvalidSpecificationError(
                f"experiment {experiment!r} tunes the algorithm {own.get('algorithm')!r} and cannot be combined with "
                f"algorithm {algorithm!r}; leave one of the two out."
            )
    if explicit.get("model", own.get("model")) != own.get("model"):
        # The critic and policy that an experiment picks belong to the model that it picks.
        return {**{part: files.defaults.get(part) or NULL for part in PARTS if own.get(part)}, **explicit}
    return explicit
