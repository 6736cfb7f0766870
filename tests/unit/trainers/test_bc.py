"""Behavioural cloning: losses worked out by hand, experts that are reproduced, and training that goes on exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from maze import (
    BC,
    ArtifactError,
    BCAlgorithmConfig,
    GymMazeEnv,
    InvalidSpecificationError,
    ObservationNormalizationWrapper,
    RunContext,
    TrainingError,
    make_vector_env,
)
from maze.rollout import TrajectoryRecorder, play_episodes, write_rollout
from maze.trainers import Schedule
from tests.scripted import weights_of

FAST = {"tracking.mode": "off", "runner.concurrency": 1, "algorithm.rollout_evaluator": None}


class Function:
    """A policy that is a function of the observations [N, ...]."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def act(self, observation: Mapping[str, Any], rng: Any, deterministic: bool = False) -> dict[str, Any]:
        return {"action": self.function(observation["observation"])}


def record(directory: Path, make_env: Callable[[], Any], function: Callable[[Any], Any], n_episodes: int = 10) -> Path:
    """Write what a function does in an environment, as a rollout does."""
    recorder, env = TrajectoryRecorder(), make_vector_env(make_env, 2)
    episodes = play_episodes(
        Function(function), env, list(range(n_episodes)), np.random.default_rng(0), observers=[recorder]
    )
    write_rollout(directory, episodes, recorder.steps(), None, env.statistics_state())
    env.close()
    return directory


class Reaching(gymnasium.Env[Any, Any]):
    """Pays the negative squared distance of the action to a linear function of the observation, for five steps."""

    def __init__(self, space: spaces.Space[Any] | None = None) -> None:
        self.observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = space or spaces.Box(-2.0, 2.0, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.count = 0
        return self.observe(), {}

    def observe(self) -> Any:
        self.seen = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return self.seen

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = -float(np.square(action - linear(self.seen[None])[0]).sum())
        self.count += 1
        return self.observe(), reward, self.count == 5, False, {}


def linear(observation: Any) -> Any:
    """The expert of :class:`Reaching`: 0.8 x - 0.5 y."""
    return observation[:, :1] * np.float32(0.8) - observation[:, 1:] * np.float32(0.5)


def sign(observation: Any) -> Any:
    """An expert with two actions: 1 where the first number is positive."""
    return (observation[:, 0] > 0).astype(np.int64)


def discrete() -> GymMazeEnv:
    return GymMazeEnv(Reaching(spaces.Discrete(2)))


def cloning(
    directory: Path, make_env: Callable[[], Any], run_dir: Path, overrides: Mapping[str, Any] | None = None, **more: Any
) -> RunContext:
    values = {**FAST, "algorithm.demonstrations": str(directory), **(overrides or {})}
    given: dict[str, Any] = {"env": make_env, "algorithm": "bc", "seed": 1, "silent": True, **more}
    return RunContext(run_dir=run_dir, overrides=values, **given)


@pytest.fixture(scope="module")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("signs"), discrete, sign, 20)


def trainer_of(rc: RunContext) -> BC:
    assert isinstance(rc._engine._runner.trainer, BC)
    return rc._engine._runner.trainer


# --- what is minimised --------------------------------------------------------------------------------------------


def test_the_loss_is_the_mean_negative_log_likelihood_minus_the_entropy_bonus(signs: Path, tmp_path: Path) -> None:
    trainer = trainer_of(cloning(signs, discrete, tmp_path / "run", {"algorithm.entropy_coef": 0.5}))
    logits = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]])  # probabilities 1/4, 3/4 and 1/2, 1/2
    trainer.model.policy.logits = lambda *_: {"action": logits}  # type: ignore[method-assign,assignment]
    rows = {"observation/observation": torch.zeros(2, 2), "action/action": torch.tensor([1, 0])}
    loss, measured = trainer.loss(rows)
    likelihood = -(math.log(0.75) + math.log(0.5)) / 2
    entropy = (-(0.25 * math.log(0.25) + 0.75 * math.log(0.75)) + math.log(2.0)) / 2
    assert float(measured["loss/policy"]) == pytest.approx(likelihood, abs=1e-6)
    assert float(measured["policy/entropy"]) == pytest.approx(entropy, abs=1e-6)
    assert float(loss) == pytest.approx(likelihood - 0.5 * entropy, abs=1e-6)


