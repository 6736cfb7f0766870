"""One flat buffer behind all parameters: views stay views, names stay names."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from gymnasium import spaces

from maze.agents.actor_critic import ActorCritic
from maze.agents.critic import TorchStateCritic
from maze.agents.policy import TorchPolicy
from maze.distributions.mapper import DistributionMapper
from maze.errors import ArtifactError, MazeError
from maze.perception.models.built_in.flatten_concat import FlattenConcatPolicyNet, FlattenConcatStateValueNet

SHAPES = {"observation": (2,)}


def make_model(seed: int = 0) -> ActorCritic:
    generator = torch.Generator().manual_seed(seed)
    mapper = DistributionMapper(spaces.Dict(action=spaces.Discrete(2)))
    policy = FlattenConcatPolicyNet(SHAPES, mapper.logits_shapes, hidden_units=[3], generator=generator)
    critic = FlattenConcatStateValueNet(SHAPES, hidden_units=[3], generator=generator)
    return ActorCritic(TorchPolicy({0: policy}, {0: mapper}), TorchStateCritic({0: critic}))


def loss(model: ActorCritic) -> torch.Tensor:
    observation = {"observation": torch.tensor([[1.0, -2.0], [0.5, 3.0]])}
    log_prob = model.policy.distribution(observation).log_prob({"action": torch.tensor([0, 1])})
    return (log_prob + model.critic.value(observation)).sum()


def test_flattening_changes_neither_weights_nor_gradients() -> None:
    plain, flat = make_model(), make_model().flatten_parameters_()
    assert (
        flat.flat_parameters.shape
        == (sum(parameter.numel() for parameter in plain.parameters()),)
        == (3 * 3 * 2 + 8 + 4,)
    )
    for model in (plain, flat):
        loss(model).backward()
    torch.testing.assert_close(loss(plain), loss(flat))
    gradients = torch.cat([parameter.grad.reshape(-1) for parameter in plain.parameters()])
    torch.testing.assert_close(flat.flat_gradient, gradients)
    assert flat.flat_parameters.grad is flat.flat_gradient
    flat.zero_gradients()
    assert not flat.flat_gradient.any()
    loss(flat).backward()
    torch.testing.assert_close(flat.flat_gradient, gradients)


def test_an_update_of_the_flat_buffer_is_seen_by_torch_and_numpy() -> None:
    model = make_model().flatten_parameters_()
    observation = np.array([[1.0, -2.0]], np.float32)
    before = model.critic.predict({"observation": observation})
    model.flat_parameters.mul_(1.5)
    after = model.critic.predict({"observation": observation})
    assert not np.allclose(before, after)
    expected = model.critic.value({"observation": torch.from_numpy(observation)}).detach().numpy()
    np.testing.assert_allclose(after, expected, rtol=1e-5)


def test_acting_survives_flattening_after_it_was_compiled() -> None:
    model = make_model()
    observation = {"observation": np.array([[1.0, -2.0]], np.float32)}
    before = model.critic.predict(observation)
    model.flatten_parameters_()
    np.testing.assert_allclose(model.critic.predict(observation), before)
    model.flat_parameters.zero_()
    np.testing.assert_array_equal(model.critic.predict(observation), [0.0])


def test_weights_have_stable_names_and_round_trip() -> None:
    source, target = make_model(0).flatten_parameters_(), make_model(1).flatten_parameters_()
    weights = source.export_weights()
    assert list(weights) == [
        "policy.networks.0.trunk.0.weight",
        "policy.networks.0.trunk.0.bias",
        "policy.networks.0.heads.action.weight",
        "policy.networks.0.heads.action.bias",
        "critic.networks.0.trunk.0.weight",
        "critic.networks.0.trunk.0.bias",
        "critic.networks.0.heads.value.weight",
        "critic.networks.0.heads.value.bias",
    ]
    assert len({tensor.untyped_storage().data_ptr() for tensor in weights.values()}) == len(weights)
    assert all(tensor.untyped_storage().nbytes() == 4 * tensor.numel() for tensor in weights.values())
    assert not torch.equal(source.flat_parameters, target.flat_parameters)
    target.import_weights(weights)
    assert torch.equal(source.flat_parameters, target.flat_parameters)


def test_wrong_weights_are_refused_and_change_nothing() -> None:
    model = make_model()
    weights = model.export_weights()
    name = "policy.networks.0.trunk.0.bias"
    with pytest.raises(ArtifactError, match=f"lack '{name}'"):
        model.import_weights({key: value for key, value in weights.items() if key != name})
    with pytest.raises(ArtifactError, match="does not have; did you mean"):
        model.import_weights({**weights, name + "es": weights[name]})
    changed = {key: value + 1.0 for key, value in weights.items()}
    with pytest.raises(ArtifactError, match=r"shape \(2,\); the model expects \(3,\)"):
        model.import_weights({**changed, name: torch.zeros(2)})
    torch.testing.assert_close(model.export_weights(), weights)


@pytest.mark.parametrize("flat", [True, False])
def test_snapshots_bring_weights_back(flat: bool) -> None:
    model = make_model()
    if flat:
        model.flatten_parameters_()
    before = model.export_weights()
    snapshot = model.snapshot()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    model.restore(snapshot)
    torch.testing.assert_close(model.export_weights(), before, rtol=0.0, atol=0.0)
    assert torch.equal(snapshot["parameters"], make_model().flatten_parameters_().flat_parameters)


def test_running_statistics_belong_to_the_snapshot() -> None:
    model = make_model()
    model.critic.networks[0].trunk.append(torch.nn.BatchNorm1d(3))
    snapshot = model.snapshot()
    loss(model)
    assert not torch.equal(model.critic.networks[0].trunk[2].running_mean, torch.zeros(3))
    model.restore(snapshot)
    assert torch.equal(model.critic.networks[0].trunk[2].running_mean, torch.zeros(3))
    with pytest.raises(ArtifactError, match="the model has"):
        model.restore({**snapshot, "parameters": torch.zeros(3)})


def test_arrays_become_tensors_and_log_probs_carry_no_gradient() -> None:
    model = make_model()
    frozen = np.broadcast_to(np.float64(2.0), (3, 2))
    observation = model.tensors({"observation": frozen})
    assert observation["observation"].dtype == torch.float32
    assert observation["observation"].tolist() == [[2.0, 2.0]] * 3
    shared = np.zeros(2, np.int64)
    assert model.tensor(shared).data_ptr() == shared.ctypes.data
    log_prob = model.log_prob(observation, {"action": torch.tensor([0, 1, 1])})
    assert not log_prob.requires_grad
    assert log_prob[0].exp().item() + log_prob[1].exp().item() == pytest.approx(1.0)


def test_copies_are_independent() -> None:
    model = make_model().flatten_parameters_()
    clone = copy.deepcopy(model)
    model.flat_parameters.zero_()
    assert loss(clone).item() != loss(model).item()
    with pytest.raises(MazeError, match="flatten_parameters_"):
        _ = clone.flat_parameters
    assert clone.flatten_parameters_().flat_parameters.any()


def test_moving_keeps_the_buffer_and_other_precisions_are_refused() -> None:
    model = make_model().flatten_parameters_()
    before = model.flat_parameters.clone()
    model.to("cpu").float()
    assert torch.equal(model.flat_parameters, before)
    model.flat_parameters.add_(1.0)
    assert torch.equal(next(model.parameters()).reshape(-1), before[:6] + 1.0)
    with pytest.raises(MazeError, match="accepts float32 on one device"):
        make_model().double().flatten_parameters_()


def test_a_model_without_critic() -> None:
    model = ActorCritic(make_model().policy).flatten_parameters_()
    assert model.critic is None
    assert all(name.startswith("policy.") for name in model.export_weights())


def test_policy_and_critic_are_moved_to_a_device_together() -> None:
    parts = make_model()
    assert parts.device == torch.device("cpu")
    model = ActorCritic(parts.policy, parts.critic, device="meta")
    assert model.critic is not None
    assert {part.device.type for part in (model, model.policy, model.critic)} == {"meta"}
