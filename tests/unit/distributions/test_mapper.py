"""The mapper chooses a head per space, and its NumPy draws agree with its torch distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces

from maze.distributions.entries import DISTRIBUTIONS
from maze.distributions.heads import BernoulliHead, CategoricalHead, DiagonalGaussianHead, SquashedGaussianHead
from maze.distributions.mapper import _HEADS, DistributionMapper
from maze.errors import InvalidSpecificationError

BOUNDED = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 5.0], np.float32))
UNBOUNDED = spaces.Box(-np.inf, np.inf, (2,), np.float32)
EVERYTHING = spaces.Dict(
    bounded=BOUNDED,
    coins=spaces.MultiBinary(3),
    choices=spaces.MultiDiscrete([[2, 3], [4, 2]]),
    matrix=spaces.Box(-1.0, 1.0, (2, 2), np.float32),
    option=spaces.Discrete(3, start=4),
    unbounded=UNBOUNDED,
)


def random_logits(mapper: DistributionMapper, n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal((n, *shape)).astype(np.float32) for name, shape in mapper.logits_shapes.items()}


def test_logits_shapes_follow_the_spaces() -> None:
    assert DistributionMapper(EVERYTHING).logits_shapes == {
        "bounded": (4,),
        "coins": (3,),
        "choices": (11,),
        "matrix": (8,),
        "option": (3,),
        "unbounded": (4,),
    }


def test_numpy_modes_equal_torch_modes() -> None:
    mapper = DistributionMapper(EVERYTHING)
    logits = random_logits(mapper, 20)
    actions = mapper.sample_numpy(logits, np.random.default_rng(0), deterministic=True)
    modes = mapper.distribution({name: torch.from_numpy(value) for name, value in logits.items()}).mode()
    for name, action in actions.items():
        np.testing.assert_allclose(action, modes[name].numpy(), atol=1e-6, err_msg=name)


def test_numpy_draws_lie_in_the_space_and_have_finite_log_probs() -> None:
    mapper = DistributionMapper(EVERYTHING)
    logits = random_logits(mapper, 50)
    actions = mapper.sample_numpy(logits, np.random.default_rng(0))
    for row in range(50):
        assert EVERYTHING.contains({name: action[row] for name, action in actions.items()})
    distribution = mapper.distribution({name: torch.from_numpy(value) for name, value in logits.items()})
    log_prob = distribution.log_prob({name: torch.from_numpy(action) for name, action in actions.items()})
    assert log_prob.shape == (50,)
    assert torch.isfinite(log_prob).all()


def test_squashed_numpy_draws_have_the_density_of_the_torch_distribution() -> None:
    mapper = DistributionMapper(spaces.Dict(action=BOUNDED))
    logits = np.tile(np.array([0.3, -0.2, 0.1, -0.4], np.float32), (40_000, 1))
    actions = torch.from_numpy(mapper.sample_numpy({"action": logits}, np.random.default_rng(0))["action"])
    distribution = mapper.distribution({"action": torch.from_numpy(logits)})
    # The mean negative log density of draws is the entropy, if both speak of the same distribution.
    estimate = -distribution.log_prob({"action": actions}).mean().item()
    assert estimate == pytest.approx(distribution.entropy()[0].item(), abs=0.02)


def test_default_and_configured_heads() -> None:
    space = spaces.Dict(bounded=BOUNDED, unbounded=UNBOUNDED)
    heads = DistributionMapper(space).heads
    assert type(heads["bounded"]) is SquashedGaussianHead
    assert type(heads["unbounded"]) is DiagonalGaussianHead
    for spelling in ("Box", "gymnasium.spaces.Box", "gym.spaces.Box", spaces.Box):
        configured = DistributionMapper(space, [{"action_space": spelling, "distribution": "gaussian"}]).heads
        assert type(configured["bounded"]) is DiagonalGaussianHead
    later_wins = DistributionMapper(
        space,
        [
            {"action_space": "Box", "distribution": "gaussian"},
            {"action_head": "bounded", "distribution": "maze.distributions.SquashedGaussianHead"},
        ],
    ).heads
    assert type(later_wins["bounded"]) is SquashedGaussianHead
    assert DistributionMapper(space, {}).logits_shapes == DistributionMapper(space).logits_shapes


@pytest.mark.parametrize(
    "name",
    [
        "squashed_gaussian",
        "maze.distributions.SquashedGaussian",
        "maze.distributions.SquashedGaussianHead",
        "maze.distributions.squashed_gaussian.SquashedGaussianProbabilityDistribution",
    ],
)
def test_a_distribution_goes_by_its_former_names(name: str) -> None:
    space = spaces.Dict({"action": spaces.Box(-1.0, 1.0, (2,))})
    mapper = DistributionMapper(space, [{"action_space": "gym.spaces.Box", "distribution": name}])
    assert type(mapper.heads["action"]) is SquashedGaussianHead


def test_initial_standard_deviation_and_its_range() -> None:
    space = spaces.Dict(action=UNBOUNDED)
    entry = {"action_head": "action", "distribution": "gaussian", "args": {"initial_std": 0.5}}
    distribution = DistributionMapper(space, [entry]).distribution({"action": torch.zeros(1, 4)}).heads["action"]
    torch.testing.assert_close(distribution.log_std.exp(), torch.full((1, 2), 0.5))
    extreme = DistributionMapper(space).distribution({"action": torch.tensor([[0.0, 0.0, -1e6, 1e6]])}).heads["action"]
    torch.testing.assert_close(extreme.log_std, torch.tensor([[-5.0, 2.0]]))


def test_state_independent_standard_deviation_asks_the_network_for_means_alone() -> None:
    entry = {"action_space": "Box", "distribution": "gaussian", "args": {"state_dependent_std": False}}
    mapper = DistributionMapper(spaces.Dict(action=UNBOUNDED), [entry])
    assert mapper.logits_shapes == {"action": (2,)}
    assert mapper.free_parameters == {"action": (0.0, 0.0)}


def test_temperature_flattens_the_probabilities() -> None:
    space = spaces.Dict(action=spaces.Discrete(2))
    entry = {"action_head": "action", "distribution": "categorical", "args": {"temperature": 2.0}}
    mapper = DistributionMapper(space, [entry])
    log_probs = mapper.distribution({"action": torch.tensor([[2.0, 0.0]])}).heads["action"].log_probs
    torch.testing.assert_close(log_probs, torch.log_softmax(torch.tensor([[1.0, 0.0]]), -1))
    drawn = mapper.sample_numpy({"action": np.tile([[2.0, 0.0]], (20_000, 1))}, np.random.default_rng(0))["action"]
    assert (drawn == 0).mean() == pytest.approx(1 / (1 + np.exp(-1.0)), abs=0.01)


@pytest.mark.parametrize(
    ("space", "configuration", "message"),
    [
        (spaces.Discrete(2), (), "accepted is a gymnasium.spaces.Dict"),
        (spaces.Dict(text=spaces.Text(3)), (), "Flatten nested spaces"),
        (spaces.Dict(a=BOUNDED), [{"action_head": "b", "distribution": "gaussian"}], "head 'b'.*accepted: a"),
        (spaces.Dict(a=BOUNDED), [{"action_space": "Bix", "distribution": "gaussian"}], "did you mean 'Box'"),
        (spaces.Dict(a=BOUNDED), [{"action_head": "a", "distribution": "gausian"}], "did you mean 'gaussian'"),
        (spaces.Dict(a=BOUNDED), [{"action_head": "a", "distribution": "categorical"}], "accepts Discrete spaces"),
        (spaces.Dict(a=UNBOUNDED), [{"action_head": "a", "distribution": "squashed_gaussian"}], "not bounded"),
        (spaces.Dict(a=BOUNDED), [{"action_head": "a"}], "exactly one of"),
        (spaces.Dict(a=BOUNDED), [{"head": "a", "distribution": "gaussian"}], "did you mean 'action_head'"),
        (spaces.Dict(a=BOUNDED), {"action_head": "a", "distribution": "gaussian"}, "Put it into a list"),
        (
            spaces.Dict(a=BOUNDED),
            [{"action_head": "a", "distribution": "gaussian", "args": {"initial_sdt": 1.0}}],
            "did you mean 'initial_std'",
        ),
        (
            spaces.Dict(a=BOUNDED),
            [{"action_head": "a", "distribution": "gaussian", "args": {"initial_std": 9.0}}],
            "between 0.007 and 7.3",
        ),
        (
            spaces.Dict(a=spaces.Box(0, 3, (1,), np.int64)),
            [{"action_head": "a", "distribution": "gaussian"}],
            "accepts floating boxes",
        ),
    ],
)
def test_errors_name_the_value_and_the_remedy(space: spaces.Space, configuration: object, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        DistributionMapper(space, configuration)


def test_heads_refuse_a_temperature_of_zero_and_other_spaces() -> None:
    with pytest.raises(InvalidSpecificationError, match="temperature is 0"):
        CategoricalHead(spaces.Discrete(2), temperature=0)
    with pytest.raises(InvalidSpecificationError, match="accepts MultiBinary spaces"):
        BernoulliHead(spaces.Discrete(2))


@pytest.mark.parametrize(
    ("space", "distribution", "gain"),
    [
        (spaces.Discrete(3), "categorical", None),
        (spaces.MultiDiscrete([2, 3]), "multi_categorical", None),
        (spaces.MultiBinary(2), "bernoulli", None),
        (spaces.Box(-np.inf, np.inf, (2,)), "gaussian", math.log(2.0)),
        (spaces.Box(-1.0, 1.0, (2,)), "squashed_gaussian", None),
        (spaces.Box(-1.0, 1.0, (2,)), "beta", None),
    ],
)
def test_a_temperature_above_1_explores_more(space: spaces.Space, distribution: str, gain: float | None) -> None:
    logits, entropies = None, []
    for temperature in (1.0, 2.0):
        arguments = {"temperature": temperature}
        if distribution == "squashed_gaussian":
            arguments["initial_std"] = 0.3  # a wide one is pressed against the bounds, and has less entropy
        entry = {"action_head": "action", "distribution": distribution, "args": arguments}
        mapper = DistributionMapper(spaces.Dict({"action": space}), [entry])
        if logits is None:
            logits = torch.linspace(-1.0, 0.5, mapper.logits_shapes["action"][0]).tile(2000, 1)
        made = mapper.distribution({"action": logits})
        drawn = mapper.sample_numpy({"action": logits.numpy()}, np.random.default_rng(0))["action"]
        entropies.append(made.entropy()[0].item())
        log_prob = made.log_prob({"action": torch.from_numpy(drawn)})
        assert -log_prob.mean().item() == pytest.approx(entropies[-1], abs=0.08)
    assert entropies[1] > entropies[0]
    if gain is not None:  # two elements, each with half of log T
        assert entropies[1] - entropies[0] == pytest.approx(gain, abs=1e-4)


def test_a_box_of_bools_is_answered_with_multi_binary() -> None:
    space = spaces.Dict(action=spaces.Box(0, 1, (2,), np.bool_))
    with pytest.raises(InvalidSpecificationError, match=r"'action' .* dtype bool; accepted .* MultiBinary\(\[2\]\)"):
        DistributionMapper(space)
    with pytest.raises(InvalidSpecificationError, match="MultiBinary space, of which bernoulli is the default"):
        DistributionMapper(space, [{"action_head": "action", "distribution": "gaussian"}])


def test_there_is_at_least_one_action_head() -> None:
    with pytest.raises(InvalidSpecificationError, match="has no action heads; accepted is"):
        DistributionMapper(spaces.Dict())


def test_every_short_name_is_that_of_the_head_which_entries_mean() -> None:
    assert {name: f"{distribution}Head" for name, distribution in DISTRIBUTIONS.items()} == {
        name: head.__name__ for name, head in _HEADS.items()
    }
