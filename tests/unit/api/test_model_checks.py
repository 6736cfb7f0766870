"""Wrong values of networks, blocks, templates and distributions are found when a context is made, without torch."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from maze import GymMazeEnv, RunContext
from maze.errors import InvalidSpecificationError
from maze.perception.blocks import Block
from maze.perception.blocks.base import Keys, Shapes

BUILDER = "model.model_builder"
FEATURE = f"{BUILDER}.modality_config.feature"
BLOCKS = "maze.perception.blocks"
NETWORK = "model.policy.networks.0"
DISTRIBUTIONS = "model.distribution_mapper_config"
CONVOLUTION = {"hidden_channels": [4], "hidden_kernels": [3], "hidden_units": [8]}
ATTENTION = {"num_heads": 2}
WHOLE = "is not accepted; accepted: a whole number above 0"
WIDTHS = r"is not accepted; accepted: a list of whole numbers above 0"
LENGTH = r"\[3, 3, 3\] has 3 entries; hidden_channels has 2\. Give one per layer"
LAYERS = r"is not accepted; accepted: a list with one entry for each layer"

IN_BLOCKS: list[tuple[str, dict[str, Any], str, Any, str]] = [
    ("DenseBlock", {}, "hidden_units", [0], WIDTHS),
    ("DenseBlock", {}, "hidden_units", [-1], WIDTHS),
    ("DenseBlock", {}, "hidden_units", None, WIDTHS),
    ("DenseBlock", {}, "hiden_units", [8], "did you mean 'hidden_units'.*Accepted: hidden_units, non_lin"),
    ("DenseBlock", {"hidden_units": [8]}, "non_lin", "torch.nn.Tahn", "did you mean 'Tanh'"),
    ("DenseBlock", {"hidden_units": [8]}, "non_lin", 5, "the dotted name of a class"),
    ("StridedConvolutionDenseBlock", CONVOLUTION, "hidden_strides", [0], LAYERS),
    ("StridedConvolutionDenseBlock", CONVOLUTION, "hidden_kernels", 3, LAYERS),
    ("StridedConvolutionDenseBlock", CONVOLUTION, "hidden_kernels", [[3, "x"]], LAYERS),
    ("StridedConvolutionDenseBlock", CONVOLUTION, "hidden_padding", [-1], "of at least 0"),
    ("StridedConvolutionDenseBlock", CONVOLUTION, "hidden_dilations", [0], LAYERS),
    ("StridedConvolutionDenseBlock", CONVOLUTION, "padding_mode", "zeross", "did you mean 'zeros'"),
    ("StridedConvolutionDenseBlock", CONVOLUTION, "convolution_dimension", "2", "accepted: 1, 2, 3"),
    ("VGGConvolutionBlock", {"hidden_channels": [4]}, "use_batch_norm_conv", "yes", "accepted: true or false"),
    ("LSTMLastStepBlock", {"hidden_size": 8}, "num_layers", 0, WHOLE),
    ("LSTMLastStepBlock", {}, "hidden_size", 2.5, WHOLE),
    ("LSTMLastStepBlock", {"hidden_size": 8}, "bidirectional", "no", "accepted: true or false"),
    ("LSTMStateBlock", {"hidden_size": 8}, "num_layers", 0, WHOLE),
    ("SelfAttentionSeqBlock", {}, "num_heads", "2", WHOLE),
    ("SelfAttentionSeqBlock", ATTENTION, "dropout", 2.0, "accepted: a number from 0 to 1"),
    ("SelfAttentionSeqBlock", ATTENTION, "bias", 3, "accepted: true or false"),
    ("SelfAttentionConvBlock", {}, "embed_dim", 0, WHOLE),
    ("FlattenBlock", {}, "num_flatten_dims", 0, WHOLE),
    (
        "DenseBlock",
        {"hidden_units": [8]},
        "non_lin",
        "torch.nn.Conv2d",
        "is not a class of modules that need no arguments",
    ),
    ("StridedConvolutionDenseBlock", {**CONVOLUTION, "hidden_channels": [4, 8]}, "hidden_kernels", [3, 3, 3], LENGTH),
    ("StridedConvolutionDenseBlock", CONVOLUTION, "hidden_strides", [1, 1], r"\[1, 1\] has 2 entries; .* has 1\."),
]


@pytest.mark.parametrize(("block", "others", "name", "value", "message"), IN_BLOCKS)
def test_parameters_of_blocks(block: str, others: dict[str, Any], name: str, value: Any, message: str) -> None:
    entry = {"block_type": f"{BLOCKS}.{block}", "block_params": {**others, name: value}}
    with pytest.raises(InvalidSpecificationError, match=rf"^{FEATURE}\.block_params\.{name}: .*{message}"):
        RunContext(model="vector_obs", overrides={FEATURE: entry})


TEMPLATES: list[tuple[str, Any, str]] = [
    (f"{BUILDER}.weight_init", "normk", r"weight_init: 'normk' is not accepted; did you mean 'normc'"),
    (f"{BUILDER}.weight_init", None, r"weight_init: None is not accepted; accepted: normc, orthogonal"),
    (f"{BUILDER}.shared_embedding_keys", "img", r"'img' is not accepted; .*One key is a list, too: \['img'\]"),
    (f"{BUILDER}.shared_embedding_keys", 5, r"5 is not accepted; accepted: null, or a list of observation, hidden"),
    (f"{BUILDER}.shared_embedding_keys", ["hiden"], r"'hiden' is unknown; did you mean 'hidden'"),
    (f"{BUILDER}.observation_modality_mapping", "feature", r"'feature' is not accepted; accepted: a mapping from obs"),
    (f"{BUILDER}.observation_modality_mapping", {"observation": "featur"}, r"observation: .*did you mean 'feature'"),
    (f"++{BUILDER}.modality_config.hiden", {}, r"hiden: no observation has this modality, .*did you mean 'hidden'"),
    (f"{FEATURE}.block_type", None, r"block_type is missing; accepted: a dotted path such as"),
    (f"{FEATURE}.block_type", 3, r"block_type: 3 is not accepted; accepted: the dotted name of a block"),
    (f"{FEATURE}.block_params", [1], r"block_params: \[1\] is not accepted; accepted: a mapping of the block's"),
    (f"++{FEATURE}.block_parms", {}, r"block_parms: there is no such key; did you mean 'block_params'"),
    (
        f"{FEATURE}.block_type",
        "torch.nn.Linear",
        r"block_type: 'torch\.nn\.Linear' is no block; accepted: subclasses of",
    ),
    (f"{FEATURE}.block_type", "maze.ConcatModelBuilder", r"block_type: 'maze\.ConcatModelBuilder' is no block"),
    (FEATURE, {"block_type": "maze.DenseBlock"}, r"block_params\.hidden_units: maze\.DenseBlock needs this parameter"),
    (FEATURE, "dense", r"feature: 'dense' is not accepted; accepted: a mapping with block_type"),
]


@pytest.mark.parametrize(("path", "value", "message"), TEMPLATES)
def test_settings_of_templates(path: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"^{BUILDER}\..*{message}"):
        RunContext(model="vector_obs", overrides={path: value})


def test_a_block_of_somebodys_own_may_mean_anything_by_its_parameters() -> None:
    entry = {"block_type": "tests.unit.api.test_model_checks.Own", "block_params": {"dropout": "much"}}
    overrides = {FEATURE: entry, "allowed_modules": ["tests"]}
    rc = RunContext(model="vector_obs", overrides=overrides, silent=True)
    assert rc.config[f"{FEATURE}.block_params.dropout"] == "much"


class Own(Block):
    """Stands for a block."""

    def __init__(self, in_keys: Keys, out_keys: Keys, in_shapes: Shapes, dropout: str) -> None:
        super().__init__(in_keys, out_keys, in_shapes)
        self.dropout = dropout


NETWORKS: list[tuple[dict[str, Any], str]] = [
    ({f"{NETWORK}.hidden_units": [0]}, rf"hidden_units: \[0\] {WIDTHS}"),
    ({f"++{NETWORK}.weight_init": "normk"}, r"weight_init: 'normk' is not accepted; did you mean 'normc'"),
    ({NETWORK: {"hidden_units": [8]}}, r"a mapping needs _target_"),
    (
        {f"{NETWORK}.non_lin": "torch.nn.Conv2d"},
        r"non_lin: 'torch\.nn\.Conv2d' is not a class of modules that need no arg",
    ),
    ({f"{NETWORK}.non_lin": "torch.nn.functional.relu"}, r"non_lin: 'torch\.nn\.functional\.relu' is not a class"),
    ({f"{NETWORK}.non_lin": nn.Tanh()}, r"non_lin: Tanh\(\) is not accepted; .*'torch\.nn\.Tanh', or the class itself"),
]

FITS = {"_target_": "maze.FlattenConcatPolicyNet"}
VALUES = {"_target_": "maze.FlattenConcatStateValueNet"}
"""A network of a policy, and one of a critic."""


class WithoutShapes(nn.Module):
    """A network that cannot be told what it reads."""

    def __init__(self) -> None:
        super().__init__()


WRONG_NETWORKS: list[tuple[str, Any, str]] = [
    ("policy.networks", [3], r"\.0: 3 is no network; .* from obs_shapes, action_logits_shapes\."),
    ("policy.networks", ["maze.FlattenConcatPolicyNet"], r"\.0: 'maze\.FlattenConcatPolicyNet' is no network"),
    ("policy.networks", [], r": \[\] is not accepted; accepted: a list with one network for each .* by step key\.$"),
    ("policy.networks", FITS, r": 'maze\.FlattenConcatPolicyNet' alone is not accepted; .* is a list, too"),
    ("policy.networks", {"x": FITS}, r" has the step key 'x', which the environment has not; accepted: 0\."),
    ("policy.networks", [FITS, FITS], r" has 2 entries, but the environment has the step keys \[0\]"),
    (
        "policy.networks",
        [VALUES],
        r"\.0: maze\.FlattenConcatStateValueNet accepts no 'action_logits_shapes'.*PolicyNet'",
    ),
    (
        "policy.networks",
        [{"_target_": "torch.nn.Linear", "in_features": 4}],
        r"\.0: torch\.nn\.Linear accepts no 'obs_sh",
    ),
    ("policy.networks", [nn.Tanh], r"\.0: Tanh accepts no 'obs_shapes', .* for example 'maze\.FlattenConcatPolicyNet'"),
    ("policy.networks", [WithoutShapes], r"\.0: WithoutShapes is called with obs_shapes, action_logits_shapes, which"),
    ("policy.substeps_with_separate_agent_nets", ["foo"], r": there is no step key 'foo'; accepted: 0\."),
    ("critic.networks", [FITS], r"\.0: maze\.FlattenConcatPolicyNet needs 'action_logits_shapes'.*StateValueNet'"),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG_NETWORKS)
def test_networks_that_their_composer_could_not_make(path: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"^model\.{path}{message}"):
        RunContext(critic="flatten_concat", overrides={f"model.{path}": value})


@pytest.mark.parametrize("networks", [[FITS], {0: FITS}, {"0": FITS}, [nn.Identity()]], ids=str)
def test_networks_that_may_fit_are_accepted(networks: Any) -> None:
    RunContext(overrides={"model.policy.networks": networks}).close()


def test_an_environment_of_somebodys_own_may_have_any_step_keys() -> None:
    overrides = {"model.policy.networks": {"x": FITS, "y": FITS}}
    RunContext(env=lambda: GymMazeEnv("CartPole-v1"), overrides=overrides).close()


@pytest.mark.parametrize("algorithm", ["sac", "es", "impala"])
@pytest.mark.parametrize("model", ["vector_obs_recurrent", "pixel_obs_recurrent"])
def test_a_template_with_a_state_needs_an_algorithm_that_trains_it(model: str, algorithm: str) -> None:
    with pytest.raises(
        InvalidSpecificationError, match=r"^model: its networks carry a state .*algorithm='ppo' or 'a2c'"
    ):
        RunContext(model=model, algorithm=algorithm, overrides={"env.name": "Pendulum-v1"})
    RunContext(model=model, algorithm="ppo", critic="template_state").close()


COMPOSERS: list[tuple[dict[str, Any], str]] = [
    (
        {"model.policy.networks": "x"},
        r"^model\.policy\.networks: 'x' is not accepted; accepted: a list with one net",
    ),
    ({"model.critic.networks": 5}, r"^model\.critic\.networks: 5 is not accepted; accepted: a list with one network"),
    (
        {"model.policy.substeps_with_separate_agent_nets": 5},
        r"^model\.policy\.substeps_with_separate_agent_nets: 5 is not accepted; accepted: a list of step keys",
    ),
    (
        {"++model.critic.stack_observations": "no"},
        r"^model\.critic\.stack_observations: 'no' is not accepted; accepted: true or false",
    ),
]


@pytest.mark.parametrize(("overrides", "message"), COMPOSERS)
def test_what_composers_are_given(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        RunContext(critic="flatten_concat_shared", overrides=overrides)


@pytest.mark.parametrize(("overrides", "message"), NETWORKS)
def test_values_of_networks(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"^{NETWORK}\S* .*{message}|^{NETWORK}\.{message}"):
        RunContext(overrides=overrides)


ENTRIES: list[tuple[dict[str, Any], str]] = [
    ({"distribution": "categoricl"}, r"'categoricl'; did you mean 'categorical'"),
    ({"distribution": None}, r"names the distribution None; accepted: bernoulli"),
    ({"distribution": "maze.distributions.CategoricalHed"}, r"0\.distribution: .*did you mean 'CategoricalHead'"),
    ({"distribution": "categorical", "args": [1]}, r"0\.args: \[1\] is not accepted; accepted: a mapping"),
    ({"distribution": "categorical", "args": {"temperature": "x"}}, r"temperature is 'x'; accepted are numbers > 0"),
    ({"distribution": "gaussian", "args": {"initial_std": True}}, r"initial_std is True; accepted are numbers > 0"),
    ({"distribution": "gaussian", "args": {"state_dependent_std": "x"}}, r"'x' is not accepted; accepted: true or fal"),
    ({"distribution": "categorical", "args": {"temprature": 1}}, r"0\.args\.temprature: .*did you mean 'temperature'"),
    ({"distribution": "categorical", "argz": {}}, r"has the key 'argz'; did you mean 'args'"),
]


@pytest.mark.parametrize(("entry", "message"), ENTRIES)
def test_entries_of_the_mapper(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"^{DISTRIBUTIONS}.*{message}"):
        RunContext(overrides={DISTRIBUTIONS: [{"action_head": "action", **entry}]})
    with pytest.raises(InvalidSpecificationError, match=rf"^{DISTRIBUTIONS} names the action space 'gym\.spaces\.Bx'"):
        RunContext(overrides={DISTRIBUTIONS: [{"action_space": "gym.spaces.Bx", "distribution": "beta"}]})


@pytest.mark.parametrize(
    "name", ["categorical", "maze.distributions.categorical.CategoricalProbabilityDistribution", "maze.CategoricalHead"]
)
def test_every_spelling_of_a_distribution_is_accepted(name: str) -> None:
    entry = {"action_space": "gym.spaces.Discrete", "distribution": name, "args": {"temperature": 0.5}}
    overrides = {DISTRIBUTIONS: [entry], "tracking.mode": "off"}
    assert RunContext(overrides=overrides, silent=True).policy is not None


@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
@pytest.mark.parametrize(
    ("critic", "fitting"),
    [("template_state", "flatten_concat"), ("template_state_action", "flatten_concat_state_action")],
)
def test_a_critic_for_templates_beside_another_model_says_which_critics_fit(
    algorithm: str, critic: str, fitting: str
) -> None:
    message = rf"^critic: '{critic}' leaves the networks to a template, .*accepted here: critic='{fitting}'.*vector_obs"
    with pytest.raises(InvalidSpecificationError, match=message):
        RunContext(algorithm=algorithm, critic=critic)
    if (algorithm == "sac") == critic.endswith("action"):
        RunContext(algorithm=algorithm, model="vector_obs", critic=critic)


def test_a_policy_without_networks_needs_a_template() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^model\.policy\.networks: null .*policy='flatten_concat'"):
        RunContext(overrides={"model.policy.networks": None})
