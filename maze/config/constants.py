"""Constants that a component's configuration keeps for its interpolations: what lies under the key ``_``.

env:
  _target_: my_project.Corridor
  _: {cells: 8}
  length: ${env._.cells}

They are recorded with the configuration, and left out where an object is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maze.errors import InvalidSpecificationError

__all__ = ["CONSTANTS_KEY", "refuse_constants", "without_constants"]

CONSTANTS_KEY = "_"
"""Key of the constants in a mapping; no class or function is ever given it as an argument."""


def without_constants(node: Any) -> Any:
    """Leave the constants out, however deep they lie.

    Args:
        node: a configuration or a part of one.

    Returns:
        Copies of its dictionaries and lists; anything else, live objects among them, is the same.
    """
    if type(node) is dict:
        return {key: without_constants(value) for key, value in node.items() if key != CONSTANTS_KEY}
    return [without_constants(item) for item in node] if type(node) is list else node


def refuse_constants(mapping: Mapping[Any, Any], path: str = "") -> None:
    """Refuse constants where no component is described that could keep them.

    Args:
        mapping: a section with fixed keys, the wrappers by their class, or the whole configuration.
        path: where it stands.

    Raises:
        InvalidSpecificationError: there are some; it says where they are accepted.
    """
    if CONSTANTS_KEY in mapping:
        place = f"{path}.{CONSTANTS_KEY}" if path else CONSTANTS_KEY
        raise InvalidSpecificationError(
            f"{place}: constants for interpolations are not accepted here; accepted: in a component's mapping, for "
            "example as env._, algorithm._, model._ or in that of one wrapper, wrappers.0._."
        )
