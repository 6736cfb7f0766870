"""Values survive the way through Hydra's grammar and YAML 1.2, which is the way that DVC's -S takes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from maze.api.experiments.words import setting, word
from maze.errors import InvalidSpecificationError

TEXTS = st.text().filter(lambda text: text.isprintable() and "${" not in text)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=8)


def plain(value: Any) -> Any:
    """Return a value of Hydra's parser as DVC stores it."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def through_yaml(value: Any) -> Any:
    stream = io.StringIO()
    YAML().dump({"value": value}, stream)
    return YAML(typ="safe", pure=True).load(stream.getvalue())["value"]


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same kind: True is not 1, and 1.0 is not 1."""
    return repr(left) == repr(right)


@given(VALUES)
def test_hydra_reads_the_value_that_was_written(value: Any) -> None:
    override = OverridesParser.create().parse_override(f"key={word(value)}")
    assert same(plain(override.value()), value)
    assert not override.is_sweep_override()


@given(st.floats(allow_nan=False) | st.integers())
def test_numbers_stay_what_they_are_in_params_yaml(value: float) -> None:
    assert same(through_yaml(plain(OverridesParser.create().parse_override(f"key={word(value)}").value())), value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ppo", "ppo"),
        ("off", "'off'"),
        ("null", "'null'"),
        ("3", "'3'"),
        ("a,b", "'a,b'"),
        ("it's", r"'it\'s'"),
        (1e-05, "1e-05"),
        (None, "null"),
        ([1, "x y"], "[1,'x y']"),
    ],
)
def test_what_it_looks_like(value: Any, text: str) -> None:
    assert word(value) == text


@pytest.mark.parametrize("value", ["${seeds}", "a\nb", "\0"])
def test_templates_and_control_characters_are_refused(value: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^set\.env\.name: .* is not accepted; "):
        word({"deep": [value]}, "set.env.name")


def test_several_options_are_a_sweep_and_a_strange_key_is_refused() -> None:
    assert setting("set.algorithm.lr", [0.1, 0.2], adds=True) == "++set.algorithm.lr=0.1,0.2"
    with pytest.raises(InvalidSpecificationError, match="cannot be set from the command line"):
        setting("a;b", [1])
