"""What one check of the doctor found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "ok", "problem", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: what was looked at, for example ``"git"``.
        status: ``ok``; ``warning``: works, but will surprise; ``problem``: something will fail.
        message: what is the case.
        remedy: what to do about it; "" where nothing is to be done.
    """

    check: str
    status: Literal["ok", "warning", "problem"]
    message: str
    remedy: str = ""


def ok(check: str, message: str) -> Finding:
    """Return a good finding."""
    return Finding(check, "ok", message)


def warning(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that will surprise the user."""
    return Finding(check, "warning", message, remedy)


def problem(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that will make something fail."""
    return Finding(check, "problem", message, remedy)
