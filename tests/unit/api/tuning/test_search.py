"""A search knows what it composes, refuses what it cannot, and has an identity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maze.api.tuning.search import Search
from maze.errors import InvalidSpecificationError


def test_values_and_choices_are_composed(make_search: Any) -> None:
    search = make_search(space={"algorithm": ["a2c", "ppo"], "algorithm.lr": [0.1, 0.2]}, choices={})
    config = search.compose({"algorithm": "ppo", "algorithm.lr": 0.2})
    assert config.algorithm["_target_"].endswith("PPOAlgorithmConfig")
    assert config.algorithm["lr"] == 0.2
    assert search.check().algorithm["lr"] == 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {}}, "space: there is nothing to search"),
        ({"space": {"algorithm.lrr": [1, 2]}}, "algorithm.lrr: no such key in algorithm; did you mean 'lr'?"),
        ({"space": {"algorithm.gamma": [0.9, 1.2]}}, "algorithm.gamma: 1.2 is not accepted"),
        ({"space": {"algorithm.gamma": {"low": 0.9, "high": 1.2}}}, "algorithm.gamma: 1.2 is not accepted"),
        ({"space": {"model": ["flatten_concat", "vector_obz"]}}, "model: 'vector_obz' not found"),
        ({"space": {"seeding.env_base_seed": [1, 2]}}, "seeding.env_base_seed: seeds are not searched"),
        ({"values": {"algorithm.gamma": 0.5}}, "algorithm.gamma: given as one value and in the space"),
        ({"seeds": [0, 0]}, "seeds: 0 is given more than once"),
        ({"n_trials": 0}, "n_trials: 0 is not accepted; accepted: a whole number >= 1."),
        ({"n_jobs": 0}, "n_jobs: 0 is not accepted; accepted: a whole number >= 1."),
        ({"n_jobs": -1}, "n_jobs: -1 is not accepted; accepted: a whole number >= 1."),
        ({"sampler": "tpee"}, "sampler: 'tpee' is not accepted; did you mean 'tpe'?"),
        ({"choices": {"runner_configuration": "x"}}, "runner_configuration: no choice of a search"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_before_anything_runs(make_search: Any, changes: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError) as caught:
        make_search(**changes).check()
    assert str(caught.value).startswith(message)


def test_the_identity_is_that_of_what_decides_results(make_search: Any) -> None:
    key = make_search().key
    assert make_search(n_trials=99).key == make_search(n_jobs=1).key == key
    assert make_search(values={"tracking.mode": "best_effort"}).key == key
    for change in (
        {"seeds": (0,)},
        {"sampler_seed": 1},
        {"sampler": "random"},
        {"prunes": False},
        {"n_jobs": 2},
        {"values": {"evaluation.n_episodes": 5}},
        {"space": {"algorithm.lr": [0.1, 0.2]}},
    ):
        assert make_search(**change).key != key, change


def test_code_of_ones_own_belongs_to_the_identity(
    make_search: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("A = 1\n")
    search = make_search(values={"allowed_modules": ["mine"]})
    key = search.key
    (tmp_path / "mine.py").write_text("A = 2\n")
    assert search.key != key


def test_a_file_is_a_search_and_changes_win_over_it() -> None:
    content = {
        "space": {"algorithm.lr": [0.1, 0.2], "algorithm.gamma": [0.9, 0.99]},
        "seeds": [1],
        "n_trials": 3,
        "n_jobs": 2,
    }
    search = Search.from_mapping(content, values={"algorithm.gamma": 0.5}, n_trials=4)
    assert list(search.space) == ["algorithm.lr"]
    assert (search.values, search.n_trials, list(search.seeds)) == ({"algorithm.gamma": 0.5}, 4, [1])
    assert search.n_jobs == 2
    with pytest.raises(InvalidSpecificationError, match=r"n_trails: no such key .* did you mean 'n_trials'\?"):
        Search.from_mapping({"n_trails": 3})
    with pytest.raises(InvalidSpecificationError, match="values: 3 is not accepted"):
        Search.from_mapping({**content, "values": 3})
    with pytest.raises(InvalidSpecificationError, match="the file of a search holds list"):
        Search.from_mapping([])
