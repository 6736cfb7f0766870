"""Learning with networks that carry a state: what is learned from is what was acted on, and memory is learned."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
import torch

from maze import AlgorithmConfig, GymMazeEnv, InvalidSpecificationError, PPOAlgorithmConfig, RunContext
from maze.config.instantiate import allow_modules
from maze.env import MazeEnv, make_vector_env
from maze.rollout import Collector, RolloutEvaluator
from maze.runner import AgentRunner
from maze.trainers import Trainer
from tests.probes import MemoryProbe
from tests.remembering import CUSTOM
from tests.scripted import counting, tiny_context
from tests.unit.trainers.test_base import same

BOTH = pytest.mark.parametrize("algorithm", ["a2c", "ppo"])

TEMPLATE = {"model": "vector_obs_recurrent", "critic": "template_state"}
SHARED = {
    **TEMPLATE,
    "overrides": {"model.model_builder.shared_embedding_keys": ["observation", "recurrence"]},
}
GRU = {
    **TEMPLATE,
    "overrides": {"model.model_builder.modality_config.recurrence.block_type": "maze.perception.blocks.GRUStateBlock"},
}
MODELS: dict[str, dict[str, Any]] = {
    "template": TEMPLATE,
    "shared template": SHARED,
    "GRU": GRU,
    "state in the policy alone": {**TEMPLATE, "critic": "flatten_concat"},
    "state in the critic alone": {**TEMPLATE, "policy": "flatten_concat"},
    **CUSTOM,
}
EVERY_MODEL = pytest.mark.parametrize("model", MODELS)


def ends() -> MazeEnv:
    """Return an environment whose episodes have 3 steps and then 5, and are cut off."""
    return counting([3, 5], terminates=False, truncates=True)


def runner_of(tmp_path: Path, model: str, algorithm: str = "ppo", env: Any = ends, **values: Any) -> AgentRunner:
    given = MODELS[model]
    overrides = {f"algorithm.{name}": value for name, value in values.items()} | dict(given.get("overrides", {}))
    arguments = {name: value for name, value in given.items() if name != "overrides"}
    rc = tiny_context(tmp_path / "unused", overrides, algorithm=algorithm, env=env, **arguments)
    runner = AgentRunner(rc.config, rc._engine._objects)
    with allow_modules(rc.config.allowed_modules):
        _ = runner.model
    return runner


def trainer_of(tmp_path: Path, model: str, algorithm: str = "ppo", **values: Any) -> Trainer[Any]:
    return runner_of(tmp_path, model, algorithm, **values).trainer


def acted(trainer: Trainer[Any]) -> list[Any]:
    """Let a trainer note the logits with which it acts, and return where it notes them."""
    policy, noted = trainer.model.policy, []
    sampled = policy._sampled

    def note(logits: Any, *arguments: Any) -> Any:
        noted.append(logits["action"].copy())
        return sampled(logits, *arguments)

    policy._sampled = note  # type: ignore[method-assign]
    return noted


@EVERY_MODEL
def test_learning_sees_what_acting_saw(model: str, tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, model)
    noted = acted(trainer)
    for _ in range(3):  # also where a rollout begins in the middle of an episode
        noted.clear()
        rollout = trainer.collector.collect()
        expected = torch.log_softmax(torch.from_numpy(np.stack(noted)), -1)
        distribution, _ = trainer.recurrence.distribution(rollout)
        log_probs = distribution.heads["action"].log_probs.view(8, 2, 2)
        torch.testing.assert_close(log_probs, expected, rtol=1e-5, atol=1e-6)


@EVERY_MODEL
@pytest.mark.parametrize("length", [None, 1, 2, 4])
def test_nothing_has_changed_for_the_first_minibatch(model: str, length: int | None, tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, model, recurrent_sequence_length=length, batch_size=6)
    trainer.update()  # so that rollouts begin in the middle of episodes, with states of earlier weights
    noted = acted(trainer)
    rollout = trainer.collector.collect()
    value, log_prob_old = trainer.assess(rollout)
    batch = trainer.batch(rollout, np.zeros_like(rollout.reward), value[:-1], log_prob_old)
    noted_log_prob = torch.log_softmax(torch.from_numpy(np.stack(noted)), -1)
    taken = noted_log_prob.gather(-1, torch.from_numpy(rollout.action["action"]).unsqueeze(-1)).squeeze(-1)  # [T, N]
    assert sorted(batch["log_prob_old"].flatten().tolist()) == pytest.approx(sorted(taken.flatten().tolist()), abs=1e-5)
    n_rows = 0
    for minibatch in trainer.minibatches(batch):
        look = trainer.look(minibatch)
        ratio = (look.log_prob - minibatch["log_prob_old"]).exp()
        torch.testing.assert_close(ratio, torch.ones_like(ratio), rtol=0.0, atol=1e-5)
        torch.testing.assert_close(look.value, minibatch["target"], rtol=1e-5, atol=1e-5)
        n_rows += len(ratio)
    assert n_rows == rollout.n_steps


@BOTH
def test_states_are_zero_where_episodes_begin_and_cut_off_ones_are_worth_what_their_last_step_says(
    algorithm: str, tmp_path: Path
) -> None:
    trainer = trainer_of(tmp_path, "counting", algorithm, gamma=0.5, gae_lambda=0.0)
    seen = []
    for _ in range(3):
        rollout = trainer.collector.collect()
        value = trainer.recurrence.value(rollout).detach().numpy().copy()
        steps = rollout.observation["observation"][..., 1]  # of the episode, before each observation
        np.testing.assert_array_equal(value, steps + 1.0)
        player = trainer.collector._player
        np.testing.assert_array_equal(player.state["count"][:, 0], steps[-1])
        np.testing.assert_array_equal(rollout.begins, steps == 0)
        last = rollout.truncated_observation["observation"][:, 1]
        np.testing.assert_array_equal(trainer.recurrence.truncated_value(rollout), last + 1.0)
        seen.append(len(last))
        advantage = trainer.advantages(rollout, value)
        following = np.where(rollout.truncated, steps[:-1] + 2.0, value[1:])  # nothing terminates here
        np.testing.assert_allclose(advantage, rollout.reward + 0.5 * following - value[:-1], rtol=1e-6)
    assert sum(seen) > 6


@BOTH
@pytest.mark.parametrize("model", ["template", "shared template", "state in the critic alone", "shared GRU"])
def test_stopping_anywhere_and_going_on_changes_nothing(algorithm: str, model: str, tmp_path: Path) -> None:
    whole, broken, fresh = (trainer_of(tmp_path, model, algorithm) for _ in range(3))
    whole.train(3)
    calls = iter(range(100))
    broken.train(3, should_stop=lambda: next(calls) >= 3)
    fresh.load_state_dict(broken.state_dict())
    for trainer in (broken, fresh):
        trainer.train(2)
        assert same(trainer.state_dict(), whole.state_dict())


def test_training_twice_is_training_longer_with_the_same_bits_for_the_same_seed(tmp_path: Path) -> None:
    def context(name: str) -> RunContext:
        return tiny_context(tmp_path / name, algorithm="ppo", **TEMPLATE)

    whole, twice = context("whole"), context("twice")
    whole.train(4)
    twice.train(2)
    twice.evaluate(n_episodes=3)
    twice.rollout(n_episodes=2)
    twice.compute_action({"observation": np.zeros(4, np.float32)})
    twice.train(2)
    for name in ("agent/weights.safetensors", "curve.csv", "checkpoint/state.npz"):
        assert (tmp_path / "twice" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


class Unsaved(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Holds what cannot be saved without pickle, so that environments begin anew after a break."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.lock = iter(())


def test_environments_that_begin_anew_begin_without_memory(tmp_path: Path) -> None:
    def env() -> MazeEnv:
        return GymMazeEnv(Unsaved(gymnasium.make("CartPole-v1")))

    trainer, fresh = (trainer_of(tmp_path, "template", env=env) for _ in range(2))
    trainer.train(1)
    assert trainer.collector.env.begins_anew(trainer.collector.env.state_dict())
    fresh.load_state_dict(trainer.state_dict())
    assert not any(part.any() for part in fresh.collector._player.state.values())
    rollout = fresh.collector.collect()
    assert rollout.begins[0].all()


@pytest.mark.parametrize("name", ["template", "shared GRU"])
def test_vector_environments_of_every_kind_give_the_same_steps(name: str, tmp_path: Path) -> None:
    policy = runner_of(tmp_path, name, env=lambda: GymMazeEnv("CartPole-v1")).model.policy

    def collected(native: bool, n_envs: int = 3) -> Any:
        env = make_vector_env(lambda: GymMazeEnv("CartPole-v1"), n_envs, native=native)
        rng = SimpleNamespace()  # nothing may be drawn
        collector = Collector(env, Greedy(policy), 60, rng, seeds=[5, 6, 7][:n_envs])  # type: ignore[arg-type]
        rollout = collector.collect()
        return rollout.observation["observation"].copy(), rollout.action["action"].copy()

    native, stepped, single = collected(True), collected(False), collected(True, 1)
    np.testing.assert_array_equal(native[0], stepped[0])
    np.testing.assert_array_equal(native[1], stepped[1])
    np.testing.assert_allclose(single[0][:, 0], native[0][:, 0], rtol=1e-5, atol=1e-6)


class Greedy:
    """Takes the likeliest actions of a policy with state."""

    def __init__(self, policy: Any) -> None:
        self.policy = policy

    def act(self, *arguments: Any) -> Any:
        raise AssertionError

    def remembering(self, n_rows: int) -> Any:
        player = self.policy.remembering(n_rows)
        act = player.act
        player.act = lambda observation, rng: act(observation, rng, True)
        return player


def test_evaluation_does_not_depend_on_how_many_play_side_by_side(tmp_path: Path) -> None:
    runner = runner_of(tmp_path, "template", env=lambda: GymMazeEnv(MemoryProbe()))
    policy = runner.model.policy
    with torch.no_grad():  # far from undecided
        policy.networks[0].heads["action"].layer.weight.mul_(1000.0)
    found = []
    for n_envs in (1, 3, 8):
        evaluator = RolloutEvaluator(runner.environments.make_vector_env, 8, deterministic=True, n_envs=n_envs, seed=1)
        found.append(evaluator.evaluate(policy).returns.tolist())
    assert found[0] == found[1] == found[2]


# --- what is learned ----------------------------------------------------------------------------------------------

SOLVING: dict[str, dict[str, Any]] = {
    "a2c": {"algorithm.n_rollout_steps": 16, "algorithm.epoch_length": 40},
    "ppo": {"algorithm.n_rollout_steps": 20, "algorithm.epoch_length": 10, "algorithm.recurrent_sequence_length": 10},
}


def remembered(run_dir: Path, algorithm: str, **model: Any) -> RunContext:
    values = {
        **SOLVING[algorithm],
        "algorithm.lr": 0.01,
        "algorithm.gamma": 0.9,
        "algorithm.rollout_evaluator": None,
        "runner.concurrency": 8,
        "tracking.mode": "off",
        **model.pop("overrides", {}),
    }
    env = lambda: GymMazeEnv(MemoryProbe())  # noqa: E731
    rc = RunContext(env=env, algorithm=algorithm, run_dir=run_dir, overrides=values, seed=3, silent=True, **model)
    rc.train(2)
    return rc


@pytest.mark.parametrize("model", ["template", "shared template", "GRU", "shared GRU"])
@BOTH
def test_memory_is_learned(algorithm: str, model: str, tmp_path: Path) -> None:
    rc = remembered(tmp_path / "run", algorithm, **MODELS[model])
    assert rc.evaluate(n_episodes=40, deterministic=True).returns.tolist() == [1.0] * 40
    for cue in MemoryProbe.observations:
        rc.begin_episode()
        for observed in (cue, 0.0, 0.0, 0.0, 0.0):
            action = rc.compute_action({"observation": np.full(1, observed, np.float32)}, deterministic=True)
        assert int(action["action"]) == MemoryProbe.best_action(cue)


@BOTH
def test_without_memory_it_stays_at_chance(algorithm: str, tmp_path: Path) -> None:
    rc = remembered(tmp_path / "run", algorithm, model="vector_obs", critic="template_state")
    assert abs(rc.evaluate(n_episodes=200, deterministic=False).mean_return) < 0.25  # four deviations are 0.28


# --- what is refused ----------------------------------------------------------------------------------------------


def test_sequences_divide_rollouts() -> None:
    with pytest.raises(
        InvalidSpecificationError, match=r"recurrent_sequence_length: 5 .*accepted: 1, 2, 4, 8, or null"
    ):
        PPOAlgorithmConfig(n_rollout_steps=8, recurrent_sequence_length=5)


class StepByStep(Trainer[AlgorithmConfig]):
    """Would learn from single steps."""

    def update(self) -> Any:
        raise AssertionError


class StepByStepConfig(AlgorithmConfig):
    """Names its trainer, and says nothing of states."""

    trainer: ClassVar[type[Trainer[Any]]] = StepByStep


def test_other_algorithms_refuse_networks_with_state(tmp_path: Path) -> None:
    runner = runner_of(tmp_path, "template")
    runner.__dict__["algorithm"] = StepByStepConfig()
    with pytest.raises(InvalidSpecificationError, match=r"carry a state.*StepByStepConfig.*'ppo'.*vector_obs_rnn"):
        _ = runner.trainer
