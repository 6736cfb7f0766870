"""Experience replay that begins with demonstrations and never forgets them."""

from __future__ import annotations

import hashlib

import numpy as np
from gymnasium import spaces

from maze.env.vector import VectorEnv
from maze.errors import ArtifactError, InvalidSpecificationError
from maze.rollout.dataset import TrajectoryDataset, TrajectorySource, load_trajectories
from maze.rollout.replay_buffer import Join, ReplayBuffer, ReplayMark, Transitions
from maze.types import Array, StateDict

__all__ = ["DemonstrationReplay", "make_replay"]


class DemonstrationReplay(ReplayBuffer):
    """A replay buffer whose transitions are drawn together with M demonstrated ones, all equally likely.

    States hold the demonstrations' fingerprint instead of themselves.

    Args:
        demonstrations: fitted to the spaces.
        observation_space: of one environment.
        action_space: of one environment.
        n_envs: environments side by side.
        capacity: transitions that are kept besides.
        spare_steps: see :class:`ReplayBuffer`.
    """

    def __init__(
        self,
        demonstrations: TrajectoryDataset,
        observation_space: spaces.Dict,
        action_space: spaces.Dict,
        n_envs: int,
        capacity: int,
        spare_steps: int = 0,
    ) -> None:
        super().__init__(observation_space, action_space, n_envs, capacity, spare_steps)
        self._demonstrations = demonstrations
        self._fingerprint = _fingerprint(demonstrations)

    def __len__(self) -> int:
        return super().__len__() + len(self._demonstrations)

    def take(self, index: Array) -> Transitions:
        """Return some of the transitions, demonstrated ones first.

        Args:
            index: which, int64 [B]: 0 to M - 1 are the demonstrations, then come the others.
        """
        n_demonstrated = len(self._demonstrations)
        demonstrated = index < n_demonstrated
        own = super().take(index[~demonstrated] - n_demonstrated)
        shown, rows = self._demonstrations, index[demonstrated]
        return Transitions(
            observation=_joined(shown.observation, rows, own.observation),
            action=_joined(shown.action, rows, own.action),
            reward=np.concatenate([shown.reward[rows], own.reward]),
            terminated=np.concatenate([shown.terminated[rows], own.terminated]),
            next_observation=_joined(shown.next_observation, rows, own.next_observation),
        )

    def _state(self, mark: ReplayMark, join: Join) -> StateDict:
        return {**super()._state(mark, join), "demonstrations": self._fingerprint}

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a state that :meth:`state_dict` returned.

        Raises:
            ArtifactError: the demonstrations are others than those that were learnt from.
        """
        if state.get("demonstrations") != self._fingerprint:
            raise ArtifactError("the demonstrations are others than those that were learnt from; restore them")
        super().load_state_dict(state)


def make_replay(
    env: VectorEnv, capacity: int, spare_steps: int = 0, demonstrations: TrajectorySource | None = None
) -> ReplayBuffer:
    """Return an empty replay buffer for environments, or one that begins with demonstrations.

    Observations are then normalised as those of the demonstrations were.

    Args:
        env: whose transitions will be added.
        capacity: of those, how many are kept.
        spare_steps: see :class:`ReplayBuffer`.
        demonstrations: where they are recorded, see `load_trajectories`; None for none.

    Raises:
        ArtifactError: nothing is recorded there, or a file is damaged.
        InvalidSpecificationError: the demonstrations are of another environment, or of other wrappers.
    """
    settings = (env.observation_space, env.action_space, env.n_envs, capacity, spare_steps)
    if demonstrations is None:
        return ReplayBuffer(*settings)
    dataset = load_trajectories(demonstrations).fitted(env.observation_space, env.action_space)
    if dataset.statistics.keys() != env.statistics_state().keys():
        raise InvalidSpecificationError(
            f"{demonstrations}: was recorded with other wrappers that normalise than the environment has; give the "
            "wrappers that it was recorded with."
        )
    env.load_statistics(dataset.statistics)
    return DemonstrationReplay(dataset, *settings)


def _joined(shown: dict[str, Array], rows: Array, own: dict[str, Array]) -> dict[str, Array]:
    return {key: np.concatenate([values[rows], own[key]]) for key, values in shown.items()}


def _fingerprint(demonstrations: TrajectoryDataset) -> str:
    digest = hashlib.sha256()
    for arrays in (demonstrations.observation, demonstrations.action, demonstrations.next_observation):
        for values in arrays.values():
            digest.update(np.ascontiguousarray(values).data)
    for values in (demonstrations.reward, demonstrations.terminated):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