def test_an_update_sees_every_row_once_and_weighs_rows_alike(signs: Path, tmp_path: Path) -> None:
    trainer = trainer_of(cloning(signs, discrete, tmp_path / "run", {"algorithm.batch_size": 30}))
    assert trainer.n_rows == 80  # 16 of 20 episodes of five steps
    sizes: list[int] = []

    def loss(rows: Mapping[str, Any]) -> tuple[Any, Any]:
        sizes.append(len(rows["action/action"]))
        return trainer.model.flat_parameters.sum(), {"loss/policy": torch.tensor(float(len(sizes)))}

    trainer.loss, trainer.step = loss, lambda loss: None  # type: ignore[method-assign]
    assert float(trainer.update()["loss/policy"]) == pytest.approx((30 * 1 + 30 * 2 + 20 * 3) / 80)
    assert sizes == [30, 30, 20]
    assert trainer.steps_of_update() == 80


def test_validation_counts_what_the_most_likely_action_hits(signs: Path, tmp_path: Path) -> None:
    trainer = trainer_of(cloning(signs, discrete, tmp_path / "run"))
    trainer.model.policy.logits = lambda rows, *_: {  # type: ignore[method-assign,assignment]
        "action": torch.tensor([[0.0, math.log(3.0)]]).expand(len(rows["observation"]), 2)
    }
    share = float(trainer._validation["action/action"].float().mean())
    found = trainer.validate()
    assert found["validation/accuracy"] == pytest.approx(share)
    assert found["validation/loss"] == pytest.approx(-share * math.log(0.75) - (1 - share) * math.log(0.25), rel=1e-5)


def test_the_split_is_by_episode_and_follows_the_seed(signs: Path, tmp_path: Path) -> None:
    def kept(seed: int) -> tuple[bytes, bytes]:
        rc = cloning(signs, discrete, tmp_path / f"run{seed}", {"algorithm.validation_percentage": 25}, seed=seed)
        trainer = trainer_of(rc)
        parts = [part["observation/observation"].numpy() for part in (trainer._training, trainer._validation)]
        assert [len(part) for part in parts] == [75, 25]
        # five rows in a row are an episode, whose first observation is that of its seed
        first = {part.tobytes() for part in parts[0][::5]} | {part.tobytes() for part in parts[1][::5]}
        assert len(first) == 20
        return parts[0].tobytes(), parts[1].tobytes()

    assert kept(1) == kept(1) != kept(2)


# --- experts are reproduced ---------------------------------------------------------------------------------------


def test_a_discrete_expert_is_reproduced(signs: Path, tmp_path: Path) -> None:
    rc = cloning(signs, discrete, tmp_path / "run", {"algorithm.n_epochs": 60, "algorithm.lr": 0.01})
    summary = rc.train()
    assert math.isnan(summary.best_return)
    assert rc.statistics["validation/accuracy"] > 0.9
    seen = np.array([[-0.8, 0.3], [0.8, 0.3], [0.5, -0.9], [-0.4, -0.9]], np.float32)
    found = rc.compute_action({"observation": seen}, deterministic=True)["action"]
    assert found.tolist() == sign(seen).tolist()


@pytest.mark.parametrize("distribution", ["squashed_gaussian", "gaussian", "beta"])
def test_a_continuous_expert_is_reproduced(distribution: str, tmp_path: Path) -> None:
    demonstrations = record(tmp_path / "expert", lambda: GymMazeEnv(Reaching()), linear, 40)
    head = {"action_head": "action", "distribution": distribution}
    rc = cloning(
        demonstrations,
        lambda: GymMazeEnv(Reaching()),
        tmp_path / "run",
        {"algorithm.n_epochs": 150, "algorithm.lr": 0.01, "model.distribution_mapper_config": [head]},
    )
    rc.train()
    best = rc.trainer.best_epoch
    seen = np.random.default_rng(0).uniform(-1, 1, (50, 2)).astype(np.float32)
    found = rc.compute_action({"observation": seen}, deterministic=True)["action"]
    assert best > 20
    assert float(np.abs(found - linear(seen)).mean()) < 0.1
    assert rc.statistics["validation/mean_squared_error"] < 0.05


