"""Command line, Python and pipeline are one: the same choices are the same configuration and the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maze import RunConfig, RunContext
from maze.api.specs import from_params
from maze.cli import main

NORMALIZATION = "maze.env.normalization.ObservationNormalizationWrapper"

CASES: dict[str, tuple[list[str], dict[str, Any], dict[str, Any]]] = {
    "page": (
        ["env.name=CartPole-v0", "algorithm=a2c", "model=vector_obs", "critic=template_state"],
        {
            "overrides": {"env.name": "CartPole-v0"},
            "algorithm": "a2c",
            "model": "vector_obs",
            "critic": "template_state",
        },
        {
            "algorithm": "a2c",
            "model": "vector_obs",
            "critic": "template_state",
            "set": {"env": {"name": "CartPole-v0"}},
        },
    ),
    "experiment": (
        ["+experiment=cartpole", "algorithm=ppo", "algorithm.lr=3e-4"],
        {"experiment": "cartpole", "algorithm": "ppo", "overrides": {"algorithm.lr": 3e-4}},
        {"experiment": "cartpole", "algorithm": "ppo", "set": {"algorithm.lr": 3e-4}},
    ),
    "specialisation": (
        ["configuration=test", "wrappers=vector_obs", "model.policy.networks.0.hidden_units=[8,4]"],
        {
            "configuration": "test",
            "wrappers": "vector_obs",
            "overrides": {"model.policy.networks.0.hidden_units": [8, 4]},
        },
        {"configuration": "test", "wrappers": "vector_obs", "set": {"model.policy.networks.0.hidden_units": [8, 4]}},
    ),
    "runner": (
        ["runner=local", "runner.concurrency=4", "configuration=test"],
        {"runner": "local", "overrides": {"runner.concurrency": 4}, "configuration": "test"},
        {"runner": "local", "configuration": "test", "set": {"runner.concurrency": 4}},
    ),
    "literals": (
        ["algorithm.patience=null", "algorithm.normalize_advantages=false", "evaluation={n_episodes:5,n_envs:2}"],
        {
            "overrides": {
                "algorithm.patience": None,
                "algorithm.normalize_advantages": False,
                "evaluation": {"n_episodes": 5, "n_envs": 2},
            }
        },
        {
            "set": {
                "algorithm": {"patience": None, "normalize_advantages": False},
                "evaluation": {"n_episodes": 5, "n_envs": 2},
            }
        },
    ),
    "schedule": (
        ["algorithm.lr={start:1e-3,end:1e-5,kind:cosine}"],
        {"overrides": {"algorithm.lr": {"start": 1e-3, "end": 1e-5, "kind": "cosine"}}},
        {"set": {"algorithm": {"lr": {"start": 1e-3, "end": 1e-5, "kind": "cosine"}}}},
    ),
    "parts of a schedule": (
        ["algorithm.entropy_coef.start=0.1", "algorithm.entropy_coef.until=0.5"],
        {"overrides": {"algorithm.entropy_coef.start": 0.1, "algorithm.entropy_coef.until": 0.5}},
        {"set": {"algorithm.entropy_coef.start": 0.1, "algorithm": {"entropy_coef": {"until": 0.5}}}},
    ),
    "a part of a preset's schedule": (
        ["experiment=cartpole_ppo", "algorithm.lr.kind=cosine"],
        {"experiment": "cartpole_ppo", "overrides": {"algorithm.lr.kind": "cosine"}},
        {"experiment": "cartpole_ppo", "set": {"algorithm": {"lr": {"kind": "cosine"}}}},
    ),
    "a mapping in the place of null": (
        ["wrappers=vector_obs", f"wrappers.{NORMALIZATION}.manual_config={{observation:{{strategy: range_zero_one}}}}"],
        {
            "wrappers": "vector_obs",
            "overrides": {f"wrappers.{NORMALIZATION}.manual_config": {"observation": {"strategy": "range_zero_one"}}},
        },
        {
            "wrappers": "vector_obs",
            "set": {
                "wrappers": {NORMALIZATION: {"manual_config": {"observation": {"strategy": "range_zero_one"}}}},
            },
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_choices_are_the_same_configuration(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, arguments, params = CASES[case]
    assert main([*words, "--cfg", "--seed", "5", "--run-dir", str(tmp_path / "run")]) == 0
    path = tmp_path / "config.yaml"
    path.write_text(capsys.readouterr().out)
    by_command = RunConfig.from_yaml(path)
    by_python = RunContext(**arguments).config
    by_params = from_params(params)
    assert by_command.digest() == by_python.digest() == by_params.digest()
    assert by_command.choices == by_python.choices == by_params.choices
    assert RunContext(**arguments, seed=5).config.to_yaml().replace("run_dir: null", "") == by_command.replace(
        {"run_dir": None}
    ).to_yaml().replace("run_dir: null", "")


def test_different_choices_are_different_configurations() -> None:
    digests = {from_params(params).digest() for _, _, params in CASES.values()}
    assert len(digests) == len(CASES)


@pytest.mark.parametrize("algorithm", ["a2c", "ppo", "impala"])
def test_the_same_seed_is_the_same_weights(algorithm: str, tmp_path: Path) -> None:
    values = {"algorithm.n_rollout_steps": 16, "tracking.mode": "off"}
    words = [f"algorithm={algorithm}", "configuration=test", "wrappers=vector_obs"]
    words += [f"{path}={value}" for path, value in values.items()]
    assert main([*words, "--seed", "5", "--silent", "--run-dir", str(tmp_path / "command")]) == 0

    choices = {"algorithm": algorithm, "configuration": "test", "wrappers": "vector_obs"}
    RunContext(**choices, overrides=values, seed=5, silent=True, run_dir=tmp_path / "python").train()

    composed = tmp_path / "build" / "config.yaml"
    composed.parent.mkdir()
    composed.write_text(from_params({**choices, "set": values, "seeds": [5]}).to_yaml())
    RunContext.from_config(composed, seed=5, silent=True, run_dir=tmp_path / "stage").train()

    doors = ("command", "python", "stage")
    for name in ("agent/weights.safetensors", "agent/statistics.npz", "agent/config.yaml", "curve.csv", "metrics.json"):
        contents = {(tmp_path / door / name).read_bytes() for door in doors}
        assert len(contents) == 1, name
