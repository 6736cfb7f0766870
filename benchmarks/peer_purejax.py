"""The method of PureJaxRL as a peer: environment and learner are one compiled program, and no step leaves it.

Written anew for these benchmarks: CartPole's equations, generalised advantages, PPO's losses and Adam in jax.numpy,
``lax.scan`` over steps, minibatches, epochs and updates. As with that method, an episode that the time limit cuts off
counts as ended, and nothing is tracked or written. Compilation is told apart in throughput and counts in time to solve.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from record import timed

if TYPE_CHECKING:
    from solving import SolveWatch
    from tasks import Task

__all__ = ["measure_throughput", "solve"]

HIDDEN = 64
TIME_LIMIT = 500


class Settings(NamedTuple):
    """What the program is compiled for."""

    n_envs: int
    n_rollout_steps: int
    n_epochs: int
    batch_size: int
    lr: float
    gamma: float
    gae_lambda: float
    clip_range: float
    entropy_coef: float
    value_loss_coef: float
    max_grad_norm: float


class State(NamedTuple):
    """What an update changes."""

    parameters: Any
    moments: Any
    n_gradients: Any
    env: Any
    clock: Any
    key: Any


def measure_throughput(
    task: Task, *, n_steps: int, seed: int, n_threads: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Compile, run an eighth of the steps to warm up, then time eight times as many."""
    _use_cores(n_threads)
    chosen = _settings(task, settings)
    n_updates = task.updates_for(n_steps // 8)
    state = _start(chosen, seed)
    run, compile_seconds = timed(lambda: _train.lower(chosen, n_updates, state).compile())
    state = jax.block_until_ready(run(state))
    _, seconds = timed(lambda: jax.block_until_ready(_repeated(run, state, 8)))
    return {
        "seconds": seconds,
        "steps": 8 * n_updates * task.steps_per_update,
        "settings": {**chosen._asdict(), "compile_seconds": round(compile_seconds, 3)},
    }


def solve(
    task: Task,
    watch: SolveWatch,
    *,
    max_steps: int,
    check_every: int,
    seed: int,
    n_threads: int,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Learn until the watch has seen enough, or ``max_steps``; compiling is part of the time."""
    _use_cores(n_threads)
    chosen = _settings(task, settings)
    n_updates = task.updates_for(check_every)
    state = _start(chosen, seed)
    watch.check(partial(_act, state.parameters), 0)
    watch.resume()
    run, compile_seconds = timed(lambda: _train.lower(chosen, n_updates, state).compile())
    steps, solved = 0, False
    while not solved and steps < max_steps:
        state = jax.block_until_ready(run(state))
        steps += n_updates * task.steps_per_update
        solved = watch.check(partial(_act, state.parameters), steps)
    watch.pause()
    return {**chosen._asdict(), "compile_seconds": round(compile_seconds, 3)}


def _repeated(run: Any, state: State, times: int) -> State:
    for _ in range(times):
        state = run(state)
    return state


def _settings(task: Task, settings: Mapping[str, Any]) -> Settings:
    """Return the settings that maze has in this task."""
    if task.algorithm != "ppo" or task.env != "CartPole-v1":
        raise SystemExit(f"purejax: {task.algorithm} on {task.env} is not there; give a task of PPO on CartPole-v1")
    given = {"lr": 3e-4, "entropy_coef": 0.0, "value_loss_coef": 0.5, "max_grad_norm": 0.5, "clip_range": 0.2}
    given = {**given, **task.maze, "n_envs": task.n_envs, "n_rollout_steps": task.n_rollout_steps}
    given["n_epochs"] = given.pop("n_optimization_epochs")
    return Settings(**{name: {**given, **settings}[name] for name in Settings._fields})


def _use_cores(n_threads: int) -> None:
    """Keep XLA's threads on as many cores as the others have threads."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_threads])


def _start(settings: Settings, seed: int) -> State:
    parameters_key, env_key, key = jax.random.split(jax.random.key(seed), 3)
    parameters = {"policy": _layers(parameters_key, 2, 0.01), "value": _layers(jax.random.fold_in(key, 1), 1, 1.0)}
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    env = _first_states(env_key, settings.n_envs)
    return State(parameters, (zeros, zeros), jnp.zeros((), jnp.int32), env, jnp.zeros(settings.n_envs, jnp.int32), key)


def _layers(key: Any, n_outputs: int, last_gain: float) -> list[tuple[Any, Any]]:
    """Return orthogonal weights [in, out] and zero biases [out] of two hidden layers and the outputs."""
    shapes = ((4, HIDDEN, 2**0.5), (HIDDEN, HIDDEN, 2**0.5), (HIDDEN, n_outputs, last_gain))
    keys = jax.random.split(key, 3)
    return [
        (jax.nn.initializers.orthogonal(gain)(k, (i, o)), jnp.zeros(o))
        for k, (i, o, gain) in zip(keys, shapes, strict=True)
    ]


def _forward(layers: list[tuple[Any, Any]], observation: Any) -> Any:
    for weight, bias in layers[:-1]:
        observation = jnp.tanh(observation @ weight + bias)
    weight, bias = layers[-1]
    return observation @ weight + bias


@jax.jit
def _best_action(parameters: Any, observation: Any) -> Any:
    return _forward(parameters["policy"], observation).argmax(axis=-1)


def _act(parameters: Any, observation: Any) -> Any:
    return np.asarray(_best_action(parameters, observation))


def _first_states(key: Any, n_envs: int) -> Any:
    return jax.random.uniform(key, (n_envs, 4), minval=-0.05, maxval=0.05)


def _step_env(env: Any, clock: Any, action: Any, key: Any) -> tuple[Any, Any, Any]:
    """Return the next states [N, 4], clocks [N] and ends [N]; ended episodes begin anew."""
    x, speed, angle, turn = env.T
    force = jnp.where(action == 1, 10.0, -10.0)
    push = (force + 0.05 * turn**2 * jnp.sin(angle)) / 1.1
    turning = (9.8 * jnp.sin(angle) - jnp.cos(angle) * push) / (0.5 * (4.0 / 3.0 - 0.1 * jnp.cos(angle) ** 2 / 1.1))
    acceleration = push - 0.05 * turning * jnp.cos(angle) / 1.1
    moved = jnp.stack([x + 0.02 * speed, speed + 0.02 * acceleration, angle + 0.02 * turn, turn + 0.02 * turning], -1)
    clock = clock + 1
    done = (jnp.abs(moved[:, 0]) > 2.4) | (jnp.abs(moved[:, 2]) > 12 * 2 * jnp.pi / 360) | (clock >= TIME_LIMIT)
    return jnp.where(done[:, None], _first_states(key, len(env)), moved), jnp.where(done, 0, clock), done


@partial(jax.jit, static_argnums=(0, 1))
def _train(settings: Settings, n_updates: int, state: State) -> State:
    """Run some updates as one program."""
    return lax.scan(lambda now, _: (_update(settings, now), None), state, None, length=n_updates)[0]


def _update(settings: Settings, state: State) -> State:
    state, rollout = _collect(settings, state)
    batch = _with_targets(settings, state, rollout)

    def epoch(carry: Any, key: Any) -> Any:
        n_steps = settings.n_envs * settings.n_rollout_steps
        order = jax.random.permutation(key, n_steps).reshape(-1, settings.batch_size)
        return lax.scan(
            lambda now, rows: (_learn(settings, now, jax.tree.map(lambda a: a[rows], batch)), None), carry, order
        )

    key, *keys = jax.random.split(state.key, settings.n_epochs + 1)
    learned = (state.parameters, state.moments, state.n_gradients)
    learned, _ = lax.scan(epoch, learned, jnp.stack(keys))
    parameters, moments, n_gradients = learned
    return state._replace(parameters=parameters, moments=moments, n_gradients=n_gradients, key=key)


def _collect(settings: Settings, state: State) -> tuple[State, dict[str, Any]]:
    """Take T steps in N environments; everything collected is [T, N, ...]."""

    def step(carry: Any, key: Any) -> Any:
        env, clock = carry
        action_key, env_key = jax.random.split(key)
        logits = jax.nn.log_softmax(_forward(state.parameters["policy"], env))
        action = jax.random.categorical(action_key, logits)
        after, clock, done = _step_env(env, clock, action, env_key)
        log_prob = jnp.take_along_axis(logits, action[:, None], 1)[:, 0]
        value = _forward(state.parameters["value"], env)[:, 0]
        kept = {"observation": env, "action": action, "log_prob": log_prob, "value": value, "done": done}
        return (after, clock), kept

    key, *keys = jax.random.split(state.key, settings.n_rollout_steps + 1)
    (env, clock), rollout = lax.scan(step, (state.env, state.clock), jnp.stack(keys))
    return state._replace(env=env, clock=clock, key=key), rollout


def _with_targets(settings: Settings, state: State, rollout: dict[str, Any]) -> dict[str, Any]:
    """Return the flat batch [T * N, ...] with advantages and returns; every step is rewarded with 1."""
    last = _forward(state.parameters["value"], state.env)[:, 0]

    def back(carry: Any, step: Any) -> Any:
        advantage, following = carry
        value, done = step
        goes_on = settings.gamma * (1.0 - done)
        advantage = 1.0 + goes_on * following - value + goes_on * settings.gae_lambda * advantage
        return (advantage, value), advantage

    steps = (rollout["value"], rollout["done"])
    _, advantages = lax.scan(back, (jnp.zeros_like(last), last), steps, reverse=True)
    batch = {**rollout, "advantage": advantages, "return": advantages + rollout["value"]}
    return jax.tree.map(lambda array: array.reshape(-1, *array.shape[2:]), batch)


def _learn(settings: Settings, learned: Any, batch: dict[str, Any]) -> Any:
    """Take one step of Adam along the clipped gradient of PPO's losses."""
    parameters, (mean, square), n = learned
    gradient = jax.grad(partial(_loss, settings))(parameters, batch)
    norm = jnp.sqrt(sum(jnp.sum(part**2) for part in jax.tree.leaves(gradient)))
    gradient = jax.tree.map(lambda part: part * jnp.minimum(1.0, settings.max_grad_norm / (norm + 1e-6)), gradient)
    n = n + 1
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, square, gradient)
    rate = settings.lr * jnp.sqrt(1.0 - 0.999**n) / (1.0 - 0.9**n)
    parameters = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-5), parameters, mean, square)
    return parameters, (mean, square), n


def _loss(settings: Settings, parameters: Any, batch: dict[str, Any]) -> Any:
    logits = jax.nn.log_softmax(_forward(parameters["policy"], batch["observation"]))
    log_prob = jnp.take_along_axis(logits, batch["action"][:, None], 1)[:, 0]
    advantage = (batch["advantage"] - batch["advantage"].mean()) / (batch["advantage"].std() + 1e-8)
    ratio = jnp.exp(log_prob - batch["log_prob"])
    clipped = jnp.clip(ratio, 1.0 - settings.clip_range, 1.0 + settings.clip_range)
    policy_loss = -jnp.minimum(ratio * advantage, clipped * advantage).mean()
    value_loss = ((_forward(parameters["value"], batch["observation"])[:, 0] - batch["return"]) ** 2).mean()
    entropy = -(jnp.exp(logits) * logits).sum(-1).mean()
    return policy_loss + settings.value_loss_coef * value_loss - settings.entropy_coef * entropy
