"""From arguments that hold lists to the jobs of a multi-run: every list spans an axis, a job is a point of the grid.

The axes stand in the order of `RunContext`'s arguments, then of ``overrides``, then ``seed``; the last one varies
fastest. A list inside a list is one genuine list; a tuple, and a list inside a mapping, is a value as it stands.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from maze.api.arguments import LITERALS, is_container, read_overrides
from maze.api.specs import COMPONENTS, compose_arguments
from maze.config import RunConfig
from maze.config.overrides import ADD, canonical_path
from maze.errors import InvalidSpecificationError

__all__ = ["JobSpecification", "compose_jobs", "describe_value", "describe_values", "described_values", "expand"]

_SHARED = ("launcher", "run_dir", "log_base_dir", "tracking")
_LONGEST_NAME = 80
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class JobSpecification:
    """One job of a multi-run, composed.

    Attributes:
        index: its place in the order, from 0.
        name: the index and a short description of its values, fit for a directory.
        values: the job's value on every axis, by argument or dotted path, as the user wrote it.
        config: resolved configuration with all seeds.
        objects: live objects by the dotted path of the place that the configuration keeps for them.
    """

    index: int
    name: str
    values: Mapping[str, Any]
    config: RunConfig
    objects: Mapping[str, Any]

    @property
    def description(self) -> str:
        """The values in words, for example ``"algorithm=a2c, algorithm.lr=0.001"``."""
        return describe_values(self.values)

    @property
    def digest(self) -> str:
        """Identity of what the job computes: configuration and seeds, sha256 in hexadecimal digits."""
        seeding = self.config.section("seeding")
        text = json.dumps([self.config.digest(), seeding, self.description], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def compose_jobs(arguments: Mapping[str, Any], *, seed: int, **shared: Any) -> list[JobSpecification]:
    """Compose every job of a multi-run, so that a wrong value in any of them shows before the first one starts.

    Args:
        arguments: the arguments that may hold axes: components by name, ``configuration``, ``experiment``,
            ``overrides`` and ``seed``.
        seed: base of all randomness of jobs whose seed is no axis: the same for all, so that they can be compared.
        shared: further arguments of :func:`maze.api.specs.compose_arguments`, the same for all jobs.

    Returns:
        The jobs, in order.

    Raises:
        InvalidSpecificationError: an axis is empty, or a job's values are wrong; the message names them.
    """
    points = expand(arguments)
    width = len(str(len(points) - 1))
    jobs = []
    for index, values in enumerate(points):
        given = _at(arguments, values)
        components = {
            name: value
            for name, value in given.items()
            if name not in ("configuration", "experiment", "overrides", "seed")
        }
        try:
            config, objects = compose_arguments(
                components,
                overrides=given.get("overrides"),
                configuration=given.get("configuration"),
                experiment=given.get("experiment"),
                seed=given.get("seed"),
                **shared,
            )
            config = config.with_seeds(seed, keep=True)
        except InvalidSpecificationError as error:
            if not values:
                raise
            raise InvalidSpecificationError(f"job {index} ({describe_values(values)}): {error}") from error
        jobs.append(JobSpecification(index, _name(index, width, values), values, config, objects))
    return jobs


def expand(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the points of the grid: the value on every axis, for each job.

    Args:
        arguments: as for :func:`compose_jobs`.

    Raises:
        InvalidSpecificationError: an axis is empty, or belongs to the multi-run as a whole.
    """
    axes = dict(_axes(arguments))
    for name, values in axes.items():
        group = canonical_path(name.removeprefix(ADD)).partition(".")[0]
        is_one_list = len(values) == 1 and isinstance(values[0], (list, tuple))
        if group in _SHARED and not is_one_list:
            raise InvalidSpecificationError(
                f"{name}: {values!r} would differ between the jobs, but {group} belongs to the multi-run as a whole; "
                "give one value; a list that is one value stands in a list, [[...]]."
            )
        if not values:
            raise InvalidSpecificationError(
                f"{name}: [] is an axis without values; give at least one. To set an empty list, write [[]]."
            )
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values())]


def _axes(arguments: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    own = _read_keys(arguments.get("overrides"))
    first = sorted((name for name in arguments if name not in ("overrides", "seed")), key=_rank)
    for name, value in [*((name, arguments[name]) for name in first), *own.items(), ("seed", arguments.get("seed"))]:
        if is_axis(value):
            if name in own and is_axis(arguments.get(name)):
                raise InvalidSpecificationError(
                    f"{name}: is an axis as an argument and in overrides; give one of the two."
                )
            yield name, list(value)


def _rank(argument: str) -> tuple[int, str]:
    order = (*COMPONENTS, "configuration", "experiment")
    return (order.index(argument) if argument in order else len(order), argument)


def _read_keys(overrides: Any) -> Mapping[str, Any]:
    """Return overrides whose kind and keys are right; the values of components are read for each job."""
    read_overrides(dict.fromkeys(overrides) if isinstance(overrides, Mapping) else overrides)
    return overrides if isinstance(overrides, Mapping) else _NOTHING


def is_axis(value: Any) -> bool:
    """Say whether a value spans an axis: a list, a range or an array."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return is_container(value) and isinstance(value, Sequence) and not isinstance(value, tuple)


def _at(arguments: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments at one point of the grid; the caller's are not changed."""
    given = {name: values.get(name, value) if is_axis(value) else value for name, value in arguments.items()}
    overrides = arguments.get("overrides")
    if overrides:
        given["overrides"] = {path: values[path] if is_axis(value) else value for path, value in overrides.items()}
    return given


def _name(index: int, width: int, values: Mapping[str, Any]) -> str:
    described = "_".join(f"{_safe(path.rpartition('.')[2])}-{_safe(describe_value(v))}" for path, v in values.items())
    return "-".join([f"{index:0{width}d}", *([described[:_LONGEST_NAME].rstrip("_.,")] if described else [])])


def _safe(text: str) -> str:
    """Return a text in which every file system and shell sees only letters, digits and ``_.+-``."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).strip("_.")


def describe_values(values: Mapping[str, Any]) -> str:
    """Put a job's values into words.

    Args:
        values: value by argument or dotted path.
    """
    return ", ".join(f"{path}={word}" for path, word in described_values(values).items())


def described_values(values: Mapping[str, Any]) -> dict[str, str]:
    """Put each of a job's values into words.

    Args:
        values: value by argument or dotted path.
    """
    return {path.removeprefix(ADD): describe_value(value) for path, value in values.items()}


def describe_value(value: Any) -> str:
    """Put one value into a word: numbers and texts as they are, components by their class or function.

    Args:
        value: a value on an axis.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float | np.floating):
        return _number(float(value))
    if isinstance(value, Mapping) and isinstance(value.get("_target_"), str):
        others = {key: item for key, item in value.items() if key != "_target_"}
        name = str(value["_target_"]).rpartition(".")[2]
        return f"{name}({describe_values({str(key): item for key, item in others.items()})})" if others else name
    if isinstance(value, Mapping) and is_container(value):
        return "{" + ", ".join(f"{key}: {describe_value(item)}" for key, item in value.items()) + "}"
    if is_container(value):
        return "[" + ", ".join(map(describe_value, value)) + "]"
    if isinstance(value, LITERALS):
        return str(value)
    return str(getattr(value, "__qualname__", type(value).__qualname__)).rpartition(".")[2]


def _number(value: float) -> str:
    return f"{value:g}" if not math.isfinite(value) or float(f"{value:g}") == value else repr(value)
