"""Whatever value is set at whatever leaf reads back equal, and whatever path does not exist says so."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from maze.api.specs import compose_arguments
from maze.config import RunConfig
from maze.errors import InvalidSpecificationError

NORMALIZATION = "maze.env.normalization.ObservationNormalizationWrapper"

SETTINGS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

TRICKY = [
    "null",
    "~",
    "1e-3",
    "1_000",
    "012",
    "true",
    "yes",
    "=",
    "a=b",
    "'",
    '"',
    "${env.name}",
    "\\${x}",
    "${",
    "a,b",
]
TRICKY += [
    "[1, 2]",
    "{a: 1}",
    "",
    " ",
    "#",
    "- x",
    "%",
    "@",
    "`",
    "\n",
    "\x85",
    "\u2028",
    "\ufeff",
    "é",
    "名",
    "🎲",
    "\x00",
]

texts = st.one_of(st.sampled_from(TRICKY), st.text(max_size=12)).filter(lambda text: text != "???")
numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
keys = st.one_of(texts, st.integers(-5, 5)).filter(lambda key: key not in ("_target_", "_object_", "_source_"))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=6,
)

FREE = {
    "++model._": ("model", "_"),
    "++env._": ("env", "_"),
    "++wrappers.1._": ("wrappers", 1, "_"),
    f"++wrappers.{NORMALIZATION}._": ("wrappers", 0, "_"),
}
"""Leaves that accept anything, and where they stand in the resolved configuration."""

positive = st.floats(min_value=1e-9, max_value=1e9)
counts = st.integers(1, 2**40)
named = st.text(min_size=1, max_size=12).filter(lambda text: text != "???")

TYPED: dict[str, st.SearchStrategy[Any]] = {
    "algorithm.lr": positive,
    "algorithm.gamma": st.floats(0.0, 1.0),
    "algorithm.n_epochs": counts,
    "algorithm.patience": st.none() | counts,
    "algorithm.normalize_advantages": st.booleans(),
    "evaluation.n_episodes": counts,
    "rollout.render": st.booleans(),
    "seeding.env_base_seed": st.none() | st.integers(0, 2**63 - 1),
    "tracking.experiment_name": named,
    "tracking.uri": st.none() | texts,
    "log_base_dir": named,
    "tags.owner": texts,
    "runner.concurrency": counts,
}


def value_at(config: RunConfig, keys: tuple[str | int, ...]) -> Any:
    node: Any = config.to_mapping()
    for key in keys:
        node = node[key] if isinstance(node, (dict, list)) else getattr(node, str(key))
    return node


def kinds(value: Any) -> Any:
    """Return a value with the type of every part, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return {(type(key), key): kinds(item) for key, item in value.items()}
    return [kinds(item) for item in value] if isinstance(value, list) else (type(value), value)


def read_again(config: RunConfig, directory: Path) -> RunConfig:
    path = directory / "config.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    return RunConfig.from_yaml(path)


def assert_reads_back(path: str, keys: tuple[str | int, ...], value: Any, directory: Path) -> None:
    overrides = {path: value}
    before = copy.deepcopy(overrides)
    config, objects = compose_arguments({"wrappers": "vector_obs"}, overrides=overrides)
    assert kinds(overrides) == kinds(before)
    assert objects == {}
    assert kinds(value_at(config, keys)) == kinds(value)
    again = read_again(config, directory)
    assert kinds(value_at(again, keys)) == kinds(value)
    assert again.digest() == config.digest()


@settings(SETTINGS, max_examples=80)
@given(path=st.sampled_from(sorted(FREE)), value=values)
def test_any_value_at_a_free_leaf_reads_back_equal(path: str, value: Any, tmp_path: Path) -> None:
    assert_reads_back(path, FREE[path], value, tmp_path)


@pytest.mark.parametrize("path", FREE)
def test_texts_that_look_like_something_else_stay_texts(path: str, tmp_path: Path) -> None:
    assert_reads_back(path, FREE[path], {"texts": TRICKY, **dict.fromkeys(TRICKY, None)}, tmp_path)


@SETTINGS
@given(data=st.data(), path=st.sampled_from(sorted(TYPED)))
def test_values_of_the_right_type_at_a_typed_leaf_read_back_equal(path: str, data: Any, tmp_path: Path) -> None:
    assert_reads_back(path, tuple(path.split(".")), data.draw(TYPED[path]), tmp_path)


@SETTINGS
@given(values=st.dictionaries(st.sampled_from(sorted(FREE)), values, max_size=4))
def test_several_values_do_not_disturb_each_other(values: dict[str, Any]) -> None:
    config, _ = compose_arguments({"wrappers": "vector_obs"}, overrides=values)
    assert {path: kinds(value_at(config, FREE[path])) for path in values} == {p: kinds(v) for p, v in values.items()}


