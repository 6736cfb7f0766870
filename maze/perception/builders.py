"""Builds networks from a template: one block per kind of observation, concatenation, hidden layers, heads."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor, nn

from maze.agents.dense_plan import DensePlan
from maze.config.instantiate import resolve_target
from maze.errors import InvalidSpecificationError, suggest
from maze.perception.blocks import Block, ConcatenationBlock, LinearOutputBlock
from maze.perception.weight_init import POLICY_HEAD_GAIN, VALUE_HEAD_GAIN
from maze.types import AnyMapping

__all__ = ["ConcatModelBuilder", "TemplateNet"]

_HIDDEN, _RECURRENCE = "hidden", "recurrence"


class TemplateNet(nn.Module):
    """A block for every observation, their concatenation, hidden layers and linear heads.

    Args:
        branches: block by observation key.
        hidden: block on the concatenated outputs of the branches, None for none.
        heads: linear layer by output key.
    """

    def __init__(
        self, branches: Mapping[str, Block], hidden: Block | None, heads: Mapping[str, LinearOutputBlock]
    ) -> None:
        super().__init__()
        self.obs_shapes = {key: block.in_shape for key, block in branches.items()}
        self.branches = nn.ModuleDict(branches)
        self.concatenation = ConcatenationBlock([block.out_shape for block in branches.values()])
        self.hidden = hidden
        self.heads = nn.ModuleDict(heads)

    def forward(self, observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the heads' outputs [B, n] for observations [B, ...] by key."""
        features = self.concatenation([branch(observation[key]) for key, branch in self.branches.items()])
        if self.hidden is not None:
            features = self.hidden(features)
        return {name: head(features) for name, head in self.heads.items()}

    def dense_plan(self) -> DensePlan | None:
        """Return how the network computes, None where some block is not dense."""
        branches = {key: _dense_modules(branch) for key, branch in self.branches.items()}
        trunk = () if self.hidden is None else _dense_modules(self.hidden)
        heads = {name: _dense_modules(head) for name, head in self.heads.items()}
        if trunk is None or None in branches.values() or None in heads.values():
            return None
        return DensePlan(
            tuple(branches),
            trunk,
            {name: modules for name, modules in heads.items() if modules is not None},
            {key: modules for key, modules in branches.items() if modules is not None},
        )


