"""The policy: networks by step key, and the distributions that turn their logits into actions.

Learners use tensors (``distribution``), the rollout uses arrays (``act``), people use ``compute_action``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from maze.agents.candidates import top_candidates
from maze.agents.free_logits import append_free, append_free_array, free_logits_of
from maze.agents.fused_networks import FusedNetworks, fuse_networks
from maze.agents.keyed_modules import module_name
from maze.agents.network_state import NetworkState, StateShapes, run_over_time, state_shapes_of, zero_state
from maze.agents.networks import ArrayForward, StepNetworks, device_of
from maze.agents.observation_batches import as_batch
from maze.agents.remembering import Remembered, RememberingPlayer
from maze.distributions.mapper import DistributionMapper
from maze.distributions.masking import mask_logits, mask_logits_array
from maze.distributions.torch_dist import DictDistribution
from maze.errors import MazeError
from maze.types import Action, ActorID, Array, Observation, StepKey

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
            {key: free_logits_of(mapper) for key, mapper in self.distribution_mappers.items() if mapper.free_parameters}
        )
        self._separate_agent_steps = {str(key) for key in separate_agent_steps}
        self._observation_shapes = {str(key): dict(shapes) for key, shapes in (observation_shapes or {}).items()}
        self._mask_keys = {str(key): dict(keys) for key, keys in (mask_keys or {}).items() if keys}
        self._first_step_key = next(iter(self.distribution_mappers))
        self._forwards = {key: ArrayForward(network) for key, network in self.networks.items()}
        self._fused: dict[str, FusedNetworks] = {}
        self._free_keys = frozenset(self.free_logits.keys())
        self._state_shapes = {key: shapes for key, net in self.networks.items() if (shapes := state_shapes_of(net))}
        self._remembered = Remembered()  # by compute_action
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
        key = self._network_key(step_key, agent_id)
        fused = self._fused.get(key)
        if fused is not None:
            logits = {head: value[0] for head, value in fused(observation).items()}
        else:
            logits = self.networks[key](observation)
        return self._completed(logits, observation, step_key)

    def network(self, step_key: StepKey = 0, agent_id: int = 0) -> nn.Module:
        """Return the network that acts for a step key and agent."""
        return self.networks[self._network_key(step_key, agent_id)]

    def fuse_networks_(self) -> Self:
        """Compute logits with fewer passes over memory from now on, wherever a network is dense.

        Values are the same, up to rounding, and ``backward`` goes on filling the parameters' gradients;
        ``torch.autograd.grad`` no longer finds these.
        """
        fused = {key: fuse_networks([network]) for key, network in self.networks.items()}
        self._fused = {key: network for key, network in fused.items() if network is not None}
        return self

    def distribution(
        self, observation: Mapping[str, Tensor], step_key: StepKey = 0, agent_id: int = 0
    ) -> DictDistribution:
        """Return the distribution over actions for a batch of observations [B, ...], with gradients."""
        return self.distribution_mappers[str(step_key)].distribution(self.logits(observation, step_key, agent_id))

    def puts_out_plain_logits(self, step_key: StepKey = 0) -> bool:
        """Return whether the network's outputs are what ``logits_gradient`` of its distributions is the gradient of."""
        appended_or_masked = str(step_key) in self._free_keys or str(step_key) in self._mask_keys
        return self.distribution_mappers[str(step_key)].has_formulas and not appended_or_masked

    def distribution_of(
        self, outputs: dict[str, Tensor], observation: Mapping[str, Tensor], step_key: StepKey = 0
    ) -> DictDistribution:
        """Return the distribution over actions that a network's outputs [B, ...] for observations [B, ...] mean."""
        return self.distribution_mappers[str(step_key)].distribution(self._completed(outputs, observation, step_key))

    def distribution_over_time(
        self,
        observation: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        begins: Tensor,
        step_key: StepKey = 0,
        agent_id: int = 0,
    ) -> tuple[DictDistribution, dict[str, Tensor]]:
        """Run along sequences with gradients, as :func:`maze.agents.network_state.run_over_time` does.

        Args:
            observation: by key [T, N, ...].
            state: of the first step, by key [N, ...].
            begins: whether an episode begins at a step, bool [T, N].
            step_key: whose network.
            agent_id: of which agent, where agents have networks of their own.

        Returns:
            The distribution over the actions of all steps, rows [T * N], and the state after each step [T, N, ...].
        """
        key = self._network_key(step_key, agent_id)
        outputs = run_over_time(self.networks[key], observation, state, begins)
        after = {name: outputs.pop(name) for name in self._state_shapes.get(key, {})}
        logits = {head: value.flatten(0, 1) for head, value in outputs.items()}
        rows = {name: value.flatten(0, 1) for name, value in observation.items()} if self._mask_keys else {}
        return self.distribution_mappers[str(step_key)].distribution(self._completed(logits, rows, step_key)), after

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
        key = self._network_key(step_key, agent_id)
        if key in self._state_shapes:
            raise MazeError(
                f"The policy's network for the step key {step_key!r} carries a state from step to step, which act() "
                "knows nothing of; use the player that remembering(n_rows) returns, or act_with_state()."
            )
        return self._sampled(self._forwards[key](observation), observation, rng, deterministic, step_key)

    def prepared_act(self, *, frozen: bool = False) -> Callable[..., dict[str, Array]]:
        """Return ``act`` with everything looked up, for many steps in a row of the step key 0.

        It gives the same actions, and sees weights that change in place. What it does not see are networks that move
        or are replaced meanwhile: prepare again.

        Args:
            frozen: nobody changes the weights meanwhile, so that copies may be used, which are faster for large
                batches; actions are the same up to rounding.
        """
        key = self._network_key(0, 0)
        is_own = type(self).act is not TorchPolicy.act or "act" in self.__dict__  # somebody's, which may do more
        known = not is_own and key in self._forwards and key not in self._state_shapes
        forward = self._forwards[key].compiled() if known else None
        if forward is None:
            return self.act
        if frozen:
            forward = forward.frozen()
        sampled = self._sampled
        if "0" in self._free_keys or self._mask_keys or getattr(sampled, "__func__", None) is not TorchPolicy._sampled:
            return lambda observation, rng, deterministic=False: sampled(
                forward(observation), observation, rng, deterministic, 0
            )
        sample = self.distribution_mappers["0"].sample_numpy
        return lambda observation, rng, deterministic=False: sample(forward(observation), rng, deterministic)

    def act_with_state(
        self,
        observation: Mapping[str, Array],
        state: NetworkState,
        rng: np.random.Generator,
        deterministic: bool = False,
        step_key: StepKey = 0,
        agent_id: int = 0,
    ) -> tuple[dict[str, Array], NetworkState]:
        """Return actions for a batch of observations, and the state for the next step; nothing is checked.

        Args:
            observation: by key [N, ...]; not written to.
            state: by key [N, ...], see ``initial_state``; not written to.
            rng: every draw comes from it.
            deterministic: take the distribution's mode.
            step_key: which network acts.
            agent_id: which agent acts, where agents have networks of their own.
        """
        key = self._network_key(step_key, agent_id)
        outputs = self._forwards[key]({**observation, **state})
        following = {name: outputs.pop(name) for name in self._state_shapes.get(key, {})}
        return self._sampled(outputs, observation, rng, deterministic, step_key), following

    @property
    def has_state(self) -> bool:
        """Whether some network carries a state from step to step."""
        return bool(self._state_shapes)

    def state_shapes(self, step_key: StepKey = 0, agent_id: int = 0) -> StateShapes:
        """Return the shapes of the state that a network carries; empty where it carries none."""
        return self._state_shapes.get(self._network_key(step_key, agent_id), {})

    def initial_state(self, n_rows: int, step_key: StepKey = 0, agent_id: int = 0) -> NetworkState:
        """Return the state with which N episodes begin, by key [N, ...]; empty for networks without state."""
        return zero_state(self.state_shapes(step_key, agent_id), n_rows)

    def remembering(self, n_rows: int) -> RememberingPlayer | None:
        """Return what plays N new episodes side by side and keeps their states; None where there is no state."""
        return RememberingPlayer(self, n_rows, self._first_step_key) if self._state_shapes else None

    def begin_episode(self, rows: Array | None = None) -> None:
        """Let ``compute_action`` begin new episodes: it forgets the states that it keeps, if there are any.

        Args:
            rows: in which rows of batches of N observations, bool [N]; everywhere when None.

        Raises:
            MazeError: ``rows`` is no array of bool.
        """
        self._remembered.begin_episode(rows)

    def mask_keys(self, step_key: StepKey = 0) -> Mapping[str, str]:
        """Return the observation that says which actions are possible, by action head; empty where none does."""
        return self._mask_keys.get(str(step_key), {})

    def mask_array(
        self, logits: Mapping[str, Array], observation: Mapping[str, Array], step_key: StepKey = 0
    ) -> Mapping[str, Array]:
        """Return logits [N, n] by head, with those of actions that the observations say are impossible replaced."""
        keys = self.mask_keys(step_key)
        return mask_logits_array(logits, observation, keys) if keys else logits

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
            as_batch(observation, self._shapes(key, 0))

    def compute_action(
        self,
        observation: Observation,
        maze_state: object = None,
        env: MazeEnv | None = None,
        actor_id: ActorID | tuple[StepKey, int] | None = None,
        deterministic: bool = False,
    ) -> Action:
        """Return the action for one observation, or for a batch with any number of leading axes.

        Draws come from the policy's own generator, see ``seed``. Networks with state go on from where the last call
        with as many observations left them: each call is the next step of the same episodes until ``begin_episode``.

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
        step_key, agent_id = self._actor(actor_id, env)
        batch, leading = as_batch(observation, self._shapes(step_key, agent_id))
        key = self._network_key(step_key, agent_id)
        if key in self._state_shapes:
            player = self._remembered.player(self, leading, step_key, agent_id)
            actions = player.act(batch, self._rng, deterministic)
        else:
            actions = self.act(batch, self._rng, deterministic, step_key, agent_id)
        return {head: action.reshape(leading + action.shape[1:]) for head, action in actions.items()}

    def compute_top_action_candidates(
        self,
        observation: Observation,
        num_candidates: int | None = None,
        maze_state: object = None,
        env: MazeEnv | None = None,
        actor_id: ActorID | tuple[StepKey, int] | None = None,
    ) -> tuple[list[Action], list[float]]:
        """Return the most probable actions for one observation, and their probabilities, from the highest down.

        Args:
            observation: by key, without leading axes.
            num_candidates: how many; None for all.
            maze_state: as for `compute_action`.
            env: as for `compute_action`.
            actor_id: as for `compute_action`.

        Returns:
            Actions by head, as `compute_action` gives them, and one probability for each.

        Raises:
            MazeError: an action head is continuous, the networks carry state, or the observation does not fit.
        """
        del maze_state
        step_key, agent_id = self._actor(actor_id, env)
        if self.has_state:
            raise MazeError("candidates are of networks without state; compute_action() acts with those that have one.")
        batch, leading = as_batch(observation, self._shapes(step_key, agent_id))
        if leading:
            raise MazeError(f"observation: has the leading axes {leading}; accepted is one observation at a time.")
        with torch.no_grad():
            tensors = {key: torch.as_tensor(value, device=self.device) for key, value in batch.items()}
            distribution = self.distribution(tensors, step_key, agent_id)
        return top_candidates(distribution.heads, num_candidates)

    def _actor(
        self, actor_id: ActorID | tuple[StepKey, int] | None, env: MazeEnv | None
    ) -> ActorID | tuple[StepKey, int]:
        """Return who acts: who is given, or the environment's, or the first step key."""
        if actor_id is None and env is not None and not callable(getattr(env, "actor_id", None)):
            raise MazeError(
                f"env: {env!r} is not accepted; accepted: a MazeEnv, whose actor_id() says who acts, or None."
            )
        if actor_id is None:
            actor_id = env.actor_id() if env is not None else (self._first_step_key, 0)
        if not isinstance(actor_id, tuple) or len(actor_id) != 2:
            raise MazeError(f"actor_id: {actor_id!r} is not accepted; accepted: ActorID(step_key, agent_id), or None.")
        return actor_id

    def forward(self, observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the logits of the first step key, so that the module can be called, exported and summarised."""
        return self.logits(observation, self._first_step_key)

    def _completed(
        self, logits: dict[str, Tensor], observation: Mapping[str, Tensor], step_key: StepKey
    ) -> dict[str, Tensor]:
        """Return a network's logits [B, ...] with learned vectors behind them, and impossible actions masked."""
        if str(step_key) in self._free_keys:
            free = self.free_logits[str(step_key)]
            logits = {head: append_free(value, free, head) for head, value in logits.items()}
        if self._mask_keys:
            logits = mask_logits(logits, observation, self.mask_keys(step_key))
        return logits

    def _sampled(
        self,
        logits: dict[str, Array],
        observation: Mapping[str, Array],
        rng: np.random.Generator,
        deterministic: bool,
        step_key: StepKey,
    ) -> dict[str, Array]:
        """Return actions [N, ...] for a network's logits."""
        if str(step_key) in self._free_keys:
            free = self.free_logits[str(step_key)]
            logits = {head: append_free_array(value, free, head) for head, value in logits.items()}
        completed = self.mask_array(logits, observation, step_key) if self._mask_keys else logits
        return self.distribution_mappers[str(step_key)].sample_numpy(completed, rng, deterministic)

    def _network_key(self, step_key: StepKey, agent_id: int) -> str:
        key = str(step_key)
        return f"{key}-{agent_id}" if key in self._separate_agent_steps else key

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
