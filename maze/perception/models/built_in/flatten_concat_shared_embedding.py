"""Networks for observations that fit into one vector, where policy and critic share their first layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from maze.agents.dense_plan import DensePlan
from maze.agents.joint_pass import Known
from maze.agents.keyed_modules import KeyedModules
from maze.errors import InvalidSpecificationError
from maze.perception.blocks.base import NonLinearity, concatenate_flat, resolve_non_linearity
from maze.perception.blocks.dense import dense_layers
from maze.perception.blocks.parameters import check_weight_init, check_widths
from maze.perception.weight_init import (
    POLICY_HEAD_GAIN,
    VALUE_HEAD_GAIN,
    OrthogonalLinear,
    make_module_init_normc,
)

__all__ = ["FlattenConcatSharedEmbeddingPolicyNet", "FlattenConcatSharedEmbeddingStateValueNet"]


class _SharedEmbeddingNet(nn.Module):
    """An embedding of the flattened, concatenated observations, and dense layers of its own for every output.

    Attributes:
        obs_shapes: shape of one observation by key.
        embedding: the layers that are shared.
        heads: layers by output key.
    """

    def __init__(
        self,
        obs_shapes: Mapping[str, Sequence[int]],
        head_shapes: Mapping[str, Sequence[int]],
        embedding: nn.Sequential,
        embedding_width: int,
        non_lin: NonLinearity,
        head_units: Sequence[int],
        head_gain: float,
        weight_init: str,
    ) -> None:
        super().__init__()
        self.obs_shapes = {key: tuple(shape) for key, shape in obs_shapes.items()}
        self.non_lin = resolve_non_linearity(non_lin)
        self.head_units = list(head_units)
        self.embedding = embedding
        self.embedding_width = embedding_width
        self._keys = tuple(self.obs_shapes)
        self._head_shapes = {name: tuple(shape) for name, shape in head_shapes.items()}
        heads: dict[str, nn.Module] = {}
        normalized_columns = check_weight_init(weight_init) == "normc"
        for name, shape in self._head_shapes.items():
            layers = dense_layers(embedding_width, self.head_units, self.non_lin)
            width = self.head_units[-1] if self.head_units else embedding_width
            output = OrthogonalLinear(width, math.prod(shape), head_gain)
            if normalized_columns:
                layers.apply(make_module_init_normc(1.0))
                output.apply(make_module_init_normc(head_gain))
            heads[name] = nn.Sequential(*layers, output)
        self.heads = KeyedModules(heads)

    def forward(self, observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the heads' outputs [B, *shape] for observations [B, ...] by key."""
        return self.forward_knowing(observation, {})

    def forward_knowing(self, observation: Mapping[str, Tensor], known: Known) -> dict[str, Tensor]:
        """Return what ``forward`` does, the embedding run once; see :class:`maze.agents.joint_pass.SharingNetwork`."""
        if self.embedding not in known:
            known[self.embedding] = self.embedding(concatenate_flat(observation, self._keys))
        features = known[self.embedding]
        outputs = {}
        for name, head in self.heads.items():
            shape = self._head_shapes[name]
            outputs[name] = head(features) if len(shape) == 1 else head(features).unflatten(-1, shape)
        return outputs

    def dense_plan(self) -> DensePlan | None:
        """Return how the network computes, None where an output is more than a vector."""
        if any(len(shape) != 1 for shape in self._head_shapes.values()):
            return None
        heads = {name: tuple(head.children()) for name, head in self.heads.items()}
        return DensePlan(self._keys, tuple(self.embedding), heads)


class FlattenConcatSharedEmbeddingPolicyNet(_SharedEmbeddingNet):
    """A policy network whose embedding a critic can share; the heads' last layers start small.

    Args:
        obs_shapes: shape of one observation by key.
        action_logits_shapes: shape of the logits by action head.
        non_lin: non-linearity after each hidden layer.
        hidden_units: width of each layer of the embedding.
        head_units: width of each layer between the embedding and an action head.
        weight_init: ``orthogonal`` or ``normc``.
    """

    def __init__(
        self,
        obs_shapes: Mapping[str, Sequence[int]],
        action_logits_shapes: Mapping[str, Sequence[int]],
        non_lin: NonLinearity = "torch.nn.Tanh",
        hidden_units: Sequence[int] = (256,),
        head_units: Sequence[int] = (256,),
        weight_init: str = "orthogonal",
    ) -> None:
        width = sum(math.prod(shape) for shape in obs_shapes.values())
        units = check_widths("hidden_units", hidden_units)
        embedding = dense_layers(width, units, resolve_non_linearity(non_lin))
        if check_weight_init(weight_init) == "normc":
            embedding.apply(make_module_init_normc(1.0))
        super().__init__(
            obs_shapes,
            action_logits_shapes,
            embedding,
            units[-1] if units else width,
            non_lin,
            head_units,
            POLICY_HEAD_GAIN,
            weight_init,
        )


class FlattenConcatSharedEmbeddingStateValueNet(_SharedEmbeddingNet):
    """A critic network with the one output ``value``, [B, 1], on the embedding of the policy's network.

    Args:
        obs_shapes: shape of one observation by key.
        policy_network: the policy's network, which the composer passes; its embedding learns from both.
        non_lin: non-linearity after each hidden layer.
        head_units: width of each layer between the embedding and the value.
        weight_init: ``orthogonal`` or ``normc``.

    Raises:
        InvalidSpecificationError: where the policy's network has no embedding to share, or other observations.
    """

    def __init__(
        self,
        obs_shapes: Mapping[str, Sequence[int]],
        policy_network: nn.Module | None,
        non_lin: NonLinearity = "torch.nn.Tanh",
        head_units: Sequence[int] = (256,),
        weight_init: str = "orthogonal",
    ) -> None:
        if not isinstance(policy_network, FlattenConcatSharedEmbeddingPolicyNet):
            raise InvalidSpecificationError(
                f"{type(self).__name__} shares the embedding of the policy's network, which is a "
                f"{type(policy_network).__name__}; accepted is a FlattenConcatSharedEmbeddingPolicyNet. Choose "
                "model='flatten_concat_shared_embedding'."
            )
        if policy_network.obs_shapes != {key: tuple(shape) for key, shape in obs_shapes.items()}:
            raise InvalidSpecificationError(
                f"{type(self).__name__} has the observations {dict(obs_shapes)}, the policy's network "
                f"{policy_network.obs_shapes}; an embedding can be shared where they are the same."
            )
        super().__init__(
            obs_shapes,
            {"value": (1,)},
            policy_network.embedding,
            policy_network.embedding_width,
            non_lin,
            head_units,
            VALUE_HEAD_GAIN,
            weight_init,
        )
