"""Plain values as words that Hydra's grammar, which ``dvc exp run -S`` reads, understands as the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from maze.errors import InvalidSpecificationError

__all__ = ["setting", "word"]

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_./@-]*")
_RESERVED = {"null", "none", "true", "false", "inf", "nan", "yes", "no", "on", "off"}
_KEY = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)


def setting(key: str, options: Sequence[Any], *, adds: bool = False) -> str:
    """Return ``key=value`` for the option ``-S``; several options are separated by commas, which DVC queues one by one.

    Args:
        key: dotted path within params.yaml.
        options: plain values, at least one.
        adds: the key may not exist yet.

    Raises:
        InvalidSpecificationError: the key or a value cannot be said so.
    """
    if not _KEY.fullmatch(key):
        raise InvalidSpecificationError(
            f"{key!r} cannot be set from the command line; accepted are dotted paths of letters, digits and '_'. Write "
            "it into params.yaml."
        )
    return f"{'++' if adds else ''}{key}={','.join(word(option, key) for option in options)}"


def word(value: Any, key: str = "value") -> str:
    """Return one value as Hydra's grammar writes it; texts that could be read as anything else are quoted.

    Args:
        value: null, truth value, number, text, or a list or mapping of these.
        key: where it stands, for the message.

    Raises:
        InvalidSpecificationError: the value is a template, or holds characters that no params.yaml keeps.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{word(name, key)}:{word(item, key)}" for name, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(word(item, key) for item in value) + "]"
    return _text(str(value), key)


def _text(text: str, key: str) -> str:
    if "${" in text:
        raise InvalidSpecificationError(
            f"{key}: {text!r} is not accepted; DVC would take ${{...}} for a template. Give the value itself."
        )
    if not text.isprintable():
        raise InvalidSpecificationError(
            f"{key}: {text!r} is not accepted; accepted are printable characters. Write it into params.yaml."
        )
    if _BARE.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    # a backslash escapes only before a quote, and at the end, where it would escape the closing one
    escaped = re.sub(r"(\\*)(')", lambda found: found[1] * 2 + "\\'", text)
    escaped = re.sub(r"\\+$", lambda found: found[0] * 2, escaped)
    return f"'{escaped}'"