def leaves(node: Any, path: str = "") -> list[str]:
    """Return the path of every leaf, written with class names where wrappers have them."""
    if isinstance(node, dict) and node:
        return [name for key, item in node.items() for name in leaves(item, f"{path}.{key}" if path else str(key))]
    if isinstance(node, list) and node:
        return [name for index, item in enumerate(node) for name in leaves(item, f"{path}.{index}")]
    return [path]


LEAVES = leaves(
    {
        name: section
        for name, section in compose_arguments({"wrappers": "vector_obs"})[0].to_mapping().items()
        if name not in ("tags", "choices")
    }
)


def test_the_leaves_are_all_of_them() -> None:
    assert {"algorithm.lr", "wrappers.0.online", "model.policy.networks.0.non_lin", "run_dir"} <= set(LEAVES)


@SETTINGS
@given(
    path=st.sampled_from(LEAVES),
    letter=st.sampled_from("xqz"),
    place=st.integers(0, 40),
    value=st.one_of(st.none(), numbers, st.booleans(), st.text(max_size=5)),
)
def test_a_misspelt_path_is_refused_with_what_is_accepted(path: str, letter: str, place: int, value: Any) -> None:
    place = place % len(path)
    wrong = path[:place] + letter + path[place:]
    assume(wrong not in LEAVES)
    overrides = {wrong: value}
    with pytest.raises(InvalidSpecificationError) as caught:
        compose_arguments({"wrappers": "vector_obs"}, overrides=overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{wrong}: ")
    assert "ccepted: " in message or "counted from 0" in message
    assert overrides == {wrong: value}


@SETTINGS
@given(path=st.sampled_from([path for path in LEAVES if path.count(".") == 1]), place=st.integers(1, 40))
def test_a_letter_too_many_in_a_key_gets_the_right_suggestion(path: str, place: int) -> None:
    section, _, key = path.partition(".")
    assume(len(key) > 3)
    place = 1 + place % (len(key) - 1)
    with pytest.raises(InvalidSpecificationError, match=rf"did you mean '{key}'\?"):
        compose_arguments({"wrappers": "vector_obs"}, overrides={f"{section}.{key[:place]}x{key[place:]}": 1})


@SETTINGS
@given(path=st.text(min_size=1, max_size=20))
def test_no_text_as_a_path_is_anything_but_a_clear_error(path: str) -> None:
    assume(path.partition(".")[0].removeprefix("++") not in ("tags", "log_base_dir", "run_dir"))
    with pytest.raises(InvalidSpecificationError):
        compose_arguments(overrides={path: 1})


def all_leaves(node: Any, keys: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the keys that lead to every leaf."""
    if isinstance(node, (dict, list)) and node:
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        return [found for key, item in pairs for found in all_leaves(item, (*keys, key))]
    return [keys]


ANYWHERE = all_leaves(
    {
        name: section
        for name, section in compose_arguments({"wrappers": "vector_obs"})[0].to_mapping().items()
        if name not in ("tags", "choices")  # labels, which are texts; what was chosen, which no value is
    }
)

plausible = st.sampled_from([0, 1, 2, 0.5, True, "cpu", "console", ["console"], [1], {}, [], "os", "", "CartPole-v0"])


@settings(SETTINGS, max_examples=120)
@given(keys=st.sampled_from(ANYWHERE), value=st.one_of(plausible, values))
def test_any_value_at_any_leaf_reads_back_equal_or_is_refused_by_its_path(
    keys: tuple[str | int, ...], value: Any, tmp_path: Path
) -> None:
    path = ".".join(map(str, keys))
    try:
        config, _ = compose_arguments({"wrappers": "vector_obs"}, overrides={path: value})
    except InvalidSpecificationError as error:
        message = str(error)
        assert "\n" not in message.rsplit(" is not accepted", maxsplit=1)[-1]
        assert str(keys[0]) in message
        return
    assert value_at(config, keys) == value
    assert value_at(read_again(config, tmp_path), keys) == value


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"allowed_modules": "os"}, r"^allowed_modules: 'os' is not accepted; accepted: a list of names .*\['os'\]"),
        ({"run_dir": ""}, r"^run_dir: '' is not accepted; accepted: the path of a directory, or null"),
        ({"log_base_dir": ""}, r"^log_base_dir: '' is not accepted"),
        ({"env.render_mode": "???"}, r"^env\.render_mode: the configuration needs a value here \(\?\?\?\)"),
    ],
)
def test_what_would_not_read_back_is_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        compose_arguments(overrides=overrides)


def test_tags_are_texts_and_null_takes_one_away() -> None:
    overrides = {"tags": {"a": 3, "b": True, "c": "x"}, "tags.c": None}
    assert compose_arguments(overrides=overrides)[0].tags == {"a": "3", "b": "True"}
