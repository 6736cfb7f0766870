"""Equal values have one text and one hash, and every YAML reader reads the text alike."""

from __future__ import annotations

import math

import pytest
import ruamel.yaml
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from maze.config import canonical

text = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
tricky = st.sampled_from(
    ["1e-3", "on", "NO", "012", "0o17", "1_000", "12:30", "~", "null", "", "2024-01-01", "=", "<<", "a: b", "# c"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text | tricky
trees = st.dictionaries(
    text | tricky | st.integers(),
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text | st.integers(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def same(left, right):
    """Compare with types, as 1 == 1.0 == True in Python."""
    if isinstance(left, dict):
        return (
            isinstance(right, dict) and list(left) == list(right) and all(same(left[key], right[key]) for key in left)
        )
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


@settings(max_examples=50, deadline=None)
@given(trees)
def test_yaml_1_1_reads_back_the_same(tree):
    assert same(yaml.safe_load(canonical.to_yaml(tree)), tree)


@pytest.mark.parametrize("pure", [True, False], ids=["in Python", "compiled, as DVC reads"])
@settings(max_examples=50, deadline=None)
@given(trees)
def test_yaml_1_2_reads_back_the_same(pure, tree):
    assert same(ruamel.yaml.YAML(typ="safe", pure=pure).load(canonical.to_yaml(tree)), tree)


@pytest.mark.parametrize("value", [1e-05, 1e22, 0.0005, -1.5e-300, 5.0, math.inf, -math.inf])
def test_all_three_readers_agree_on_floats(value):
    written = canonical.to_yaml({"x": value})
    read = [
        yaml.safe_load(written),
        OmegaConf.to_container(OmegaConf.create(written)),
        ruamel.yaml.YAML(typ="safe").load(written),
    ]
    assert [type(tree["x"]) for tree in read] == [float] * 3
    assert [tree["x"] for tree in read] == [value] * 3
    assert math.isnan(yaml.safe_load(canonical.to_yaml({"x": math.nan}))["x"])


@settings(max_examples=50, deadline=None)
@given(trees)
def test_hash_ignores_the_order_of_keys(tree):
    backwards = dict(reversed(tree.items()))
    assert canonical.digest(tree) == canonical.digest(backwards)
    assert canonical.to_yaml(canonical.canonical(tree)) == canonical.to_yaml(canonical.canonical(backwards))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({0: 1}, {"0": 1}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": None}, {}),
        ({"a": 1}, {"a": True}),
    ],
)
def test_different_values_have_different_hashes(left, right):
    assert canonical.digest(left) != canonical.digest(right)


def test_target_comes_first_then_numbers_then_names():
    assert list(canonical.canonical({"b": 1, "_target_": "x.Y", "a": 1, 10: 1, 9: 1})) == ["_target_", 9, 10, "a", "b"]


def test_both_ways_to_write_wrappers_become_one():
    first, second = {"_target_": "x.A", "k": 1}, {"_target_": "x.B"}
    assert canonical.canonical_wrappers({"x.A": {"k": 1}, "x.B": None}) == [first, second]
    assert canonical.canonical_wrappers([first, "x.B"]) == [first, second]
    assert canonical.canonical_wrappers(first) == [first]
    assert canonical.canonical_wrappers(None) == canonical.canonical_wrappers({}) == []


def test_flat_has_a_primitive_at_every_dotted_key():
    tree = {"a": {"b": [1, {"c": None}], 0: "x"}, "empty": {}, "none": []}
    assert canonical.flat(tree) == {"a.b.0": 1, "a.b.1.c": None, "a.0": "x", "empty": "{}", "none": "[]"}
