"""Names for experiments that were found under one name: by what was varied, and by no more than tells them apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from maze import report

__all__ = ["numbered", "split", "tell_apart"]

_LONGEST_NAME = 60
_LONGEST_WORD = 24
_LONGEST_NUMBER = 8
_NUMBER = re.compile(r"-?[0-9]+\.[0-9]+(?:e[+-]?[0-9]+)?", re.IGNORECASE)
_DIGITS = (4, 8, 12)
_CLASS = "_target_"
_CHOICES = "choices."
_SHARED_CHOICES = ("launcher",)
"""Groups whose option changes no result."""
_SEEDS = ("seed", "seeding.")
_MISSING = "-"

_Column = tuple[str | None, ...]
"""The value of each experiment in words; None where it has none."""


def split(name: str, agents: Sequence[report.MeasuredAgent]) -> list[report.Measured]:
    """Return agents as experiments: those that differ in nothing but their seeds together.

    Args:
        name: under which they were found.
        agents: at least one.
    """
    groups: dict[tuple[tuple[str, str], ...], list[report.MeasuredAgent]] = {}
    for agent in agents:
        groups.setdefault(report.compared_values(agent.config), []).append(agent)
    experiments = [report.Measured(name=name, agents=tuple(group)) for group in groups.values()]
    if len(experiments) == 1:
        return experiments
    words = tell_apart(experiments)
    return [replace(one, name=f"{name} {word}".strip()) for one, word in zip(experiments, words, strict=True)]


def tell_apart(experiments: Sequence[report.Measured]) -> list[str]:
    """Return words that tell experiments from each other, for example ``"algorithm=ppo, lr=0.001"``.

    What somebody varied comes first: the axes of a multi-run, then options of groups. Other values of the configuration
    are told only where these do not tell all of them apart; values that follow from an option never have to be. What is
    long is shortened, as far as it stays distinct; what is still too long ends with a number.

    Args:
        experiments: at least two, whose configurations differ.

    Returns:
        A word for each, no two of them equal.
    """
    varied = _varied(experiments)
    columns = {**varied, **dict(_others(experiments, varied))}
    shown = [*varied]
    for path in columns:
        if path not in shown and _splits(columns, shown, path):
            shown.append(path)
    words = _in_words(columns, _without_needless(columns, shown, kept=varied))
    if max(map(len, words)) > _LONGEST_NAME:
        words = _in_words(columns, _without_needless(columns, shown, kept=()))
    return [_cut(word, number) for number, word in enumerate(words, start=1)]


def numbered(experiments: Sequence[report.Measured]) -> list[report.Measured]:
    """Return experiments no two of which have the same name: the second one of a name is called ``NAME (2)``.

    Args:
        experiments: of which some may have been named twice.
    """
    taken: set[str] = set()
    result = []
    for experiment in experiments:
        name, number = experiment.name, 1
        while name in taken:
            number += 1
            name = f"{experiment.name} ({number})"
        taken.add(name)
        result.append(replace(experiment, name=name))
    return result


def _varied(experiments: Sequence[report.Measured]) -> dict[str, _Column]:
    """Return the axes of a multi-run on which the experiments differ, in the order in which they were given."""
    paths = dict.fromkeys(path for one in experiments for agent in one.agents for path in agent.varied)
    columns = {path: _column(experiments, path, lambda agent: agent.varied) for path in paths}
    return {path: column for path, column in columns.items() if not path.startswith(_SEEDS) and len(set(column)) > 1}


def _others(experiments: Sequence[report.Measured], varied: Mapping[str, _Column]) -> Iterator[tuple[str, _Column]]:
    """Yield what else differs: options of groups, then values, and at last the classes of components."""
    options = dict.fromkeys(
        key for one in experiments for agent in one.agents for key in agent.config if key.startswith(_CHOICES)
    )
    for key in options:
        group = key.removeprefix(_CHOICES)
        column = _column(experiments, key, lambda agent: agent.config)
        if group not in (*varied, *_SHARED_CHOICES) and len(set(column)) > 1:
            yield group, column
    differing = report.differing_values(experiments)
    for key in sorted(differing, key=lambda key: key.endswith(_CLASS)):
        if key not in varied:
            yield key, differing[key]


def _column(
    experiments: Sequence[report.Measured], path: str, values: Callable[[report.MeasuredAgent], Mapping[str, str]]
) -> _Column:
    """Return one value of each experiment; all of them where its agents differ among themselves."""
    found = [dict.fromkeys(values(agent)[path] for agent in one.agents if path in values(agent)) for one in experiments]
    return tuple(", ".join(words) if words else None for words in found)


def _rows(columns: Mapping[str, _Column], shown: Sequence[str]) -> list[tuple[str | None, ...]]:
    n_rows = len(next(iter(columns.values())))
    return [tuple(columns[path][row] for path in shown) for row in range(n_rows)]


def _splits(columns: Mapping[str, _Column], shown: Sequence[str], path: str) -> bool:
    """Say whether a further value tells apart what the shown ones do not."""
    return len(set(_rows(columns, [*shown, path]))) > len(set(_rows(columns, shown)))


def _without_needless(columns: Mapping[str, _Column], shown: Sequence[str], kept: Collection[str]) -> list[str]:
    """Return the values to show without those that the others make needless, except the ``kept`` ones."""
    needed = list(shown)
    for path in reversed(shown):  # what was preferred stays longest
        fewer = [other for other in needed if other != path]
        if path not in kept and fewer and not _splits(columns, fewer, path):
            needed = fewer
    return needed


def _in_words(columns: Mapping[str, _Column], shown: Sequence[str]) -> list[str]:
    keys = _short_keys(shown)
    values = {path: _short_values(columns[path]) for path in shown}
    n_rows = len(next(iter(columns.values())))
    return [", ".join(f"{keys[path]}={values[path][row]}" for path in shown) for row in range(n_rows)]


def _short_keys(paths: Sequence[str]) -> dict[str, str]:
    """Return the last parts of paths, as many as tell them apart and as say anything."""
    parts = {path: [part for part in path.split(".") if part != _CLASS] or [path] for path in paths}

    def ending(path: str, length: int) -> str:
        return ".".join(parts[path][-length:])

    keys = {}
    for path in paths:
        length = 1 + parts[path][-1].isdecimal()
        while length < len(parts[path]) and any(
            ending(other, length) == ending(path, length) for other in paths if other != path
        ):
            length += 1
        keys[path] = ending(path, length)
    return keys if len(set(keys.values())) == len(keys) else {path: path for path in paths}


def _short_values(column: _Column) -> list[str]:
    """Return short words for values, no two of which become equal by that."""
    words = [_MISSING if word is None else word for word in column]
    roundings: list[Callable[[str], str]] = [partial(_rounded, digits=digits) for digits in _DIGITS]
    for shorten in (_class_name, *roundings, _shortened):
        shorter = [shorten(word) for word in words]
        if len(set(shorter)) == len(set(words)):
            words = shorter  # what is short already stays as it is, also when it is rounded again
    return words


def _class_name(word: str) -> str:
    """Return the name of a class or function without its module; any other word as it is."""
    parts = word.split(".")
    return parts[-1] if len(parts) > 1 and all(part.isidentifier() for part in parts) else word


def _rounded(word: str, digits: int) -> str:
    """Return a long number with so many digits; any other word as it is."""
    if len(word) <= _LONGEST_NUMBER or not _NUMBER.fullmatch(word):
        return word
    return f"{float(word):.{digits}g}"


def _shortened(word: str) -> str:
    """Return a long text without its middle."""
    half = _LONGEST_WORD // 2
    return word if len(word) <= _LONGEST_WORD else f"{word[: half - 1]}…{word[-half:]}"


def _cut(word: str, number: int) -> str:
    """Return a name that is not too long: as many values as have room, and a number, which no other has."""
    if len(word) <= _LONGEST_NAME:
        return word
    room = word[:_LONGEST_NAME].rpartition(", ")[0] or word[:_LONGEST_NAME]
    return f"{room}, … #{number}"
