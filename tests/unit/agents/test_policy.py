"""The policy in its three uses: tensors for learners, arrays for rollouts, single observations for people."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from maze.agents.policy import TorchPolicy
from maze.distributions.mapper import DistributionMapper
from maze.errors import MazeError
from maze.perception.models.built_in.flatten_concat import FlattenConcatPolicyNet
from maze.types import ActorID

OBS_SHAPES = {"observation": (4,)}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_policy(space: spaces.Space | None = None, configuration: tuple = ()) -> TorchPolicy:
    mapper = DistributionMapper(spaces.Dict(action=space or spaces.Discrete(3)), configuration)
    network = FlattenConcatPolicyNet(OBS_SHAPES, mapper.logits_shapes, hidden_units=[16, 16], generator=generator())
    with torch.no_grad():
        network.heads["action"].weight.mul_(100.0)  # so that actions depend on observations
    return TorchPolicy({0: network}, {0: mapper})


def observations(n: int = 7) -> dict[str, np.ndarray]:
    return {"observation": np.random.default_rng(1).standard_normal((n, 4)).astype(np.float32)}


def tensors(observation: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(value) for key, value in observation.items()}


def test_networks_are_reached_by_integer_step_keys() -> None:
    policy = make_policy()
    assert policy.networks[0].hidden_units == [16, 16]
    assert policy.networks["0"] is policy.networks[0]
    assert 0 in policy.networks
    with pytest.raises(MazeError, match="step key 1; accepted: 0"):
        policy.networks[1]


@pytest.mark.parametrize("space", [spaces.Discrete(3), spaces.Box(-2, 2, (2,), np.float32)])
def test_acting_with_arrays_agrees_with_the_learner_after_updates_and_moves(space: spaces.Space) -> None:
    policy = make_policy(space)
    observation = observations()
    for change in ("none", "in place", "new storage", "other storage by .double().float()"):
        if change == "in place":
            with torch.no_grad():
                policy.networks[0].trunk[0].weight.neg_()
        elif change == "new storage":
            for parameter in policy.parameters():
                parameter.data = parameter.data * -0.5
        elif change.startswith("other"):
            policy.double().float()
        modes = policy.distribution(tensors(observation)).mode()["action"].detach().numpy()
        actions = policy.act(observation, np.random.default_rng(0), deterministic=True)["action"]
        np.testing.assert_allclose(actions, modes, atol=1e-5, err_msg=change)


@pytest.mark.parametrize("space", [spaces.Discrete(3), spaces.Box(-2, 2, (2,), np.float32), spaces.MultiBinary(2)])
@pytest.mark.parametrize("deterministic", [True, False])
def test_what_is_prepared_acts_as_the_policy_does(space: spaces.Space, deterministic: bool) -> None:
    policy, observation = make_policy(space), observations(50)
    prepared, frozen = policy.prepared_act(), policy.prepared_act(frozen=True)

    def actions(act: Callable[..., dict[str, np.ndarray]]) -> np.ndarray:
        return act(observation, np.random.default_rng(0), deterministic)["action"]

    before = actions(policy.act)
    np.testing.assert_array_equal(actions(prepared), before)
    np.testing.assert_allclose(actions(frozen), before, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        policy.networks[0].heads["action"].weight.neg_()
    after = actions(policy.act)
    assert not np.allclose(after, before)
    np.testing.assert_array_equal(actions(prepared), after)
    np.testing.assert_allclose(actions(frozen), before, rtol=1e-5, atol=1e-6)


def test_an_act_of_somebodys_own_is_what_is_prepared() -> None:
    class Lefty(TorchPolicy):
        def act(self, observation: Any, rng: Any, *arguments: Any, **settings: Any) -> dict[str, np.ndarray]:
            return {"action": np.zeros(len(observation["observation"]), np.int64)}

    policy = make_policy()
    own = Lefty(dict(policy.networks.items()), policy.distribution_mappers)
    assert own.prepared_act(frozen=True)(observations(), np.random.default_rng(0))["action"].tolist() == [0] * 7


def test_drawn_actions_follow_the_distribution_of_the_learner() -> None:
    policy = make_policy()
    one = {"observation": np.repeat(observations(1)["observation"], 40_000, 0)}
    drawn = policy.act(one, np.random.default_rng(0))["action"]
    probabilities = policy.distribution(tensors(observations(1))).heads["action"].log_probs.exp()[0]
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 40_000, probabilities.detach().numpy(), atol=0.01)


def test_compute_action_keeps_leading_axes_and_dtypes() -> None:
    policy = make_policy()
    batch = observations(6)
    single = policy.compute_action({"observation": batch["observation"][0]}, deterministic=True)["action"]
    assert isinstance(single, np.ndarray)
    assert (single.shape, single.dtype) == ((), np.int64)
    assert policy.compute_action(batch)["action"].shape == (6,)
    nested = policy.compute_action({"observation": batch["observation"].reshape(2, 3, 4)}, deterministic=True)["action"]
    flat = policy.compute_action(batch, deterministic=True)["action"]
    np.testing.assert_array_equal(nested.reshape(-1), flat)
    assert flat[0] == single
    continuous = make_policy(spaces.Box(-2, 2, (2,), np.float32)).compute_action({"observation": np.zeros(4)})["action"]
    assert (continuous.shape, continuous.dtype) == ((2,), np.float32)
    empty = policy.compute_action({"observation": np.zeros((0, 4), np.float32)})["action"]
    assert empty.shape == (0,)


def test_compute_action_leaves_its_input_and_the_global_generators_alone() -> None:
    policy = make_policy()
    batch = observations()
    batch["observation"].setflags(write=False)
    torch_before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    policy.compute_action(batch, None, None, ActorID(0, 0))
    assert torch.equal(torch_before, torch.random.get_rng_state())
    np.testing.assert_array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


def test_the_seed_decides_the_actions() -> None:
    policy = make_policy()
    observation = {"observation": np.zeros((100, 4), np.float32)}
    runs = []
    for seed in (1, 1, 2):
        policy.seed(seed)
        runs.append(policy.compute_action(observation)["action"].tolist())
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        ({"observation": np.zeros(3)}, r"'observation' has the shape \(3,\); expected is \(4,\)"),
        ({"observations": np.zeros(4)}, "no key 'observation'; given: 'observations'"),
    ],
)
def test_observations_that_do_not_fit_are_errors(observation: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(MazeError, match=message):
        make_policy().compute_action(observation)


def test_a_network_without_known_shapes_asks_for_them() -> None:
    class Plain(nn.Module):
        def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {"action": observation["observation"][:, :3]}

    mapper = DistributionMapper(spaces.Dict(action=spaces.Discrete(3)))
    with pytest.raises(MazeError, match="Pass observation_shapes"):
        TorchPolicy({0: Plain()}, {0: mapper}).compute_action({"observation": np.zeros(4)})
    policy = TorchPolicy({0: Plain()}, {0: mapper}, observation_shapes={0: OBS_SHAPES})
    observation = np.array([0.0, 3.0, 1.0, 9.0])
    assert policy.compute_action({"observation": observation}, deterministic=True)["action"] == 1


def test_a_state_independent_deviation_is_one_learned_vector() -> None:
    entry = {"action_space": "Box", "distribution": "squashed_gaussian", "args": {"state_dependent_std": False}}
    policy = make_policy(spaces.Box(-1, 1, (2,), np.float32), (entry,))
    assert "free_logits.0.action" in policy.state_dict()
    observation = observations()
    with torch.no_grad():
        policy.free_logits["0"]["action"].fill_(-1e6)
    log_std = policy.distribution(tensors(observation)).heads["action"].log_std
    torch.testing.assert_close(log_std, torch.full((7, 2), -5.0))
    drawn = policy.act(observation, np.random.default_rng(0))["action"]
    mode = policy.act(observation, np.random.default_rng(0), deterministic=True)["action"]
    assert 0.0 < np.abs(drawn - mode).max() < 0.05
    policy.distribution(tensors(observation)).entropy().sum().backward()
    assert policy.free_logits["0"]["action"].grad is not None


def test_copies_act_with_their_own_weights() -> None:
    policy = make_policy()
    observation = observations()
    before = policy.act(observation, np.random.default_rng(0), deterministic=True)["action"]
    clone = copy.deepcopy(policy)
    with torch.no_grad():
        clone.networks[0].heads["action"].weight.neg_()
    after = clone.act(observation, np.random.default_rng(0), deterministic=True)["action"]
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(
        policy.act(observation, np.random.default_rng(0), deterministic=True)["action"], before
    )
    expected = clone.distribution(tensors(observation)).mode()["action"].numpy()
    np.testing.assert_array_equal(after, expected)


def test_agents_with_separate_networks_act_differently() -> None:
    mapper = DistributionMapper(spaces.Dict(action=spaces.Discrete(3)))
    networks = {}
    for agent in range(2):
        network = FlattenConcatPolicyNet(OBS_SHAPES, mapper.logits_shapes, hidden_units=[], generator=generator())
        with torch.no_grad():
            network.heads["action"].bias[agent] = 5.0
        networks[f"0-{agent}"] = network
    policy = TorchPolicy(networks, {0: mapper}, observation_shapes={0: OBS_SHAPES}, separate_agent_steps=[0])
    for agent in range(2):
        action = policy.compute_action({"observation": np.zeros(4)}, actor_id=ActorID(0, agent), deterministic=True)
        assert action["action"] == agent
