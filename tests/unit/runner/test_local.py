"""The runner `local`: environments in worker processes, and the same agent as with all in one."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from maze import GymMazeEnv, InvalidSpecificationError, RunContext, run_rollout
from maze.api.replay.run import replay
from maze.cli import main
from maze.config import RunnerConfig
from maze.env import ProcessVectorEnv, SyncVectorEnv, VectorEnv
from maze.processes import usable_cpus
from maze.rollout import LocalWorkers, ProcessWorkers
from maze.runner import AgentRunner, EnvironmentMaker
from tests.elsewhere import Looped, acrobot
from tests.scripted import tiny_context

RESULTS = ("agent/weights.safetensors", "agent/statistics.npz", "curve.csv", "metrics.json", "metrics.jsonl")
NORMAL = "maze.env.normalization.ObservationNormalizationWrapper"


def context(run: Path, n_processes: int, concurrency: int = 4, **arguments: Any) -> RunContext:
    """Return a context of the runner local, or of dev where there are to be no processes."""
    values = {"runner.concurrency": concurrency, "runner.n_processes": n_processes}
    given = {"env": acrobot, "wrappers": [{"_target_": NORMAL}], "runner": "local" if n_processes else "dev"}
    return tiny_context(run, values, **{**given, **arguments})


def results(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in RESULTS}


def innermost(vector: Any) -> VectorEnv:
    while hasattr(vector, "env"):
        vector = vector.env
    found: VectorEnv = vector
    return found


@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
def test_the_same_seed_is_the_same_agent_to_the_last_bit(algorithm: str, tmp_path: Path) -> None:
    wrappers = [{"_target_": NORMAL}, Looped]  # the latter makes both of them live elsewhere
    for name, processes in (("dev", 0), ("local", 2)):
        with context(tmp_path / name, processes, algorithm=algorithm, wrappers=wrappers) as run:
            run.train()
            env, evaluator = run.trainer.collector.env, run.trainer.evaluator
            assert evaluator is not None
            for vector in (env, evaluator.env):
                assert type(innermost(vector)) is (ProcessVectorEnv if processes else SyncVectorEnv)
    assert results(tmp_path / "local") == results(tmp_path / "dev")


@pytest.mark.parametrize("algorithm", ["es", "impala", "sac"])
def test_whoever_plays_by_itself_learns_the_same_with_processes(algorithm: str, tmp_path: Path) -> None:
    for name, processes in (("dev", 0), ("local", 2)):
        with context(tmp_path / name, processes, algorithm=algorithm) as run:
            run.train()
    assert results(tmp_path / "local") == results(tmp_path / "dev")


def test_evaluation_and_rollouts_play_the_same_episodes(tmp_path: Path) -> None:
    played = []
    for processes in (0, 2):
        rc = context(tmp_path / str(processes), processes)
        played.append((rc.evaluate(n_episodes=3), rc.rollout(n_episodes=3, record_trajectory=True)))
    (evaluated, rolled_out), (evaluated_elsewhere, rolled_out_elsewhere) = played
    assert evaluated_elsewhere.returns.tolist() == evaluated.returns.tolist()
    for name, values in rolled_out.steps.items():
        assert rolled_out_elsewhere.steps[name].tobytes() == values.tobytes()


def test_a_run_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    context(tmp_path / "whole", 0).train(4)
    with context(tmp_path / "half", 2) as first:
        first.train(1)
        first.train(1)
    context(tmp_path / "half", 0, resume=True).train(1)
    with context(tmp_path / "half", 1, resume=True) as last:
        last.train(1)
    assert results(tmp_path / "half") == results(tmp_path / "whole")


MODULE = """
from maze import GymMazeEnv, RewardWrapper

class Own(GymMazeEnv):
    def __init__(self, size=1.0):
        super().__init__("Pendulum-v1")
        self.size = size

class Halved(RewardWrapper):
    def reset(self):
        return super().reset()
    def reward(self, reward):
        return reward * 0.5