def test_actions_at_the_bounds_have_a_finite_loss(tmp_path: Path) -> None:
    def extreme(observation: Any) -> Any:
        return np.where(observation[:, :1] > 0, np.float32(2.0), np.float32(-2.0))

    demonstrations = record(tmp_path / "expert", lambda: GymMazeEnv(Reaching()), extreme, 20)
    rc = cloning(demonstrations, lambda: GymMazeEnv(Reaching()), tmp_path / "run", {"algorithm.lr": 0.01})
    rc.train(40)
    assert math.isfinite(rc.statistics["loss/policy"])
    assert bool(torch.isfinite(rc.trainer.model.flat_parameters).all())
    seen = np.array([[0.7, 0.0], [-0.7, 0.0]], np.float32)
    found = rc.compute_action({"observation": seen}, deterministic=True)["action"][:, 0]
    assert found[0] > 1.8
    assert found[1] < -1.8


def upright(observation: Any) -> Any:
    """A hand-written expert of CartPole that lasts 500 steps."""
    return (observation @ np.array([0.1, 0.2, 1.0, 0.5], np.float32) > 0).astype(np.int64)


def test_cartpole_is_learned_from_twenty_episodes_of_an_expert(tmp_path: Path) -> None:
    def make_env() -> GymMazeEnv:
        return GymMazeEnv("CartPole-v1")

    record(tmp_path / "expert", make_env, upright, 20)
    rc = cloning(
        tmp_path / "expert",
        make_env,
        tmp_path / "run",
        {"algorithm.rollout_evaluator": {"_target_": "maze.RolloutEvaluator", "n_episodes": 8, "deterministic": True}},
    )
    summary = rc.train(15)
    assert summary.best_return == 500.0
    assert summary.n_steps == 15 * 16 * 500  # demonstrated steps that were learned from
    assert rc.evaluate(n_episodes=50, deterministic=True).mean_return > 475.0
    assert not rc.trainer.collector.state_dict()["started"]  # no environment was stepped to learn


# --- what acting needs besides weights ----------------------------------------------------------------------------


def normalised() -> Any:
    return ObservationNormalizationWrapper(discrete())


def test_the_policy_acts_on_observations_normalised_as_the_demonstrations_were(tmp_path: Path) -> None:
    env = make_vector_env(normalised, 1)
    env.training = True
    env.reset([0])
    for _ in range(200):
        env.step({"action": np.zeros(1, np.int64)})
    env.update_statistics()
    statistics = env.statistics_state()
    recorder = TrajectoryRecorder()
    env.training = False
    episodes = play_episodes(Function(sign), env, list(range(5)), np.random.default_rng(0), observers=[recorder])
    write_rollout(tmp_path / "expert", episodes, recorder.steps(), None, statistics)
    rc = cloning(tmp_path / "expert", discrete, tmp_path / "run", wrappers=ObservationNormalizationWrapper)
    rc.train(1)
    for place in (rc.trainer.best_state["statistics"], RunContext.load(tmp_path / "run", allow_code=True)):
        found = place if isinstance(place, dict) else place.env_factory().statistics_state()
        assert found.keys() == statistics.keys()
        assert all(np.array_equal(found[name], statistics[name]) for name in statistics)


def test_demonstrations_of_other_wrappers_are_refused(signs: Path, tmp_path: Path) -> None:
    rc = cloning(signs, discrete, tmp_path / "run", wrappers=ObservationNormalizationWrapper)
    with pytest.raises(InvalidSpecificationError, match=r"statistics of no wrapper; .*ObservationNormalization.*again"):
        rc.train(1)


class Masked(gymnasium.Env[Any, Any]):
    """Action 0 is impossible, always."""

    observation_space = spaces.Dict(
        {"action_mask": spaces.MultiBinary(3), "observation": spaces.Box(-1, 1, (1,), np.float32)}
    )
    action_space = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        return {"action_mask": np.array([0, 1, 1], np.int8), "observation": np.zeros(1, np.float32)}, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.reset()[0], 0.0, True, False, {}


