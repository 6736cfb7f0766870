"""A policy that knows nothing: every action is drawn from the action space. It needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from gymnasium import spaces

from maze.errors import InvalidSpecificationError
from maze.types import Action, ActorID, Array, Observation, StepKey

__all__ = ["RandomPolicy"]

_Draw = Callable[[np.random.Generator, int], Array]


class RandomPolicy:
    """Draws actions that lie in the action space, uniformly where it is bounded.

    A bounded side of a box that is open on the other side is the start of an exponential distribution; a box that is
    open on both sides is drawn from the standard normal distribution.

    Args:
        action_spaces_dict: action space by step key.
        seed: of the actions that ``compute_action`` draws; from the operating system when None.

    Raises:
        InvalidSpecificationError: a space is of a kind that nothing can be drawn from.
    """

    def __init__(self, action_spaces_dict: Mapping[StepKey, spaces.Dict], seed: int | None = None) -> None:
        self._draws = {
            str(key): {head: _draw_from(part, head) for head, part in space.spaces.items()}
            for key, space in action_spaces_dict.items()
        }
        self._first_step_key = next(iter(self._draws))
        self._rng = np.random.default_rng(seed)

    def seed(self, seed: int) -> None:
        """Make the actions that ``compute_action`` draws from now on a function of ``seed``."""
        self._rng = np.random.default_rng(seed)

    def act(
        self, observation: Mapping[str, Array], rng: np.random.Generator, deterministic: bool = False
    ) -> dict[str, Array]:
        """Return one action for each row of a batch of observations.

        Args:
            observation: by key [N, ...]; only its number of rows counts.
            rng: every draw comes from it.
            deterministic: makes no difference, since no action is likelier than others.

        Returns:
            By action head [N, *action_shape].
        """
        del deterministic
        n_rows = len(next(iter(observation.values())))
        return {head: draw(rng, n_rows) for head, draw in self._draws[self._first_step_key].items()}

    def compute_action(
        self,
        observation: Observation,
        maze_state: object = None,
        env: object = None,
        actor_id: ActorID | None = None,
        deterministic: bool = False,
    ) -> Action:
        """Return one action, whatever the single observation is; draws come from the policy's own generator.

        Args:
            observation: not looked at.
            maze_state: not looked at.
            env: not looked at.
            actor_id: whose action space is drawn from; that of the first step key by default.
            deterministic: makes no difference.

        Returns:
            By action head, without a batch axis.
        """
        del observation, maze_state, env, deterministic
        draws = self._draws[self._first_step_key if actor_id is None else str(actor_id.step_key)]
        return {head: np.asarray(draw(self._rng, 1)[0]) for head, draw in draws.items()}


def _draw_from(space: spaces.Space[object], head: str) -> _Draw:
    """Return a function (generator, N) -> N elements of a space, [N, *shape]."""
    if isinstance(space, spaces.Discrete):
        low, n_actions = int(space.start), int(space.n)
        return lambda rng, n_rows: rng.integers(low, low + n_actions, n_rows, dtype=np.int64)
    if isinstance(space, spaces.MultiDiscrete):
        starts, ends, dtype = space.start, space.start + space.nvec, space.dtype
        return lambda rng, n_rows: rng.integers(starts, ends, (n_rows, *starts.shape)).astype(dtype)
    if isinstance(space, spaces.MultiBinary):
        shape, kind = space.shape, space.dtype
        return lambda rng, n_rows: rng.integers(0, 2, (n_rows, *shape)).astype(kind)
    if isinstance(space, spaces.Box):
        return _draw_from_box(space)
    raise InvalidSpecificationError(
        f"action space {head!r}: {type(space).__name__} is not accepted by random_policy; accepted: Box, Discrete, "
        "MultiBinary, MultiDiscrete. Wrap the environment so that it has one of these."
    )


def _draw_from_box(space: spaces.Box) -> _Draw:
    """Return a function (generator, N) -> N points of a box, [N, *shape]."""
    dtype = space.dtype
    if dtype is not None and np.issubdtype(dtype, np.integer):
        lows, highs = space.low.astype(np.int64), space.high.astype(np.int64)
        return lambda rng, n_rows: rng.integers(lows, highs, (n_rows, *lows.shape), endpoint=True).astype(dtype)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    below, above = np.isfinite(low), np.isfinite(high)
    base = np.where(below, low, np.where(above, high, 0.0))
    width = np.where(below & above, np.where(above, high, 0.0) - base, 0.0)

    def draw(rng: np.random.Generator, n_rows: int) -> Array:
        shape = (n_rows, *low.shape)
        uniform, exponential, normal = rng.random(shape), rng.exponential(size=shape), rng.normal(size=shape)
        open_sided = np.where(below, exponential, np.where(above, -exponential, normal))
        points = base + np.where(below & above, uniform * width, open_sided)
        return np.clip(points.astype(dtype), space.low, space.high)  # rounding must not leave the box

    return draw
