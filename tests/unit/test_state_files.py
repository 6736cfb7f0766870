"""What is written comes back to the last bit; what is damaged is never taken for a state."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from maze.errors import ArtifactError
from maze.state_files import JoinedArray, read_state, write_state


def identical(first: Any, second: Any) -> bool:
    """Compare values, types, dtypes, shapes, order, signs of zeros and NaN, bit by bit."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        pairs = zip(first.items(), second.items(), strict=True)
        return len(first) == len(second) and all(identical(k, m) and identical(v, w) for (k, v), (m, w) in pairs)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(identical(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, torch.Tensor):
        same = first.dtype == second.dtype and first.shape == second.shape
        return same and raw(first) == raw(second)
    if isinstance(first, np.ndarray | np.generic):
        same = first.dtype == second.dtype and first.dtype.str == second.dtype.str and first.shape == second.shape
        return same and first.tobytes() == second.tobytes()
    if isinstance(first, float) and math.isnan(first):
        return math.isnan(second)
    return bool(first == second and repr(first) == repr(second))


def raw(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


DTYPES = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(),
    npst.unsigned_integer_dtypes(),
    npst.floating_dtypes(endianness="?"),
    npst.complex_number_dtypes(),
    npst.byte_string_dtypes(),
    npst.unicode_string_dtypes(),
    npst.datetime64_dtypes(),
    npst.timedelta64_dtypes(),
)
ARRAYS = DTYPES.flatmap(
    lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
TENSORS = st.sampled_from(
    [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.complex64]
).flatmap(
    lambda dtype: st.lists(st.integers(0, 3), max_size=3).map(
        lambda shape: (torch.arange(math.prod(shape)) - 1.5).to(dtype).reshape(shape)
    )
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**200), max_value=2**200),
    st.floats(),
    st.text(),
    ARRAYS,
    ARRAYS.filter(lambda array: array.size > 0).map(lambda array: array.reshape(-1)[0]),
    TENSORS,
)
KEYS = st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.tuples(st.integers(), st.text()))
STATES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(st.sampled_from(["$array", "$tuple", "$", "a"]), inner, max_size=3),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=STATES)
def test_every_state_comes_back_exactly(state: Any, tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    write_state(path, {"state": state})
    first = path.read_bytes()
    back = read_state(path)
    assert identical(back, {"state": state})
    write_state(path, back)
    assert path.read_bytes() == first


def test_what_is_easily_lost_is_kept(tmp_path: Path) -> None:
    generator = np.random.Generator(np.random.PCG64(3))
    state = {
        "generator": generator.bit_generator.state,
        "mersenne": np.random.Generator(np.random.MT19937(3)).bit_generator.state,
        "zeros": [0.0, -0.0, np.float32(-0.0), np.array([-0.0])],
        "infinities": (math.inf, -math.inf, math.nan),
        "keys": {0: "integer", "0": "text", (0, 1): "tuple"},
        "order": {"b": 1, "a": 2},
        "empty": [{}, [], (), np.zeros((0, 4), np.float32), torch.zeros(3, 0)],
        "structured": np.array([(1, "x")], [("number", "<i2"), ("text", "U3")]),
        "surrogate": "\ud800",
    }
    write_state(tmp_path / "state.npz", state)
    back = read_state(tmp_path / "state.npz")
    assert identical(back, state)
    again = np.random.Generator(np.random.PCG64(0))
    again.bit_generator.state = back["generator"]
    assert again.random() == generator.random()


def test_arrays_come_back_writable_and_independent_of_their_layout(tmp_path: Path) -> None:
    values = np.arange(6.0).reshape(2, 3)
    layouts = [values, np.asfortranarray(values), np.repeat(values, 2, axis=1)[:, ::2]]
    for index, array in enumerate(layouts):
        write_state(tmp_path / f"{index}.npz", {"array": array, "tensor": torch.from_numpy(values.T.copy()).T})
    assert len({(tmp_path / f"{index}.npz").read_bytes() for index in range(3)}) == 1
    back = read_state(tmp_path / "1.npz")
    back["array"][0, 0] = 7.0
    back["tensor"][0, 0] = 7.0
    assert back["array"][0, 0] == back["tensor"][0, 0] == 7.0


def test_numpy_reads_the_arrays_too(tmp_path: Path) -> None:
    write_state(tmp_path / "state.npz", {"weights": np.arange(3)})
    with np.load(tmp_path / "state.npz") as archive:
        assert archive["0"].tolist() == [0, 1, 2]
        assert archive["tree.json"] == b'{"weights":{"$array":0}}'


class Subclass(np.ndarray):
    """Would come back as a plain array."""


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        (np.array([object()]), "array of object"),
        (np.zeros(2).view(Subclass), "Subclass"),
        (torch.zeros(2, 2).to_sparse(), "sparse"),
    ],
    ids=["object", "set", "bytes", "objects", "subclass", "sparse"],
)
def test_anything_else_is_refused_by_its_place_and_the_file_is_kept(value: Any, name: str, tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    write_state(path, {"good": 1})
    before = path.read_bytes()
    with pytest.raises(ArtifactError, match=rf"^state\.a\[1\]\.b: .*{name}.* accepted: ") as caught:
        write_state(path, {"a": [0, {"b": value}]})
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["state.npz"]


def test_a_state_that_contains_itself_is_refused(tmp_path: Path) -> None:
    state: dict[str, Any] = {}
    state["self"] = state
    with pytest.raises(ArtifactError, match="contains itself"):
        write_state(tmp_path / "state.npz", state)


def test_every_flipped_bit_is_harmless_or_noticed(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    state = {"numbers": np.arange(3, dtype=np.int16), "tensor": torch.ones(2), "text": "abc", "big": 2**70}
    write_state(path, state)
    content = path.read_bytes()
    messages: list[str] = []
    for position in range(len(content)):
        for bit in (0, 6):
            damaged = bytearray(content)
            damaged[position] ^= 1 << bit
            path.write_bytes(bytes(damaged))
            try:
                back = read_state(path)
            except ArtifactError as error:
                messages.append(str(error))
            else:
                assert identical(back, state)
    assert len(messages) > len(content)
    assert all(text.startswith(f"{path}: cannot be read as a state (") and "\n" not in text for text in messages)


@pytest.mark.parametrize("content", [b"", b"PK", b"{}", b"\x00" * 100], ids=repr)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"state\.npz: cannot be read as a state"):
        read_state(path)
    with pytest.raises(ArtifactError, match="absent"):
        read_state(tmp_path / "absent")


@pytest.mark.parametrize("length", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(length: float, tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    write_state(path, {"numbers": np.arange(1000), "tensor": torch.ones(100)})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * length)])
    with pytest.raises(ArtifactError, match="restore it from a copy"):
        read_state(path)


@pytest.mark.parametrize("dtype", ["f4", "i8", "?", "M8[s]"])
def test_joined_arrays_are_written_as_the_array_that_they_give(dtype: str, tmp_path: Path) -> None:
    whole = np.arange(24).reshape(4, 3, 2).astype("i8").astype(dtype)
    for name, value in {"one": whole, "two": JoinedArray((whole[:3], whole[3:])), "all": JoinedArray((whole,))}.items():
        write_state(tmp_path / name, {"value": value})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == (tmp_path / "all").read_bytes()
    assert identical(read_state(tmp_path / "two")["value"], whole)


def test_arrays_are_written_from_where_they_lie(tmp_path: Path) -> None:
    state = {"array": np.zeros(10_000_000, np.float32), "tensor": torch.zeros(10_000_000)}
    tracemalloc.start()
    try:
        write_state(tmp_path / "state", state)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 35_000_000  # what NumPy writes at once, and not the array's 40 MB as well
