"""Rollouts from configuration: who plays, what is recorded, and that equal seeds give equal trajectories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maze import GymMazeEnv, InvalidSpecificationError, RunContext
from maze.api.rollouts import RolloutRun, run_rollout
from maze.config.rollout_run import RolloutRunnerConfig
from tests.scripted import ConstantPolicy, CountingEnv, counting, tiny_context


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a run whose agent normalises its observations."""
    directory = tmp_path_factory.mktemp("rollouts") / "run"
    settings: dict[str, Any] = {"model": "vector_obs", "critic": "template_state", "wrappers": "vector_obs"}
    tiny_context(directory, {"env.name": "CartPole-v0"}, **settings).train()
    return directory


def play(run_dir: Path, **arguments: Any) -> Any:
    """Play two short episodes, unless told otherwise."""
    return run_rollout(**{"configuration": "test", "seed": 3, "run_dir": run_dir, "silent": True, **arguments})


def test_what_a_rollout_leaves(tmp_path: Path) -> None:
    result = play(tmp_path / "run")
    names = {str(path.relative_to(tmp_path / "run")) for path in (tmp_path / "run").rglob("*") if path.is_file()}
    events = {f"rollout/event_logs/{name}.tsv" for name in ("action", "reward", "episode_end")}
    assert names >= {"config.yaml", "environment.txt", "record.json", "rollout/episodes.parquet", "rollout/steps.npz"}
    assert names >= events
    assert result.files["record"] == tmp_path / "run" / "record.json"
    record = json.loads(result.files["record"].read_text())
    assert (record["kind"], record["status"]) == ("rollout", "FINISHED")
    assert record["config"]["seeding"] == {"env_base_seed": 3, "agent_base_seed": 3}
    (call,) = record["calls"]
    assert (call["method"], call["status"], call["result"]) == ("rollout", "FINISHED", result.statistics)


def test_actions_are_of_the_space_and_follow_the_seed(tmp_path: Path) -> None:
    first, again, other = (play(tmp_path / str(i), seed=seed).steps for i, seed in enumerate((3, 3, 4)))
    assert set(first["action/action"].tolist()) == {0, 1}
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["observation/observation"], other["observation/observation"])


def test_seeds_are_drawn_and_recorded_and_repeat_the_rollout(tmp_path: Path) -> None:
    first = play(tmp_path / "first", seed=None)
    again = RolloutRun.from_config(tmp_path / "first" / "config.yaml", run_dir=tmp_path / "again").play(silent=True)
    for kind in ("episodes", "steps", "event_logs/reward"):
        assert again.files[kind].read_bytes() == first.files[kind].read_bytes()
    assert play(tmp_path / "other", seed=None).episodes.seeds.tolist() != first.episodes.seeds.tolist()


def test_what_is_recorded_can_be_chosen(tmp_path: Path) -> None:
    values = {"runner.record_trajectory": False, "runner.record_event_logs": False}
    result = play(tmp_path / "run", overrides=values)
    assert set(result.files) == {"episodes", "record"}
    assert (dict(result.steps), dict(result.events)) == ({}, {})


def test_a_trained_agent_plays_as_its_own_context_does(trained: Path, tmp_path: Path) -> None:
    expected = RunContext.load(trained).rollout(n_episodes=4, output_dir=tmp_path / "expected", record_event_logs=True)
    played = run_rollout(
        policy="torch_policy",
        input_dir=trained,
        runner="parallel",
        overrides={"runner.n_episodes": 4},
        seed=1,  # the seed of the training
        run_dir=tmp_path / "run",
        silent=True,
    )
    for kind, path in expected.files.items():
        assert played.files[kind].read_bytes() == path.read_bytes()