def test_masks_are_respected(tmp_path: Path) -> None:
    def make_env() -> GymMazeEnv:
        return GymMazeEnv(Masked())

    record(tmp_path / "right", make_env, lambda seen: np.full(len(seen), 2, np.int64))
    rc = cloning(tmp_path / "right", make_env, tmp_path / "run", {"algorithm.lr": 0.01})
    trainer = trainer_of(rc)
    loss = float(trainer.update()["loss/policy"])
    assert loss == pytest.approx(math.log(2.0), abs=0.1)  # two possible actions, not three
    record(tmp_path / "wrong", make_env, lambda seen: np.zeros(len(seen), np.int64))
    with pytest.raises(
        InvalidSpecificationError, match=r"action 'action' of step 0 is 0, which the mask 'action_mask'"
    ):
        cloning(tmp_path / "wrong", make_env, tmp_path / "other").train(1)


@pytest.mark.parametrize(
    "space",
    [
        spaces.MultiDiscrete([2, 3]),
        spaces.MultiBinary(3),
        spaces.Dict({"arm": spaces.Box(-1.0, 1.0, (2,), np.float32), "grip": spaces.Discrete(3, start=1)}),
    ],
    ids=["MultiDiscrete", "MultiBinary", "two heads"],
)
def test_every_kind_of_action_is_learned(space: spaces.Space[Any], tmp_path: Path) -> None:
    class Many(Masked):
        observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)  # type: ignore[assignment]
        action_space = space  # type: ignore[assignment]

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            super().reset(seed=seed)
            return np.zeros(1, np.float32), {}

    def make_env() -> GymMazeEnv:
        return GymMazeEnv(Many())

    class Sampled(Function):
        def act(self, observation: Mapping[str, Any], rng: Any, deterministic: bool = False) -> dict[str, Any]:
            heads = make_env().action_space.spaces
            samples = {key: np.repeat(np.asarray(part.sample())[None], 2, 0) for key, part in heads.items()}
            return {key: values.astype(heads[key].dtype) for key, values in samples.items()}

    recorder, env = TrajectoryRecorder(), make_vector_env(make_env, 2)
    episodes = play_episodes(Sampled(sign), env, range(10), np.random.default_rng(0), observers=[recorder])
    write_rollout(tmp_path / "expert", episodes, recorder.steps())
    rc = cloning(tmp_path / "expert", make_env, tmp_path / "run")
    rc.train(2)
    several = isinstance(space, spaces.Dict)
    names = {"validation/mean_squared_error_arm", "validation/accuracy_grip"} if several else {"validation/accuracy"}
    assert names | {"validation/loss"} == {name for name in rc.statistics if name.startswith("validation/")}
    assert all(math.isfinite(rc.statistics[name]) for name in names)


# --- training goes on ---------------------------------------------------------------------------------------------

RESULTS = ("agent/weights.safetensors", "curve.csv", "metrics.json", "checkpoint/state.npz")


def results(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in RESULTS]


@pytest.mark.parametrize("evaluates", [True, False])
def test_parts_equal_the_whole_and_resuming_is_exact(evaluates: bool, signs: Path, tmp_path: Path) -> None:
    evaluator = {"_target_": "maze.RolloutEvaluator", "n_episodes": 2, "deterministic": True} if evaluates else None

    def context(name: str, **more: Any) -> RunContext:
        overrides = {"algorithm.rollout_evaluator": evaluator, "algorithm.lr": {"start": 0.01}}
        return cloning(signs, discrete, tmp_path / name, overrides, **more)

    context("whole").train(4)
    parts = context("parts")
    parts.train(1)
    parts.train(3)
    context("half").train(2)
    context("half", resume=True).train(2)
    assert results(tmp_path / "whole") == results(tmp_path / "half")
    assert weights_of(parts).tobytes() == weights_of(context("whole", resume=True)).tobytes()


def test_resuming_with_other_demonstrations_is_refused(tmp_path: Path) -> None:
    record(tmp_path / "expert", discrete, sign)
    cloning(tmp_path / "expert", discrete, tmp_path / "run").train(1)
    record(tmp_path / "expert", discrete, lambda seen: 1 - sign(seen))
    with pytest.raises(ArtifactError, match=r"the demonstrations in '.*expert' are others"):
        cloning(tmp_path / "expert", discrete, tmp_path / "run", resume=True).train(1)


