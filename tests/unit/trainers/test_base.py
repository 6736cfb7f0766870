"""The epoch loop: what is repeated, what is kept, and when it stops."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from maze import InvalidSpecificationError, ObservationWrapper, RunContext, TrainingError
from maze.runner import AgentRunner
from maze.state_files import read_state, write_state
from maze.trainers import EpochReport, Trainer
from maze.types import Observation
from tests.components import POLICY, made, model_object
from tests.scripted import counting, tiny_context, weights_of

BOTH = pytest.mark.parametrize("algorithm", ["a2c", "ppo", "impala", "sac"])


class ScriptedEvaluator:
    """Says that the policy is as good as a list says."""

    def __init__(self, returns: Sequence[float]) -> None:
        self.returns: Iterator[float] = iter(returns)

    def load_statistics(self, state: Any) -> None:
        """Take note of nothing."""

    def evaluate(self, policy: Any) -> Any:
        mean_return = next(self.returns)
        return SimpleNamespace(mean_return=mean_return, statistics={"mean_return": mean_return})


class Weights:
    """Keeps the trainer's weights after every epoch."""

    def __init__(self, trainer: Trainer[Any]) -> None:
        self.trainer = trainer
        self.reports: list[EpochReport] = []
        self.seen: list[torch.Tensor] = [trainer.model.snapshot()["parameters"]]

    def on_epoch(self, epoch: EpochReport) -> None:
        self.reports.append(epoch)
        self.seen.append(self.trainer.model.snapshot()["parameters"])


def trainer_of(tmp_path: Path, overrides: Any = None, **arguments: Any) -> Trainer[Any]:
    return AgentRunner(tiny_context(tmp_path / "unused", overrides, **arguments).config).trainer


def scripted(tmp_path: Path, returns: Sequence[float], **values: Any) -> tuple[Trainer[Any], Weights]:
    trainer = trainer_of(tmp_path, {f"algorithm.{name}": value for name, value in values.items()})
    trainer.evaluator = ScriptedEvaluator(returns)  # type: ignore[assignment]
    return trainer, Weights(trainer)


