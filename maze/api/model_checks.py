"""Checks of the section ``model``: what can be known of networks, blocks and distributions without loading torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from maze.api.literals import check_home
from maze.api.target_checks import check_source, components, split_component
from maze.config.critics import critic_option, kind_of_critic
from maze.config.overrides import OBJECT_KEY, is_marker
from maze.config.source_lookup import Definition, look_up
from maze.config.targets import is_within
from maze.distributions.entries import DISTRIBUTIONS, distribution_name, read_entries
from maze.errors import InvalidSpecificationError
from maze.perception.blocks.parameters import PARAMETERS
from maze.perception.template_settings import check_template, modality_entry

__all__ = ["check_critic", "check_model"]

_CLASS_NAME = re.compile(r"(maze|torch\.nn)(\.[A-Za-z_]\w*)+")
"""Texts in a model that can only be meant as names of classes."""

_TEMPLATE_BUILDER = "maze.perception.builders.ConcatModelBuilder"

_GIVEN_TO_BLOCKS = ("in_keys", "out_keys", "in_shapes", "generator")

_GIVEN_TO_MODELS: Mapping[str, tuple[type, str]] = {
    "action_spaces_dict": (Mapping, "spaces by step key"),
    "observation_spaces_dict": (Mapping, "spaces by step key"),
    "agent_counts_dict": (int, "the number of agents by step key, {0: 1}"),
}
"""Arguments that a run gives to models and their parts: the kind of their entries, and what is accepted in words."""


def check_model(model: Mapping[str, Any], critic: str | None = None) -> None:
    """Check the composer, its parts, and the values of maze's own networks and blocks.

    Args:
        model: the section, in plain containers and without constants.
        critic: the option of the group ``critic`` that was chosen, for messages.

    Raises:
        InvalidSpecificationError: names the place, what is accepted and the nearest match.
    """
    if is_marker(model):
        return
    split_component(model, "model")
    _check_what_is_given(model)
    is_own_composer = is_within(model["_target_"], ("maze",))
    if is_own_composer:
        _check_template_parts(model, critic)
    for node, path in components(model, "model"):
        name, arguments = split_component(node, path)
        check_source(name, arguments, path)
        check_home(name, path)
    if not is_own_composer:
        return  # a composer of a user's own decides what its arguments mean
    for part in ("policy", "critic"):
        _check_composer(model.get(part), f"model.{part}")
    _check_builder(model.get("model_builder"), "model.model_builder")
    _check_distributions(model.get("distribution_mapper_config"), "model.distribution_mapper_config")
    for name, path in _class_names(model, "model"):
        check_source(name, {}, path, key="")
    for node, path in components(model, "model"):
        if is_within(str(node["_target_"]), ("maze",)):
            _check_values(node, path)
    _check_parts(model)


def _check_what_is_given(model: Mapping[str, Any]) -> None:
    """Check arguments that the run gives to models itself, and which may be written down as it would give them."""
    for path, part in (("model", model), *((f"model.{name}", model.get(name)) for name in ("policy", "critic"))):
        for name, (kind, accepted) in _GIVEN_TO_MODELS.items():
            value = part.get(name) if isinstance(part, Mapping) else None
            if value is None or is_marker(value):
                continue
            if not isinstance(value, Mapping) or not all(
                is_marker(item) or _is_a(item, kind) for item in value.values()
            ):
                raise InvalidSpecificationError(
                    f"{path}.{name}: {value!r} is not accepted; accepted: {accepted}. It comes from the environment, "
                    "so that it can be left out."
                )


def _is_a(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _check_parts(model: Mapping[str, Any]) -> None:
    """Refuse a policy or critic that is neither described nor an object; there may be no critic."""
    for part, remedy in (("policy", "policy='flatten_concat'"), ("critic", "critic='flatten_concat', or null")):
        value = model.get(part)
        described = isinstance(value, Mapping) and (is_marker(value) or "_target_" in value)
        if part in model and not described and not (part == "critic" and value is None):
            raise InvalidSpecificationError(
                f"model.{part}: {value!r} is not accepted; accepted: a mapping with _target_. "
                f"Pass for example {remedy}."
            )


# --- templates -------------------------------------------------------------------------------------------------------


def _check_template_parts(model: Mapping[str, Any], option: str | None) -> None:
    """Refuse parts that leave their networks to a template in a model that is none."""
    if not _is_without(model["_target_"], "model_builder"):
        return
    composer = str(model["_target_"]).rpartition(".")[2]
    for part in ("critic", "policy"):
        value = model.get(part)
        if not isinstance(value, Mapping) or is_marker(value) or value.get("networks", ()) is not None:
            continue
        if "_target_" not in value or not _takes_networks(value["_target_"]):
            continue
        fitting = critic_option(kind_of_critic(value) or "states", {}) if part == "critic" else "flatten_concat"
        chosen = f"critic: {option!r}" if part == "critic" and option else f"model.{part}.networks: null"
        raise InvalidSpecificationError(
            f"{chosen} leaves the networks to a template, and the model ({composer}) is none; accepted here: "
            f"{part}={fitting!r}, or a list of networks. Or choose a template: model='vector_obs'."
        )


def _is_without(target: Any, argument: str) -> bool:
    """Say whether a class certainly has no such argument."""
    found = look_up(str(target))
    return isinstance(found, Definition) and found.arguments is not None and argument not in found.arguments


def _takes_networks(target: Any) -> bool:
    """Say whether a class is one of maze's composers, to which networks are given."""
    found = look_up(str(target))
    return isinstance(found, Definition) and is_within(found.name, ("maze",)) and "networks" in found.named


