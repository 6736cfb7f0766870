"""A script as users write it: the public API, annotated throughout. mypy checks it strictly, and it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn

from maze import (
    A2C,
    PPO,
    A2CAlgorithmConfig,
    AlgorithmConfig,
    BaseEnvEvents,
    DistributionMapper,
    Episodes,
    Factory,
    FlattenConcatPolicyNet,
    GymMazeEnv,
    InvalidSpecificationError,
    LogStatsLevel,
    LogStatsWrapper,
    MazeEnv,
    ObservationWrapper,
    PPOAlgorithmConfig,
    ProbabilisticPolicyComposer,
    RewardWrapper,
    RolloutEvaluator,
    RolloutResult,
    RunConfig,
    RunContext,
    TorchPolicy,
    Trainer,
    TrainingSummary,
    VectorEnv,
    as_gymnasium,
    make_gym_maze_env,
    make_vector_env,
)
from maze.types import Action, Array, Observation

OVERRIDES: dict[str, Any] = {"tracking.mode": "off"}


class Scaled(ObservationWrapper):
    """Observations a tenth as large."""

    def observation(self, observation: Observation) -> Observation:
        """Scale one observation or a batch."""
        return {key: value / 10.0 for key, value in observation.items()}


class Doubled(RewardWrapper):
    """Rewards twice as large."""

    def reward(self, reward: Array) -> Array:
        """Double one reward or a batch."""
        return 2.0 * reward


class Linear(nn.Module):
    """A policy network of one layer."""

    def __init__(self, obs_shapes: Mapping[str, tuple[int, ...]], action_logits_shapes: Mapping[str, tuple[int, ...]]):
        super().__init__()
        self.layer = nn.Linear(obs_shapes["observation"][0], action_logits_shapes["action"][0])

    def forward(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the logits, [B, n]."""
        return {"action": self.layer(observation["observation"])}


class Walk(Trainer["WalkConfig"]):
    """Changes all weights a little."""

    def update(self) -> Mapping[str, Tensor | float]:
        """Collect, and take a step."""
        rollout = self.collector.collect()
        with torch.no_grad():
            self.model.flat_parameters.add_(self.config.noise)
        return {"reward": float(rollout.reward.mean())}


@dataclass(frozen=True, kw_only=True)
class WalkConfig(AlgorithmConfig):
    """Settings of a random walk through the weights."""

    trainer: ClassVar[type[Trainer[Any]]] = Walk

    noise: float = 0.01


def make_env() -> MazeEnv:
    """Return an environment."""
    return GymMazeEnv("CartPole-v1")


def construct() -> RunContext:
    """Give components in every form."""
    env = make_env()
    composer = ProbabilisticPolicyComposer(
        action_spaces_dict=env.action_spaces_dict,
        observation_spaces_dict=env.observation_spaces_dict,
        agent_counts_dict=env.agent_counts_dict,
        distribution_mapper=DistributionMapper(env.action_space),
        networks=[FlattenConcatPolicyNet],
    )
    RunContext(env="gym_env", algorithm={"_target_": "maze.A2CAlgorithmConfig", "lr": 0.01}, seed=1)
    RunContext(env=lambda: gymnasium.make("CartPole-v1"), policy=composer, wrappers=[Scaled, Doubled])
    RunContext(algorithm=A2CAlgorithmConfig(n_epochs=1), experiment=None, config_dir=None, run_dir=Path("unused"))
    RunContext(env={"_target_": "maze.GymMazeEnv", "env": "CartPole-v1"}, algorithm=PPOAlgorithmConfig(lr=0.01))
    networks = {"_target_": "maze.perception.models.policies.ProbabilisticPolicyComposer", "networks": [Linear]}
    RunContext(policy=networks, configuration="test")
    try:
        RunContext(algorithm="a3c")
    except InvalidSpecificationError as error:
        message: str = str(error)
        assert "a2c" in message
    return RunContext(
        env=make_env, wrappers=Scaled, configuration="test", run_dir="run", overrides=OVERRIDES, silent=True, seed=1
    )