def test_the_state_with_the_smallest_validation_loss_is_kept_and_patience_counts_by_it(
    signs: Path, tmp_path: Path
) -> None:
    rc = cloning(signs, discrete, tmp_path / "run", {"algorithm.n_epochs": 50, "algorithm.patience": 2})
    trainer = trainer_of(rc)
    losses = iter([0.5, 0.4, 0.6, 0.7, 0.1])
    trainer.validate = lambda: {"validation/loss": next(losses)}  # type: ignore[method-assign]
    summary = rc.train()
    assert (summary.reason, summary.n_epochs, summary.best_epoch) == ("patience", 4, 2)
    assert trainer.best_validation_loss == 0.4
    assert not torch.equal(trainer.best_state["model"]["parameters"], trainer.model.flat_parameters)


def test_without_validation_and_evaluator_the_last_state_is_the_best(signs: Path, tmp_path: Path) -> None:
    rc = cloning(signs, discrete, tmp_path / "run", {"algorithm.validation_percentage": 0})
    assert rc.train(3).best_epoch == 3
    assert rc.trainer.steps_of_update() == 100
    assert not any(name.startswith("validation/") for name in rc.statistics)


def test_a_loss_that_is_no_number_stops_training_with_the_last_good_state(signs: Path, tmp_path: Path) -> None:
    rc = cloning(signs, discrete, tmp_path / "run")
    rc.train(2)
    good = rc.trainer.best_state["model"]["parameters"].clone()
    rc.trainer._training["observation/observation"][:] = math.nan  # type: ignore[attr-defined]
    with pytest.raises(TrainingError, match="loss/policy is nan"):
        rc.train(1)
    assert torch.equal(rc.trainer.best_state["model"]["parameters"], good)


def test_a_schedule_of_the_learning_rate_is_followed(signs: Path, tmp_path: Path) -> None:
    rc = cloning(signs, discrete, tmp_path / "run", {"algorithm.n_epochs": 4, "algorithm.lr": {"start": 0.01}})
    rc.train(4)
    assert rc.trainer.present(rc.trainer.config.lr) == 0.0


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, "", []])
def test_without_demonstrations_the_remedy_is_named(given: Any) -> None:
    with pytest.raises(
        InvalidSpecificationError, match=r"^algorithm\.demonstrations: missing; .*record_trajectory=True"
    ):
        RunContext(algorithm="bc", overrides={"algorithm.demonstrations": given})
    with pytest.raises(InvalidSpecificationError, match=r"^algorithm\.demonstrations: missing"):
        RunContext(algorithm=BCAlgorithmConfig())


def test_places_are_texts_or_paths_alone_or_in_a_list(tmp_path: Path) -> None:
    place = str(tmp_path)
    assert BCAlgorithmConfig(demonstrations=tmp_path).demonstrations == place
    assert BCAlgorithmConfig(demonstrations=(tmp_path, place)).demonstrations == (place, place)
    config = RunContext(algorithm=BCAlgorithmConfig(demonstrations=[tmp_path])).config  # type: ignore[arg-type]
    assert list(config.algorithm.demonstrations) == [place]
    with pytest.raises(InvalidSpecificationError, match=r"^algorithm\.demonstrations: 3 is not accepted"):
        BCAlgorithmConfig(demonstrations=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 0}, r"^algorithm\.batch_size: 0"),
        ({"validation_percentage": 100.0}, r"^algorithm\.validation_percentage: 100"),
        ({"validation_percentage": -1.0}, r"^algorithm\.validation_percentage: -1"),
        ({"lr": 0.0}, r"^algorithm\.lr: 0\.0"),
        ({"entropy_coef": -0.1}, r"^algorithm\.entropy_coef: -0\.1"),
        ({"max_grad_norm": -1.0}, r"^algorithm\.max_grad_norm: -1"),
    ],
)
def test_wrong_values_are_refused_by_name(values: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        BCAlgorithmConfig(**values)
    assert BCAlgorithmConfig(entropy_coef=Schedule(start=0.1)).entropy_coef == Schedule(start=0.1)


def test_one_episode_cannot_be_split(tmp_path: Path) -> None:
    record(tmp_path / "expert", discrete, sign, 1)
    with pytest.raises(InvalidSpecificationError, match=r"validation_percentage: 20 .* one episode.*give 0"):
        cloning(tmp_path / "expert", discrete, tmp_path / "run").train(1)
    rc = cloning(tmp_path / "expert", discrete, tmp_path / "other", {"algorithm.validation_percentage": 0})
    assert rc.train(1).n_epochs == 1