def _check_builder(builder: Any, path: str) -> None:
    """Check the settings of maze's own template, its blocks and their parameters."""
    found = look_up(str(builder.get("_target_"))) if isinstance(builder, Mapping) and not is_marker(builder) else None
    if not isinstance(found, Definition) or found.name != _TEMPLATE_BUILDER:
        return
    settings = [
        builder.get(name) for name in ("modality_config", "observation_modality_mapping", "shared_embedding_keys")
    ]
    if any(is_marker(value) for value in settings):
        return
    try:
        check_template(*settings)
    except InvalidSpecificationError as error:
        raise InvalidSpecificationError(f"{path}.{error}") from None
    modality_config: Mapping[str, Any] = builder["modality_config"]
    for modality in modality_config:
        entry, place = modality_entry(modality_config, modality), f"{path}.modality_config.{modality}"
        block_type, parameters = entry.get("block_type"), entry.get("block_params") or {}
        if not entry or is_marker(block_type) or is_marker(parameters):
            continue
        if not isinstance(block_type, str):
            raise InvalidSpecificationError(
                f"{place}.block_type: {block_type!r} is not accepted; accepted: the dotted name of a block, for "
                "example 'maze.perception.blocks.DenseBlock'."
            )
        check_source(block_type, {}, place, key=".block_type")
        check_source(block_type, parameters, f"{place}.block_params", key="", given=_GIVEN_TO_BLOCKS)
        if is_within(block_type, ("maze",)):
            _check_values(parameters, f"{place}.block_params")


# --- values ----------------------------------------------------------------------------------------------------------


def _check_values(arguments: Mapping[Any, Any], path: str) -> None:
    """Check the arguments of one of maze's own networks or blocks, as far as their names say what they accept."""
    for key, value in arguments.items():
        if is_marker(value):
            continue
        if key in PARAMETERS:
            PARAMETERS[key](f"{path}.{key}", value)
        elif key == "non_lin" and isinstance(value, str):
            check_source(value, {}, f"{path}.{key}", key="")
        elif key == "non_lin" and value is not None:
            raise InvalidSpecificationError(
                f"{path}.{key}: {value!r} is not accepted; accepted: the dotted name of a class, for example "
                "'torch.nn.Tanh'."
            )


def _check_distributions(configuration: Any, path: str) -> None:
    """Check the entries that say which distributions actions follow, where no objects are among them."""
    if is_marker(configuration):
        return
    entries = configuration if isinstance(configuration, list) else [configuration]
    if any(is_marker(value) for entry in entries if isinstance(entry, Mapping) for value in [entry, *entry.values()]):
        return
    for index, entry in enumerate(read_entries(configuration, path)):
        distribution, arguments = entry["distribution"], entry.get("args") or {}
        name = distribution_name(distribution)
        head = distribution if name is None else f"maze.distributions.{DISTRIBUTIONS[name]}Head"
        check_source(head, {}, f"{path}.{index}", key=".distribution")
        check_source(head, arguments, f"{path}.{index}.args", key="", given=("space",))


def _check_composer(part: Any, path: str) -> None:
    """Check what the composers that are maze's own are given: networks by step key, and step keys."""
    if not isinstance(part, Mapping) or is_marker(part) or not is_within(str(part.get("_target_")), ("maze",)):
        return
    separate = part.get("substeps_with_separate_agent_nets")
    if not isinstance(separate, list | None) and not is_marker(separate):
        raise InvalidSpecificationError(
            f"{path}.substeps_with_separate_agent_nets: {separate!r} is not accepted; accepted: a list of step keys."
        )
    _check_networks(part.get("networks"), f"{path}.networks")


def _check_networks(networks: Any, path: str) -> None:
    """Refuse a network where a list of them stands, and entries that name none."""
    accepted = "accepted: a list with one network for each step key, or a mapping by step key"
    if isinstance(networks, Mapping) and is_marker(networks):
        shown = networks[OBJECT_KEY]
        raise InvalidSpecificationError(
            f"{path}: {shown} is not accepted; {accepted}. One network alone is a list, too: "
            f"overrides={{'{path}': [{shown.rpartition('.')[2]}]}}."
        )
    if not isinstance(networks, list | Mapping | None):
        raise InvalidSpecificationError(f"{path}: {networks!r} is not accepted; {accepted}.")
    for index, network in enumerate(networks if isinstance(networks, list) else []):
        if isinstance(network, Mapping) and not is_marker(network):
            split_component(network, f"{path}.{index}")


def _class_names(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every text that names a class of maze or torch, and its path; distributions have names of their own."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key not in ("_target_", "distribution"):
                yield from _class_names(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _class_names(value, f"{path}.{index}")
    elif isinstance(node, str) and _CLASS_NAME.fullmatch(node):
        yield node, path


# --- critics ---------------------------------------------------------------------------------------------------------


def check_critic(algorithm: type[Any], model: Mapping[str, Any]) -> None:
    """Refuse a model that certainly has no critic, or one of the other kind.

    Args:
        algorithm: the class of an algorithm's configuration that needs a critic.
        model: the section of the model, which is no object.

    Raises:
        InvalidSpecificationError: names the critic to choose.
    """
    kind, critic = getattr(algorithm, "critic_values", "states"), model.get("critic")
    if is_within(model["_target_"], ("maze",)) and critic is None:
        raise InvalidSpecificationError(
            f"model.critic: null is not accepted, since {algorithm.__name__} needs a critic; "
            f"pass critic={critic_option(kind, model)!r}."
        )
    if critic is not None and kind_of_critic(critic) not in (None, kind):
        raise InvalidSpecificationError(
            f"model.critic: {critic['_target_']!r} is a critic of {kind_of_critic(critic)}, and {algorithm.__name__} "
            f"needs one of {kind}; pass critic={critic_option(kind, model)!r}."
        )