class ConcatModelBuilder:
    """Makes template networks from the shapes of observations and logits.

    Args:
        modality_config: by modality ``{"block_type": dotted path or class, "block_params": {...}}``. The modality
            ``hidden`` follows the concatenation; an empty mapping leaves it out.
        observation_modality_mapping: modality by observation key.
        shared_embedding_keys: observation keys, or ``hidden``, whose blocks the critic shares with the policy.

    Raises:
        InvalidSpecificationError: where modalities or keys do not fit together.
    """

    def __init__(
        self,
        modality_config: Mapping[str, AnyMapping | None],
        observation_modality_mapping: Mapping[str, str],
        shared_embedding_keys: Sequence[str] | None = None,
    ) -> None:
        self.modality_config = modality_config
        self.observation_modality_mapping = observation_modality_mapping
        self.shared_embedding_keys = shared_embedding_keys
        self._shared = frozenset(shared_embedding_keys or ())
        if modality_config.get(_RECURRENCE):
            raise InvalidSpecificationError(
                "modality_config.recurrence: recurrent blocks are not offered; leave it empty and stack observations "
                "instead."
            )
        for key, modality in observation_modality_mapping.items():
            if modality not in modality_config:
                raise InvalidSpecificationError(
                    f"observation_modality_mapping.{key}: there is no modality {modality!r}; "
                    f"{suggest(modality, modality_config)}"
                )
        for key in self._shared:
            accepted = [*observation_modality_mapping, _HIDDEN]
            if key not in accepted:
                raise InvalidSpecificationError(f"shared_embedding_keys: {key!r} is unknown; {suggest(key, accepted)}")
        if _HIDDEN in self._shared and not self._shared.issuperset(observation_modality_mapping):
            raise InvalidSpecificationError(
                "shared_embedding_keys: sharing 'hidden' needs all observation keys to be shared; add "
                f"{', '.join(sorted(set(observation_modality_mapping) - self._shared))}."
            )

    def build_policy(
        self, obs_shapes: Mapping[str, tuple[int, ...]], action_logits_shapes: Mapping[str, tuple[int, ...]]
    ) -> TemplateNet:
        """Return a policy network with one small-weight head per action head."""
        return self._build(obs_shapes, action_logits_shapes, POLICY_HEAD_GAIN, None)

    def build_critic(
        self, obs_shapes: Mapping[str, tuple[int, ...]], policy_network: nn.Module | None = None
    ) -> TemplateNet:
        """Return a critic network with the output ``value``.

        Args:
            obs_shapes: shape of one observation by key.
            policy_network: the template network of the policy, whose blocks are shared as configured.
        """
        if self._shared and not isinstance(policy_network, TemplateNet):
            raise InvalidSpecificationError(
                f"shared_embedding_keys: {sorted(self._shared)} can be shared with a template policy only; let the "
                "template build the policy too (policy.networks: null), or share nothing."
            )
        shared = policy_network if self._shared and isinstance(policy_network, TemplateNet) else None
        return self._build(obs_shapes, {"value": (1,)}, VALUE_HEAD_GAIN, shared)

    def _build(
        self,
        obs_shapes: Mapping[str, tuple[int, ...]],
        head_shapes: Mapping[str, tuple[int, ...]],
        gain: float,
        shared: TemplateNet | None,
    ) -> TemplateNet:
        branches: dict[str, Block] = {}
        for key, shape in obs_shapes.items():
            if key not in self.observation_modality_mapping:
                raise InvalidSpecificationError(
                    f"observation_modality_mapping has no entry for the observation {key!r}; "
                    f"{suggest(key, self.observation_modality_mapping)} Add it."
                )
            if shared is not None and key in self._shared:
                branches[key] = cast("Block", shared.branches[key])
            else:
                branches[key] = self._make_block(self.observation_modality_mapping[key], shape)
        width = sum(math.prod(block.out_shape) for block in branches.values())
        if shared is not None and _HIDDEN in self._shared:
            hidden = shared.hidden
        else:
            hidden = self._make_block(_HIDDEN, (width,)) if self.modality_config.get(_HIDDEN) else None
        features = hidden.out_shape if hidden is not None else (width,)
        heads = {name: LinearOutputBlock(features, math.prod(shape), gain) for name, shape in head_shapes.items()}
        return TemplateNet(branches, hidden, heads)

    def _make_block(self, modality: str, in_shape: tuple[int, ...]) -> Block:
        """Return a new block of a modality."""
        entry = self.modality_config.get(modality) or {}
        path = f"modality_config.{modality}"
        accepted = ("block_params", "block_type")
        for key in entry:
            if key not in accepted:
                raise InvalidSpecificationError(f"{path}.{key}: there is no such key; {suggest(key, accepted)}")
        if "block_type" not in entry:
            raise InvalidSpecificationError(
                f"{path}.block_type is missing; accepted: a dotted path such as 'maze.perception.blocks.DenseBlock'."
            )
        block_type: Any = entry["block_type"]
        if isinstance(block_type, str):
            block_type = resolve_target(block_type, f"{path}.block_type")
        if not (isinstance(block_type, type) and issubclass(block_type, Block)):
            raise InvalidSpecificationError(
                f"{path}.block_type: {block_type!r} is no block with one input; accepted: subclasses of "
                "maze.perception.blocks.Block, such as 'maze.perception.blocks.DenseBlock'."
            )
        parameters = entry.get("block_params") or {}
        _check_parameters(block_type, parameters, f"{path}.block_params")
        return block_type(in_shape, **parameters)


def _check_parameters(block_type: type[Block], parameters: AnyMapping, path: str) -> None:
    """Raise an error that names the first parameter that a block does not accept or lacks."""
    signature = list(inspect.signature(block_type).parameters.values())[1:]
    accepted = [item.name for item in signature]
    for name in parameters:
        if name not in accepted:
            raise InvalidSpecificationError(
                f"{path}.{name}: {block_type.__name__} has no such parameter; {suggest(name, accepted)}"
            )
    for item in signature:
        if item.default is item.empty and item.name not in parameters:
            raise InvalidSpecificationError(f"{path}.{item.name}: {block_type.__name__} needs this parameter.")


def _dense_modules(module: nn.Module) -> tuple[nn.Module, ...] | None:
    """Return a block's modules for a dense plan, None where it has none."""
    return module.dense_modules() if isinstance(module, Block) else None
