"""Values are set where their path says, as they are, and nowhere else."""

from __future__ import annotations

import copy
import enum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from maze.config.nested import flatten
from maze.config.overrides import apply_values, canonical_path, to_plain
from maze.errors import InvalidSpecificationError

WRAPPER = "maze.env.normalization.ObservationNormalizationWrapper"
TREE = {
    "env": {"name": "CartPole-v1", "render_mode": None},
    "wrappers": {WRAPPER: {"exclude": [], "config": {"axis": 0}}, "maze.env": {"exclude": [1]}},
    "algorithm": {"lr": 0.1, "n_epochs": 0},
    "model": {"policy": {"networks": [{"hidden_units": [64, 64]}], "counts": {0: 1}}, "critic": None},
    "tags": {},
}
LEAVES = [
    "env.name",
    "env.render_mode",
    f"wrappers.{WRAPPER}.exclude",
    f"wrappers.{WRAPPER}.config.axis",
    "wrappers.maze.env.exclude",
    "algorithm.lr",
    "model.policy.networks.0.hidden_units",
    "model.policy.networks.0.hidden_units.1",
    "model.policy.counts.0",
    "policy.networks",
    "critic",
    "model",
]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=8,
)


def read(tree, path):
    """Read a path of LEAVES by an independent rule: the wrapper's name is one key."""
    for name in (WRAPPER, "maze.env"):
        path = path.replace(name, name.replace(".", "|"))
    for part in (written.replace("|", ".") for written in canonical_path(path).split(".")):
        tree = tree[int(part)] if part.isdecimal() else tree[part]
    return tree


@settings(max_examples=60, deadline=None)
@given(path=st.sampled_from(LEAVES), value=values)
def test_any_value_reads_back_equal_at_any_existing_path(path, value):
    before = copy.deepcopy(TREE)
    changed = apply_values(TREE, {path: value})
    assert read(changed, path) == value
    assert type(read(changed, path)) is type(value)
    assert before == TREE


@settings(max_examples=60, deadline=None)
@given(path=st.sampled_from(LEAVES), tail=st.text(alphabet="abcxyz_", min_size=1), value=values)
def test_any_unknown_path_is_an_error(path, tail, value):
    with pytest.raises(InvalidSpecificationError):
        apply_values(TREE, {f"{path}.{tail}_": value})
    with pytest.raises(InvalidSpecificationError):
        apply_values(TREE, {f"algorithm.{tail}_": value})


@settings(max_examples=60, deadline=None)
@given(value=values)
def test_the_result_shares_nothing_with_what_was_given(value):
    kept = copy.deepcopy(value)
    changed = apply_values({"a": 1}, {"a": {"inside": value}})
    assert changed["a"]["inside"] == value
    if isinstance(value, list):
        changed["a"]["inside"].append(1)
    elif isinstance(value, dict):
        changed["a"]["inside"]["another key"] = 1
    assert value == kept


@pytest.mark.parametrize("text", ["null", "1e-3", "a,b", "${env.name}", "x=1", "'quoted'", "[1, 2]", " "])
def test_text_is_never_parsed(text):
    assert apply_values(TREE, {"env.name": text})["env"]["name"] == text


def test_unknown_key_names_path_and_nearest_match():
    with pytest.raises(InvalidSpecificationError, match=r"^set\.algorithm\.lrr: no such key.*did you mean 'lr'\?"):
        apply_values(TREE, {"algorithm.lrr": 1}, origin="set.")


def test_children_are_set_after_their_parents_in_any_order():
    given_values = {
        "policy.networks": [{"hidden_units": [1]}],
        "policy.networks.0.hidden_units": [2],
        "policy": {"networks": []},
    }
    for names in (list(given_values), list(given_values)[::-1]):
        changed = apply_values(TREE, {name: given_values[name] for name in names})
        assert changed["model"]["policy"] == {"networks": [{"hidden_units": [2]}]}


def test_the_same_place_under_two_names_is_an_error_that_names_both():
    with pytest.raises(InvalidSpecificationError, match=r"critic and model\.critic"):
        apply_values(TREE, {"critic": None, "model.critic": {}})


def test_integer_keys_stay_integers():
    changed = apply_values(TREE, {"policy.counts": {0: 1, "1": 2}, "tags.a": {3: 4}})
    assert changed["model"]["policy"]["counts"] == {0: 1, "1": 2}
    assert changed["tags"] == {"a": {3: 4}}


def test_plus_adds_keys_and_tags_are_free():
    changed = apply_values(TREE, {"++env.kwargs.gravity": 1.5, "tags.owner": "me"})
    assert changed["env"]["kwargs"] == {"gravity": 1.5}
    assert changed["tags"] == {"owner": "me"}
    with pytest.raises(InvalidSpecificationError, match=r"\+\+env\.gravity"):
        apply_values(TREE, {"env.gravity": 1})


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("critic.device", "model.critic is null"),
        ("algorithm.lr.x", "single value 0.1"),
        ("model.policy.networks.7", "list of 1 entries"),
        ("model.policy.networks.-1", "list of 1 entries"),
        ("", "non-empty"),
        ("++", "non-empty"),
        (3, "non-empty"),
    ],
)
def test_paths_that_lead_nowhere_say_why(path, reason):
    with pytest.raises(InvalidSpecificationError, match=reason):
        apply_values(TREE, {path: 1})


def test_parts_of_an_object_cannot_be_set():
    tree = {"model": {"policy": {"_object_": "x.Policy"}}}
    for path in ("policy.device", "policy._object_", "++policy.device"):
        with pytest.raises(InvalidSpecificationError, match=r"given as an object \(x\.Policy\)"):
            apply_values(tree, {path: 1})


def test_flatten_merges_sections_and_keeps_components_whole():
    component = {"_target_": "torch.nn.Tanh", "inplace": True}
    nested = {"algorithm": {"lr": 1, "net": component}, "a.b": 2, "empty": {}}
    assert flatten(nested) == {"algorithm.lr": 1, "algorithm.net": component, "a.b": 2, "empty": {}}
    with pytest.raises(InvalidSpecificationError, match=r"a\.b: given twice"):
        flatten({"a": {"b": 1}, "a.b": 2})


class Colour(enum.Enum):
    RED = "red"


def test_to_plain_makes_primitives():
    value = {"a": np.float64(0.5), 2: (np.int64(3), np.bool_(True)), "p": Path("x/y"), "c": Colour.RED}
    plain = to_plain(value)
    assert plain == {"a": 0.5, 2: [3, True], "p": "x/y", "c": "red"}
    assert [type(item) for item in (plain["a"], *plain[2])] == [float, int, bool]


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), {("a",): 1}, {True: 1}, 1j])
def test_to_plain_refuses_what_no_file_can_hold(value):
    with pytest.raises(InvalidSpecificationError):
        to_plain(value)


@pytest.mark.parametrize("path", ["a.b.", "a.", "a..b", ".a.b"])
def test_paths_with_empty_parts_are_unknown(path):
    with pytest.raises(InvalidSpecificationError, match=r"no such key|single value"):
        apply_values({"a": {"b": 1}}, {path: 2})


def test_interpolations_of_omegaconf_are_resolved_or_named():
    assert to_plain(OmegaConf.create({"a": 1, "b": "${a}"})) == {"a": 1, "b": 1}
    with pytest.raises(InvalidSpecificationError, match=r"^env\.b: .*nope"):
        to_plain(OmegaConf.create({"b": "${nope}"}), "env")
