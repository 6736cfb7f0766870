"""What words of the form key=value mean, and which of them mean something else."""

from __future__ import annotations

from typing import Any

import pytest

from maze import InvalidSpecificationError
from maze.cli.overrides import context_arguments


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("tags.x=1", 1),
        ("tags.x=1.5", 1.5),
        ("tags.x=1e-3", 0.001),
        ("tags.x=true", True),
        ("tags.x=null", None),
        ("tags.x=hello", "hello"),
        ("tags.x='1'", "1"),
        ('tags.x="a,b"', "a,b"),
        ("tags.x='it\\'s'", "it's"),
        ("tags.x=[1,2]", [1, 2]),
        ("tags.x=['a,b',c]", ["a,b", "c"]),
        ("tags.x={a:1,b:{c:[2]}}", {"a": 1, "b": {"c": [2]}}),
        ("tags.x={0:1}", {0: 1}),
        ("tags.x=", ""),
        ("tags.x='a=b'", "a=b"),
        ("tags.x=/some/path-1.txt", "/some/path-1.txt"),
    ],
)
def test_values_are_read_in_hydras_grammar(word: str, value: Any) -> None:
    assert context_arguments([word]) == {"overrides": {"tags.x": value}}


def test_groups_are_choices_and_everything_else_is_a_value() -> None:
    words = ["algorithm=a2c", "+experiment=cartpole", "algorithm.lr=0.1", "policy=null", "++tags.new=1", "seed_name=3"]
    assert context_arguments(words) == {
        "algorithm": "a2c",
        "experiment": "cartpole",
        "policy": "null",
        "overrides": {"algorithm.lr": 0.1, "++tags.new": 1, "seed_name": 3},
    }


def test_a_mapping_for_a_group_is_a_value() -> None:
    assert context_arguments(["runner={concurrency:3}"]) == {"overrides": {"runner": {"concurrency": 3}}}


@pytest.mark.parametrize(
    "word", ["algorithm", "=3", "a b=1", "tags.x=[1", "tags.x={a", "tags.x=a=b", "~algorithm", "~tags.x=1"]
)
def test_bad_grammar_is_refused(word: str) -> None:
    with pytest.raises(InvalidSpecificationError) as caught:
        context_arguments([word])
    assert repr(word) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", ["algorithm=a2c,ppo", "algorithm.lr=0.1,0.2", "algorithm.lr=range(1,3)"])
def test_sweeps_are_refused_with_the_alternative(word: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"several jobs.*dvc exp run --queue"):
        context_arguments([word])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seed=1"], "'seed=1': seed is an option, not a key; use --seed 1"),
        (["resume=true"], "'resume=true': resume is an option, not a key; use --resume"),
        (["config_dir=mine"], "'config_dir=mine': config_dir is an option, not a key; use --config-dir mine"),
        (["run_dir=a", "--run-dir", "b"], "'run_dir=a' and --run-dir b: give the directory once."),
        (["critc=template_state"], "critc: no such key; did you mean 'critic'?"),
        (["experimnt=cartpole"], "experimnt: no such key; did you mean 'experiment'?"),
        (["lr=0.1"], "lr: no such key; did you mean algorithm.lr?"),
        (["max_episode_steps=3"], "did you mean evaluation.max_episode_steps or rollout.max_episode_steps?"),
        (["-cn", "conf_rollout", "n_episodes=3"], "n_episodes: no such key; did you mean runner.n_episodes?"),
        (["-cn", "conf_rollout", "input_dr=x"], "did you mean 'input_dir'"),
    ],
)
def test_words_that_mean_something_else(words: list[str], message: str, refused: Any) -> None:
    assert message in refused(*words)


def test_what_cannot_be_chosen_is_not_offered(refused: Any) -> None:
    message = refused("nothing_like_it=1")
    assert "choices" not in message
    assert "_configuration" not in message
    of_a_rollout = refused("-cn", "conf_rollout", "nothing_like_it=1")
    assert "input_dir" in of_a_rollout
    assert "algorithm" not in of_a_rollout


@pytest.mark.parametrize("words", [["algorithm=a2c", "algorithm=ppo"], ["algorithm.lr=1", "+algorithm.lr=2"]])
@pytest.mark.parametrize("multirun", [False, True])
def test_one_thing_is_said_once(words: list[str], multirun: bool) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"' and '.*' choose the same; give one\."):
        context_arguments(words, multirun=multirun)
