"""Soft actor-critic: targets by hand, actions of every kind, what it refuses, and what its replay does to a run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from maze import GymMazeEnv, InvalidSpecificationError, RunContext, SACAlgorithmConfig, TrainingError
from maze.agents import TorchStateActionCritic
from maze.errors import ArtifactError
from maze.rollout import Transitions
from maze.runner import AgentRunner
from maze.trainers import Schedule
from maze.trainers.sac import SAC
from tests.probes import PROBES, Probe
from tests.scripted import counting, tiny_context
from tests.unit.trainers.test_base import same, written


class Line(gymnasium.Env[Any, Any]):
    """Pays for how near the action is to a goal; the action space is the test's."""

    def __init__(self, action_space: spaces.Space[Any]) -> None:
        self.observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        return np.zeros(2, np.float32), 0.0, True, False, {}


class ContinuousProbe(gymnasium.Env[Any, Any]):
    """A probe whose actions are numbers in [-3, 5]: 1 is the middle, and above it counts as action 1.

    Where actions matter, the reward is 1 at the best end and falls to -1 at the other.
    """

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.observation_space = probe.observation_space
        self.action_space = spaces.Box(-3.0, 5.0, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        return self.probe.reset(seed=seed)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        best = self.probe.best_action(self.probe.current)
        observation, reward, *ends = self.probe.step(np.int64(action[0] > 1.0))
        if best is not None:
            signed = (float(action[0]) - 1.0) / 4.0
            reward = signed if best == 1 else -signed
        return observation, reward, *ends


def sac(tmp_path: Path, env: Any = None, **values: Any) -> SAC:
    overrides = {f"algorithm.{name}": value for name, value in values.items()}
    objects = {"env": env} if env is not None else {}
    context = tiny_context(tmp_path / "unused", overrides, algorithm="sac", **objects)
    trainer = AgentRunner(context.config, objects).trainer
    assert isinstance(trainer, SAC)
    return trainer


def pendulum() -> GymMazeEnv:
    return GymMazeEnv("Pendulum-v1")


# --- mathematics ------------------------------------------------------------------------------------------------------


def test_terminated_steps_have_no_future_and_truncated_ones_do(tmp_path: Path) -> None:
    trainer = sac(tmp_path, gamma=0.5)
    seen: dict[str, Any] = {}

    def soft_value(observation: Any, *, target: bool) -> Any:
        value = observation["observation"][:, 0] * 10.0  # a next observation of 1 is worth 10
        value = value + 0.0 * next(iter(trainer.model.policy.parameters())).sum()
        seen.setdefault("target", []).append(target)
        return value, torch.zeros_like(value)

    def error(value: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        seen["goal"] = target
        return value.square().sum()

    trainer.soft_value = soft_value  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("maze.functional.squared_error_of_critics", error)
        zeros, ones = np.zeros((2, 4), np.float32), np.ones((2, 4), np.float32)
        trainer.learn(
            Transitions(
                observation={"observation": zeros},
                action={"action": np.array([0, 1])},
                reward=np.array([1.0, 2.0], np.float32),
                terminated=np.array([True, False]),
                next_observation={"observation": ones},
            )
        )
    assert seen["goal"].tolist() == [1.0, 2.0 + 0.5 * 10.0]
    assert seen["target"] == [True, False]


def test_densities_are_those_of_actions_scaled_to_one(tmp_path: Path) -> None:
    narrow = sac(tmp_path, lambda: GymMazeEnv(Line(spaces.Box(-1.0, 1.0, (2,), np.float32))))
    wide = sac(tmp_path, lambda: GymMazeEnv(Line(spaces.Box(-30.0, 10.0, (2,), np.float32))))
    assert (narrow.log_scale, wide.log_scale) == (0.0, pytest.approx(2 * math.log(20.0)))
    assert narrow.target_entropy == wide.target_entropy == -2.0
    observation = {"observation": torch.zeros(64, 2)}
    wide.model.restore(narrow.model.snapshot())
    results = [trainer.soft_value(observation, target=False) for trainer in (narrow, wide)]
    for left, right in zip(*results, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


def test_the_discrete_value_is_exact(tmp_path: Path) -> None:
    trainer = sac(tmp_path, entropy_tuning=False, entropy_coef=0.3)
    observation = {"observation": torch.randn(5, 4, generator=torch.Generator().manual_seed(0))}
    value, entropy = trainer.soft_value(observation, target=False)
    distribution = trainer.model.policy.distribution(observation)
    log_prob = distribution.heads["action"].log_probs  # type: ignore[attr-defined]
    expected = torch.zeros(5)
    for action in range(2):
        taken = {"action": torch.full((5,), action)}
        smaller = trainer.critic.value(observation, taken).amin(0)
        expected = expected + log_prob[:, action].exp() * (smaller - 0.3 * log_prob[:, action])
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(entropy, distribution.entropy())
    assert trainer.target_entropy == pytest.approx(0.5 * math.log(2.0))


def test_a_step_of_the_policy_leaves_the_critics_alone_and_the_other_way_round(tmp_path: Path) -> None:
    trainer = sac(tmp_path, pendulum)
    trainer.train(1)
    model, critic = trainer.model, trainer.critic
    parts = [model.flat_part(part) for part in (model.policy, critic.networks, critic.target_networks)]
    observation = {"observation": torch.randn(8, 3, generator=torch.Generator().manual_seed(0))}
    before = model.flat_parameters.clone()
    trainer.step(trainer.policy_optimizer, -trainer.soft_value(observation, target=False)[0].mean())
    moved = [not torch.equal(before[part], model.flat_parameters[part]) for part in parts]
    assert moved == [True, False, False]
    before = model.flat_parameters.clone()
    trainer.step(trainer.critic_optimizer, critic.value(observation, {"action": torch.ones(8, 1)}).square().mean())
    moved = [not torch.equal(before[part], model.flat_parameters[part]) for part in parts]
    assert moved == [False, True, False]


@pytest.mark.parametrize(("interval", "n_moves"), [(1, 6), (4, 1)])
def test_targets_follow_every_so_many_gradient_steps(interval: int, n_moves: int, tmp_path: Path) -> None:
    trainer = sac(tmp_path, tau=1.0, target_update_interval=interval, num_batches_per_iter=2)
    seen = []
    part = trainer.critic_optimizer.parameters
    learn = trainer.learn

    def watched(batch: Transitions) -> Any:
        measured = learn(batch)
        seen.append(torch.equal(part, trainer.target_parameters))
        return measured

    trainer.learn = watched  # type: ignore[method-assign]
    trainer.train(1)
    assert (len(seen), sum(seen)) == (6, n_moves)


def test_the_temperature_is_learnt_or_follows_a_schedule(tmp_path: Path) -> None:
    learnt = sac(tmp_path, entropy_coef=0.5)
    assert float(learnt.temperature) == pytest.approx(0.5)
    learnt.step_temperature(torch.tensor([-9.0]), learnt.target_entropy)
    assert float(learnt.temperature) > 0.5
    fixed = sac(
        tmp_path, entropy_tuning=False, entropy_coef={"start": 0.4, "end": 0.0}, lr={"start": 0.01, "end": 0.001}
    )
    seen = []
    update = fixed.update

    def watched() -> Any:
        seen.append((float(fixed.temperature), fixed.present(fixed.config.lr)))
        return update()

    fixed.update = watched  # type: ignore[method-assign]
    fixed.train(2)
    assert [round(entry[0], 6) for entry in seen] == pytest.approx([0.4 * (1 - k / 6) for k in range(6)], abs=1e-6)
    assert seen[-1][1] < seen[0][1]


class Menu(gymnasium.Env[Any, Any]):
    """Thirty-two actions, of which each step allows the first one, or the first two; nothing pays."""

    observation_space = spaces.Dict(
        observation=spaces.Box(-1.0, 1.0, (2,), np.float32), action_mask=spaces.MultiBinary(32)
    )
    action_space = spaces.Discrete(32)
    count = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.count = 0
        return self.observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.count += 1
        return self.observe(), 0.0, self.count == 4, False, {}

    def observe(self) -> dict[str, Any]:
        """Return the present observation."""
        mask = (np.arange(32) <= self.count % 2).astype(np.int8)
        return {"observation": np.zeros(2, np.float32), "action_mask": mask}


def test_the_target_entropy_is_half_the_largest_that_a_mask_allows(tmp_path: Path) -> None:
    trainer = sac(tmp_path, lambda: GymMazeEnv(Menu()), initial_sampling_policy=None)
    n_allowed = torch.tensor([1, 2, 5, 32, 0])  # where nothing is allowed, everything is
    mask = (torch.arange(32) < n_allowed.unsqueeze(-1)).to(torch.int8)
    target = trainer.target_entropy_of({"observation": torch.zeros(5, 2), "action_mask": mask})
    expected = [0.0, 0.5 * math.log(2), 0.5 * math.log(5), 0.5 * math.log(32), 0.5 * math.log(32)]
    torch.testing.assert_close(target, torch.tensor(expected))
    before = float(trainer.temperature)
    trainer.step_temperature(torch.zeros(1), target[:1])  # one action has no entropy, and nothing to hold it at
    assert float(trainer.temperature) == before


def test_of_several_heads_those_with_a_mask_follow_it(tmp_path: Path) -> None:
    both = spaces.Dict(left=spaces.Discrete(4), right=spaces.Discrete(6))
    trainer = sac(tmp_path, lambda: GymMazeEnv(Line(both)), target_entropy_multiplier=2.0)
    assert trainer.target_entropy_of({}) == 2.0 * 0.5 * (math.log(4) + math.log(6))

    class Masked(Line):
        def __init__(self) -> None:
            super().__init__(both)
            plain = spaces.Box(-1.0, 1.0, (2,), np.float32)
            self.observation_space = spaces.Dict(observation=plain, right_mask=spaces.MultiBinary(6))

    masked = sac(tmp_path, lambda: GymMazeEnv(Masked()), target_entropy_multiplier=2.0)
    target = masked.target_entropy_of({"right_mask": torch.tensor([[1, 1, 1, 0, 0, 0]])})
    torch.testing.assert_close(target, torch.tensor([math.log(4) + math.log(3)]))


def test_the_temperature_stays_bounded_where_few_actions_are_allowed(tmp_path: Path) -> None:
    values = {"entropy_coef_lr": 0.05, "num_batches_per_iter": 8, "initial_sampling_policy": None}
    trainer = sac(tmp_path, lambda: GymMazeEnv(Menu()), **values)
    trainer.train(10)
    # the entropy of both allowed actions can reach log 2, which is more than half of it
    assert float(trainer.temperature) < 0.2


# --- actions ----------------------------------------------------------------------------------------------------------


ONE = spaces.Box(-1.0, 1.0, (1,), np.float32)
ACCEPTED = {
    "wide box": spaces.Box(-50.0, 20.0, (2,), np.float32),
    "matrix": spaces.Box(0.0, 1.0, (2, 2), np.float32),
    "double box": spaces.Box(-1.0, 1.0, (1,), np.float64),
    "discrete": spaces.Discrete(3, start=-1),
    "two boxes": spaces.Dict(
        left=spaces.Box(-1.0, 1.0, (1,), np.float32), right=spaces.Box(0.0, 9.0, (2,), np.float32)
    ),
    "two discrete": spaces.Dict(left=spaces.Discrete(2), right=spaces.Discrete(4)),
}
REFUSED = {
    "open box": (spaces.Box(-np.inf, np.inf, (1,), np.float32), r"does not accept DiagonalGaussianHead.*Bound"),
    "choices": (spaces.MultiDiscrete([2, 3]), r"action 'action': SAC does not accept MultiCategoricalHead"),
    "coins": (spaces.MultiBinary(2), r"BernoulliHead"),
    "mixed": (
        spaces.Dict(a=spaces.Discrete(2), b=spaces.Box(-1.0, 1.0, (1,), np.float32)),
        r"action 'a': .*all of one kind",
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_actions_that_it_learns_with(name: str, tmp_path: Path) -> None:
    trainer = sac(tmp_path, lambda: GymMazeEnv(Line(ACCEPTED[name])))
    trainer.train(1)
    assert np.isfinite(trainer.model.flat_parameters.detach().numpy()).all()


@pytest.mark.parametrize("name", REFUSED)
def test_actions_that_it_refuses_with_the_reason(name: str, tmp_path: Path) -> None:
    space, message = REFUSED[name]
    with pytest.raises(InvalidSpecificationError, match=message):
        sac(tmp_path, lambda: GymMazeEnv(Line(space)))


@pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.__name__)
def test_probe_is_solved(probe: type[Probe], continuous: bool, tmp_path: Path) -> None:
    discount = 0.9
    rc = RunContext(
        env=lambda: GymMazeEnv(ContinuousProbe(probe()) if continuous else probe()),
        algorithm=SACAlgorithmConfig(
            n_epochs=1,
            epoch_length=350,
            batch_size=64,
            initial_buffer_size=200,
            lr=0.01,
            gamma=discount,
            tau=0.05,
            entropy_tuning=False,
            entropy_coef=Schedule(start=0.2, end=0.001, until=0.7),
            rollout_evaluator=None,
        ),
        overrides={"tracking.mode": "off"},
        run_dir=tmp_path / "run",
        seed=3,
        silent=True,
    )
    rc.train()
    critic = rc.model.critic
    assert isinstance(critic, TorchStateActionCritic)
    for value in probe.observations:
        observation = {"observation": np.full(1, value, np.float32)}
        action = rc.compute_action(observation, deterministic=True)
        best = probe.best_action(value)
        if best is not None:
            taken = float(action["action"][0]) > 1.0 if continuous else int(action["action"])
            assert taken == best
        tensors = [rc.model.tensors({key: item[None] for key, item in part.items()}) for part in (observation, action)]
        predicted = critic.value(*tensors).amin(0).item()
        assert predicted == pytest.approx(probe.true_value(value, discount), abs=0.15)


# --- what it needs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"algorithm": "sac", "critic": "flatten_concat"}, r"critic of states.*critic='flatten_concat_state_action'"),
        (
            {"algorithm": "sac", "model": "vector_obs", "critic": "template_state"},
            r"SACAlgorithmConfig needs one of actions; pass critic='template_state_action'",
        ),
        ({"algorithm": "ppo", "critic": "flatten_concat_state_action"}, r"critic of actions.*critic='flatten_concat'"),
        ({"algorithm": "sac", "overrides": {"model.critic": None}}, r"null is not accepted.*_state_action'"),
    ],
)
def test_a_critic_of_the_other_kind_is_refused_with_the_remedy(arguments: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        RunContext(run_dir=tmp_path / "run", **arguments)


def test_a_critic_that_is_an_object_is_looked_at_when_training_begins(tmp_path: Path) -> None:
    from tests.components import critic_object, made

    rc = tiny_context(tmp_path / "run", algorithm="sac", critic=made(critic_object))
    with pytest.raises(InvalidSpecificationError, match=r"needs a critic of actions.*\(TorchStateCritic\)"):
        rc.train()


def test_layers_that_policy_and_critic_share_are_refused(tmp_path: Path) -> None:
    runner = AgentRunner(tiny_context(tmp_path / "unused", algorithm="sac").config)
    critic = runner.model.critic
    assert isinstance(critic, TorchStateActionCritic)
    critic.networks["0"] = torch.nn.ModuleList([runner.model.policy.networks[0].heads])
    with pytest.raises(InvalidSpecificationError, match="shares layers with the policy"):
        _ = runner.trainer


def test_the_first_policy_needs_a_method_act(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"initial_sampling_policy: 3 has no method act"):
        sac(tmp_path, initial_sampling_policy=3)
    assert sac(tmp_path, initial_sampling_policy=None).train(1).n_epochs == 1


def test_an_empty_list_of_demonstrations_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^algorithm\.initial_demonstrations: an empty list"):
        tiny_context(tmp_path / "run", {"algorithm.initial_demonstrations": []}, algorithm="sac")


def test_learning_begins_with_enough_random_experience(tmp_path: Path) -> None:
    trainer = sac(tmp_path, initial_buffer_size=100)
    acted: list[str] = []
    policy, first = trainer.model.policy, trainer.first_policy
    assert first is not None
    for name, actor in (("policy", policy), ("first", first)):
        act = actor.act

        def watched(*arguments: Any, act: Any = act, name: str = name, **settings: Any) -> Any:
            acted.append(name)
            return act(*arguments, **settings)

        actor.act = watched  # type: ignore[method-assign]
    trainer.update()
    assert trainer.steps_of_update() == len(trainer.replay) == 112  # 7 collections of 8 steps of 2 environments
    assert acted == ["first"] * 56
    trainer.update()
    assert acted[56:] == ["policy"] * 8
    assert trainer.steps_of_update() == 16


# --- runs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_a_bare_context_chooses_the_critic_and_learns(env: str, tmp_path: Path) -> None:
    rc = RunContext(
        algorithm="sac",
        configuration="test",
        overrides={"env.name": env, "tracking.mode": "off"},
        run_dir=tmp_path / "run",
        silent=True,
        seed=1,
    )
    assert rc.config.choices["critic"] == "flatten_concat_state_action"
    summary = rc.train()
    assert (summary.n_epochs, rc.config.algorithm.initial_buffer_size) == (2, 10)
    assert len(RunContext.load(tmp_path / "run", silent=True).evaluate(n_episodes=1)) == 1


def test_numbers_that_are_none_stop_training_with_the_last_good_state(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", algorithm="sac", env=lambda: counting([4], nan_after=30))
    with pytest.raises(TrainingError, match="loss/"):
        rc.train()
    state = written(rc.trainer, tmp_path)
    assert state["epoch"] == 1
    assert np.isfinite(state["model"]["parameters"].numpy()).all()
    assert np.isfinite(state["replay"]["reward"]).all()


def test_an_epoch_that_broke_off_gives_back_what_was_replayed(tmp_path: Path) -> None:
    """With a ring that is full, so that old transitions were overwritten meanwhile."""
    whole, broken = (sac(tmp_path, replay_buffer_size=40) for _ in range(2))
    for trainer in (whole, broken):
        trainer.train(2)
    state = broken.state_dict()
    collect = broken.collector.collect
    broken.collector.collect = lambda: (collect(), 1 / 0)[0]  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        broken.train(1)
    assert same(written(broken, tmp_path), state)
    broken.collector.collect = collect  # type: ignore[method-assign]
    for trainer in (whole, broken):
        trainer.train(1)
    assert same(whole.state_dict(), broken.state_dict())


def test_environments_that_cannot_be_saved_leave_true_transitions(tmp_path: Path) -> None:
    class Unsaveable(Line):
        def __init__(self) -> None:
            super().__init__(spaces.Discrete(2))
            self.socket = iter(())  # nothing can save an iterator
            self.clock = 0.0

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            self.clock += 0.01
            return np.full(2, self.clock, np.float32), 0.0, False, False, {}

    def fresh() -> SAC:
        return sac(tmp_path, lambda: GymMazeEnv(Unsaveable()), rollout_evaluator=None)  # whose episodes never end

    first, second = fresh(), fresh()
    first.train(1)
    second.load_state_dict(first.state_dict())
    second.train(1)
    batch = second.replay.take(np.arange(len(second.replay)))
    before, after = (part["observation"][:, 0] for part in (batch.observation, batch.next_observation))
    np.testing.assert_allclose(after - before, 0.01, atol=1e-6)


# --- demonstrations ---------------------------------------------------------------------------------------------------


def record(tmp_path: Path, **arguments: Any) -> Path:
    rc = tiny_context(tmp_path / "teacher", **arguments)
    rc.train(1)
    rc.rollout(n_episodes=4, record_trajectory=True)
    return tmp_path / "teacher"


def test_demonstrations_are_learnt_from_and_never_forgotten(tmp_path: Path) -> None:
    teacher = record(tmp_path)
    trainer = sac(tmp_path, initial_demonstrations=str(teacher), replay_buffer_size=16, initial_buffer_size=10)
    n_shown = len(trainer.replay)
    assert n_shown > 40
    trainer.update()
    assert trainer.steps_of_update() == 16  # nothing had to be collected at random
    trainer.train(2)
    assert len(trainer.replay) == n_shown + 16
    batch = trainer.replay.sample(500, np.random.default_rng(0))
    assert len(batch) == 500
    everything = trainer.replay.take(np.arange(len(trainer.replay)))
    from maze.rollout import load_trajectories

    shown = load_trajectories(teacher)
    np.testing.assert_array_equal(everything.observation["observation"][:n_shown], shown.observation["observation"])
    np.testing.assert_array_equal(
        everything.next_observation["observation"][:n_shown], shown.next_observation["observation"]
    )


def test_training_from_demonstrations_goes_on_exactly(tmp_path: Path) -> None:
    teacher = record(tmp_path, wrappers="vector_obs")

    def fresh() -> SAC:
        context = tiny_context(
            tmp_path / "unused",
            {"algorithm.initial_demonstrations": str(teacher)},
            algorithm="sacfd",
            wrappers="vector_obs",
        )
        trainer = AgentRunner(context.config).trainer
        assert isinstance(trainer, SAC)
        return trainer

    whole, half, resumed = fresh(), fresh(), fresh()
    whole.train(2)
    half.train(1)
    resumed.load_state_dict(half.state_dict())
    resumed.train(1)
    assert same(whole.state_dict(), resumed.state_dict())
    with pytest.raises(ArtifactError, match="demonstrations are others"):
        resumed.replay.load_state_dict({**half.replay.state_dict(), "demonstrations": "others"})


def test_demonstrations_of_other_wrappers_and_missing_ones_are_refused(tmp_path: Path) -> None:
    teacher = record(tmp_path, wrappers="vector_obs")
    with pytest.raises(InvalidSpecificationError, match="other wrappers that normalise"):
        sac(tmp_path, initial_demonstrations=str(teacher))
    with pytest.raises(ArtifactError, match="trajectory_data: does not exist"):
        _ = AgentRunner(tiny_context(tmp_path / "unused", algorithm="sacfd").config).trainer


@pytest.mark.slow
def test_pendulum_is_learnt(tmp_path: Path) -> None:
    rc = RunContext(
        algorithm="sac",
        overrides={"env.name": "Pendulum-v1", "tracking.mode": "off", "algorithm.rollout_evaluator": None},
        run_dir=tmp_path / "run",
        seed=1,
        silent=True,
    )
    rc.train(2)
    assert rc.evaluate(n_episodes=20).mean_return > -300.0
