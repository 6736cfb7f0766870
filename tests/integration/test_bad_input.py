"""What is wrong in params.yaml is one clear line, and nothing is overwritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.project import SILENT, Outcome, Project

pytestmark = pytest.mark.slow

WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown option": (
        {"algorithm": "pppo"},
        ["algorithm: 'pppo'", "did you mean 'ppo'?", "Accepted: a2c, bc, es, impala, ppo, sac, sacfd."],
    ),
    "unknown experiment": ({"experiment": "cartpol"}, ["experiment: 'cartpol'", "did you mean 'cartpole'?"]),
    "unknown specialisation": ({"configuration": "tst"}, ["configuration: 'tst'", "did you mean 'test'?"]),
    "option that is no name": ({"model": 3}, ["model: 3", "accepted: the name of a module"]),
    "unknown key": ({"sed": [1]}, ["sed: no such key in params.yaml", "did you mean 'seeds'?"]),
    "unknown path": ({"set": {"algorithm": {"lrr": 1}}}, ["set.algorithm.lrr", "did you mean 'lr'?", "gamma"]),
    "unknown dotted path": ({"set": {"evaluation.n_episode": 1}}, ["set.evaluation.n_episode", "'n_episodes'?"]),
    "wrong type": ({"set": {"algorithm": {"lr": "fast"}}}, ["algorithm.lr: 'fast'", "accepted: number > 0"]),
    "text for a number": ({"set": {"runner": {"concurrency": "8"}}}, ["runner.concurrency: '8'", "remove the quotes"]),
    "out of range": ({"set": {"algorithm": {"gamma": 1.2}}}, ["algorithm.gamma: 1.2", ">= 0 and <= 1"]),
    "negative number": ({"set": {"algorithm": {"n_epochs": -1}}}, ["algorithm.n_epochs: -1", "whole number >= 0"]),
    "value left out": ({"set": {"algorithm": {"lr": "???"}}}, ["algorithm.lr", "needs a value"]),
    "foreign class": ({"set": {"env": {"_target_": "os.system"}}}, ["env._target_: 'os.system'", "allowed_modules"]),
    "set that is a list": ({"set": ["lr"]}, ["set: ['lr']", "accepted: a mapping"]),
    "unknown environment": (
        {"set": {"env": {"name": "CartPoel-v1"}}},
        ["env.name", "'CartPoel-v1'", "did you mean 'CartPole-v1'?"],
    ),
    "missing packages": ({"set": {"env": {"name": "phys2d/CartPole-v1"}}}, ["env.name", "packages that are missing"]),
    "unknown class": ({"set": {"policy._target_": "maze.Nothing"}}, ["model.policy._target_: 'maze.Nothing'"]),
    "argument of a wrapper": (
        {"set": {"wrappers": {"maze.LogStatsWrapper": {"prefix": "x"}}}, "wrappers": "vector_obs"},
        ["set.wrappers.maze.LogStatsWrapper.prefix"],
    ),
    "no critic": ({"set": {"model": {"critic": None}}}, ["model.critic: null", "critic='template_state'"]),
    "seeds in set": ({"set": {"seeding": {"env_base_seed": 3}}}, ["set.seeding.env_base_seed", "`seeds: [0, 1]`"]),
    "no seeds": ({"seeds": []}, ["seeds: []", "a list of one or more whole numbers"]),
    "seeds twice": ({"seeds": [0, 1, 0]}, ["seeds: 0 is given more than once"]),
    "seeds of text": ({"seeds": ["0; touch owned"]}, ["seeds.0: '0; touch owned'", "a whole number from 0"]),
    "negative seeds": ({"seeds": [-1]}, ["seeds.0: -1", "a whole number from 0"]),
    "fractional seeds": ({"seeds": [1.5]}, ["seeds.0: 1.5", "a whole number from 0"]),
    "one seed, no list": ({"seeds": 3}, ["seeds: 3", "a list of one or more whole numbers"]),
}


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Project:
    """Return a project with a composed configuration, and with results of one seed."""
    made = make_project(set=SILENT)
    made.repro()
    made.commit()
    return made


@pytest.fixture
def params(project: Project) -> Any:
    """Return a function that changes params.yaml until the test ends."""
    original = (project.root / "params.yaml").read_bytes()
    yield project.write_params
    (project.root / "params.yaml").write_bytes(original)


def contents(project: Project) -> dict[str, bytes]:
    """Return every result by name."""
    return {name: (project.root / name).read_bytes() for name in project.files("build") | project.files("out")}


def errors(outcome: Outcome) -> list[str]:
    """Return the lines on standard error that the project wrote, and not DVC."""
    return [line for line in outcome.stderr.splitlines() if line.strip() and not line.startswith("ERROR: failed to")]


def assert_one_clear_line(outcome: Outcome, words: list[str]) -> None:
    """Check the line that the user sees."""
    assert outcome.status != 0
    assert "Traceback" not in outcome.stdout + outcome.stderr
    lines = errors(outcome)
    assert len(lines) == 1, outcome.text
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize("case", WRONG)
def test_compose_says_what_is_wrong_and_keeps_the_last_configuration(case: str, project: Project, params: Any) -> None:
    changes, words = WRONG[case]
    before = contents(project)
    params(**changes)
    outcome = project.stage("compose")
    assert_one_clear_line(outcome, words)
    assert outcome.status == 2
    assert contents(project) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("seeds: [0,\nset: {}\n", ["params.yaml: cannot be read", "line"], id="no YAML"),
        pytest.param("- seeds\n", ["params.yaml: holds no mapping"], id="a list"),
        pytest.param("", ["params.yaml: holds no mapping"], id="empty"),
        pytest.param("<<<<<<< HEAD\nseeds: [0]\n=======\n", ["params.yaml: cannot be read"], id="a merge conflict"),
    ],
)
def test_a_broken_file_is_named(text: str, words: list[str], project: Project, params: Any) -> None:
    before = contents(project)
    (project.root / "params.yaml").write_text(text)
    assert_one_clear_line(project.stage("compose"), words)
    assert contents(project) == before


def test_a_missing_file_is_named(project: Project, params: Any) -> None:
    (project.root / "params.yaml").unlink()
    assert_one_clear_line(project.stage("compose"), ["params.yaml: cannot be read", "restore it"])


def test_dvc_stops_at_once_and_a_way_back_runs_nothing(project: Project, params: Any) -> None:
    before = contents(project)
    original = project.params()
    params(set={"algorithm": {"lrr": 1}})
    outcome = project.dvc("repro")
    assert_one_clear_line(outcome, ["set.algorithm.lrr", "did you mean 'lr'?"])
    assert outcome.ran == ["compose"]
    assert contents(project) == before
    params(**original)
    assert project.repro().ran == []


@pytest.mark.parametrize("seeds", [["0; touch owned"], ["$(touch owned)"], [-1]])
def test_wrong_seeds_reach_no_stage_when_compose_has_nothing_to_do(
    seeds: list[Any], project: Project, params: Any
) -> None:
    params(seeds=seeds)
    outcome = project.dvc("repro")
    assert outcome.status != 0
    assert "Traceback" not in outcome.stdout + outcome.stderr
    assert not (project.root / "owned").exists()
    assert project.files("out/evaluate") == {"out/evaluate/0/episodes.parquet", "out/evaluate/0/metrics.json"}


def test_a_device_that_is_not_there_is_one_line_of_training(project: Project, params: Any) -> None:
    params(set={**SILENT, "algorithm": {"device": "cuda:99"}})
    before = contents(project)
    assert project.stage("compose").status == 0
    outcome = project.stage("train", "--seed", "0")
    assert_one_clear_line(outcome, ["algorithm.device: 'cuda:99' cannot be used here"])
    after = contents(project)
    its_own = {"build/config.yaml", "out/record/train/0.json", "out/train/0/metrics.jsonl"}
    assert {name for name in before if before[name] != after[name]} <= its_own
    assert project.json("out/record/train/0.json")["status"] == "FAILED"
    project.git("checkout", "build/config.yaml")
    assert project.dvc("checkout", "--force").status == 0


@pytest.mark.parametrize("seed", ["x", "-1", "1.5", "0; ls"])
def test_a_stage_refuses_a_seed_that_is_none(seed: str, project: Project) -> None:
    before = contents(project)
    outcome = project.stage("train", "--seed", seed)
    assert outcome.status == 2
    assert "seed" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert contents(project) == before


def test_evaluating_without_an_agent_says_what_to_do(project: Project) -> None:
    outcome = project.stage("evaluate", "--seed", "7")
    assert_one_clear_line(outcome, ["out/train/7"])


def test_a_damaged_agent_is_named(project: Project) -> None:
    weights = project.root / "out/train/0/agent/weights.safetensors"
    sound = weights.read_bytes()
    weights.unlink()
    weights.write_bytes(sound[:100])
    try:
        outcome = project.stage("evaluate", "--seed", "0")
    finally:
        weights.write_bytes(sound)
    assert_one_clear_line(outcome, ["weights.safetensors", "dvc checkout"])