def test_a_trained_agent_brings_environment_and_wrappers(trained: Path) -> None:
    config = RolloutRun.compose(policy="torch_policy", input_dir=trained).config
    assert config.env["name"] == "CartPole-v0"
    assert config.section("wrappers")[0]["_target_"].endswith("ObservationNormalizationWrapper")
    assert config.choices["env"] is None
    changed = RolloutRun.compose(policy="torch_policy", input_dir=trained, overrides={"env.name": "CartPole-v1"})
    assert changed.config.env["name"] == "CartPole-v1"
    chosen = RolloutRun.compose(policy="torch_policy", input_dir=trained, env="gym_env").config
    assert (chosen.env["name"], chosen.choices["env"]) == ("CartPole-v1", "gym_env")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"wrappers": "no_wrappers"}, "do not fit the agent"),
        ({"overrides": {"env.name": "Acrobot-v1"}}, "do not fit the agent"),
        ({"model": "flatten_concat"}, "leave model out"),
        ({"overrides": {"policy.device": "no-such-device"}}, "no-such-device"),
    ],
)
def test_what_does_not_fit_the_agent(arguments: dict[str, Any], message: str, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        play(tmp_path / "run", policy="torch_policy", input_dir=trained, **arguments)
    assert not (tmp_path / "run").exists()


def test_the_agents_own_model_may_be_named(trained: Path, tmp_path: Path) -> None:
    assert len(play(tmp_path / "run", policy="torch_policy", input_dir=trained, model="vector_obs")) == 2


def test_environments_and_policies_of_ones_own(tmp_path: Path) -> None:
    result = play(
        tmp_path / "run",
        env=lambda: GymMazeEnv(CountingEnv([2])),
        policy=ConstantPolicy(1),
        runner=RolloutRunnerConfig(n_episodes=3),
        configuration=None,
    )
    assert result.lengths.tolist() == [2, 2, 2]
    assert result.returns.tolist() == [3.0, 3.0, 3.0]
    assert set(result.steps["action/action"].tolist()) == {1}
    record = json.loads(result.files["record"].read_text())
    assert record["config"]["policy"]["_object_"] == "tests.scripted.ConstantPolicy"
    assert (tmp_path / "run" / "objects" / "index.json").is_file()


def test_sequential_and_parallel_play_the_same_episodes_where_nothing_is_drawn(tmp_path: Path) -> None:
    results = [
        play(tmp_path / name, env=counting, policy=ConstantPolicy(), runner=name, configuration=None)
        for name in ("sequential", "parallel")
    ]
    assert results[0].files["steps"].read_bytes() != b""
    for kind in ("episodes", "event_logs/reward", "event_logs/episode_end"):
        assert results[0].files[kind].read_bytes() == results[1].files[kind].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"policy": object()}, "has no method act"),
        ({"policy": "torch_policy"}, "input_dir: missing"),
        ({"input_dir": "x"}, "is used by policy='torch_policy' alone"),
        ({"runner": 3}, "runner: 3 is not accepted"),
        ({"env": counting([1])}, "pass a factory"),
        ({"seed": -1}, "seed: -1"),
    ],
)
def test_wrong_arguments_are_named_and_leave_nothing(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        play(tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def test_an_earlier_run_is_never_overwritten(tmp_path: Path) -> None:
    play(tmp_path / "run")
    before = (tmp_path / "run" / "record.json").read_bytes()
    with pytest.raises(InvalidSpecificationError, match="holds an earlier run"):
        play(tmp_path / "run")
    assert (tmp_path / "run" / "record.json").read_bytes() == before
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSpecificationError, match="is a file"):
        play(tmp_path / "file")


def test_a_rollout_that_breaks_is_recorded(tmp_path: Path) -> None:
    class Breaking(ConstantPolicy):
        def act(self, observation: Any, rng: Any, deterministic: bool = False) -> dict[str, Any]:
            raise ZeroDivisionError("broken")

    with pytest.raises(ZeroDivisionError):
        play(tmp_path / "run", policy=Breaking())
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert (record["status"], record["reason"]) == ("FAILED", "ZeroDivisionError: broken")
