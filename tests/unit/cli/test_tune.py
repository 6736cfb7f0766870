"""maze-run tune: words become a search, and what it finds is used with the words that it prints."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import optuna.storages.journal  # noqa: F401  (what a library does on its own first import is that library's)
import pytest
import sklearn.ensemble  # noqa: F401

from maze.api.tuning.space import Choice, Interval
from maze.cli import main
from maze.cli.spaces import search_words

SMALL = [
    "algorithm=a2c",
    "tracking.mode='off'",
    "runner.concurrency=2",
    "algorithm.n_epochs=2",
    "algorithm.epoch_length=2",
    "algorithm.n_rollout_steps=8",
    "algorithm.rollout_evaluator.n_episodes=2",
    "evaluation.n_episodes=2",
]


@pytest.mark.parametrize(
    ("word", "axis"),
    [
        ("algorithm.lr=tag(log,interval(1e-4,1e-2))", {"low": 1e-4, "high": 1e-2, "log": True}),
        ("algorithm.gamma=interval(0.9,1)", {"low": 0.9, "high": 1.0}),
        ("algorithm.n_rollout_steps=int(interval(1,8))", {"low": 1, "high": 8}),
        ("algorithm.n_rollout_steps=range(16,129,16)", {"low": 16, "high": 128, "step": 16}),
        ("algorithm.n_rollout_steps=range(1,9)", {"low": 1, "high": 8}),
        ("algorithm.gamma=0.9,0.99", {"choices": [0.9, 0.99]}),
        ("algorithm.gamma=choice(0.9,0.99)", {"choices": [0.9, 0.99]}),
        ("algorithm=a2c,ppo", {"choices": ["a2c", "ppo"]}),
    ],
)
def test_words_that_vary(word: str, axis: dict[str, Any]) -> None:
    words = search_words([word, "env.name=Acrobot-v1"])
    assert words["space"] == {word.partition("=")[0]: axis}
    assert words["values"] == {"env.name": "Acrobot-v1"}


def test_axes_of_words_are_axes() -> None:
    from maze import Search

    search = Search.from_mapping(search_words(["algorithm.gamma=interval(0.9,1)", "algorithm=a2c,ppo"]))
    assert search.space == {"algorithm": Choice(("a2c", "ppo")), "algorithm.gamma": Interval(0.9, 1.0)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "space: there is nothing to search"),
        (["algorithm.lrr=0.1,0.2"], "algorithm.lrr: no such key in algorithm; did you mean 'lr'?"),
        (["algorithm.lr=tag(lgo,interval(1,2))"], "'algorithm.lr=tag(lgo,interval(1,2))': no such tag of a search"),
        (["algorithm.lr=interval(2,1)"], "algorithm.lr: low (2.0) is not below high (1.0)."),
        (["algorithm.n_rollout_steps=range(1,2)"], "'algorithm.n_rollout_steps=range(1,2)' spans 1 values"),
        (["algorithm.lr=0.1,0.2", "algorithm.lr=interval(1,2)"], "algorithm.lr: is said twice; give one."),
        (["algorithm.lr=0.1,0.2", "--seeds", "0;1"], "--seeds: '0;1' is not accepted"),
        (["algorithm.lr=0.1,0.2", "--seeds", "0,0"], "seeds: 0 is given more than once"),
        (["algorithm.lr=0.1,0.2", "--jobs", "0"], "n_jobs: 0 is not accepted; accepted: a whole number >= 1"),
        (["algorithm.lr=0.1,0.2", "--save", "a/b"], "--save: 'a/b' is not accepted"),
        (["algorithm.lr=0.1,0.2", "--save", "best"], "--save: there is no conf/ here"),
        (["--space", "nowhere.yaml"], "--space: nowhere.yaml cannot be read"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_before_anything_runs(
    refused: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused("tune", *words).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_what_it_finds_runs_with_the_words_that_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "space.yaml").write_text(
        "space: {algorithm.lr: {low: 1e-4, high: 1e-2, log: true}, algorithm.gamma: [0.9, 0.99]}\nn_trials: 9\n"
    )
    command = ["tune", "--space", "space.yaml", *SMALL, "--trials", "3", "--output-dir", "found", "--save", "mine"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert err == ""
    *trials, best, following = [line for line in out.splitlines() if "explains" not in line]
    assert [line.split()[:2] for line in trials] == [["trial", "0"], ["trial", "1"], ["trial", "2"]]
    assert best.startswith("best: trial ")
    assert following == "next: maze-run train experiment=mine"
    preset = (tmp_path / "conf/experiment/mine.yaml").read_text()
    assert preset.splitlines()[1].startswith("# Found by maze-run tune: trial ")

    for words in (["-cd", "conf", "experiment=mine"], ["-cd", "found/conf", "experiment=best"]):
        assert main(["train", *words, "tracking.mode='off'", "--silent", "--run-dir", f"run-{words[2][11:]}"]) == 0

    assert main(command) == 0  # all is there already
    again = capsys.readouterr().out.splitlines()
    assert again[0] == "going on: 3 of 3 trials are done"
    assert again[1:] == [line for line in out.splitlines() if not line.startswith("trial ")]


def test_the_help_names_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["tune", "--help"])
    text = capsys.readouterr().out
    for word in ("tag(log,interval(", "range(16,129,16)", "--trials", "experiment=best"):
        assert word in text
    assert shlex.split("maze-run tune")[0] in text
