"""The best values of a search as a preset, so that ``experiment=`` runs them through every door."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from maze.api import specs
from maze.api.tuning.search import Search
from maze.artifacts import write_text
from maze.config import RunConfig
from maze.config.overrides import canonical_path
from maze.errors import InvalidSpecificationError

__all__ = ["MARK", "preset_text", "write_preset"]

MARK = "# Found by maze-run tune"
"""How a preset begins that a search wrote, and that a later one may replace."""

_LEFT_OUT = ("experiment", "configuration", "launcher")
_NO_RESULT = ("tracking", "tags", "log_base_dir", "run_dir", "launcher", "seeding", "choices")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def preset_text(search: Search, values: Mapping[str, Any], remarks: str, further: Mapping[str, Any] = _NOTHING) -> str:
    """Return a file for ``conf/experiment/``.

    Args:
        search: from what the values vary.
        values: of the trial, by what varies.
        remarks: what the file says about itself, one line.
        further: values by dotted path that the trial had from elsewhere.
    """
    config = search.compose(values)
    varied = {path: value for path, value in values.items() if path not in config.choices}
    chosen = {**search.choices, **{path: value for path, value in values.items() if path not in varied}}
    base = search.choices.get("experiment")
    overrides = [f"override /{group}: {option}" for group, option in chosen.items() if group not in _LEFT_OUT]
    defaults = [*([base] if base else []), *overrides]
    content: dict[str, Any] = {}
    for path, value in {**search.values, **varied, **further}.items():
        if path.partition(".")[0] not in _NO_RESULT:
            _place(content, _keys(canonical_path(path), config), value)
    lines = ["# @package _global_", f"{MARK}: {remarks}"]
    if defaults:
        lines += ["defaults:", *(f"  - {item}" for item in defaults), ""]
    if content:
        lines.append(yaml.safe_dump(content, sort_keys=False, allow_unicode=True).rstrip())
    return "\n".join(lines) + "\n"


def write_preset(search: Search, values: Mapping[str, Any], path: Path, remarks: str) -> Path:
    """Write the preset, and make sure that it composes to what the trial was trained with.

    Args:
        search: from what the values vary.
        values: of the trial.
        path: ``.../experiment/NAME.yaml``.
        remarks: as for `preset_text`.

    Returns:
        The path.

    Raises:
        InvalidSpecificationError: another file is there; or the values cannot be said by a preset.
    """
    if path.is_file() and MARK not in path.read_text(encoding="utf-8"):
        raise InvalidSpecificationError(f"{path}: is there, and no search has written it; choose another name.")
    write_text(path, preset_text(search, values, remarks))
    tree = path.parent.parent
    if search.config_dir is not None and tree.resolve() != search.config_dir.resolve():
        return path  # what it names is in another tree
    trained = search.compose(values)
    composed = _composed(tree, path.stem)
    if composed.digest() != trained.digest():  # a specialisation, such as test, said more
        here = composed.flat()
        further = {name: value for name, value in trained.flat().items() if name not in here or here[name] != value}
        write_text(path, preset_text(search, values, remarks, further))
        composed = _composed(tree, path.stem)
    if composed.digest() != trained.digest():
        path.unlink()
        told = " ".join(f"{name}={value}" for name, value in values.items())
        raise InvalidSpecificationError(f"{path}: a preset cannot say these values; write them out: {told}")
    return path


def _composed(tree: Path, name: str) -> RunConfig:
    return specs.compose_arguments(experiment=name, config_dir=tree)[0]


def _keys(path: str, config: RunConfig) -> list[str]:
    """Split a path into keys; the class of a wrapper is one, and wrappers are written by their class."""
    section, _, rest = path.partition(".")
    if section != "wrappers" or not rest:
        return path.split(".")
    targets = [str(wrapper.get("_target_")) for wrapper in config.section("wrappers")]
    head, _, tail = rest.partition(".")
    if head.isdecimal() and int(head) < len(targets):
        return [section, targets[int(head)], *tail.split(".")]
    for target in sorted(targets, key=len, reverse=True):
        if rest.startswith(f"{target}."):
            return [section, target, *rest.removeprefix(f"{target}.").split(".")]
    return path.split(".")


def _place(content: dict[str, Any], keys: list[str], value: Any) -> None:
    node = content
    for key in keys[:-1]:
        node = node.setdefault(key, {})
    node[keys[-1]] = value
