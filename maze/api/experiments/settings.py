"""What a person says of an experiment, as changes of params.yaml: found wrong here, before DVC runs anything."""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from maze.api import specs
from maze.api.doctor.project import check_dependencies, check_params
from maze.api.experiments.words import setting
from maze.api.project_code import check_code, check_inputs
from maze.config.overrides import ADD
from maze.config.schema import RunConfig
from maze.errors import InvalidSpecificationError, suggest

__all__ = ["Change", "check_name", "check_project", "check_settings", "check_words", "read_changes", "read_params"]

PARAMS = "params.yaml"
_CHOICES = ("experiment", "env", "wrappers", "algorithm", "model", "policy", "critic", "runner", "configuration")
_PLACES = ("config_dir", "code", "inputs")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_MOST_EXPERIMENTS = 1000


@dataclass(frozen=True)
class Change:
    """One key of params.yaml with the values that it is to have, one after the other.

    Attributes:
        key: dotted path within params.yaml.
        options: plain values.
        adds: the key may not exist yet.
        is_forced: it was given with ``++``, which adds keys that the configuration lacks.
    """

    key: str
    options: tuple[Any, ...]
    adds: bool = False
    is_forced: bool = False

    @property
    def word(self) -> str:
        """The change as ``dvc exp run -S`` takes it."""
        return setting(self.key, self.options, adds=self.adds)


def read_params(project: Path) -> dict[str, Any]:
    """Return what params.yaml says.

    Raises:
        InvalidSpecificationError: there is no pipeline here, or its parameters cannot be read.
    """
    if not (project / "dvc.yaml").is_file():
        raise InvalidSpecificationError(
            f"{project}: no pipeline here (dvc.yaml); go to the project's directory, or make one: maze-run init DIR."
        )
    problems = [item for item in check_params(project) if item.status == "problem"]
    try:
        params = YAML(typ="safe", pure=True).load((project / PARAMS).read_text(encoding="utf-8"))
    except (OSError, ValueError, YAMLError) as error:
        told = f"{problems[0].message}; {problems[0].remedy}" if problems else f"cannot be read ({error})"
        raise InvalidSpecificationError(f"{PARAMS}: {told}.") from error
    if not isinstance(params, dict):
        raise InvalidSpecificationError(f"{PARAMS}: holds no mapping of choices; restore it from git.")
    return params


def check_words(words: Sequence[str]) -> None:
    """Refuse words that name a file, as DVC's own ``-S FILE:KEY=VALUE`` does.

    Raises:
        InvalidSpecificationError: says where values belong.
    """
    for written in words:
        file, separator, rest = written.partition("=")[0].partition(":")
        if separator:
            raise InvalidSpecificationError(
                f"{written!r}: no file is named here; what is set goes into {PARAMS}, from which {file!r} and the rest "
                f"are made. Write {rest}={written.partition('=')[2]}."
            )


def read_changes(given: Mapping[str, Any]) -> list[Change]:
    """Sort what a person says into changes of params.yaml.

    Args:
        given: choices by group and ``overrides``, in which a list stands for several experiments and one value that is
            a list is a list inside a list, as :class:`maze.RunContext` takes them with ``multirun=True``.

    Raises:
        InvalidSpecificationError: a key belongs somewhere else.
    """
    changes: list[Change] = []
    choices = {name: value for name, value in given.items() if name != "overrides"}
    for name, value in {**choices, **given.get("overrides", {})}.items():
        options = tuple(value) if isinstance(value, list) else (value,)
        changes.append(_change(name, options, is_choice=name in choices))
    return changes


def _change(written: str, options: tuple[Any, ...], *, is_choice: bool) -> Change:
    key = written.removeprefix(ADD)
    head, _, rest = key.partition(".")
    if key == "seeds":
        return Change(key, _seed_lists(options))
    if head in {"seed", "seeding"}:
        shown = options[0] if isinstance(options[0], int) else 0
        raise InvalidSpecificationError(
            f"{key!r} is no key here: a pipeline has a list of seeds; write seeds=[{shown}]."
        )
    if is_choice:
        if key not in _CHOICES:
            raise InvalidSpecificationError(
                f"{key}: no choice of a pipeline; {suggest(key, _CHOICES)} Experiments run side by side with --queue "
                "and dvc queue start -j 2."
            )
        return Change(key, tuple(None if option == "null" else option for option in options))
    if key in _PLACES:
        return Change(key, options)
    if head == "tags" and rest:
        return Change(key, options, adds=True)
    return Change(f"set.{key.removeprefix('set.')}", options, adds=True, is_forced=key != written)


