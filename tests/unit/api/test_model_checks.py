"""Wrong values of networks, blocks, templates and distributions are found when a context is made, without torch."""

from __future__ import annotations

from typing import Any

import pytest

from maze import RunContext
from maze.errors import InvalidSpecificationError

BUILDER = "model.model_builder"
FEATURE = f"{BUILDER}.modality_config.feature"
BLOCKS = "maze.perception.blocks"
NETWORK = "model.policy.networks.0"
DISTRIBUTIONS = "model.distribution_mapper_config"
CONVOLUTION = {"hidden_channels": [4], "hidden_kernels": [3], "hidden_units": [8]}
ATTENTION = {"num_heads": 2}
WHOLE = "is not accepted; accepted: a whole number above 0"
WIDTHS = r"is not accepted; accepted: a list of whole numbers above 0"
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


class Own:
    """Stands for a block."""

    def __init__(self, dropout: str) -> None:
        self.dropout = dropout


NETWORKS: list[tuple[dict[str, Any], str]] = [
    ({f"{NETWORK}.hidden_units": [0]}, rf"hidden_units: \[0\] {WIDTHS}"),
    ({f"++{NETWORK}.weight_init": "normk"}, r"weight_init: 'normk' is not accepted; did you mean 'normc'"),
    ({NETWORK: {"hidden_units": [8]}}, r"a mapping needs _target_"),
]

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
