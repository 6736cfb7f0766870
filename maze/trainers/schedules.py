"""Settings that change while training goes on, such as a learning rate that falls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from maze.config.validation import ExplainedKeywords, validate_fields
from maze.errors import InvalidSpecificationError

__all__ = ["Schedule"]

Setting = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class Schedule(ExplainedKeywords):
    """A setting that goes from one value to another, and stays there.

    In configuration it is a mapping in the place of the number: ``lr: {start: 0.001, end: 0.0}``.

    Attributes:
        start: value of the first update, >= 0.
        end: value from ``until`` on, >= 0.
        kind: ``linear``, ``cosine`` (half a wave, flat at both ends) or ``exponential`` (equal ratios, values > 0).
        until: share of the training's updates after which the end is reached, in (0, 1].

    Raises:
        InvalidSpecificationError: a value has the wrong type or is out of range.
    """

    start: Setting
    end: Setting = 0.0
    kind: Literal["linear", "cosine", "exponential"] = "linear"
    until: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0

    def __post_init__(self) -> None:
        validate_fields(self, path="schedule")
        if self.kind == "exponential" and not (self.start > 0.0 and self.end > 0.0):
            raise InvalidSpecificationError(
                f"schedule: exponential needs start and end > 0, given {self.start} and {self.end}; "
                "give a small number for 0, or kind: linear."
            )

    def at(self, progress: float) -> float:
        """Return the value at a point of training.

        Args:
            progress: share of the training's updates that are done, in [0, 1].
        """
        share = min(progress / self.until, 1.0)
        if self.kind == "exponential":
            return self.start * math.pow(self.end / self.start, share)
        if self.kind == "cosine":
            share = 0.5 - 0.5 * math.cos(math.pi * share)
        return self.start + share * (self.end - self.start)