def same(first: Any, second: Any) -> bool:
    """Compare nested states bit by bit."""
    if isinstance(first, dict):
        return set(first) == set(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(same(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, np.ndarray):
        return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
    return bool(first == second)


def written(trainer: Trainer[Any], tmp_path: Path) -> Any:
    """Return the state from which training goes on as a file holds it."""
    write_state(tmp_path / "state.npz", trainer.whole_state())
    return read_state(tmp_path / "state.npz")


@BOTH
def test_the_same_seed_gives_the_same_bits_and_another_one_others(algorithm: str, tmp_path: Path) -> None:
    def train(name: str, seed: int) -> tuple[Any, Any]:
        rc = tiny_context(tmp_path / name, algorithm=algorithm, seed=seed)
        rc.train()
        return weights_of(rc), rc.statistics

    first, again, other = train("a", 1), train("b", 1), train("c", 2)
    assert first[0].tobytes() == again[0].tobytes()
    assert first[1] == again[1]
    assert first[0].tobytes() != other[0].tobytes()
    assert (tmp_path / "a" / "curve.csv").read_bytes() == (tmp_path / "b" / "curve.csv").read_bytes()
    weights = [(tmp_path / name / "agent" / "weights.safetensors").read_bytes() for name in "ab"]
    assert weights[0] == weights[1]


@BOTH
@pytest.mark.parametrize("wrappers", ["no_wrappers", "vector_obs"])
def test_two_calls_equal_one(algorithm: str, wrappers: str, tmp_path: Path) -> None:
    halves = tiny_context(tmp_path / "halves", algorithm=algorithm, wrappers=wrappers)
    whole = tiny_context(tmp_path / "whole", algorithm=algorithm, wrappers=wrappers)
    first = halves.train(2)
    second = halves.train(2)
    once = whole.train(4)
    assert weights_of(halves).tobytes() == weights_of(whole).tobytes()
    assert same(halves.trainer.state_dict(), whole.trainer.state_dict())
    assert (first.n_epochs, second.n_epochs, once.n_epochs) == (2, 2, 4)
    assert (second.best_epoch, second.best_return) == (once.best_epoch, once.best_return)
    assert second.n_steps == once.n_steps == 4 * 3 * 8 * 2
    assert (tmp_path / "halves" / "curve.csv").read_text() == (tmp_path / "whole" / "curve.csv").read_text()
    assert (tmp_path / "halves" / "metrics.jsonl").read_text() == (tmp_path / "whole" / "metrics.jsonl").read_text()


@BOTH
@pytest.mark.parametrize("wrappers", ["no_wrappers", "vector_obs"])
def test_a_fresh_trainer_continues_from_a_state_exactly(algorithm: str, wrappers: str, tmp_path: Path) -> None:
    original = trainer_of(tmp_path, algorithm=algorithm, wrappers=wrappers)
    original.train(2)
    state = original.state_dict()
    original.train(2)
    resumed = trainer_of(tmp_path, algorithm=algorithm, wrappers=wrappers)
    resumed.load_state_dict(state)
    assert resumed.epoch == 2
    resumed.train(2)
    assert same(resumed.state_dict(), original.state_dict())


def test_a_state_is_a_copy(tmp_path: Path) -> None:
    trainer, again = trainer_of(tmp_path, wrappers="vector_obs"), trainer_of(tmp_path, wrappers="vector_obs")
    trainer.train(1)
    again.train(1)
    state = trainer.state_dict()
    trainer.train(1)
    assert same(state, again.state_dict())
    assert not same(state, trainer.state_dict())


@BOTH
def test_one_epoch_changes_the_weights_that_act(algorithm: str, tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", {"algorithm.rollout_evaluator": None}, algorithm=algorithm)
    before = {name: tensor.clone() for name, tensor in rc.policy.state_dict().items()}
    policy = rc.policy
    rc.train(1)
    assert rc.policy is policy
    assert any(not torch.equal(before[name], tensor) for name, tensor in rc.policy.state_dict().items())


def test_the_best_state_is_kept_and_the_last_one_trained_on(tmp_path: Path) -> None:
    trainer, weights = scripted(tmp_path, [1.0, 5.0, 3.0], n_epochs=3)
    summary = trainer.train(listeners=[weights])
    assert (summary.best_epoch, summary.best_return, summary.reason) == (2, 5.0, "n_epochs")
    assert torch.equal(trainer.best_state["model"]["parameters"], weights.seen[2])
    assert torch.equal(trainer.model.snapshot()["parameters"], weights.seen[3])
    assert not torch.equal(weights.seen[2], weights.seen[3])
    assert [report.is_best for report in weights.reports] == [True, True, False]


def test_the_state_after_the_last_update_is_a_candidate(tmp_path: Path) -> None:
    trainer, weights = scripted(tmp_path, [1.0, 2.0], n_epochs=2)
    assert trainer.train(listeners=[weights]).best_epoch == 2
    assert torch.equal(trainer.best_state["model"]["parameters"], weights.seen[2])


def test_on_equal_returns_the_longer_trained_state_is_kept(tmp_path: Path) -> None:
    trainer, weights = scripted(tmp_path, [4.0, 4.0, 1.0], n_epochs=3)
    assert trainer.train(listeners=[weights]).best_epoch == 2
    assert torch.equal(trainer.best_state["model"]["parameters"], weights.seen[2])


def test_without_an_evaluator_the_last_state_is_the_best(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, {"algorithm.rollout_evaluator": None})
    weights = Weights(trainer)
    summary = trainer.train(listeners=[weights])
    assert summary.best_epoch == 2
    assert math.isnan(summary.best_return)
    assert torch.equal(trainer.best_state["model"]["parameters"], weights.seen[-1])


@BOTH
def test_the_policy_of_the_context_reproduces_the_best_return(algorithm: str, tmp_path: Path) -> None:
    fast = {"algorithm.lr": 0.03, "algorithm.rollout_evaluator.n_episodes": 4, "algorithm.patience": None}
    values = {**fast, "algorithm.n_epochs": 8}
    rc = tiny_context(tmp_path / "run", values, algorithm=algorithm, wrappers="vector_obs", seed=15)
    summary = rc.train()
    assert rc.trainer.evaluator is not None
    assert summary.best_epoch < 8, "a run whose last state is the best would show nothing here"
    rc.trainer.evaluator.load_statistics(rc.trainer.best_state["statistics"])
    assert rc.trainer.evaluator.evaluate(rc.policy).mean_return == summary.best_return
    last = rc.trainer.model.snapshot()["parameters"].numpy()
    assert last.tobytes() != weights_of(rc).tobytes()


def test_acting_uses_the_statistics_of_the_best_state(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", wrappers="vector_obs")
    rc.train()
    expected = rc.trainer.best_state["statistics"]
    assert expected
    assert same(rc.env_factory().statistics_state(), expected)


def test_patience_stops_after_so_many_epochs_without_a_better_one(tmp_path: Path) -> None:
    trainer, weights = scripted(tmp_path, [5.0, 1.0, 5.0, 6.0, 1.0, 2.0, 9.0], n_epochs=50, patience=2)
    summary = trainer.train(listeners=[weights])
    # 5.0 again is no better one, so epoch 3 ends it: two epochs after the best
    assert (summary.reason, summary.n_epochs) == ("patience", 3)
    again = trainer.train(listeners=[weights])
    assert (again.reason, again.n_epochs, again.best_epoch, again.best_return) == ("patience", 3, 4, 6.0)


def test_n_epochs_of_the_call_ignores_patience(tmp_path: Path) -> None:
    trainer, _ = scripted(tmp_path, [5.0, 1.0, 1.0, 1.0], n_epochs=50, patience=1)
    summary = trainer.train(4)
    assert (summary.reason, summary.n_epochs, summary.best_epoch) == ("n_epochs", 4, 1)


def test_zero_epochs_train_until_patience_is_used_up(tmp_path: Path) -> None:
    trainer, _ = scripted(tmp_path, [1.0, 2.0, 3.0, 0.0, 0.0], n_epochs=0, patience=2)
    summary = trainer.train()
    assert (summary.reason, summary.n_epochs, summary.best_epoch) == ("patience", 5, 3)


def test_a_request_stops_after_the_update(tmp_path: Path) -> None:
    trainer, weights = scripted(tmp_path, [1.0, 2.0, 3.0], n_epochs=3)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == 5  # an epoch has three updates

    summary = trainer.train(listeners=[weights], should_stop=stop)
    assert (summary.reason, summary.n_epochs, summary.best_epoch) == ("stopped", 1, 1)
    assert summary.n_steps == 5 * 8 * 2
    assert torch.equal(trainer.best_state["model"]["parameters"], weights.seen[1])


def test_metrics_of_an_epoch_are_means_and_counts(tmp_path: Path) -> None:
    trainer, weights = scripted(tmp_path, [7.0], n_epochs=1)
    trainer.train(listeners=[weights])
    (report,) = weights.reports
    assert (report.epoch, report.n_steps, report.epoch_steps) == (1, 48, 48)
    assert report.metrics["eval/mean_return"] == 7.0
    assert {"loss/policy", "loss/value", "policy/entropy", "train/n_episodes"} <= set(report.metrics)
    assert 0.0 < report.metrics["policy/entropy"] <= math.log(2) + 1e-6
    assert report.steps_per_second > 0


@BOTH
def test_a_reward_that_is_no_number_ends_training_and_keeps_the_last_good_state(algorithm: str, tmp_path: Path) -> None:
    def worn() -> Any:
        return counting([4], nan_after=30)  # an epoch takes 24 steps of each environment, an evaluation 4

    broken = tiny_context(tmp_path / "broken", env=worn, algorithm=algorithm)
    told = r"loss/.* is nan in epoch 2; the best state until then is kept. Not finite .* environment's rewards: mend"
    with pytest.raises(TrainingError, match=told):
        broken.train()
    good = tiny_context(tmp_path / "good", env=lambda: counting([4]), algorithm=algorithm)
    good.train(1)
    assert weights_of(broken).tobytes() == weights_of(good).tobytes()
    assert np.isfinite(weights_of(broken)).all()


@pytest.mark.parametrize("algorithm", ["a2c", "ppo", "sac"])
def test_observations_that_are_no_numbers_are_told_as_the_reason(algorithm: str, tmp_path: Path) -> None:
    class Blind(ObservationWrapper):
        def observation(self, observation: Observation) -> Observation:
            return {"observation": np.where(observation["observation"] > 2.0, np.float32(np.nan), 0.0)}

    rc = tiny_context(tmp_path / "run", env=lambda: counting([4]), wrappers=[Blind], algorithm=algorithm)
    with pytest.raises(TrainingError, match=r"Not finite .* were the environment's observations 'observation': mend"):
        rc.train(2)


@BOTH
def test_a_huge_learning_rate_ends_training_and_keeps_a_usable_state(algorithm: str, tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", {"algorithm.lr": 1e36, "algorithm.max_grad_norm": 0.0}, algorithm=algorithm)
    with pytest.raises(TrainingError, match="Lower the learning rate"):
        rc.train(3)
    assert np.isfinite(weights_of(rc)).all()
    assert rc.evaluate(n_episodes=1).returns[0] >= 1.0


def test_patience_counts_from_the_end_of_the_critics_burn_in(tmp_path: Path) -> None:
    values = {"n_epochs": 50, "patience": 2, "critic_burn_in_epochs": 4}
    trainer, _ = scripted(tmp_path, [5.0] * 4 + [6.0, 1.0, 1.0, 9.0], **values)
    # the best of the untrained policy is that of epoch 1; epoch 5 is better, and two epochs after it are not
    assert (trainer.train().reason, trainer.epoch, trainer.best_epoch) == ("patience", 7, 5)
    trainer, _ = scripted(tmp_path, [5.0] * 4 + [1.0, 1.0, 9.0], **values)
    assert (trainer.train().reason, trainer.epoch, trainer.best_epoch) == ("patience", 6, 4)


def test_critic_burn_in_leaves_the_policy_as_it_was(tmp_path: Path) -> None:
    for algorithm in ("a2c", "ppo"):
        trainer = trainer_of(tmp_path, {"algorithm.critic_burn_in_epochs": 1}, algorithm=algorithm)
        assert trainer.model.critic is not None
        policy = {name: tensor.clone() for name, tensor in trainer.model.policy.state_dict().items()}
        critic = {name: tensor.clone() for name, tensor in trainer.model.critic.state_dict().items()}
        trainer.train(1)
        assert same(dict(trainer.model.policy.state_dict()), policy)
        assert not same(dict(trainer.model.critic.state_dict()), critic)
        trainer.train(1)
        assert not same(dict(trainer.model.policy.state_dict()), policy)


def test_an_algorithm_without_its_critic_says_what_to_pass(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^model\.critic: null .*A2CAlgorithmConfig needs a critic"):
        tiny_context(tmp_path / "run", {"model.critic": None}, model="vector_obs")
    rc = tiny_context(tmp_path / "run", model=made(lambda: model_object(critic=None)))  # only making it tells
    with pytest.raises(InvalidSpecificationError, match=r"^critic: A2CAlgorithmConfig needs a critic.*template_state"):
        rc.train()
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["status"] == "FAILED"
    assert record["reason"].startswith("InvalidSpecificationError: critic: ")
    assert not (tmp_path / "run" / "agent" / "weights.safetensors").exists()


class Steep(nn.Module):
    """A policy's network with finite logits whose gradient is no number."""

    def __init__(self, obs_shapes: Mapping[str, Any], action_logits_shapes: Mapping[str, Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(obs_shapes["observation"][0], action_logits_shapes["action"][0])

    def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        logits = self.layer(observation["observation"])
        return {"action": logits + (logits - logits.detach()).abs().sum(-1, keepdim=True).sqrt()}


def steep_context(tmp_path: Path, algorithm: str, evaluates: bool) -> RunContext:
    """Return a context whose every epoch is one step, which makes weights that are no numbers."""
    overrides: dict[str, Any] = {
        "algorithm.epoch_length": 1,
        "allowed_modules": [__name__],
        "model.policy": {**POLICY, "networks": [{"_target_": f"{__name__}.Steep"}]},
    }
    if algorithm == "ppo":
        overrides |= {"algorithm.n_optimization_epochs": 1, "algorithm.batch_size": 16}
    if not evaluates:
        overrides["algorithm.rollout_evaluator"] = None
    return tiny_context(tmp_path / "run", overrides, algorithm=algorithm)


@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
@pytest.mark.parametrize("evaluates", [True, False])
def test_weights_that_the_last_update_broke_are_not_kept(algorithm: str, evaluates: bool, tmp_path: Path) -> None:
    rc = steep_context(tmp_path, algorithm, evaluates)
    with pytest.raises(TrainingError, match="Weights are no finite numbers after epoch 1; the best state until then"):
        rc.train(1)
    assert np.isfinite(weights_of(rc)).all()
    assert torch.isfinite(rc.trainer.best_state["model"]["parameters"]).all()
    assert torch.isfinite(rc.trainer.whole_state()["model"]["parameters"]).all()
    assert rc.trainer.best_epoch == 0


def test_a_policy_with_a_network_of_ones_own_is_at_hand_before_training(tmp_path: Path) -> None:
    rc = steep_context(tmp_path, "a2c", evaluates=True)
    assert isinstance(rc.policy.networks[0], Steep)
    assert rc.model.is_finite


def test_a_stop_after_a_step_that_broke_the_weights_does_not_keep_them(tmp_path: Path) -> None:
    rc = steep_context(tmp_path, "a2c", evaluates=False)
    with pytest.raises(TrainingError):
        rc.train(1)
    trainer = rc.trainer
    before = trainer.best_state["model"]["parameters"].clone()
    assert trainer.train(should_stop=lambda: True).reason == "stopped"
    assert not trainer.model.is_finite
    assert torch.equal(trainer.best_state["model"]["parameters"], before)


@pytest.mark.parametrize(
    ("algorithm", "name", "value"),
    [
        ("ppo", "n_rollout_steps", 10**12),
        ("ppo", "n_rollout_steps", 10**30),
        ("impala", "queue_out_of_sync_factor", 10**21),
        ("es", "n_rollouts_per_update", 10**12),
        ("es", "n_rollouts_per_update", 10**30),
        ("sac", "batch_size", 10**30),
        ("sac", "replay_buffer_size", 10**14),
        ("sac", "replay_buffer_size", 10**30),
    ],
)
def test_what_does_not_fit_into_memory_is_named(algorithm: str, name: str, value: int, tmp_path: Path) -> None:
    message = rf"^algorithm\.{name}: [0-9]+ .* do not fit into memory; give fewer\.$"
    with pytest.raises(InvalidSpecificationError, match=message):
        trainer_of(tmp_path, {f"algorithm.{name}": value}, algorithm=algorithm)


def test_an_unknown_setting_of_the_evaluator_is_named_in_full(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", {"algorithm.rollout_evaluator": {"foo": 1}})
    with pytest.raises(InvalidSpecificationError, match=r"^algorithm\.rollout_evaluator\.foo: .*no such argument"):
        rc.train()
