"""Advantages and losses of the on-policy algorithms against numbers that were computed by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from maze.rollout import Rollout
from maze.runner import AgentRunner
from maze.trainers.on_policy import OnPolicyTrainer
from tests.scripted import tiny_context
from tests.unit.trainers.test_base import same


def on_policy(tmp_path: Path, algorithm: str = "a2c", **values: Any) -> OnPolicyTrainer[Any]:
    overrides = {f"algorithm.{name}": value for name, value in values.items()}
    trainer = AgentRunner(tiny_context(tmp_path / "unused", overrides, algorithm=algorithm).config).trainer
    assert isinstance(trainer, OnPolicyTrainer)
    return trainer


def rollout_of(reward: Any, terminated: Any, truncated: Any, index: list[int]) -> Rollout:
    steps, envs = np.shape(reward)
    return Rollout(
        observation={"observation": np.zeros((steps + 1, envs, 4), np.float32)},
        action={"action": np.zeros((steps, envs), np.int64)},
        reward=np.array(reward, np.float32),
        terminated=np.array(terminated, np.bool_),
        truncated=np.array(truncated, np.bool_),
        truncated_observation={"observation": np.zeros((len(index), 4), np.float32)} if index else {},
        truncated_index=np.array(index, np.int64),
    )


def test_truncation_bootstraps_and_termination_does_not(tmp_path: Path) -> None:
    trainer = on_policy(tmp_path, gamma=0.5, gae_lambda=0.5)
    trainer.critic = SimpleNamespace(predict=lambda observation: np.array([8.0], np.float32))  # type: ignore[assignment]
    # environment 0 terminates at t = 1, environment 1 is truncated at t = 1 where the last observation is worth 8
    rollout = rollout_of(
        [[1, 1], [2, 2], [3, 3]],
        [[False, False], [True, False], [False, False]],
        [[False, False], [False, True], [False, False]],
        index=[1 * 2 + 1],
    )
    value = np.array([[4, 4], [2, 2], [6, 6], [10, 10]], np.float32)
    # t = 2: delta = 3 + 0.5 * 10 - 6 = 2
    # t = 1: terminated 2 - 2 = 0; truncated 2 + 0.5 * 8 - 2 = 4; neither carries on from t = 2
    # t = 0: delta = 1 + 0.5 * 2 - 4 = -2, plus 0.25 * what follows
    expected = [[-2.0, -1.0], [0.0, 4.0], [2.0, 2.0]]
    np.testing.assert_allclose(trainer.advantages(rollout, value), expected, rtol=1e-6)
    assert value.tolist() == [[4, 4], [2, 2], [6, 6], [10, 10]]


def test_without_ends_lambda_one_is_the_discounted_return_minus_the_value(tmp_path: Path) -> None:
    trainer = on_policy(tmp_path, gamma=0.5, gae_lambda=1.0)
    nothing = [[False], [False]]
    rollout = rollout_of([[1], [2]], nothing, nothing, index=[])
    value = np.array([[3], [5], [8]], np.float32)
    # 2 + 0.5 * 8 - 5 = 1 and 1 + 0.5 * 2 + 0.25 * 8 - 3 = 1
    np.testing.assert_allclose(trainer.advantages(rollout, value), [[1.0], [1.0]], rtol=1e-6)


def test_the_value_of_a_truncated_observation_comes_from_the_critic(tmp_path: Path) -> None:
    trainer = on_policy(tmp_path, gamma=1.0, gae_lambda=0.0)
    rollout = rollout_of([[1.0]], [[False]], [[True]], index=[0])
    rollout.truncated_observation["observation"][:] = 0.3
    predicted = float(trainer.critic.predict(rollout.truncated_observation)[0])
    advantage = trainer.advantages(rollout, np.array([[2.0], [50.0]], np.float32))
    assert float(advantage[0, 0]) == pytest.approx(1.0 + predicted - 2.0, abs=1e-6)


@pytest.mark.parametrize("algorithm", ["a2c", "ppo", "impala"])
def test_a_step_goes_down_the_weighted_sum(algorithm: str, tmp_path: Path) -> None:
    trainer = on_policy(
        tmp_path,
        algorithm,
        policy_loss_coef=2.0,
        value_loss_coef=0.25,
        entropy_coef=0.5,
        critic_burn_in_epochs=1,
        max_grad_norm=0.0,
    )
    rollout = trainer.collector.collect()
    observation = trainer.model.tensors(rollout.flat_observation(with_last=False))
    action = trainer.model.tensors(rollout.flat_action())
    n_rows = rollout.n_steps
    of_log_prob, of_value = torch.linspace(-1.0, 1.0, n_rows), torch.linspace(0.0, 2.0, n_rows)
    for weight in (0.0, 2.0):  # the critic alone, then both
        before = trainer.model.snapshot()
        distribution = trainer.model.policy.distribution(observation)
        policy_loss = (distribution.log_prob(action) * of_log_prob).sum()
        value_loss = (trainer.critic.value(observation) * of_value).sum()
        entropy = distribution.entropy().mean() if weight else 0.0
        trainer.model.zero_gradients()
        (weight * policy_loss + 0.25 * value_loss - 0.5 * entropy).backward()
        expected = trainer.model.flat_gradient.clone()
        look = trainer.look_at(rollout, learn=True)
        trainer.step(look, of_log_prob.clone(), of_value.clone())
        torch.testing.assert_close(trainer.model.flat_gradient, expected, rtol=1e-4, atol=1e-5)
        assert not torch.equal(trainer.model.snapshot()["parameters"], before["parameters"])
        trainer.epoch += 1


def test_ppo_goes_through_every_row_in_every_epoch(tmp_path: Path) -> None:
    from maze.trainers.ppo import PPO

    trainer = on_policy(tmp_path, "ppo", batch_size=5, n_optimization_epochs=3)
    assert isinstance(trainer, PPO)
    sizes: list[int] = []
    look = trainer.look

    def counted(minibatch: Any) -> Any:
        sizes.append(len(minibatch["advantage"]))
        return look(minibatch)

    trainer.look = counted  # type: ignore[method-assign]
    trainer.update()
    assert sizes == [5, 5, 5, 1] * 3  # 8 steps of 2 environments


def test_ppo_normalises_advantages_and_keeps_targets(tmp_path: Path) -> None:
    from maze.trainers.ppo import PPO

    trainer = on_policy(tmp_path, "ppo", normalize_advantages=True)
    assert isinstance(trainer, PPO)
    rollout = trainer.collector.collect()
    value, log_prob_old = trainer.assess(rollout)
    predicted = trainer.critic.predict(rollout.flat_observation(with_last=True)).reshape(9, 2)
    np.testing.assert_allclose(value, predicted, rtol=1e-5, atol=1e-6)
    advantage = trainer.advantages(rollout, value)
    target = advantage + value[:-1]
    batch = trainer.batch(rollout, advantage, target, log_prob_old)
    assert float(batch["advantage"].mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(batch["advantage"].std(correction=0)) == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(batch["target"].numpy(), target.reshape(-1), rtol=1e-6)
    assert (batch["log_prob_old"] <= 0).all()


def test_ppo_says_how_far_the_policy_moved_and_how_good_the_critic_was(tmp_path: Path) -> None:
    trainer = on_policy(tmp_path, "ppo", lr=0.01)
    measured = trainer.update()
    assert float(measured["policy/approximate_kl"]) > 0.0
    assert float(measured["value/explained_variance"]) <= 1.0


def test_the_former_spellings_reach_the_evaluator(tmp_path: Path) -> None:
    trainer = on_policy(tmp_path, eval_repeats=3, deterministic_eval=False)
    assert trainer.evaluator is not None
    assert (trainer.evaluator.n_episodes, trainer.evaluator.deterministic) == (3, False)


@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
def test_the_policys_first_step_after_burn_in_is_as_long_as_any_first_step(algorithm: str, tmp_path: Path) -> None:
    trainer = on_policy(
        tmp_path, algorithm, n_epochs=3, critic_burn_in_epochs=2, epoch_length=20, lr=0.001, max_grad_norm=0.0
    )
    trainer.train(2)
    part = trainer.model.flat_part(trainer.model.policy)
    before = trainer.model.flat_parameters[part].clone()
    steps = []
    step = trainer.optimizer.step

    def watched(*arguments: float) -> Any:
        measured = step(*arguments)
        steps.append((trainer.model.flat_parameters[part] - before).abs().max().item())
        return measured

    trainer.optimizer.step = watched  # type: ignore[method-assign]
    trainer.train(1)
    # Adam's first step is the learning rate along the gradient's sign; it would be 3.2 times that without a reset
    assert steps[0] == pytest.approx(0.001, rel=1e-3)


@pytest.mark.parametrize("n_updates", [2, 3, 4])  # before the end of the burn-in, there, and after it
def test_training_goes_on_exactly_around_the_end_of_the_burn_in(n_updates: int, tmp_path: Path) -> None:
    whole, halves, rest = (on_policy(tmp_path, critic_burn_in_epochs=1, n_epochs=3) for _ in range(3))
    whole.train()
    counts = iter(range(1, 100))
    halves.train(should_stop=lambda: next(counts) == n_updates)
    rest.load_state_dict(halves.state_dict())
    rest.train()
    assert rest.epoch == whole.epoch == 3
    assert same(rest.state_dict(), whole.state_dict())
