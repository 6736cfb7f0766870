"""What a search may vary: intervals and choices by dotted path, as people write them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maze.errors import InvalidSpecificationError, suggest

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["Axis", "Choice", "Interval", "read_axis", "read_space"]

_KEYS = ("low", "high", "log", "step", "choices")
_PRIMITIVE = (bool, int, float, str)


@dataclass(frozen=True)
class Interval:
    """Numbers between two bounds, both of which belong to it.

    Attributes:
        low: the smallest; the numbers are whole ones where both bounds are.
        high: the largest.
        log: search evenly among orders of magnitude.
        step: distance of the numbers from each other; None where any will do.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the numbers are whole ones."""
        return all(isinstance(bound, int) for bound in (self.low, self.high))

    def distribution(self) -> BaseDistribution:
        """Return the interval as Optuna knows it."""
        from optuna.distributions import FloatDistribution, IntDistribution  # noqa: PLC0415

        if self.is_whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=int(self.step or 1))
        return FloatDistribution(float(self.low), float(self.high), log=self.log, step=self.step)

    def value(self, drawn: Any) -> Any:
        """Return the value of the configuration that Optuna's draw means."""
        return drawn

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values with which it is tried whether the configuration accepts them."""
        return (self.low, self.high)

    def as_record(self) -> dict[str, Any]:
        """Return it as a person would write it."""
        optional = {"log": self.log or None, "step": self.step}
        return {"low": self.low, "high": self.high, **{k: v for k, v in optional.items() if v is not None}}


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Attributes:
        options: values of any kind that a configuration can hold.
    """

    options: tuple[Any, ...]

    def distribution(self) -> BaseDistribution:
        """Return the choice as Optuna knows it, in which lists and mappings are texts."""
        from optuna.distributions import CategoricalDistribution  # noqa: PLC0415

        return CategoricalDistribution([_label(option) for option in self.options])

    def value(self, drawn: Any) -> Any:
        """Return the value of the configuration that Optuna's draw means."""
        return next(option for option in self.options if _same(_label(option), drawn))

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values with which it is tried whether the configuration accepts them."""
        return self.options

    def as_record(self) -> list[Any]:
        """Return it as a person would write it."""
        return list(self.options)


Axis = Interval | Choice


def read_space(space: Any) -> dict[str, Axis]:
    """Return the axes of a search by dotted path.

    Args:
        space: for each path a list of choices, or a mapping with ``low`` and ``high``, and ``log`` or ``step``.

    Raises:
        InvalidSpecificationError: names the path, and what is accepted.
    """
    if not isinstance(space, Mapping):
        raise InvalidSpecificationError(
            f"space: {space!r} is not accepted; accepted: a mapping from dotted paths to lists or to mappings with low "
            "and high."
        )
    return {str(path): read_axis(value, str(path)) for path, value in space.items()}


def read_axis(value: Any, path: str) -> Axis:
    """Return one axis.

    Args:
        value: a list, or a mapping, as for `read_space`.
        path: what varies, for messages.

    Raises:
        InvalidSpecificationError: the value is none of them, or contradicts itself.
    """
    if isinstance(value, Mapping):
        for key in value:
            if key not in _KEYS:
                raise InvalidSpecificationError(f"{path}.{key}: no such key of an interval; {suggest(key, _KEYS)}")
        if "choices" in value:
            value = value["choices"]
        else:
            return _interval(value, path)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise InvalidSpecificationError(
            f"{path}: {value!r} is not accepted; accepted: a list of choices, or a mapping with low and high."
        )
    labels = [repr(_label(option)) for option in value]
    for option, label in zip(value, labels, strict=True):
        if labels.count(label) > 1:
            raise InvalidSpecificationError(f"{path}: {option!r} is given more than once.")
    return Choice(tuple(value))


def _interval(given: Mapping[str, Any], path: str) -> Interval:
    for name in ("low", "high"):
        if name not in given:
            raise InvalidSpecificationError(f"{path}: {name} is missing; accepted: both low and high.")
    low, high, log, step = given["low"], given["high"], given.get("log", False), given.get("step")
    for name, bound in (("low", low), ("high", high), ("step", 1 if step is None else step)):
        if isinstance(bound, bool) or not isinstance(bound, (int, float)) or not math.isfinite(bound):
            raise InvalidSpecificationError(f"{path}.{name}: {bound!r} is not accepted; accepted: a finite number.")
    if not isinstance(log, bool):
        raise InvalidSpecificationError(f"{path}.log: {log!r} is not accepted; accepted: true or false.")
    _check_bounds(low, high, log, step, path)
    if not all(isinstance(number, int) for number in (low, high, 1 if step is None else step)):
        low, high = float(low), float(high)
    return Interval(low, high, log, step)


def _check_bounds(low: float, high: float, log: bool, step: float | None, path: str) -> None:
    """Refuse numbers that contradict each other."""
    if low >= high:
        raise InvalidSpecificationError(f"{path}: low ({low}) is not below high ({high}).")
    if log and (low <= 0 or step is not None):
        raise InvalidSpecificationError(f"{path}: with log, low has to be above 0, and step left out.")
    if step is not None and step <= 0:
        raise InvalidSpecificationError(f"{path}.step: {step} is not accepted; accepted: a number above 0.")


def _label(option: Any) -> Any:
    return option if option is None or isinstance(option, _PRIMITIVE) else json.dumps(option, sort_keys=True)


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)