def _seed_lists(options: tuple[Any, ...]) -> tuple[list[int], ...]:
    """Return the lists of seeds: ``seeds=0,1`` is one list, ``seeds=[0],[1]`` are two."""
    if len(options) > 1 and not any(isinstance(option, list) for option in options):
        return (specs.check_seeds(list(options)),)
    return tuple(specs.check_seeds(option) for option in options)


def check_settings(params: Mapping[str, Any], changes: Sequence[Change], project: Path) -> int:
    """Compose every experiment that the changes describe, so that what is wrong in any is found before one runs.

    Args:
        params: what params.yaml says now.
        changes: what is to differ.
        project: where dvc.yaml is.

    Returns:
        How many experiments there are.

    Raises:
        InvalidSpecificationError: something is wrong in one of them.
    """
    n_experiments = math.prod(len(change.options) for change in changes)
    if n_experiments > _MOST_EXPERIMENTS:
        raise InvalidSpecificationError(
            f"{n_experiments} experiments are too many for a queue; accepted are up to {_MOST_EXPERIMENTS}. To search, "
            "see maze-run tune."
        )
    for change in changes:
        _ = change.word  # refuses what cannot be said
    for values in itertools.product(*(change.options for change in changes)):
        changed = _changed(params, zip(changes, values, strict=True))
        _check_places(changed, project)
        config = _composed(changed, changes)
        check_code(config.allowed_modules, project)
        check_inputs(config, changed.get("inputs"), project)
    return n_experiments


def _composed(params: Mapping[str, Any], changes: Sequence[Change]) -> RunConfig:
    """Compose one experiment, and say of a key that ``++`` would have to add where it can be written.

    DVC nests what it writes into params.yaml, in which a key of several words that begins with ``++`` cannot be.
    """
    try:
        return specs.from_params(params)
    except InvalidSpecificationError as error:
        forced = [change.key.removeprefix("set.") for change in changes if change.is_forced]
        lacking = [key for key in forced if str(error).startswith(f"set.{key}: ")]
        if not lacking:
            raise
        key = lacking[0]
        rest, value = _without(params["set"], key.split("."))
        result = {**params, "set": {**rest, f"{ADD}{key}": value}}
        specs.from_params(result)  # says what is wrong with it where it cannot be added at all
        raise InvalidSpecificationError(
            f"{key}: the configuration has no such key, and only {PARAMS} can add one; write there, under set: "
            f"'{ADD}{key}': {json.dumps(value)}"
        ) from error


def _without(nested: Mapping[str, Any], path: Sequence[str]) -> tuple[dict[str, Any], Any]:
    """Return nested mappings without the value at a path, and without what holds nothing then; and that value."""
    first, *below = path
    others = {key: item for key, item in nested.items() if key != first}
    if not below:
        return others, nested[first]
    inner, value = _without(nested[first], below)
    return {**others, **({first: inner} if inner else {})}, value


def _changed(params: Mapping[str, Any], changes: Iterator[tuple[Change, Any]]) -> dict[str, Any]:
    """Return params.yaml as DVC will write it."""
    result = copy.deepcopy(dict(params))
    for change, value in changes:
        *between, last = change.key.split(".")
        node = result
        for index, key in enumerate(between):
            node[key] = {} if node.get(key) is None else node[key]
            if not isinstance(node[key], dict):
                place = ".".join(between[: index + 1])
                raise InvalidSpecificationError(f"{change.key}: {place} is {node[key]!r} in {PARAMS}, and has no keys.")
            node = node[key]
        node[last] = value
    return result


def _check_places(params: Mapping[str, Any], project: Path) -> None:
    for name in _PLACES:
        place = params.get(name)
        if isinstance(place, str) and not (project / place).exists():
            raise InvalidSpecificationError(f"{name}: {place!r} is not there; accepted: a path within the project.")


def check_name(name: str) -> str:
    """Refuse a name of an experiment that git could not keep.

    Raises:
        InvalidSpecificationError: offers the nearest name that it could.
    """
    if _NAME.fullmatch(name) and not name.endswith(".lock"):
        return name
    near = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")
    hint = f"did you mean {near!r}? Accepted" if near else "accepted"
    raise InvalidSpecificationError(
        f"--name: {name!r} is not accepted; {hint}: letters, digits, '-', '_' and single dots."
    )


def check_project(project: Path) -> None:
    """Refuse a project of which a copy, in which a queued experiment runs, would lack files.

    Raises:
        InvalidSpecificationError: names the files.
    """
    for finding in check_dependencies(project):
        if finding.status == "problem":
            raise InvalidSpecificationError(f"{finding.message}; {finding.remedy}.")
