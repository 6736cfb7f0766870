"""One way to write a configuration down: order of keys, YAML text, hash, and flat keys.

Equal values give equal text, whatever order they were given in, and every YAML reader (1.1 or 1.2) reads the text back
to the same values.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from maze.config.constants import refuse_constants

__all__ = ["canonical", "canonical_wrappers", "digest", "flat", "to_yaml"]

_SAFE_TEXT = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_RESERVED_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def canonical(node: Any) -> Any:
    """Sort the keys of all mappings, ``_target_`` first, then numbers, then names.

    Args:
        node: plain containers.

    Returns:
        A copy.
    """
    if isinstance(node, Mapping):
        return {key: canonical(node[key]) for key in sorted(node, key=_rank)}
    if isinstance(node, list):
        return [canonical(item) for item in node]
    return node


def _rank(key: object) -> tuple[int, int, str]:
    if key == "_target_":
        return (0, 0, "")
    return (1, key, "") if isinstance(key, int) else (2, 0, str(key))


def canonical_wrappers(wrappers: Any) -> list[Any]:
    """Bring both ways to write wrappers to the one in which their order counts.

    Args:
        wrappers: ``{dotted class: arguments}`` or a list of ``{_target_: dotted class, **arguments}``, or null.

    Returns:
        The list form.

    Raises:
        InvalidSpecificationError: constants stand beside the classes instead of in the mapping of one.
    """
    if wrappers is None:
        return []
    if isinstance(wrappers, Mapping):
        if "_target_" in wrappers or "_object_" in wrappers:
            return [dict(wrappers)]
        refuse_constants(wrappers, "wrappers")
        return [
            {"_target_": name, **(arguments or {})} if isinstance(arguments, Mapping | None) else arguments
            for name, arguments in wrappers.items()
        ]
    return [{"_target_": entry} if isinstance(entry, str) else entry for entry in wrappers]


class _Dumper(yaml.SafeDumper):
    """Writes what every reader understands alike."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Write repeated values out, instead of anchors."""
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    plain = _SAFE_TEXT.fullmatch(value) is not None and value.lower() not in _RESERVED_TEXT
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


def _number(dumper: _Dumper, value: float) -> yaml.ScalarNode:
    if math.isnan(value):
        text = ".nan"
    elif math.isinf(value):
        text = ".inf" if value > 0 else "-.inf"
    else:
        mantissa, exponent, power = repr(value).partition("e")
        text = mantissa + (".0" if "." not in mantissa else "") + exponent + power
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)


def to_yaml(node: Any) -> str:
    """Write plain containers as YAML.

    Args:
        node: plain containers.

    Returns:
        Block style; strings are quoted wherever any dialect could read something else.
    """
    return yaml.dump(node, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=2**31)


def digest(node: Any) -> str:
    """Hash plain containers so that equal values have equal hashes; the keys ``0`` and ``"0"`` differ.

    Args:
        node: plain containers.

    Returns:
        sha256, in hexadecimal digits.
    """
    text = json.dumps(_tagged(canonical(node)), separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _tagged(node: Any) -> Any:
    """Tell mappings with numbers as keys from those with names, which JSON alone does not."""
    if isinstance(node, Mapping):
        return {"mapping": [[key, _tagged(value)] for key, value in node.items()]}
    if isinstance(node, list):
        return [_tagged(item) for item in node]
    return node


def flat(node: Any, path: str = "") -> dict[str, Any]:
    """Lay plain containers out under dotted keys.

    Args:
        node: plain containers.
        path: prefix of the keys.

    Returns:
        Primitives by dotted key; empty lists and mappings appear as the texts ``[]`` and ``{}``.
    """
    return dict(_leaves(node, path))


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, (Mapping, list)) and not node:
        yield path, "{}" if isinstance(node, Mapping) else "[]"
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(value, f"{path}.{index}" if path else str(index))
    else:
        yield path, node
