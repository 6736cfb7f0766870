"""Names that a store accepts, for whatever a run calls its metrics."""

from __future__ import annotations

import pytest

from maze.tracking.names import clean_name, cut, split_finite


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("train/mean_return", "train/mean_return"),
        ("a[0]=x@", "a_0__x_"),
        ("/leading//double/", "leading/double"),
        ("../secret/.", "__/secret/_"),
        ("", "_"),
        ("größe", "gr__e"),
        ("x" * 300, "x" * 250),
    ],
)
def test_clean_name(given: str, expected: str) -> None:
    assert clean_name(given) == expected


def test_cut_keeps_the_limit() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcdefgh", 6) == "abc..."


def test_infinities_are_text() -> None:
    numbers, infinities = split_finite({"a": 1.0, "b": float("inf"), "c[": float("-inf"), "d": float("nan")})
    assert set(numbers) == {"a", "d"}
    assert infinities == {"b": "inf", "c_": "-inf"}
