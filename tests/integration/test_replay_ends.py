"""Runs that were interrupted, broke or were killed, repeated; and records that were made to run somebody's code."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maze import InvalidSpecificationError, RunContext
from maze.api.replay.run import replay
from maze.api.rollouts import run_rollout
from maze.api.signals import StopRequest
from maze.artifacts import read_json, write_json
from tests.scripted import counting, tiny_context

OTHER_ERROR = "nothing that Python or maze knows"


class StrangeError(Exception):
    """Derives from no other class than all errors."""


@contextmanager
def break_off(monkeypatch: pytest.MonkeyPatch, after: int, *, softly: bool) -> Iterator[None]:
    """Interrupt training after so many updates, as one Ctrl-C does, or as a second one does."""
    asked, requested = [0], StopRequest.requested

    def interrupted(request: StopRequest) -> bool:
        asked[0] += 1
        if asked[0] == after and not softly:
            raise KeyboardInterrupt
        if asked[0] == after:
            request.signal_number = signal.SIGINT
        return requested(request)

    with monkeypatch.context() as patched:
        patched.setattr(StopRequest, "requested", interrupted)
        yield


@pytest.mark.parametrize("softly", [True, False])
@pytest.mark.parametrize("updates", [1, 3, 4, 5])  # an epoch has three
@pytest.mark.parametrize("place", ["here", "another process"])
def test_an_interruption_is_repeated_where_it_was(
    place: str, updates: int, softly: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rc = tiny_context(tmp_path / "run", {"algorithm.n_epochs": 4, "algorithm.patience": None})
    with break_off(monkeypatch, updates, softly=softly), pytest.raises(KeyboardInterrupt):
        rc.train()
    rc.evaluate(n_episodes=2, deterministic=False)
    if place != "here":
        arguments = {"algorithm.n_epochs": 4, "algorithm.patience": None}
        rc = tiny_context(tmp_path / "run", arguments, resume=True)
    rc.train()
    assert rc.trainer.epoch == 4
    record = read_json(tmp_path / "run" / "record.json")
    assert [call["status"] for call in record["calls"]] == ["KILLED", "FINISHED", "FINISHED"]
    report = replay(tmp_path / "run", silent=True)
    assert report.identical, str(report)
    assert "was interrupted" in report.reasons[0]


def test_a_run_that_was_only_interrupted_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rc = tiny_context(tmp_path / "run")
    with break_off(monkeypatch, 2, softly=True), pytest.raises(KeyboardInterrupt):
        rc.train()
    report = replay(tmp_path / "run", silent=True)
    assert report.identical, str(report)
    assert "after 0 epochs and 2 updates" in report.reasons[0]


def test_a_call_whose_process_was_killed_is_left_out(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run").train(1)
    tiny_context(tmp_path / "run", resume=True).train(1)
    record = read_json(tmp_path / "run" / "record.json")
    killed = {**record["calls"][0], "status": "RUNNING", "result": {}}
    record["calls"].insert(1, killed)
    write_json(tmp_path / "run" / "record.json", record)
    report = replay(tmp_path / "run", silent=True)
    assert report.identical, str(report)
    assert report.reasons == ("run, call 1 (train) has no end, and was left out.",)


def test_an_error_of_any_class_is_repeated(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", wrappers=[_breaking_after(20)])
    with pytest.raises(StrangeError):
        rc.train()
    report = replay(tmp_path / "run", allow_code=True, silent=True)
    assert report.identical, str(report)
    assert "run, call 0 (train): status" in report.compared


def _breaking_after(steps: int) -> Any:
    from maze import RewardWrapper

    left = [steps]

    class Breaking(RewardWrapper):
        """Breaks after some steps."""

        def reward(self, reward: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise StrangeError(OTHER_ERROR)
            return reward

    return Breaking


def test_every_session_is_repeated_with_the_objects_that_it_was_given(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run", env=lambda: counting([4])).train(1)
    tiny_context(tmp_path / "run", env=lambda: counting([7]), resume=True).train(1)
    report = replay(tmp_path / "run", allow_code=True, silent=True)
    assert report.identical, str(report)


def test_a_job_of_a_multirun_is_repeated_after_its_agent_has_played(tmp_path: Path) -> None:
    rc: Any = tiny_context(tmp_path / "jobs", {"algorithm.lr": [0.01]}, multirun=True)
    rc.train(1)
    before = (rc.run_dir[0] / "metrics.json").read_bytes()
    rc.evaluate(n_episodes=2)
    assert (rc.run_dir[0] / "metrics.json").read_bytes() == before
    report = replay(rc.run_dir[0], silent=True)
    assert report.identical, str(report)


# --- rollouts from configuration ------------------------------------------------------------------------------------


def test_a_rollout_of_a_trained_agent_is_repeated_without_that_agent(tmp_path: Path) -> None:
    tiny_context(tmp_path / "agent").train(1)
    overrides = {"runner.n_episodes": 2}
    run_rollout(
        policy="torch_policy", input_dir=tmp_path / "agent", overrides=overrides, run_dir=tmp_path / "run", silent=True
    )
    shutil.rmtree(tmp_path / "agent")
    report = replay(tmp_path / "run", silent=True)
    assert report.identical, str(report)


def test_a_rollout_of_ones_own_policy_is_repeated_without_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy_of_mine.py").write_text(
        "import numpy as np\n"
        "class Left:\n"
        "    def act(self, observation, rng, deterministic=False):\n"
        "        return {'action': np.zeros(len(observation['observation']), np.int64)}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    overrides = {"runner.n_episodes": 2, "allowed_modules": ["policy_of_mine"]}
    policy = {"_target_": "policy_of_mine.Left"}
    run_rollout(policy=policy, overrides=overrides, run_dir=tmp_path / "run", silent=True, seed=1)
    (tmp_path / "policy_of_mine.py").unlink()
    monkeypatch.delitem(sys.modules, "policy_of_mine")
    with pytest.raises(InvalidSpecificationError, match=r"'policy_of_mine'.*allow_code=True"):
        replay(tmp_path / "run", silent=True)
    assert "policy_of_mine" not in sys.modules
    assert replay(tmp_path / "run", allow_code=True, silent=True).identical
    monkeypatch.delitem(sys.modules, "policy_of_mine")


# --- records from a stranger ----------------------------------------------------------------------------------------


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that can be imported and must not be; returns the file that it would make."""
    (tmp_path / "strangers_module.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "imported"


def test_an_id_that_imports_a_module_needs_permission(trap: Path, tmp_path: Path) -> None:
    tiny_context(tmp_path / "run").train(1)
    config = tmp_path / "run" / "agent" / "config.yaml"
    config.write_text(config.read_text().replace("CartPole-v1", "strangers_module:Env-v0"))
    with pytest.raises(InvalidSpecificationError, match=r"'strangers_module'.*allow_code=True"):
        RunContext.load(tmp_path / "run", silent=True)
    record = read_json(tmp_path / "run" / "record.json")
    record["sessions"][0]["config"]["env"]["name"] = "strangers_module:Env-v0"
    write_json(tmp_path / "run" / "record.json", record)
    with pytest.raises(InvalidSpecificationError, match=r"'strangers_module'.*allow_code=True"):
        replay(tmp_path / "run", silent=True)
    assert not trap.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"allowed_modules": ["strangers_module"], "policy": {"_target_": "strangers_module.Policy"}},
        {"env": {"_target_": "maze.env.make_gym_maze_env", "name": "strangers_module:Env-v0"}},
    ],
)
def test_a_record_of_a_rollout_imports_nothing_without_permission(
    change: dict[str, Any], trap: Path, tmp_path: Path
) -> None:
    run_rollout(policy="random_policy", overrides={"runner.n_episodes": 1}, run_dir=tmp_path / "run", silent=True)
    record = read_json(tmp_path / "run" / "record.json")
    record["config"].update(change)
    write_json(tmp_path / "run" / "record.json", record)
    with pytest.raises(InvalidSpecificationError, match=r"'strangers_module'.*allow_code=True"):
        replay(tmp_path / "run", silent=True)
    assert not trap.exists()


def test_a_configuration_cannot_load_another_run(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run").train(1)
    rc = RunContext.from_config(
        read_json(tmp_path / "run" / "record.json")["config"]
        | {"env": {"_target_": "maze.RunContext.load", "source": str(tmp_path / "run"), "allow_code": True}},
        run_dir=tmp_path / "other",
        silent=True,
    )
    with pytest.raises(InvalidSpecificationError, match=r"'maze\.RunContext\.load' runs or loads whole runs"):
        rc.compute_action({"observation": np.zeros(4, np.float32)})