"""


def test_names_of_ones_own_code_mean_the_same_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_code_of_local.py").write_text(MODULE)
    tree = tmp_path / "tree"
    (tree / "env").mkdir(parents=True)
    (tree / "env" / "own.yaml").write_text("_target_: own_code_of_local.Own\nsize: 2.0\n")
    (tree / "allowed_modules.yaml").write_text("[own_code_of_local]\n")
    monkeypatch.syspath_prepend(tmp_path)
    for runner in ("dev", "local"):
        words = ["env=own", f"runner={runner}", "algorithm=a2c", "configuration=test", "tracking.mode=off"]
        words += ["wrappers=[{_target_:own_code_of_local.Halved}]", "runner.concurrency=2", "--config-dir", str(tree)]
        assert main([*words, "--seed", "3", "--silent", "--run-dir", str(tmp_path / runner)]) == 0
    assert results(tmp_path / "local") == results(tmp_path / "dev")
    repetition = replay(tmp_path / "local", allow_code=True, silent=True)
    assert repetition.identical, repetition


def test_how_many_processes_there_are(tmp_path: Path) -> None:
    runner = RunContext(runner="local").config.runner
    assert runner == RunnerConfig(concurrency=8, n_processes=None)
    assert RunContext().config.runner.n_processes == 0
    assert RunContext(runner="local", configuration="test").config.runner == RunnerConfig(concurrency=2, n_processes=2)
    for given, number in ((None, min(8, usable_cpus())), (3, 3), (20, 8), (0, 0)):
        rc = RunContext(runner="local", overrides={"runner.n_processes": given})
        made = AgentRunner(rc.config)._n_processes
        assert made == number
    with pytest.raises(InvalidSpecificationError, match=r"runner\.n_processes.*-1"):
        RunContext(runner="local", overrides={"runner.n_processes": -1})
    with pytest.raises(InvalidSpecificationError, match=r"'local' trains; accepted in a rollout"):
        run_rollout(runner="local")


class Player:
    """A worker with environments of its own, as algorithms have them."""

    def __init__(self, make_vector_env: Any, index: int) -> None:
        self.env = make_vector_env(2)
        self.index = index

    def begin(self) -> Any:
        return type(innermost(self.env)).__name__, self.env.reset([self.index, 7])["observation"]

    def close(self) -> None:
        self.env.close()


@pytest.mark.parametrize(("processes", "kind"), [(0, LocalWorkers), (2, ProcessWorkers)])
def test_algorithms_get_workers_with_environments_of_their_own(processes: int, kind: type, tmp_path: Path) -> None:
    rc = context(tmp_path / "run", processes, 2)
    runner = AgentRunner(rc.config, {"env": acrobot, "model.policy": lambda: None})
    workers = runner._make_workers(partial(Player, runner.environments.make_vector_env))
    assert type(workers) is kind
    assert workers.n_workers == max(1, processes)
    given = workers.call("begin", [()] * workers.n_workers)
    expected = EnvironmentMaker(rc.config, {"env": acrobot}).make_vector_env(2)
    for index, (name, observation) in enumerate(given):
        assert name == "SyncVectorEnv"
        assert observation.tobytes() == expected.reset([index, 7])["observation"].tobytes()
    workers.close()


def test_one_environment_stays_here(tmp_path: Path) -> None:
    runner = AgentRunner(context(tmp_path / "run", 2, 1).config, {"env": acrobot})
    assert type(innermost(runner.environments.make_vector_env(1))) is SyncVectorEnv


def test_what_cannot_be_handed_over_is_explained(tmp_path: Path) -> None:
    lock = threading.Lock()

    def locked() -> GymMazeEnv:
        with lock:
            return GymMazeEnv("Acrobot-v1")

    rc = context(tmp_path / "run", 2, env=locked)
    with pytest.raises(InvalidSpecificationError, match=r"^env: .*cannot be handed to another process.*runner='dev'"):
        rc.train()
