"""Builds networks from a template: a block per kind of observation, concatenation, hidden layers, memory, heads."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from torch import nn

from maze.config.instantiate import resolve_target
from maze.errors import InvalidSpecificationError, suggest
from maze.perception.blocks.base import Block, Shape
from maze.perception.blocks.dense import FlattenBlock, LinearOutputBlock
from maze.perception.blocks.general import ConcatenationBlock
from maze.perception.blocks.parameters import check_weight_init
from maze.perception.blocks.stateful import StateBlock
from maze.perception.template_net import TemplateNet
from maze.perception.template_settings import HIDDEN, RECURRENCE, check_template, modality_entry
from maze.perception.weight_init import POLICY_HEAD_GAIN, VALUE_HEAD_GAIN, make_module_init_normc
from maze.types import AnyMapping

__all__ = ["ConcatModelBuilder", "TemplateNet"]


class ConcatModelBuilder:
    """Makes template networks from the shapes of observations and logits.

    A recurrence with state (``LSTMStateBlock``, ``GRUStateBlock``) carries it from step to step. With any other one,
    observations are stacks of the last steps, ``(T, ...)``: blocks and hidden layers see each step by itself, and the
    recurrence turns the T results into one, for example with ``LSTMLastStepBlock``.

    Args:
        modality_config: by modality ``{"block_type": dotted path or class, "block_params": {...}}``. The modality
            ``hidden`` follows the concatenation, ``recurrence`` follows ``hidden``; an empty mapping leaves them out.
        observation_modality_mapping: modality by observation key; a state-action critic looks up action heads, too.
            Masks of actions need no entry: the policy masks its logits by itself, and the networks do not see them.
        shared_embedding_keys: observation keys, ``hidden`` or ``recurrence``, whose blocks the critic shares with the
            policy.
        weight_init: ``orthogonal`` leaves the orthogonal weights with which blocks come; ``normc`` gives all units
            incoming weights of equal length. Policy heads start small (0.01) either way.

    Raises:
        InvalidSpecificationError: where modalities or keys do not fit together.
    """

    def __init__(
        self,
        modality_config: Mapping[str, AnyMapping | None],
        observation_modality_mapping: Mapping[str, str],
        shared_embedding_keys: Sequence[str] | None = None,
        weight_init: str = "orthogonal",
    ) -> None:
        check_template(modality_config, observation_modality_mapping, shared_embedding_keys)
        self.modality_config = modality_config
        self.observation_modality_mapping = observation_modality_mapping
        self.shared_embedding_keys = shared_embedding_keys
        self.weight_init = check_weight_init(weight_init)
        self._shared = frozenset(shared_embedding_keys or ())

    def build_policy(
        self,
        obs_shapes: Mapping[str, Shape],
        action_logits_shapes: Mapping[str, Shape],
        *,
        left_out: Collection[str] = (),
    ) -> TemplateNet:
        """Return a policy network with one small-weight head per action head.

        Args:
            obs_shapes: shape of one observation by key.
            action_logits_shapes: shape of the logits by action head.
            left_out: observations that are no inputs unless they are mapped to a modality, such as masks of actions.
        """
        return self._build(obs_shapes, action_logits_shapes, POLICY_HEAD_GAIN, None, left_out)

    def build_critic(
        self,
        obs_shapes: Mapping[str, Shape],
        policy_network: nn.Module | None = None,
        *,
        left_out: Collection[str] = (),
    ) -> TemplateNet:
        """Return a critic network with the output ``value``.

        Args:
            obs_shapes: shape of one observation by key.
            policy_network: the template network of the policy, whose blocks are shared as configured.
            left_out: see `build_policy`.
        """
        if self._shared and not isinstance(policy_network, TemplateNet):
            raise InvalidSpecificationError(
                f"shared_embedding_keys: {sorted(self._shared)} can be shared with a template policy only; let the "
                "template build the policy too (policy.networks: null), or share nothing."
            )
        shared = policy_network if self._shared and isinstance(policy_network, TemplateNet) else None
        return self._build(obs_shapes, {"value": (1,)}, VALUE_HEAD_GAIN, shared, left_out)

    def build_state_action_critic(
        self, obs_shapes: Mapping[str, Shape], output_shapes: Mapping[str, Shape], *, left_out: Collection[str] = ()
    ) -> TemplateNet:
        """Return a network of a state-action critic; nothing is shared with the policy.

        Args:
            obs_shapes: shape of each input by key: observations, and actions by head where they are inputs.
            output_shapes: shape of each output by key.
            left_out: see `build_policy`.
        """
        if self._shared:
            raise InvalidSpecificationError(
                f"shared_embedding_keys: {sorted(self._shared)} cannot be shared with a state-action critic, whose "
                "networks learn for themselves; set it to null."
            )
        return self._build(obs_shapes, output_shapes, VALUE_HEAD_GAIN, None, left_out)

    def _build(
        self,
        obs_shapes: Mapping[str, Shape],
        head_shapes: Mapping[str, Shape],
        gain: float,
        shared: TemplateNet | None,
        left_out: Collection[str],
    ) -> TemplateNet:
        """Return a network; its blocks are those of ``shared`` as configured, otherwise new."""
        mapping = self.observation_modality_mapping
        obs_shapes = {key: shape for key, shape in obs_shapes.items() if key not in left_out or key in mapping}
        n_steps = _stacked_steps(obs_shapes) if self._reads_stacks() else None
        branches: dict[str, Block] = {}
        flattens: dict[str, FlattenBlock] = {}
        for key, shape in obs_shapes.items():
            branches[key] = branch = self._branch(key, shape if n_steps is None else shape[1:], shared, obs_shapes)
            if len(branch.out_shape) != 1:
                flattens[key] = FlattenBlock(branch.out_keys, f"{branch.out_keys[0]}:flat", branch.out_shape)
        ends = [flattens.get(key, branch) for key, branch in branches.items()]
        concatenation = ConcatenationBlock(
            [block.out_keys[0] for block in ends], "concatenation", [block.out_shape for block in ends]
        )
        features: Block = concatenation
        hidden = self._following(HIDDEN, features, features.out_shape, None if shared is None else shared.hidden)
        features = hidden or features
        in_shape = features.out_shape if n_steps is None else (n_steps, *features.out_shape)
        recurrence = self._following(RECURRENCE, features, in_shape, None if shared is None else shared.recurrence)
        features = recurrence or features
        heads = {name: self._head(name, shape, features, gain) for name, shape in head_shapes.items()}
        return TemplateNet(obs_shapes, branches, flattens, concatenation, hidden, recurrence, heads, head_shapes)

    def _reads_stacks(self) -> bool:
        """Return whether there is a recurrence that reads stacks of the last steps, and carries no state."""
        entry = modality_entry(self.modality_config, RECURRENCE)
        return bool(entry) and not issubclass(_block_type(entry, f"modality_config.{RECURRENCE}"), StateBlock)

    def _branch(self, key: str, shape: Shape, shared: TemplateNet | None, observed: Collection[str]) -> Block:
        """Return the block of one of the observations."""
        if key not in self.observation_modality_mapping:
            raise InvalidSpecificationError(self._no_entry(key, observed))
        if shared is not None and key in self._shared:
            return cast("Block", shared.branches[key])
        modality = self.observation_modality_mapping[key]
        return self._make_block(modality, key, f"{key}:{modality}", shape)

    def _no_entry(self, key: str, observed: Collection[str]) -> str:
        """Say what to do about an observation without a modality; a misspelt key may have been meant for it."""
        spare = [name for name in self.observation_modality_mapping if name not in observed]
        misspelt = difflib.get_close_matches(key, spare, n=1)
        modalities = [name for name in self.modality_config if name not in (HIDDEN, RECURRENCE)]
        remedy = (
            f"its key {misspelt[0]!r} is no observation: did you mean {key!r}?"
            if misspelt
            else f"add {key!r} with one of the modalities {', '.join(modalities)}."
        )
        return f"observation_modality_mapping has no entry for the observation {key!r}; {remedy}"

    def _following(self, name: str, before: Block, in_shape: Shape, shared: Block | None) -> Block | None:
        """Return the hidden or the recurrent block, None where none is configured."""
        if not self.modality_config.get(name):
            return None
        if shared is not None and name in self._shared:
            return shared
        block = self._make_block(name, before.out_keys[0], name, in_shape)
        if len(block.out_shape) != 1:
            remedy = "use LSTMLastStepBlock or GRULastStepBlock" if name == RECURRENCE else "flatten it"
            raise InvalidSpecificationError(
                f"modality_config.{name}.block_type: {type(block).__name__} puts out the shape {block.out_shape}; "
                f"expected is one vector; {remedy}."
            )
        return block

    def _head(self, name: str, shape: Shape, features: Block, gain: float) -> LinearOutputBlock:
        """Return the linear head of one output."""
        head = LinearOutputBlock(features.out_keys[0], name, features.out_shape, math.prod(shape), gain)
        if self.weight_init == "normc":
            head.apply(make_module_init_normc(gain))
        return head

    def _make_block(self, modality: str, in_key: str, out_key: str, in_shape: Shape) -> Block:
        """Return a new block of a modality."""
        entry = modality_entry(self.modality_config, modality)
        path = f"modality_config.{modality}"
        block_type = _block_type(entry, path)
        parameters = entry.get("block_params") or {}
        _check_parameters(block_type, parameters, f"{path}.block_params")
        try:
            block: Block = block_type(in_key, out_key, in_shape, **parameters)
        except (InvalidSpecificationError, TypeError, ValueError) as error:
            subject = f"{block_type.__name__}: "
            reason = str(error).removeprefix(subject)
            raise InvalidSpecificationError(f"{path}.block_params: {subject}{reason}") from error
        if self.weight_init == "normc":
            block.apply(make_module_init_normc(1.0))
        return block


def _block_type(entry: AnyMapping, path: str) -> type[Block]:
    """Return the class of a modality's blocks."""
    if not entry:
        raise InvalidSpecificationError(
            f"{path}: it is empty, and an observation has this modality; give it a block_type such as "
            "'maze.perception.blocks.DenseBlock'."
        )
    block_type: Any = entry["block_type"]
    if isinstance(block_type, str):
        block_type = resolve_target(block_type, f"{path}.block_type")
    if not (isinstance(block_type, type) and issubclass(block_type, Block)):
        raise InvalidSpecificationError(
            f"{path}.block_type: {block_type!r} is no block; accepted: subclasses of "
            "maze.perception.blocks.Block, such as 'maze.perception.blocks.DenseBlock'."
        )
    return block_type


