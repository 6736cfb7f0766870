"""People see what a model consists of: as a table, as a drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from maze.agents.actor_critic import ActorCritic
from maze.config.compose import compose
from maze.config.instantiate import instantiate
from maze.perception.blocks import DenseBlock, InferenceBlock, InferenceGraph, LinearOutputBlock
from maze.perception.network_graph import network_graph
from maze.perception.summary import model_figures, model_summary
from tests.remembering import CountingNet

VECTOR = {"observation": spaces.Box(-1, 1, (4,), np.float32)}


def model(name: str, critic: str | None = None, **inputs: spaces.Space) -> ActorCritic:
    config = compose({"model": name, **({} if critic is None else {"critic": critic})})
    composer = instantiate(
        config.section("model"),
        action_spaces_dict={0: spaces.Dict(action=spaces.Discrete(2))},
        observation_spaces_dict={0: spaces.Dict(inputs or VECTOR)},
        agent_counts_dict={0: 1},
    )
    return ActorCritic(composer.policy, composer.critic)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_a_template_is_a_table_of_its_blocks() -> None:
    text = model_summary(model("vector_obs", "template_state"))
    table = rows(text)
    assert table[0] == ["block", "kind", "reads", "puts", "out", "parameters"]
    assert "policy 0: TemplateNet, 4,610 parameters" in text  # 4*64+64 + 64*64+64 + 64*2+2
    assert ["observation", "DenseBlock", "observation", "[4]", "observation:feature", "[64]", "320"] in table
    assert ["hidden", "DenseBlock", "concatenation", "[64]", "hidden", "[64]", "4,160"] in table
    assert ["action", "LinearOutputBlock", "hidden", "[64]", "action", "[2]", "130"] in table
    assert ["value", "LinearOutputBlock", "hidden", "[64]", "value", "[1]", "65"] in table
    assert table[-1] == ["total:", "9,155", "parameters"]


def test_shared_parameters_are_counted_once() -> None:
    text = model_summary(model("flatten_concat_shared_embedding"))
    assert "total: 133,635 parameters" in text  # 1,280 shared, 2 * 65,792, 514 and 257
    assert ["trunk", "dense", "layers", "observation", "[4]", "features", "[256]", "1,280"] in rows(text)


def test_the_two_networks_of_a_critic_of_actions_are_listed() -> None:
    text = model_summary(model("flatten_concat", "flatten_concat_state_action"))
    assert "critic 0 0: FlattenConcatStateActionValueNet" in text
    assert "critic 0 1: FlattenConcatStateActionValueNet" in text


def test_edges_connect_makers_and_readers() -> None:
    net = InferenceBlock(
        "x",
        ["out"],
        (2,),
        {"dense": DenseBlock("x", "h", (2,), [3]), "head": LinearOutputBlock("h", "out", (3,), 2)},
    )
    graph = network_graph(net)
    assert graph.edges() == [(None, "dense", "x"), ("dense", "head", "h")]
    assert graph.inputs == {"x": (2,)}
    assert [node.n_parameters for node in graph.nodes] == [9, 8]


class Plain(nn.Module):
    """A network that shows nothing of itself but the shapes of its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.obs_shapes = {"observation": (4,)}
        self.layer = nn.Linear(4, 2)

    def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"action": self.layer(observation["observation"])}


def test_blocks_with_state_say_so_and_are_no_circle() -> None:
    recurrent = model("vector_obs_recurrent", "template_state")
    line = ["recurrence", "LSTMStateBlock,", "with", "state", "concatenation", "[64]", "recurrence", "[64]", "33,280"]
    assert line in rows(model_summary(recurrent))
    graph = network_graph(recurrent.policy.networks[0])
    assert ("recurrence", "recurrence", "recurrence:hidden") not in graph.edges()
    assert list(graph.inputs) == ["observation"]
    one = network_graph(CountingNet({"observation": (2,)}, {"action": (2,)})).nodes[0]
    assert (one.kind, one.outputs) == ("CountingNet, with state", {"action": (2,)})


def test_any_network_is_one_block() -> None:
    (node,) = network_graph(Plain()).nodes
    assert (node.kind, node.outputs, node.n_parameters) == ("Plain", {"action": (2,)}, 10)
    assert node.layers == ("Linear(in_features=4, out_features=2, bias=True)",)
    assert ["Plain", "Plain", "observation", "[4]", "action", "[2]", "10"] in rows(model_summary(Plain()))


def test_drawings_show_every_block(tmp_path: Path) -> None:
    pixels = model("pixel_obs_rnn", "template_state", observation=spaces.Box(0, 1, (4, 1, 96, 96), np.float32))
    figures = model_figures(pixels)
    assert list(figures) == ["policy_0", "critic_0"]
    texts = [text.get_text() for text in figures["policy_0"].axes[0].texts]
    for name in ("observation\nStridedConvolutionDenseBlock", "hidden\nDenseBlock", "recurrence\nLSTMLastStepBlock"):
        assert sum(text.startswith(name) for text in texts) == 1
    assert "observation\n[4, 1, 96, 96]" in texts
    assert "action\n[2]" in texts
    figures["policy_0"].savefig(tmp_path / "policy.png")
    InferenceGraph(pixels.critic.networks[0]).save(tmp_path / "critic.svg")
    assert (tmp_path / "policy.png").stat().st_size > 10_000
    assert "recurrence" in (tmp_path / "critic.svg").read_text() or (tmp_path / "critic.svg").stat().st_size > 10_000


@pytest.mark.parametrize(
    "name", ["flatten_concat", "flatten_concat_shared_embedding", "vector_obs", "vector_obs_recurrent"]
)
def test_every_model_can_be_drawn(name: str) -> None:
    for figure in model_figures(model(name)).values():
        assert len(figure.axes[0].texts) > 4


class Moody(nn.Module):
    """Draws from torch's generator, counts its calls, and refuses zeros if told to."""

    def __init__(self, refuses: bool) -> None:
        super().__init__()
        self.obs_shapes = {"observation": (2,)}
        self.refuses, self.calls = refuses, 0
        self.layer = nn.Linear(2, 3)

    def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        self.calls += 1
        if self.refuses:
            raise IndexError
        return {"action": self.layer(observation["observation"]) + torch.rand(3)}


@pytest.mark.parametrize(("refuses", "text"), [(False, "action [3]"), (True, "output")])
def test_looking_at_a_network_of_ones_own_changes_nothing(refuses: bool, text: str) -> None:
    network = Moody(refuses)
    network.layer.eval()  # a part that does not learn
    before = torch.get_rng_state()
    assert text in model_summary(network)
    model_figures(network)
    assert torch.equal(torch.get_rng_state(), before)
    assert (network.calls, network.training, network.layer.training) == (0, True, False)


def test_a_network_that_says_nothing_of_itself_is_one_box() -> None:
    class Silent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 2)

        def __deepcopy__(self, memo: object) -> Silent:
            raise TypeError("not to be copied")

        def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {"action": self.head(observation["observation"])}

    network = Silent()
    figures = model_figures(network)
    texts = [text.get_text() for text in figures["network"].axes[0].texts]
    assert [text for text in texts if text] == ["Silent\n10 parameters", "output"]
    network.obs_shapes = {"observation": (4,)}
    assert dict(network_graph(network).nodes[0].outputs) == {"output": None}
