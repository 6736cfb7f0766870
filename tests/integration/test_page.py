"""Every snippet of the page that the project implements, as written there.

Only running time is shortened: the page leaves the length of training to the defaults, which the last test runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maze import A2CAlgorithmConfig, GymMazeEnv, LogStatsWrapper, RolloutEvaluator, RunContext
from maze.api import run_context
from maze.cli import main

# What is added to the page's lines, besides a directory for runs, a seed and silence.
SHORT: dict[str, Any] = {
    "algorithm.n_epochs": 2,
    "algorithm.epoch_length": 2,
    "algorithm.n_rollout_steps": 16,
    "tracking.mode": "off",
}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Make a bare RunContext train for moments and write below the test's directory."""
    construct = RunContext.__init__

    def shortened(self: RunContext, *args: Any, **kwargs: Any) -> None:
        overrides = dict(SHORT)
        if kwargs.get("algorithm") is not None:
            overrides = {"tracking.mode": "off"}
        kwargs["overrides"] = {**overrides, "log_base_dir": str(tmp_path), **(kwargs.get("overrides") or {})}
        construct(self, *args, **{"silent": True, "seed": 1, **kwargs})

    monkeypatch.setattr(RunContext, "__init__", shortened)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # maze-run -cn conf_train env.name=CartPole-v0 algorithm=a2c model=vector_obs critic=template_state
    line = "-cn conf_train env.name=CartPole-v0 algorithm=a2c model=vector_obs critic=template_state"
    shortened = "algorithm.n_epochs=2 algorithm.epoch_length=2 tracking.mode=off"
    assert main([*line.split(), *shortened.split(), "--run-dir", str(tmp_path / "run")]) == 0
    assert "trained 2 epochs" in capsys.readouterr().out
    config = RunContext.load(tmp_path / "run", silent=True).config
    assert config.env.name == "CartPole-v0"
    assert config.algorithm["_target_"] == "maze.trainers.a2c.A2CAlgorithmConfig"
    assert config.model["_target_"].endswith("TemplateModelComposer")
    assert config.model.critic is not None


def test_names_and_objects_beside_the_command_line(short: None) -> None:
    rc = RunContext(
        algorithm="a2c", overrides={**SHORT, "env.name": "CartPole-v0"}, model="vector_obs", critic="template_state"
    )
    rc.train()
    alg_config = A2CAlgorithmConfig(n_epochs=1, epoch_length=2, n_rollout_steps=4)
    mixed = RunContext(
        algorithm=alg_config, overrides={"env.name": "CartPole-v0"}, model="vector_obs", critic="template_state"
    )
    mixed.train()
    assert rc.config.model == mixed.config.model


def test_an_environment_factory(short: None) -> None:
    rc = RunContext(env=lambda: GymMazeEnv("CartPole-v0"))
    env = rc.env_factory()
    assert isinstance(env, GymMazeEnv)
    assert env.env.spec is not None
    assert env.env.spec.id == "CartPole-v0"


def test_overrides_with_a_policy_composer(short: None) -> None:
    policy_composer_config = {
        "_target_": "maze.perception.models.policies.ProbabilisticPolicyComposer",
        "networks": [
            {
                "_target_": "maze.perception.models.built_in.flatten_concat.FlattenConcatPolicyNet",
                "non_lin": "torch.nn.Tanh",
                "hidden_units": [256, 256],
            }
        ],
        "substeps_with_separate_agent_nets": [],
        "agent_counts_dict": {0: 1},
    }
    rc = RunContext(overrides={"model.policy": policy_composer_config})
    rc.train(n_epochs=1)
    shapes = [tuple(parameter.shape) for parameter in rc.policy.parameters() if parameter.ndim == 2]
    assert shapes == [(256, 4), (256, 256), (2, 256)]


def test_an_instantiated_algorithm_configuration(short: None) -> None:
    alg_config = A2CAlgorithmConfig(
        n_epochs=1,
        epoch_length=25,
        deterministic_eval=False,
        eval_repeats=2,
        patience=15,
        critic_burn_in_epochs=0,
        n_rollout_steps=100,
        lr=0.0005,
        gamma=0.98,
        gae_lambda=1.0,
        policy_loss_coef=1.0,
        value_loss_coef=0.5,
        entropy_coef=0.00025,
        max_grad_norm=0.0,
        device="cpu",
    )
    rc = RunContext(algorithm=alg_config)
    summary = rc.train()
    assert (summary.n_epochs, summary.n_steps) == (1, 25 * 100 * rc.config.runner.concurrency)
    assert rc.trainer.evaluator is not None
    assert (rc.trainer.evaluator.n_episodes, rc.trainer.evaluator.deterministic) == (2, False)


def test_training(short: None) -> None:
    rc = RunContext(env=lambda: GymMazeEnv("CartPole-v0"))
    rc.train()
    # Or with a specified number of epochs:
    rc.train(n_epochs=10)
    assert rc.trainer.epoch == 12


def test_a_manual_rollout(short: None) -> None:
    env_factory = lambda: GymMazeEnv("CartPole-v0")  # noqa: E731  (as the page writes it)
    rc = run_context.RunContext(env=lambda: env_factory())  # noqa: PLW0108  (as the page writes it)
    rc.train()

    # Run trained policy.
    env = env_factory()
    obs = env.reset()
    for _ in range(10):
        action = rc.compute_action(obs)
        obs, rewards, dones, info = env.step(action)
        assert isinstance(rewards, float)
        assert isinstance(dones, bool)
        assert isinstance(info["terminated"], bool)
        assert set(obs) == {"observation"}


def test_a_manual_evaluation(short: None) -> None:
    cartpole_env_factory = lambda: GymMazeEnv("CartPole-v0")  # noqa: E731

    rc = RunContext(env=lambda: GymMazeEnv("CartPole-v0"))
    rc.train()

    evaluator = RolloutEvaluator(
        # Environment has to be have statistics logging capabilities for RolloutEvaluator.
        eval_env=LogStatsWrapper.wrap(cartpole_env_factory(), logging_prefix="eval"),
        n_episodes=1,
        model_selection=None,
    )
    episodes = evaluator.evaluate(rc.policy)
    assert len(episodes) == 1
    assert 1.0 <= episodes.mean_return <= 200.0


@pytest.mark.slow
def test_a_bare_context_solves_the_pages_environment(tmp_path: Path) -> None:
    rc = RunContext(env=lambda: GymMazeEnv("CartPole-v0"), run_dir=tmp_path / "run", silent=True, seed=0)
    rc.train()
    episodes = rc.evaluate(n_episodes=100)
    assert len(episodes) == 100
    assert episodes.mean_return >= 195.0