def _stacked_steps(obs_shapes: Mapping[str, Shape]) -> int:
    """Return how many steps the observations hold, which has to be the same for all.

    Raises:
        InvalidSpecificationError: where an observation is no stack, or the numbers of steps differ.
    """
    first = next(iter(obs_shapes))
    for key, shape in obs_shapes.items():
        if len(shape) < 2 or shape[0] != obs_shapes[first][0]:
            steps = "steps" if key == first else obs_shapes[first][0]
            raise InvalidSpecificationError(
                f"modality_config.recurrence: the observation {key!r} has the shape {shape}; expected is ({steps}, "
                "...): the observations of the last steps. Stack them (wrappers=vector_obs_rnn or "
                "ObservationStackWrapper), use LSTMStateBlock or GRUStateBlock, or set recurrence to {}."
            )
    return obs_shapes[first][0]


def _check_parameters(block_type: type[Block], parameters: AnyMapping, path: str) -> None:
    """Raise an error that names the first parameter that a block does not accept or lacks."""
    signature = [
        item
        for item in inspect.signature(block_type).parameters.values()
        if item.name not in ("in_keys", "out_keys", "in_shapes")
    ]
    accepted = [item.name for item in signature]
    for name in parameters:
        if name not in accepted:
            raise InvalidSpecificationError(
                f"{path}.{name}: {block_type.__name__} has no such parameter; {suggest(name, accepted)}"
            )
    for item in signature:
        if item.default is item.empty and item.name not in parameters:
            raise InvalidSpecificationError(f"{path}.{item.name}: {block_type.__name__} needs this parameter.")