def train(rc: RunContext) -> None:
    """Train, and look at what there is."""
    summary: TrainingSummary = rc.train(n_epochs=1)
    best: float = summary.best_return
    policy: TorchPolicy = rc.policy
    config: RunConfig = rc.config
    directory: Path = rc.run_dir
    metrics: dict[str, float] = rc.statistics
    trainer: Trainer[Any] = rc.trainer
    assert isinstance(trainer, PPO)
    assert not isinstance(trainer, A2C)
    assert best == summary.best_return
    assert sum(parameter.numel() for parameter in policy.parameters()) > 0
    assert config.seeding.env_base_seed is not None
    assert directory.is_dir()
    assert "eval/mean_return" in metrics


def train_with_an_algorithm_of_ones_own() -> None:
    """A trainer and its configuration, both of this script."""
    algorithm = WalkConfig(n_epochs=1, epoch_length=2, noise=0.1)
    rc = RunContext(algorithm=algorithm, overrides=OVERRIDES, run_dir="walk", silent=True)
    assert rc.train().n_epochs == 1
    assert isinstance(rc.trainer, Walk)
    assert rc.trainer.config.noise == 0.1


def act(rc: RunContext) -> None:
    """Play by hand."""
    with rc.env_factory() as env:
        observation: Observation = env.reset()
        done = False
        while not done:
            action: Action = rc.compute_action(observation, deterministic=True)
            observation, reward, done, info = env.step(action)
            total: float = reward
            ended: bool = info["terminated"] or info["truncated"]
            assert ended == done
            assert total == 1.0
    raw: Observation = {"observation": np.zeros((3, 4), np.float32)}
    assert rc.compute_action(rc.transform_observation(raw))["action"].shape == (3,)


def play(rc: RunContext) -> None:
    """Evaluate and roll out."""
    episodes: Episodes = rc.evaluate(n_episodes=2)
    mean: float = episodes.mean_return
    statistics: dict[str, float] = episodes.statistics
    assert statistics["mean_return"] == mean
    result: RolloutResult = rc.rollout(n_episodes=2, record_trajectory=True)
    lengths: Array = result.lengths
    assert len(result.steps["reward"]) == int(lengths.sum())
    env = LogStatsWrapper.wrap(make_gym_maze_env("CartPole-v1"), logging_prefix="eval")
    evaluator = RolloutEvaluator(eval_env=env, n_episodes=2, model_selection=None)
    assert len(evaluator.evaluate(rc.policy)) == 2
    env.write_epoch_stats()
    stats = env.get_stats(LogStatsLevel.EPOCH).last_stats
    assert stats is not None
    assert env.get_stats_value(BaseEnvEvents.reward, LogStatsLevel.EPOCH, "episode_count") == 2.0


def environments() -> None:
    """Use environments without a context."""
    env: MazeEnv = Factory(MazeEnv).instantiate({"_target_": "maze.GymMazeEnv", "env": "CartPole-v1"})
    vector: VectorEnv = make_vector_env(make_env, 2)
    step = vector.step({"action": np.zeros(2, np.int64)}) if vector.reset([1, 2]) else None
    assert step is not None
    assert step.reward.shape == (2,)
    other: gymnasium.Env[Any, Any] = as_gymnasium(env)
    other.reset(seed=1)


def main() -> None:
    """Do everything once."""
    rc = construct()
    train(rc)
    train_with_an_algorithm_of_ones_own()
    act(rc)
    play(rc)
    loaded = RunContext.load("run", silent=True, allow_code=True)
    assert loaded.evaluate(n_episodes=2).mean_return == rc.evaluate(n_episodes=2).mean_return
    composed = RunContext(configuration="test").config  # of names alone: an object cannot be told by a configuration
    with RunContext.from_config(composed, seed=2, run_dir="again", silent=True) as again:
        assert again.config.digest() == composed.digest()
    environments()


if __name__ == "__main__":
    main()
