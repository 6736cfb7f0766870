"""The policy: networks by step key, and the distributions that turn their logits into actions.

Learners use tensors (``distribution``), the rollout uses arrays (``act``), people use ``compute_action``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from maze.agents.keyed_modules import module_name
from maze.agents.networks import ArrayForward, StepNetworks, device_of
from maze.distributions.mapper import DistributionMapper
from maze.distributions.masking import mask_logits, mask_logits_array
from maze.distributions.torch_dist import DictDistribution
from maze.errors import MazeError
from maze.types import FLOAT, Action, ActorID, Array, Observation, StepKey

if TYPE_CHECKING:
    from maze.env.maze_env import MazeEnv

__all__ = ["TorchPolicy"]


class TorchPolicy(nn.Module):
    """Chooses actions for every step key with a network of its own.

    Args:
        networks: by step key; ``forward`` maps tensors [B, ...] by observation key to logits [B, *logits_shape] by
            action head.
        distribution_mappers: by step key.
        device: where the parameters live.
        observation_shapes: by step key and observation key, without batch axes; by default those in the networks'
            attribute ``obs_shapes``. ``compute_action`` tells batches from single observations by them.
        separate_agent_steps: step keys in which every agent has a network of its own, keyed ``"<step key>-<agent
            id>"``.
        mask_keys: by step key and action head, the observation that says which actions are possible; see
            :mod:`maze.distributions.masking`.
    """

    networks: StepNetworks

    def __init__(
        self,
        networks: Mapping[StepKey, nn.Module],
        distribution_mappers: Mapping[StepKey, DistributionMapper],
        device: str | torch.device = "cpu",
        *,
        observation_shapes: Mapping[StepKey, Mapping[str, tuple[int, ...]]] | None = None,
        separate_agent_steps: Collection[StepKey] = (),
        mask_keys: Mapping[StepKey, Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__()
        self.networks = StepNetworks(networks)
        self.distribution_mappers = {str(key): mapper for key, mapper in distribution_mappers.items()}
        self.free_logits = nn.ModuleDict(
            {key: _free_logits(mapper) for key, mapper in self.distribution_mappers.items() if mapper.free_parameters}
        )
        self._separate_agent_steps = {str(key) for key in separate_agent_steps}
        self._observation_shapes = {str(key): dict(shapes) for key, shapes in (observation_shapes or {}).items()}
        self._mask_keys = {str(key): dict(keys) for key, keys in (mask_keys or {}).items() if keys}
        self._first_step_key = next(iter(self.distribution_mappers))
        self._forwards = {key: ArrayForward(network) for key, network in self.networks.items()}
        self._free_keys = frozenset(self.free_logits.keys())
        self._rng = np.random.Generator(np.random.PCG64())
        self.to(device)

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return device_of(self)

    @property
    def generator(self) -> np.random.Generator:
        """What ``compute_action`` draws from."""
        return self._rng

    def seed(self, seed: int) -> None:
        """Make the actions that ``compute_action`` draws from now on a function of ``seed``."""
        self._rng = np.random.Generator(np.random.PCG64(seed))

    def logits(self, observation: Mapping[str, Tensor], step_key: StepKey = 0, agent_id: int = 0) -> dict[str, Tensor]:
        """Return the logits [B, ...] by action head for a batch of observations [B, ...], with gradients."""
        logits: dict[str, Tensor] = self.networks[self._network_key(step_key, agent_id)](observation)
        if str(step_key) in self._free_keys:
            free = self.free_logits[str(step_key)]
            logits = {head: _append(value, free, head) for head, value in logits.items()}
        if self._mask_keys:
            logits = mask_logits(logits, observation, self._mask_keys.get(str(step_key), {}))
        return logits

    def distribution(
        self, observation: Mapping[str, Tensor], step_key: StepKey = 0, agent_id: int = 0
    ) -> DictDistribution:
        """Return the distribution over actions for a batch of observations [B, ...], with gradients."""
        return self.distribution_mappers[str(step_key)].distribution(self.logits(observation, step_key, agent_id))

    def act(
        self,
        observation: Mapping[str, Array],
        rng: np.random.Generator,
        deterministic: bool = False,
        step_key: StepKey = 0,
        agent_id: int = 0,
    ) -> dict[str, Array]:
        """Return actions for a batch of observations as fast as possible; nothing is checked.

        Args:
            observation: by key [N, ...]; not written to.
            rng: every draw comes from it.
            deterministic: take the distribution's mode.
            step_key: which network acts.
            agent_id: which agent acts, where agents have networks of their own.

        Returns:
            By action head [N, *action_shape].
        """
        logits: Mapping[str, Array] = self._forwards[self._network_key(step_key, agent_id)](observation)
        if str(step_key) in self._free_keys:
            free = self.free_logits[str(step_key)]
            logits = {head: _append_array(value, free, head) for head, value in logits.items()}
        if self._mask_keys:
            logits = self.mask_array(logits, observation, step_key)
        return self.distribution_mappers[str(step_key)].sample_numpy(logits, rng, deterministic)

    def mask_array(
        self, logits: Mapping[str, Array], observation: Mapping[str, Array], step_key: StepKey = 0
    ) -> Mapping[str, Array]:
        """Return logits [N, n] by head, with those of actions that the observations say are impossible replaced."""
        keys = self._mask_keys.get(str(step_key))
        return logits if keys is None else mask_logits_array(logits, observation, keys)

    def free_vectors(self, step_key: StepKey = 0) -> dict[str, Tensor]:
        """Return the learned vectors, by action head, that are appended to the network's logits."""
        if str(step_key) not in self._free_keys:
            return {}
        free, mapper = self.free_logits[str(step_key)], self.distribution_mappers[str(step_key)]
        return {head: free[module_name(head)] for head in mapper.free_parameters}  # type: ignore[index]

    def check_observation(self, observation: Observation) -> None:
        """Refuse observations of which the first step key's network could make nothing, where it says what it needs.

        Args:
            observation: by key, single or batched.

        Raises:
            MazeError: where keys or shapes do not fit.
        """
        key = str(self._first_step_key)
        network = self.networks[self._network_key(key, 0)]
        if key in self._observation_shapes or getattr(network, "obs_shapes", None) is not None:
            self._as_batch(observation, key, 0)

    def compute_action(
        self,
        observation: Observation,
        maze_state: object = None,
        env: MazeEnv | None = None,
        actor_id: ActorID | tuple[StepKey, int] | None = None,
        deterministic: bool = False,
    ) -> Action:
        """Return the action for one observation, or for a batch with any number of leading axes.

        Draws come from the policy's own generator, see ``seed``.

        Args:
            observation: by key; not written to. Keys that the network does not know are ignored.
            maze_state: taken for compatibility with policies that need it; not used.
            env: asked for the actor where ``actor_id`` is not given.
            actor_id: step key and agent that act; by default the environment's, without one the first step key.
            deterministic: take the distribution's mode.

        Returns:
            By action head, with the observation's leading axes; a single discrete action is an int64 array of shape ().

        Raises:
            MazeError: where keys or shapes of the observation do not fit.
        """
        del maze_state
        if not isinstance(deterministic, (bool, np.bool_)):
            raise MazeError(f"deterministic: {deterministic!r} is not accepted; accepted: True or False.")
        if actor_id is None and env is not None and not callable(getattr(env, "actor_id", None)):
            raise MazeError(
                f"env: {env!r} is not accepted; accepted: a MazeEnv, whose actor_id() says who acts, or None."
            )
        if actor_id is None:
            actor_id = env.actor_id() if env is not None else (self._first_step_key, 0)
        if not isinstance(actor_id, tuple) or len(actor_id) != 2:
            raise MazeError(f"actor_id: {actor_id!r} is not accepted; accepted: ActorID(step_key, agent_id), or None.")
        step_key, agent_id = actor_id
        batch, leading = self._as_batch(observation, step_key, agent_id)
        actions = self.act(batch, self._rng, deterministic, step_key, agent_id)
        return {head: action.reshape(leading + action.shape[1:]) for head, action in actions.items()}

    def forward(self, observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the logits of the first step key, so that the module can be called, exported and summarised."""
        return self.logits(observation, self._first_step_key)

    def _network_key(self, step_key: StepKey, agent_id: int) -> str:
        key = str(step_key)
        return f"{key}-{agent_id}" if key in self._separate_agent_steps else key

    def _as_batch(
        self, observation: Observation, step_key: StepKey, agent_id: int
    ) -> tuple[dict[str, Array], tuple[int, ...]]:
        """Return the observation with one batch axis [B, ...] and the leading axes that it had."""
        shapes = self._shapes(step_key, agent_id)
        _check_keys(observation, shapes)
        batch: dict[str, Array] = {}
        leading: tuple[int, ...] | None = None
        for key, shape in shapes.items():
            value = np.asarray(observation[key])
            if value.dtype.kind not in "fiub":
                raise MazeError(f"The observation {key!r} is {observation[key]!r}; expected is an array of numbers.")
            n_leading = value.ndim - len(shape)
            if n_leading < 0 or value.shape[n_leading:] != shape:
                raise MazeError(
                    f"The observation {key!r} has the shape {value.shape}; expected is {shape}, or {('N', *shape)} "
                    "for a batch."
                )
            if leading not in (None, value.shape[:n_leading]):
                raise MazeError(
                    f"The observation {key!r} has the batch axes {value.shape[:n_leading]}, others {leading}."
                )
            leading = value.shape[:n_leading]
            if np.issubdtype(value.dtype, np.floating):
                value = value.astype(FLOAT, copy=False)
            batch[key] = value.reshape(-1, *shape) if value.size else value.reshape(int(np.prod(leading)), *shape)
        return batch, leading or ()

    def _shapes(self, step_key: StepKey, agent_id: int) -> Mapping[str, tuple[int, ...]]:
        """Return the shapes of one observation."""
        shapes = self._observation_shapes.get(str(step_key))
        if shapes is None:
            network = self.networks[self._network_key(step_key, agent_id)]
            shapes = getattr(network, "obs_shapes", None)
        if shapes is None:
            raise MazeError(
                f"The shapes of observations for the step key {step_key!r} are unknown. Pass observation_shapes to "
                "TorchPolicy or give the network an attribute obs_shapes."
            )
        return shapes

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Follow a move to another device or dtype."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for forward in self._forwards.values():
            forward.reset()
        return self


def _free_logits(mapper: DistributionMapper) -> nn.ParameterDict:
    """Return the learned vectors that a mapper appends to the network's logits."""
    return nn.ParameterDict(
        {module_name(head): nn.Parameter(torch.tensor(value)) for head, value in mapper.free_parameters.items()}
    )


def _check_keys(observation: object, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse what is no observation by key, and name the keys that it needs."""
    if not isinstance(observation, Mapping):
        wanted = ", ".join(f"{key!r}: array of shape {shape}" for key, shape in shapes.items())
        raise MazeError(f"The observation is a {type(observation).__name__}; expected is a dictionary {{{wanted}}}.")
    for key in shapes:
        if key not in observation:
            raise MazeError(f"The observation has no key {key!r}; given: {', '.join(map(repr, observation))}.")


def _append(logits: Tensor, free: nn.Module, head: str) -> Tensor:
    """Return the logits [B, n] with the head's learned vector behind every row, if it has one."""
    name = module_name(head)
    if name not in free:  # type: ignore[operator]
        return logits
    vector: Tensor = free[name]  # type: ignore[index]
    return torch.cat([logits, vector.expand(*logits.shape[:-1], -1)], -1)


def _append_array(logits: Array, free: nn.Module, head: str) -> Array:
    """Do the same as ``_append`` for arrays."""
    name = module_name(head)
    if name not in free:  # type: ignore[operator]
        return logits
    vector: Array = free[name].detach().cpu().numpy()  # type: ignore[index]
    return np.concatenate([logits, np.broadcast_to(vector, (*logits.shape[:-1], len(vector)))], -1)
