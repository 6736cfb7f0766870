"""Every choice of conf/model and conf/critic composes, acts, estimates and learns."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

import maze
from maze.agents.actor_critic import ActorCritic
from maze.agents.critic import TorchStateCritic
from maze.agents.state_action_critic import TorchStateActionCritic
from maze.api.run_context import RunContext
from maze.config.compose import compose
from maze.config.instantiate import instantiate
from maze.errors import InvalidSpecificationError

CONF = Path(maze.__path__[0]) / "conf"
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
CRITICS = sorted(path.stem for path in (CONF / "critic").glob("*.yaml"))
PIXELS = "observation-rgb2gray-resize_img-unsqueeze"
OBSERVATIONS: dict[str, dict[str, tuple[int, ...]]] = {
    "flatten_concat": {"observation": (4,)},
    "flatten_concat_shared_embedding": {"observation": (4,)},
    "vector_obs": {"observation": (4,)},
    "vector_obs_recurrent": {"observation": (4,)},
    "vector_obs_rnn": {"observation": (4, 3)},
    "pixel_obs": {PIXELS: (1, 96, 96)},
    "pixel_obs_recurrent": {PIXELS: (1, 96, 96)},
    "pixel_obs_rnn": {PIXELS: (4, 1, 96, 96)},
}


WRAPPERS = {"vector_obs_recurrent": "vector_obs", "pixel_obs_recurrent": "pixel_obs"}
"""Wrappers that go with a model, where they have another name."""


class Squares(gymnasium.Env[np.ndarray, Any]):
    """A bright square on the left or on the right; the action that says where pays 1. Five steps."""

    def __init__(self, continuous: bool = False) -> None:
        self.observation_space = spaces.Box(0, 255, (48, 40, 3), np.uint8)
        self.action_space = spaces.Box(-1, 1, (2,), np.float32) if continuous else spaces.Discrete(2)
        self.side = self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.steps = 0
        return self.draw(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        paid = float(np.ravel(action)[0] > 0.5) == self.side
        self.steps += 1
        return self.draw(), float(paid), self.steps >= 5, False, {}

    def draw(self) -> np.ndarray:
        self.side = int(self.np_random.integers(2))
        image = np.zeros((48, 40, 3), np.uint8)
        image[10:30, 20 * self.side : 20 * self.side + 20] = 200
        return image


@functools.cache
def section(model: str, critic: str | None) -> Any:
    """Return the composed section, once for all tests."""
    return compose({"model": model, **({} if critic is None else {"critic": critic})}).section("model")


def configured(model: str, critic: str | None, action: spaces.Space[Any] | None = None) -> ActorCritic:
    """Return a model for the observations that the choice is made for."""
    boxes = {key: spaces.Box(-1, 1, shape, np.float32) for key, shape in OBSERVATIONS[model].items()}
    composer = instantiate(
        section(model, critic),
        action_spaces_dict={0: spaces.Dict(action=spaces.Discrete(3) if action is None else action)},
        observation_spaces_dict={0: spaces.Dict(boxes)},
        agent_counts_dict={0: 1},
    )
    return ActorCritic(composer.policy, composer.critic)


def test_these_are_the_choices() -> None:
    assert sorted(OBSERVATIONS) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_every_model_acts_and_estimates(name: str) -> None:
    model = configured(name, "template_state" if "obs" in name else None)
    assert isinstance(model.critic, TorchStateCritic)
    rng = np.random.default_rng(0)
    batch = {key: rng.standard_normal((5, *shape)).astype(np.float32) for key, shape in OBSERVATIONS[name].items()}
    assert (model.policy.remembering(5) or model.policy).act(batch, rng)["action"].shape == (5,)
    batch |= model.policy.initial_state(5)  # of policy and critic alike; empty for most models
    assert model.critic.predict(batch).shape == (5,)
    tensors = {key: torch.from_numpy(value) for key, value in batch.items()}
    probabilities = model.policy.distribution(tensors).heads["action"].log_probs.exp()
    torch.testing.assert_close(probabilities, torch.full((5, 3), 1 / 3), atol=0.03, rtol=0.0)  # starts unbiased
    np.testing.assert_allclose(model.critic.value(tensors).detach(), model.critic.predict(batch), rtol=1e-4, atol=1e-5)


def test_the_values_of_the_choices() -> None:
    rnn = configured("vector_obs_rnn", None).policy.networks[0]
    assert [tuple(parameter.shape) for parameter in rnn.branches.parameters()] == [(256, 3), (256,), (256, 256), (256,)]
    assert rnn.hidden is None
    assert (rnn.recurrence.in_shape, rnn.recurrence.out_shape) == ((4, 256), (32,))
    recurrent = configured("vector_obs_recurrent", None).policy.networks[0]
    assert recurrent.hidden is None
    assert (recurrent.recurrence.in_shape, recurrent.recurrence.out_shape) == ((64,), (64,))
    assert recurrent.state_shapes == {"recurrence:hidden": (1, 64), "recurrence:cell": (1, 64)}
    pixels = configured("pixel_obs", None).policy.networks[0]
    assert pixels.branches[PIXELS].out_shape == (32 * 5 * 5,)  # (96 + 2 - 8) // 4 + 1 = 23, then 11, then 5
    assert pixels.hidden.out_shape == (128,)
    pixels_recurrent = configured("pixel_obs_recurrent", None).policy.networks[0]
    assert (pixels_recurrent.recurrence.in_shape, pixels_recurrent.recurrence.out_shape) == ((128,), (128,))
    assert pixels_recurrent.state_shapes == {"recurrence:hidden": (1, 128), "recurrence:cell": (1, 128)}
    pixels_rnn = configured("pixel_obs_rnn", None).policy.networks[0]
    assert (pixels_rnn.recurrence.in_shape, pixels_rnn.recurrence.out_shape) == ((4, 128), (128,))
    shared = configured("flatten_concat_shared_embedding", None)
    assert shared.critic.networks[0].embedding is shared.policy.networks[0].embedding
    n_shared, n_head = 4 * 256 + 256, 256 * 256 + 256
    assert sum(item.numel() for item in shared.parameters()) == n_shared + 2 * n_head + 257 * 3 + 257


@pytest.mark.parametrize("model", ["flatten_concat", "vector_obs"])
@pytest.mark.parametrize("critic", CRITICS)
def test_every_critic_with_every_kind_of_model(model: str, critic: str) -> None:
    if model == "flatten_concat" and critic.startswith("template"):
        return  # there is no template that could build it
    for action, n_inputs in ((spaces.Discrete(3), 4), (spaces.Box(-1, 1, (2,), np.float32), 6)):
        made = configured(model, critic, action).critic
        observation = {"observation": torch.randn(5, 4)}
        if critic.endswith("state_action"):
            assert isinstance(made, TorchStateActionCritic)
            first, second = made.networks[0]
            assert not torch.equal(next(first.parameters()), next(second.parameters()))
            assert sum(int(np.prod(shape)) for shape in first.obs_shapes.values()) == n_inputs
            taken = torch.zeros((5, *action.shape))
            assert made.value(observation, {"action": taken}).shape == (2, 5)
        else:
            assert isinstance(made, TorchStateCritic)
            assert made.value(observation).shape == (5,)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        (name, algorithm)
        for name in MODELS
        for algorithm in ("ppo", "a2c", "impala")
        if not (name.endswith("_recurrent") and algorithm == "impala")  # which plays with networks without state alone
    ],
)
def test_every_model_learns(name: str, algorithm: str, tmp_path: Path) -> None:
    pixels = name.startswith("pixel")
    env: Callable[[], gymnasium.Env] = (
        (lambda: Squares(continuous=algorithm == "a2c"))
        if pixels
        else lambda: gymnasium.make("CartPole-v1" if algorithm == "ppo" else "Pendulum-v1")
    )
    first, second = (
        RunContext(
            env=env,
            model=name,
            algorithm=algorithm,
            configuration="test",
            run_dir=str(tmp_path / run),
            silent=True,
            seed=3,
            overrides={"tracking.mode": "off", "algorithm.rollout_evaluator": None},
            **({"critic": "template_state", "wrappers": WRAPPERS.get(name, name)} if "obs" in name else {}),
        )
        for run in ("trained", "untrained")
    )
    first.train(n_epochs=1)
    initial = second.model.state_dict()
    for key, value in first.model.state_dict().items():
        assert torch.isfinite(value).all()
        assert not torch.equal(value, initial[key]), key
    assert set(first.compute_action(first.env_factory().reset())) == {"action"}


def test_on_policy_algorithms_refuse_critics_of_actions(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"is a critic of actions, and PPOAlgorithmConfig needs one of"):
        RunContext(
            env=lambda: gymnasium.make("CartPole-v1"),
            critic="flatten_concat_state_action",
            configuration="test",
            run_dir=str(tmp_path / "run"),
            silent=True,
            overrides={"tracking.mode": "off"},
        )
