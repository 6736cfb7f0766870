"""Calls in a record: arguments come back as they were passed."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze.api.record.calls import Call, array_digest, read_arguments

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def there_and_back(arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    call = Call("evaluate", arguments)
    objects = call.write_arguments("calls.0")
    return read_arguments(json.loads(json.dumps(call.as_record()["arguments"])), objects), objects


@given(_JSON)
def test_every_json_value_comes_back_and_none_is_stored_as_an_object(value: Any) -> None:
    back, objects = there_and_back({"x": [value]})
    assert back == {"x": [value]}
    assert repr(back) == repr({"x": [value]})
    assert objects == {}


@pytest.mark.parametrize(
    "value", [float("inf"), {1: 2}, {"_object_": "mine"}, {1, 2}, len, b"x"], ids=lambda value: type(value).__name__
)
def test_what_json_cannot_hold_is_stored_as_an_object(value: Any) -> None:
    back, objects = there_and_back({"deep": {"er": [0, value]}})
    assert back == {"deep": {"er": [0, value]}}
    assert list(objects) == ["calls.0.deep.er.1"]


def test_scalars_paths_and_enumerations_become_primitives() -> None:
    color = enum.Enum("color", {"RED": "red"})
    back, objects = there_and_back({"a": np.float32(0.5), "b": Path("x/y"), "c": color.RED, "d": (1, 2), "e": None})
    assert back == {"a": 0.5, "b": "x/y", "c": "red", "d": [1, 2]}
    assert objects == {}


@pytest.mark.parametrize(
    "given", [None, 3, {"x": np.float32(0.5), "y": 2, "z": object()}, "text"], ids=["null", "number", "mapping", "text"]
)
def test_an_evaluator_of_ones_own_may_give_anything(given: Any) -> None:
    call = Call("evaluate", {})
    call.note_episodes(given)
    assert call.result == ({"x": 0.5, "y": 2} if isinstance(given, dict) else {})


def test_arguments_are_kept_as_they_were_when_the_call_began() -> None:
    given = {"values": [1]}
    call = Call("train", given)
    call.write_arguments("calls.0")
    given["values"].append(2)
    assert call.as_record()["arguments"] == {"values": [1]}


def test_a_digest_depends_on_names_types_shapes_and_values() -> None:
    base = array_digest({"a": np.zeros(4, np.float32)})
    assert base == array_digest({"a": np.zeros(8, np.float32)[::2]})
    others = [{"b": np.zeros(4, np.float32)}, {"a": np.zeros((2, 2), np.float32)}, {"a": np.zeros(4, np.int32)}]
    digests = {array_digest(other) for other in [*others, {"a": np.array([0, 0, 0, -0.0], np.float32)}]}
    assert len(digests | {base}) == 5
