"""Words of the form key=value that mean something else: options written as keys, and keys with a typing error."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from maze.config.directories import find_directories
from maze.config.offered import instead_of
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["check_words"]

_OPTIONS = {
    "seed": "--seed {value}",
    "config_dir": "--config-dir {value}",
    "config_name": "--config-name {value}",
    "resume": "--resume",
    "multirun": "--multirun",
    "silent": "--silent",
    "allow_code": "--allow-code",
}
_WORD = re.compile(r"\+?(?P<key>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)


def check_words(words: Sequence[str], *, config_name: str, config_dir: Path | None, run_dir: Path | None) -> None:
    """Refuse words whose key is an option of the command, or is no group and no section.

    Args:
        words: what was given as key=value; other forms are left to the grammar.
        config_name: the root configuration.
        config_dir: a configuration tree of the user's own.
        run_dir: what was given as ``--run-dir``.

    Raises:
        InvalidSpecificationError: names what to write instead.
    """
    for word in words:
        match = _WORD.fullmatch(word)
        if match is None:
            continue
        key, value = match["key"], match["value"]
        if key in _OPTIONS:
            raise InvalidSpecificationError(
                f"{word!r}: {key} is an option, not a key; use {_OPTIONS[key].format(value=value)}"
            )
        if key == "run_dir" and run_dir is not None:
            raise InvalidSpecificationError(f"{word!r} and --run-dir {run_dir}: give the directory once.")
        if key not in _known(config_name, config_dir):
            _refuse(key, config_name, config_dir)


def _known(config_name: str, config_dir: Path | None) -> set[str]:
    """Everything that may stand alone before the equals sign: groups, and sections of a configuration."""
    from maze.config.rollout_run import RolloutRunConfig, plays  # noqa: PLC0415  (loads Hydra)
    from maze.config.schema import RunConfig  # noqa: PLC0415

    fields = dataclasses.fields(RolloutRunConfig if plays(config_name, config_dir) else RunConfig)
    return {*find_directories(config_dir).groups(), *(field.name for field in fields)} - {"choices"}


def _refuse(key: str, config_name: str, config_dir: Path | None) -> None:
    """Say which group, section or value could have been meant."""
    from maze.config.hydra_tree import ConfigFiles  # noqa: PLC0415
    from maze.config.rollout_run import plays  # noqa: PLC0415

    known = _known(config_name, config_dir)
    if plays(config_name, config_dir):  # not everything that can be trained with can be played with
        known -= set(find_directories(config_dir).groups()) - set(ConfigFiles.find(config_dir, config_name).defaults)
    known = {name for name in known if not name.endswith("_configuration")}
    values = [path for path in _values(config_name, config_dir) if path.rpartition(".")[2] == key]
    advice = suggest(key, known)
    if values:
        advice = f"did you mean {' or '.join(values)}? A{advice[advice.index('ccepted:') :]}"
    raise InvalidSpecificationError(f"{key}: no such key; {advice}{instead_of(key)}")


def _values(config_name: str, config_dir: Path | None) -> list[str]:
    """List every value of the configuration that a root describes by itself."""
    from maze.config import canonical  # noqa: PLC0415
    from maze.config.compose import compose  # noqa: PLC0415
    from maze.config.rollout_run import compose_rollout, plays  # noqa: PLC0415

    make = compose_rollout if plays(config_name, config_dir) else compose
    return list(canonical.flat(make({}, config_name=config_name, config_dir=config_dir).to_mapping()))
