"""Fields accept what their annotation says, strictly, and errors say what that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from omegaconf import OmegaConf
from pydantic import Field

from maze.config.validation import check_field_names, describe, read_entry, validate_arguments, validate_fields
from maze.errors import InvalidSpecificationError


@dataclass(frozen=True, kw_only=True)
class Settings:
    lr: Annotated[float, Field(gt=0)] = 0.1
    gamma: Annotated[float, Field(ge=0, le=1)] = 0.9
    n_epochs: Annotated[int, Field(ge=0)] = 0
    patience: Annotated[int, Field(ge=1)] | None = None
    fused: bool = True
    mode: Literal["on", "off"] = "on"
    hidden_units: tuple[int, ...] = (1,)
    extra: Mapping[str, Any] = field(default_factory=dict)
    anything: Any = None

    def __post_init__(self) -> None:
        validate_fields(self, "algorithm")


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("lr", "fast", "number > 0"),
        ("lr", 0, "number > 0"),
        ("lr", float("nan"), "number > 0"),
        ("lr", float("inf"), "number > 0"),
        ("lr", True, "number > 0"),
        ("lr", None, "number > 0"),
        ("gamma", 1.2, "number >= 0 and <= 1"),
        ("n_epochs", -1, "whole number >= 0"),
        ("n_epochs", 1.5, "whole number >= 0"),
        ("n_epochs", 2.0, "whole number >= 0"),
        ("n_epochs", "3", "whole number >= 0"),
        ("n_epochs", False, "whole number >= 0"),
        ("patience", 0, "whole number >= 1 or null"),
        ("fused", 1, "true or false"),
        ("fused", "yes", "true or false"),
        ("mode", "On", "'on' or 'off'"),
        ("extra", [1], "mapping"),
    ],
)
def test_wrong_values_are_named_with_what_is_accepted(name, value, accepted):
    with pytest.raises(InvalidSpecificationError) as caught:
        Settings(**{name: value})
    assert str(caught.value).startswith(f"algorithm.{name}: {value!r} is not accepted; accepted: {accepted}.")


def test_a_number_in_quotes_is_explained():
    with pytest.raises(InvalidSpecificationError, match=r"remove the quotes.*1\.0e-3"):
        Settings(lr="1e-3")


def test_an_element_of_a_list_is_named():
    with pytest.raises(InvalidSpecificationError, match=r"^algorithm\.hidden_units\.1: .*list of whole numbers"):
        Settings(hidden_units=[64, "64"])


def test_whole_numbers_become_numbers_and_lists_tuples():
    settings = Settings(lr=1, hidden_units=[64, 32], patience=np.int64(3), gamma=np.float32(0.5))
    assert (type(settings.lr), settings.lr) == (float, 1.0)
    assert settings.hidden_units == (64, 32)
    assert (type(settings.patience), settings.patience) == (int, 3)
    assert (type(settings.gamma), settings.gamma) == (float, 0.5)


def test_containers_of_omegaconf_become_plain():
    settings = Settings(hidden_units=OmegaConf.create([3]), extra=OmegaConf.create({"a": {"b": 1}}))
    assert settings.hidden_units == (3,)
    assert type(settings.extra["a"]) is dict


def test_objects_pass_where_anything_may():
    thing = object()
    assert Settings(anything=thing).anything is thing


def test_unknown_and_missing_keys():
    @dataclass
    class Needs:
        name: str
        size: int = 1

    check_field_names(Needs, {"name": "x"}, "env")
    with pytest.raises(InvalidSpecificationError, match=r"^env\.siz: no such key of Needs; did you mean 'size'\?"):
        check_field_names(Needs, {"name": "x", "siz": 1}, "env")
    with pytest.raises(InvalidSpecificationError, match=r"^env\.name: missing"):
        check_field_names(Needs, {}, "env")


def resize(image: Any, size: tuple[int, int], keys: Sequence[str] | None = None, *, smooth: bool = True) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 84}, r"^path\.size: 84 is not accepted; accepted: list of 2 whole numbers\.$"),
        ({"size": [8]}, r"^path\.size: \(8,\) is not accepted; accepted: list of 2 whole numbers\.$"),
        ({"size": [8, "b"]}, r"^path\.size\.1: 'b' is not accepted"),
        ({"keys": "letters"}, r"^path\.keys: 'letters' is not accepted; accepted: list of texts or null\.$"),
        ({"keys": {"a": 1}}, r"^path\.keys: \{'a': 1\} is not accepted"),
        ({"smooth": 1}, r"^path\.smooth: 1 is not accepted; accepted: true or false\.$"),
    ],
)
def test_arguments_are_checked_like_fields(arguments: dict[str, Any], message: str):
    validate_arguments(resize, {"size": [8, 8], "keys": ["a"], "unknown": 3}, "path")
    with pytest.raises(InvalidSpecificationError, match=message):
        validate_arguments(resize, arguments, "path")


def test_entries_are_read_as_dataclasses():
    @dataclass(frozen=True)
    class Entry:
        key: str
        steps: Annotated[int, Field(ge=1)] = 1

    assert read_entry(Entry, {"key": "a"}, "stack.0") == Entry("a", 1)
    for given, message in (
        ("key", r"^stack\.0: 'key' is not accepted; accepted: mapping with key, steps\.$"),
        ({"kye": "a"}, r"^stack\.0\.kye: no such key of Entry; did you mean 'key'\?"),
        ({"key": "a", "steps": 0}, r"^stack\.0\.steps: 0 is not accepted; accepted: whole number >= 1\.$"),
    ):
        with pytest.raises(InvalidSpecificationError, match=message):
            read_entry(Entry, given, "stack.0")


def test_annotations_in_words():
    assert describe(Annotated[float, Field(gt=0, lt=0.5)] | None) == "number > 0 and < 0.5 or null"
    assert describe(list[str]) == "list of texts"
    assert describe(tuple[float, float] | None) == "list of 2 numbers or null"
    assert describe(tuple[Annotated[int, Field(ge=1)], ...]) == "list of whole numbers >= 1"
    assert describe(Sequence[Mapping[str, Any]]) == "list of mappings"
