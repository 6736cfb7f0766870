"""Spaces keep their meaning when they are brought into dictionary form and when they are written down."""

from __future__ import annotations

import json

import numpy as np
import pytest
from gymnasium import spaces

from maze.env.readers import make_action_reader, make_observation_reader
from maze.env.spaces import (
    from_dict_value,
    leaves_of,
    space_from_json,
    space_to_json,
    to_dict_space,
    to_dict_value,
    to_gymnasium_space,
)
from maze.errors import ArtifactError, EnvError, InvalidSpecificationError

LARGEST = np.finfo(np.float64).max


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-np.inf, np.inf, shape=(3,), dtype=np.float32),
        spaces.Box(np.array([-0.1, -np.inf], np.float32), np.array([1 / 3, 7.0], np.float32)),
        spaces.Box(0, 255, shape=(2, 3, 1), dtype=np.uint8),
        spaces.Box(np.array([-(2**62) - 1]), np.array([2**62 + 1]), dtype=np.int64),
        spaces.Box(-LARGEST, 0.1, shape=(2,), dtype=np.float64),
        spaces.Box(-1.0, 1.0, shape=(), dtype=np.float32),
        spaces.Discrete(5),
        spaces.Discrete(3, start=-1),
        spaces.Discrete(4, dtype=np.int32),
        spaces.MultiDiscrete([2, 3], start=[1, -1]),
        spaces.MultiDiscrete([[2, 3], [4, 5]]),
        spaces.MultiBinary(4),
        spaces.MultiBinary([2, 3]),
        spaces.Dict([("z", spaces.Discrete(2)), ("a", spaces.Dict({"b": spaces.MultiBinary(1)}))]),
    ],
    ids=str,
)
def test_json_round_trip_is_exact(space: spaces.Space) -> None:
    text = json.dumps(space_to_json(space), allow_nan=False)
    back = space_from_json(json.loads(text))
    assert back == space
    assert back.dtype == space.dtype
    if isinstance(space, spaces.Box):
        assert back.low.tobytes() == space.low.tobytes()
        assert back.high.tobytes() == space.high.tobytes()
    if isinstance(space, spaces.Dict):
        assert list(back) == list(space)


def test_equal_bounds_are_written_once() -> None:
    description = space_to_json(spaces.Box(0, 255, shape=(84, 84, 4), dtype=np.uint8))
    assert (description["low"], description["high"]) == (0, 255)


@pytest.mark.parametrize("description", [{"type": "Box", "shape": [2]}, {"type": "Graph"}, {}, {"type": "Discrete"}])
def test_unreadable_descriptions_are_named(description: dict) -> None:
    with pytest.raises(ArtifactError):
        space_from_json(description)


def test_floating_leaves_become_float32_and_others_keep_their_dtype() -> None:
    box = to_dict_space(spaces.Box(-LARGEST, 0.1, shape=(2,), dtype=np.float64), "observation")["observation"]
    assert box.dtype == np.float32
    assert box.low.tolist() == [-np.inf, -np.inf]
    assert box.high.tolist() == [np.float32(0.1)] * 2
    image = spaces.Box(0, 255, shape=(2, 2, 3), dtype=np.uint8)
    assert to_dict_space(image, "observation") == spaces.Dict({"observation": image})


def test_nested_spaces_become_flat_keys_and_their_values_follow() -> None:
    space = spaces.Dict(
        {"arm": spaces.Tuple([spaces.Discrete(3), spaces.Box(-1, 1, (2,), np.float64)]), "goal": spaces.Discrete(2)}
    )
    flat = to_dict_space(space, "observation")
    assert list(flat) == ["arm_0", "arm_1", "goal"]
    readers = {key: make_observation_reader(part, key) for key, part in flat.items()}
    value = to_dict_value({"arm": (2, np.array([0.5, -0.5])), "goal": 1}, leaves_of(space, "observation"), readers)
    assert {key: (part.tolist(), part.dtype.name) for key, part in value.items()} == {
        "arm_0": (2, "int64"),
        "arm_1": ([0.5, -0.5], "float32"),
        "goal": (1, "int64"),
    }
    leaves = leaves_of(space, "action")
    action = from_dict_value(value, space, leaves, {key: make_action_reader(leaf, key) for _, key, leaf in leaves})
    assert action["arm"][0] == 2
    assert action["arm"][1].dtype == np.float64
    assert space.contains(action)


def test_unsupported_space_says_what_is_accepted() -> None:
    with pytest.raises(EnvError, match=r"Text.*Accepted: Box, Discrete"):
        to_dict_space(spaces.Text(3), "observation")
    with pytest.raises(EnvError, match="not supported"):
        to_gymnasium_space(object())


@pytest.mark.parametrize("empty", [spaces.Dict(), spaces.Tuple(()), spaces.Dict(inner=spaces.Dict())])
def test_a_space_that_holds_nothing_is_refused(empty: spaces.Space) -> None:
    for name in ("observation", "action"):
        with pytest.raises(
            InvalidSpecificationError, match=rf"The {name} space .* holds nothing; accepted: .*one {name}"
        ):
            to_dict_space(empty, name)


def test_observation_reader_copies_casts_and_checks() -> None:
    read = make_observation_reader(spaces.Box(-1, 1, (2,), np.float32), "camera")
    own = np.zeros(2, dtype=np.float32)
    assert not np.shares_memory(read(own), own)
    assert read([1, 0]).dtype == np.float32
    with pytest.raises(EnvError, match=r"shape \(3,\) for 'camera'; its space says \(2,\)"):
        read(np.zeros(3))
    with pytest.raises(EnvError, match="returned float64 for 'camera'; its space says uint8"):
        make_observation_reader(spaces.Box(0, 255, (2,), np.uint8), "camera")(np.zeros(2))


def test_box_action_beyond_the_bounds_by_rounding_is_clipped_and_by_more_refused() -> None:
    space = spaces.Box(-2.0, 2.0, (1,), np.float32)
    read = make_action_reader(space, "torque")
    given = np.array([2.0000002], dtype=np.float32)
    assert read(given).tolist() == [2.0]
    assert given[0] > 2.0
    with pytest.raises(EnvError, match=r"'torque' is not in its space: expected Box.*given array\(\[2.1\]\)"):
        read(np.array([2.1]))
    with pytest.raises(EnvError):
        read(np.array([np.nan]))
    with pytest.raises(EnvError):
        read(0.0)


@pytest.mark.parametrize("value", [3, -1, 0.0, "0", None, np.array([1]), np.array(1.0)])
def test_wrong_discrete_actions_are_refused(value: object) -> None:
    with pytest.raises(EnvError, match="not in its space: expected Discrete"):
        make_action_reader(spaces.Discrete(3), "action")(value)


@pytest.mark.parametrize("value", [2, np.int32(2), np.array(2), np.uint8(2)])
def test_right_discrete_actions_are_python_integers(value: object) -> None:
    action = make_action_reader(spaces.Discrete(2, start=1), "action")(value)
    assert action == 2
    assert type(action) is int


def test_multi_discrete_and_binary_actions_are_checked() -> None:
    read = make_action_reader(spaces.MultiDiscrete([2, 3]), "pair")
    assert read([1, 2]).dtype == np.int64
    for wrong in ([2, 0], [0.5, 1], [0]):
        with pytest.raises(EnvError):
            read(wrong)
    assert make_action_reader(spaces.MultiBinary(2), "flags")([True, False]).tolist() == [1, 0]
