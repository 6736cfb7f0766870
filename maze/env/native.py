"""CartPole for whole batches, equal to gymnasium's single CartPole to the last bit of every observation.

Why not gymnasium's own vectorised CartPole: it draws all resets from one generator, so that an environment's episodes
would depend on its neighbours, and it resets one step late. The equations are those of Barto, Sutton and Anderson,
"Neuronlike adaptive elements that can solve difficult learning control problems" (1983), in the order of operations
of gymnasium's single environment; float64 inside, float32 outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from gymnasium.utils import seeding
from gymnasium.wrappers import OrderEnforcing, TimeLimit

from maze.env.maze_env import GymMazeEnv
from maze.env.spaces import to_dict_space
from maze.env.vector_base import VectorEnv, VectorStep
from maze.errors import EnvError
from maze.seeding import draw_seed
from maze.types import Array, Observation, StateDict

__all__ = ["NativeCartPoleVectorEnv", "has_native_form"]

NATIVE_IDS = ("CartPole-v0", "CartPole-v1")
RESET_BOUND = 0.05
RESETS_DRAWN_AT_ONCE = 16


def has_native_form(env: GymMazeEnv) -> bool:
    """Tell whether an environment is a CartPole as registered, which `NativeCartPoleVectorEnv` can stand for."""
    layers: list[type] = []
    engine: Any = env.env
    while isinstance(engine, (TimeLimit, OrderEnforcing)):
        layers.append(type(engine))
        engine = engine.env
    spec = env.env.spec
    return (
        type(env) is GymMazeEnv
        and env.made_plainly
        and spec is not None
        and spec.id in NATIVE_IDS
        and type(engine) is CartPoleEnv
        and layers == [TimeLimit, OrderEnforcing]
        and engine.kinematics_integrator == "euler"
    )


class NativeCartPoleVectorEnv(VectorEnv):
    """N CartPoles in a few NumPy calls a step.

    Args:
        n_envs: number of environments.
        max_episode_steps: time limit, after which an episode is truncated.
        engine: environment whose physical constants are used.
    """

    def __init__(self, n_envs: int, max_episode_steps: int = 500, engine: CartPoleEnv | None = None) -> None:
        engine = CartPoleEnv() if engine is None else engine
        self.n_envs = n_envs
        self.training = False
        self.max_episode_steps = max_episode_steps
        self.observation_space = to_dict_space(engine.observation_space, "observation")
        self.action_space = to_dict_space(engine.action_space, "action")
        self._set_constants(engine)
        self._state = np.zeros((4, n_envs))  # rows: position, velocity, angle, angular velocity
        self._change = np.zeros((4, n_envs))  # time derivatives of the rows
        self._work = [np.zeros(n_envs) for _ in range(5)]
        self._outside = np.zeros((2, n_envs)), np.zeros((2, n_envs), dtype=bool)
        self._clock = 0
        self._deadline = np.zeros(n_envs, dtype=np.int64)  # clock at which the time limit ends the episode
        self._observation = {"observation": np.zeros((n_envs, 4), dtype=np.float32)}
        self._final = {"observation": np.zeros((n_envs, 4), dtype=np.float32)}
        self._reward = np.ones(n_envs, dtype=np.float32)
        self._terminated, self._truncated, self._done = (np.zeros(n_envs, dtype=bool) for _ in range(3))
        self._generators: list[np.random.Generator] = []
        self._starts = np.zeros((n_envs, RESETS_DRAWN_AT_ONCE, 4))  # first states drawn ahead of their use
        self._next_start = np.full(n_envs, RESETS_DRAWN_AT_ONCE)

    def _set_constants(self, engine: CartPoleEnv) -> None:
        """Keep the constants as arrays without axes: NumPy takes twice as long for Python's numbers."""
        constants = (
            engine.gravity,
            engine.masspole,
            engine.total_mass,
            engine.length,
            engine.polemass_length,
            engine.tau,
        )
        self._constants = tuple(np.array(value, dtype=np.float64) for value in (*constants, 4.0 / 3.0))
        self._forces = np.array([-engine.force_mag, engine.force_mag])
        self._limits = np.array([[engine.x_threshold], [engine.theta_threshold_radians]])

    @property
    def observation(self) -> Observation:
        """The present observations, float32 ``[N, 4]``."""
        return self._observation

    @property
    def gathers(self) -> bool:
        """There are no wrappers."""
        return False

    def seed(self, seeds: Sequence[int]) -> None:
        """Seed the generator of each environment; see `VectorEnv.seed`."""
        self.check_seeds(seeds)
        self._generators = [seeding.np_random(int(seed))[0] for seed in seeds]
        self._next_start[:] = RESETS_DRAWN_AT_ONCE

    def reset(self, seeds: Sequence[int] | None = None) -> Observation:
        """Begin an episode in every environment; see `VectorEnv.reset`."""
        if seeds is None and not self._generators:
            seeds = [draw_seed() for _ in range(self.n_envs)]
        if seeds is not None:
            self.seed(seeds)
        self._clock = 0
        self._begin_episodes(np.arange(self.n_envs))
        np.copyto(self._observation["observation"], self._state.T, casting="same_kind")
        return self._observation

    def step(self, action: Mapping[str, Array]) -> VectorStep:
        """Act once in every environment; see `VectorEnv.step`."""
        self._advance(self._force(action))
        self._find_ends()
        np.logical_or(self._terminated, self._truncated, self._done)
        observation = self._observation["observation"]
        np.copyto(observation, self._state.T, casting="same_kind")
        self._reward.fill(1.0)
        final = None
        if np.count_nonzero(self._done):
            final = self._final
            np.copyto(final["observation"], observation)
            ended = self._done.nonzero()[0]
            self._begin_episodes(ended)
            observation[ended] = self._state[:, ended].T
        return VectorStep(self._observation, self._reward, self._terminated, self._truncated, final)

    def step_rows(self, action: Mapping[str, Array], rows: Array) -> VectorStep:
        """Act once in some environments; see `VectorEnv.step_rows`."""
        waiting = (~rows).nonzero()[0]
        kept = self._state[:, waiting]
        self._advance(self._force(action))
        self._state[:, waiting] = kept
        self._deadline[waiting] += 1
        self._find_ends()
        self._terminated &= rows
        self._truncated &= rows
        np.copyto(self._reward, rows)
        np.copyto(self._observation["observation"], self._state.T, casting="same_kind")
        return VectorStep(self._observation, self._reward, self._terminated, self._truncated)

    def reset_rows(self, rows: Array) -> Observation:
        """Begin an episode in some environments; see `VectorEnv.reset_rows`."""
        which = rows.nonzero()[0]
        self._begin_episodes(which)
        self._observation["observation"][which] = self._state[:, which].T
        return self._observation

    def _find_ends(self) -> None:
        """Let the clock go on and tell where the cart or the pole left its range or the time limit was reached."""
        self._clock += 1
        distance, outside = self._outside
        np.abs(self._state[::2], distance)
        np.greater(distance, self._limits, outside)
        np.logical_or(outside[0], outside[1], self._terminated)
        np.less_equal(self._deadline, self._clock, self._truncated)

    def _force(self, action: Mapping[str, Array]) -> Array:
        """Return the force ``[N]`` of the actions 0 (left) and 1 (right)."""
        if not self._generators:
            raise EnvError("step() was called before reset(). Call reset() to begin the episodes.")
        chosen = action.get("action")
        # One reduction finds every value other than 0 and 1, negative ones too.
        if (
            not isinstance(chosen, np.ndarray)
            or chosen.shape != self._reward.shape
            or chosen.dtype.kind not in "iu"
            or int(np.bitwise_or.reduce(chosen)) >> 1
        ):
            raise EnvError(
                "The actions are not in their space: expected "
                f"{{'action': integers 0 or 1 of shape ({self.n_envs},)}}, given {dict(action)!r}."
            )
        return self._forces.take(chosen, 0, self._work[0], "clip")

    def _advance(self, force: Array) -> None:
        """Integrate the equations of motion over one interval.

        With angle a, angular velocity w, total mass M, pole mass m and half length l:
        t = (F + m l w^2 sin a) / M;  w' = (g sin a - cos a t) / (l (4/3 - m cos^2 a / M));  v' = t - m l w' cos a / M.
        The order of operations is the single environment's; another one would round differently.
        """
        gravity, pole_mass, total_mass, length, pole_moment, interval, four_thirds = self._constants
        _, sine, cosine, push, denominator = self._work
        multiply, divide, subtract = np.multiply, np.divide, np.subtract
        state, change = self._state, self._change
        angle, angular_velocity, angular_acceleration = state[2], state[3], change[3]
        np.sin(angle, sine)
        np.cos(angle, cosine)
        np.square(angular_velocity, push)
        multiply(push, pole_moment, push)
        multiply(push, sine, push)
        np.add(push, force, push)
        divide(push, total_mass, push)
        np.square(cosine, denominator)
        multiply(denominator, pole_mass, denominator)
        divide(denominator, total_mass, denominator)
        subtract(four_thirds, denominator, denominator)
        multiply(denominator, length, denominator)
        multiply(sine, gravity, sine)
        multiply(cosine, push, angular_acceleration)
        subtract(sine, angular_acceleration, angular_acceleration)
        divide(angular_acceleration, denominator, angular_acceleration)
        multiply(angular_acceleration, pole_moment, sine)
        multiply(sine, cosine, sine)
        divide(sine, total_mass, sine)
        subtract(push, sine, change[1])
        change[::2] = state[1::2]
        multiply(change, interval, change)
        np.add(state, change, state)

    def _begin_episodes(self, which: Array) -> None:
        """Put environments ``[K]`` into their next first state, drawn from each one's own generator.

        Drawing several first states at once gives the same numbers as drawing them one by one.
        """
        for index in which[self._next_start[which] == RESETS_DRAWN_AT_ONCE].tolist():
            self._starts[index] = self._generators[index].uniform(-RESET_BOUND, RESET_BOUND, (RESETS_DRAWN_AT_ONCE, 4))
            self._next_start[index] = 0
        position = self._next_start[which]
        self._state[:, which] = self._starts[which, position].T
        self._next_start[which] = position + 1
        self._deadline[which] = self._clock + self.max_episode_steps

    def state_dict(self) -> StateDict:
        """Return states, clocks and generators; a continuation is exact."""
        return {
            "kind": "cart_pole",
            "n_envs": self.n_envs,
            "state": self._state.copy(),
            "remaining_steps": self._deadline - self._clock,
            "starts": self._starts.copy(),
            "next_start": self._next_start.copy(),
            "generators": [generator.bit_generator.state for generator in self._generators],
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Continue exactly from what `state_dict` returned."""
        self.check_state(state, "cart_pole")
        self._state[:] = state["state"]
        self._clock = 0
        self._deadline[:] = state["remaining_steps"]
        self._starts[:] = state["starts"]
        self._next_start[:] = state["next_start"]
        self._generators = [seeding.np_random(0)[0] for _ in state["generators"]]
        for generator, generator_state in zip(self._generators, state["generators"], strict=True):
            generator.bit_generator.state = generator_state
        np.copyto(self._observation["observation"], self._state.T, casting="same_kind")
