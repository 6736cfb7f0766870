"""Nested state on disk, exactly and without pickle: a tree of plain values, and the arrays that it names.

One file holds both, so that it is old or new as a whole. It is a zip archive that ``numpy.load`` reads as well: member
``tree.json`` is the tree, the members ``0.npy``, ``1.npy``, ... are arrays. Equal states,
in equal order, give equal bytes.
"""

from __future__ import annotations

import json
import math
import struct
import sys
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from maze.artifacts import atomic_path
from maze.errors import ArtifactError
from maze.types import Array

__all__ = ["JoinedArray", "read_state", "write_state"]

ACCEPTED = "dict, list, tuple, str, bool, int, float, None, NumPy arrays and scalars without objects, torch tensors"
EXACT_INTEGER = 2**53
"""Integers from here on are written in hexadecimal digits: many readers of JSON would round them."""
TREE = "tree.json"
DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    IndexError,
    EOFError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    RuntimeError,  # zipfile's for what a flipped bit makes look encrypted or deeply nested
    NotImplementedError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged file can raise."""


@dataclass(frozen=True, slots=True)
class JoinedArray:
    """Arrays that are written as the one that joining them along the first axis gives, which takes no memory.

    Attributes:
        parts: at least one, of equal dtypes, and of equal shapes but for the first axis.
    """

    parts: tuple[Array, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of all parts."""
        return self.parts[0].dtype

    def write(self, member: IO[bytes]) -> None:
        """Write the same bytes as for the array that the parts give together."""
        shape = (sum(map(len, self.parts)), *self.parts[0].shape[1:])
        header = {**np.lib.format.header_data_from_array_1_0(self.parts[0]), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(member, header)
        for part in self.parts:
            member.write(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a nested state, whole or not at all.

    Tensors are written from wherever they are, and come back on the CPU; gradients are not part of a state.

    Args:
        path: the file.
        state: dictionaries, lists and tuples of strings, numbers (of any size; infinities and NaN, too), None, NumPy
            arrays and scalars of any dtype without objects, and dense torch tensors. Keys are any of those that hash.
            Arrays are written from where they lie; what they hold must not change meanwhile.

    Raises:
        ArtifactError: something in it is of another type, named by its place; or the file cannot be written. The
            previous file, if any, is intact.
    """
    encoder = _Encoder()
    try:
        tree = encoder.encode(dict(state), "state")
    except RecursionError as error:
        raise ArtifactError(f"{path}: the state contains itself, or is nested too deeply to be written.") from error
    text = json.dumps(tree, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(TREE), text)
        for index, array in enumerate(encoder.arrays):
            with archive.open(zipfile.ZipInfo(f"{index}.npy"), "w", force_zip64=True) as member:
                if isinstance(array, JoinedArray):
                    array.write(member)
                else:
                    np.lib.format.write_array(member, array, allow_pickle=False)


def read_state(path: Path) -> dict[str, Any]:
    """Return what :func:`write_state` wrote: equal values of equal types, dtypes and shapes, in equal order.

    Raises:
        ArtifactError: the file is missing or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"{damaged} is not what was written")
            tree = json.loads(archive.read(TREE))
            n_arrays = len(archive.namelist()) - 1
            arrays = [_read_array(archive, f"{index}.npy") for index in range(n_arrays)]
        state: dict[str, Any] = _decode(tree, arrays)
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ArtifactError(f"{path}: cannot be read as a state ({reason}); restore it from a copy.") from error
    return state


def _read_array(archive: zipfile.ZipFile, name: str) -> Array:
    with archive.open(name) as member:
        array: Array = np.lib.format.read_array(member, allow_pickle=False)
    return array


class _Encoder:
    """Turns a state into a tree for JSON; arrays are put aside and stand in it by their number.

    Lists and dictionaries with plain keys stand for themselves; everything else is a dictionary with one key that
    begins with a dollar sign.
    """

    def __init__(self) -> None:
        self.arrays: list[Array | JoinedArray] = []

    def encode(self, value: Any, place: str) -> Any:
        """Return the tree of a value; ``place`` names it in errors."""
        kind = type(value)
        if value is None or kind in (bool, str):
            return value
        if kind in (int, float):
            return _encode_number(value)
        if kind in (list, tuple):
            items = [self.encode(item, f"{place}[{index}]") for index, item in enumerate(value)]
            return items if kind is list else {"$tuple": items}
        if kind is dict:
            return self._encode_dictionary(value, place)
        if kind in (np.ndarray, JoinedArray) or isinstance(value, np.generic):
            return self._encode_array(value, place)
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return self._encode_tensor(value, place)
        raise ArtifactError(f"{place}: {kind.__name__} cannot be part of a saved state; accepted: {ACCEPTED}.")

    def _encode_dictionary(self, value: dict[Any, Any], place: str) -> Any:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: self.encode(item, f"{place}.{key}") for key, item in value.items()}
        return {
            "$dict": [
                [self.encode(key, f"a key of {place}"), self.encode(item, f"{place}.{key}")]
                for key, item in value.items()
            ]
        }

    def _encode_array(self, value: Any, place: str) -> Any:
        array = value if type(value) is JoinedArray else np.asarray(value, order="C")
        if array.dtype.hasobject:
            raise ArtifactError(f"{place}: an array of {array.dtype} cannot be saved; accepted: {ACCEPTED}.")
        return {"$scalar" if isinstance(value, np.generic) else "$array": self._put_aside(array)}

    def _encode_tensor(self, value: Any, place: str) -> Any:
        import torch  # noqa: PLC0415  (it is loaded already)

        if value.layout is not torch.strided or value.is_quantized:
            raise ArtifactError(f"{place}: a sparse or quantised tensor cannot be saved; accepted: {ACCEPTED}.")
        dense = value.detach().to("cpu").resolve_conj().resolve_neg().contiguous()
        content = dense.reshape(-1).view(torch.uint8).numpy()  # NumPy does not know all of torch's dtypes
        name = str(value.dtype).removeprefix("torch.")
        return {"$tensor": self._put_aside(content), "dtype": name, "shape": list(value.shape)}

    def _put_aside(self, array: Array | JoinedArray) -> int:
        self.arrays.append(array)
        return len(self.arrays) - 1


def _encode_number(value: int | float) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    return value if abs(value) < EXACT_INTEGER else {"$integer": hex(value)}


def _decode(node: Any, arrays: list[Array]) -> Any:
    """Return the value of a tree."""
    if isinstance(node, list):
        return [_decode(item, arrays) for item in node]
    if not isinstance(node, dict):
        return node
    kind = next(iter(node), "")
    if not kind.startswith("$"):
        return {key: _decode(item, arrays) for key, item in node.items()}
    content = node[kind]
    if kind == "$tensor":
        return _decode_tensor(arrays[content], node["dtype"], node["shape"])
    if kind == "$tuple":
        return tuple(_decode(item, arrays) for item in content)
    if kind == "$dict":
        return {_decode(key, arrays): _decode(item, arrays) for key, item in content}
    if kind in ("$array", "$scalar"):
        return arrays[content] if kind == "$array" else arrays[content][()]
    if kind in ("$float", "$integer"):
        return float(content) if kind == "$float" else int(content, 16)
    raise ValueError(f"unknown kind {kind!r}")


def _decode_tensor(content: Array, dtype: str, shape: list[int]) -> Any:
    import torch  # noqa: PLC0415

    tensor = torch.empty(shape, dtype=getattr(torch, dtype))
    if tensor.numel():
        tensor.view(-1).view(torch.uint8).copy_(torch.from_numpy(content))
    return tensor
