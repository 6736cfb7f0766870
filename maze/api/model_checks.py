"""Checks of the section ``model``: what can be known of networks, blocks and distributions without loading torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from maze.api.literals import check_home
from maze.api.network_checks import check_composer
from maze.api.target_checks import check_source, components, split_component
from maze.config.critics import critic_option, kind_of_critic
from maze.config.overrides import is_marker
from maze.config.source_lookup import Definition, derives_from, look_up, needed_arguments
from maze.config.targets import is_within
from maze.distributions.entries import DISTRIBUTIONS, distribution_name, read_entries
from maze.errors import InvalidSpecificationError
from maze.perception.blocks.parameters import PARAMETERS, check_lengths
from maze.perception.template_settings import check_template, modality_entry
from maze.types import StepKey

__all__ = ["check_model"]

_CLASS_NAME = re.compile(r"(maze|torch\.nn)(\.[A-Za-z_]\w*)+")
"""Texts in a model that can only be meant as names of classes."""

_TEMPLATE_BUILDER = "maze.perception.builders.ConcatModelBuilder"

_BLOCK = "maze.perception.blocks.base.Block"

_MODULES = ("torch.nn.modules",)

_ACTIVATIONS = "torch.nn.modules.activation."
"""Where torch's non-linearities are defined; reading so long a file is spared."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})

_GIVEN_TO_BLOCKS = ("in_keys", "out_keys", "in_shapes", "generator")

_GIVEN_TO_MODELS: Mapping[str, tuple[type, str]] = {
    "action_spaces_dict": (Mapping, "spaces by step key"),
    "observation_spaces_dict": (Mapping, "spaces by step key"),
    "agent_counts_dict": (int, "the number of agents by step key, {0: 1}"),
}
"""Arguments that a run gives to models and their parts: the kind of their entries, and what is accepted in words."""


def check_model(
    model: Mapping[str, Any],
    critic: str | None = None,
    step_keys: Sequence[StepKey] | None = None,
    objects: Mapping[str, Any] = _NOTHING,
) -> None:
    """Check the composer, its parts, and the values of maze's own networks and blocks.

    Args:
        model: the section, in plain containers and without constants.
        critic: the option of the group ``critic`` that was chosen, for messages.
        step_keys: those of the environment; None where only its code knows them.
        objects: live objects by the path of their place.

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
    _check_builder(model.get("model_builder"), "model.model_builder", objects)
    _check_distributions(model.get("distribution_mapper_config"), "model.distribution_mapper_config")
    for name, path in _class_names(model, "model"):
        check_source(name, {}, path, key="")
    for node, path in components(model, "model"):
        if is_within(str(node["_target_"]), ("maze",)):
            _check_values(node, path, objects)
    _check_parts(model)
    for part in ("policy", "critic"):
        check_composer(model.get(part), f"model.{part}", step_keys, objects)


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


def _check_builder(builder: Any, path: str, objects: Mapping[str, Any]) -> None:
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
        _check_block(block_type, parameters, place)
        if is_within(block_type, ("maze",)):
            _check_values(parameters, f"{place}.block_params", objects)
            check_lengths(f"{place}.block_params", parameters)


def _check_block(block_type: str, parameters: Mapping[str, Any], place: str) -> None:
    """Refuse what is certainly no block, and parameters that it does not accept or lacks."""
    check_source(block_type, {}, place, key=".block_type")
    if derives_from(block_type, _BLOCK) is False:
        raise InvalidSpecificationError(
            f"{place}.block_type: {block_type!r} is no block; accepted: subclasses of maze.perception.blocks.Block, "
            "such as 'maze.perception.blocks.DenseBlock'."
        )
    check_source(block_type, parameters, f"{place}.block_params", key="", given=_GIVEN_TO_BLOCKS)
    for name in needed_arguments(block_type):
        if name not in parameters and name not in _GIVEN_TO_BLOCKS:
            raise InvalidSpecificationError(f"{place}.block_params.{name}: {block_type} needs this parameter.")


# --- values ----------------------------------------------------------------------------------------------------------


def _check_values(arguments: Mapping[Any, Any], path: str, objects: Mapping[str, Any]) -> None:
    """Check the arguments of one of maze's own networks or blocks, as far as their names say what they accept."""
    for key, value in arguments.items():
        if key == "non_lin" and value is not None:
            _check_non_linearity(objects.get(f"{path}.{key}", value), f"{path}.{key}")
        elif key in PARAMETERS and not is_marker(value):
            PARAMETERS[key](f"{path}.{key}", value)


def _check_non_linearity(value: Any, path: str) -> None:
    """Refuse what is no class of modules that need no arguments; of a class itself its constructor tells."""
    if isinstance(value, type) or is_marker(value):
        return
    if not isinstance(value, str):
        raise InvalidSpecificationError(
            f"{path}: {value!r} is not accepted; accepted: the dotted name of a class, for example 'torch.nn.Tanh', or "
            "the class itself."
        )
    check_source(value, {}, path, key="")
    found = look_up(value)
    if not isinstance(found, Definition) or found.name.startswith(_ACTIVATIONS):
        return
    if needed_arguments(value) or (is_within(found.name, ("torch",)) and not is_within(found.name, _MODULES)):
        raise InvalidSpecificationError(
            f"{path}: {value!r} is not a class of modules that need no arguments; accepted: a dotted path or class "
            "such as 'torch.nn.Tanh'."
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
