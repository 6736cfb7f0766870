"""Runs repeated from their record alone, in processes and directories that never saw what made them."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from maze import ArtifactError, GymMazeEnv, InvalidSpecificationError, RunContext, TrainingError
from maze.api.replay.run import replay
from maze.api.rollouts import run_rollout
from maze.artifacts import read_json, write_json
from maze.rollout import RolloutEvaluator
from tests.integration.project import REPOSITORY, clean_environment
from tests.scripted import counting, tiny_context

MODULE = '''
"""A module beside the script."""
import torch
from torch import nn
from maze import GymMazeEnv
from helper_beside import WIDTH

class OwnNetwork(nn.Module):
    def __init__(self, obs_shapes, action_logits_shapes, width=WIDTH):
        super().__init__()
        self.first = nn.Linear(obs_shapes["observation"][0], width)
        self.second = nn.Linear(width, action_logits_shapes["action"][0])
    def forward(self, observation):
        return {"action": self.second(torch.tanh(self.first(observation["observation"])))}

class Noisy:
    """Makes environments; what it holds decides which."""
    def __init__(self, name):
        self.name = name
    def __call__(self):
        return GymMazeEnv(self.name)
'''

SCRIPT = '''
import sys
from maze import ObservationWrapper, RunContext
from maze.rollout import RolloutEvaluator
from module_beside import Noisy

class Scaled(ObservationWrapper):
    """A class that only the script has."""
    def observation(self, observation):
        return {name: value * SCALE for name, value in observation.items()}

SCALE = 0.5
name = "CartPole-v1"

def wrap(env):
    return Scaled.wrap(env)

rc = RunContext(
    env=(lambda: Noisy(name)()) if sys.argv[1] == "closure" else Noisy(name),
    wrappers=[wrap] if sys.argv[1] == "closure" else Scaled,
    policy={"_target_": "maze.perception.models.policies.ProbabilisticPolicyComposer",
            "networks": [{"_target_": "module_beside.OwnNetwork", "width": 6}]},
    algorithm="a2c",
    configuration="test",
    overrides={"allowed_modules": ["module_beside"], "tracking.mode": sys.argv[2]},
    run_dir="run",
    seed=11,
    silent=True,
)
rc.evaluate(n_episodes=1)
rc.train(1)
rc.train(n_epochs=1)
rc.evaluate(n_episodes=3, deterministic=True)
rc.rollout(n_episodes=2, max_episode_steps=9)
'''


def run(words: list[str], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**clean_environment(cwd / "scratch"), "PYTHONPATH": str(REPOSITORY), **variables}
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def maze_run(cwd: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from maze.cli import main; sys.exit(main(sys.argv[1:]))"
    return run([sys.executable, "-P", "-c", code, *words], cwd, **variables)


def record_with_script(place: Path, kind: str, mode: str = "off", **variables: str) -> Path:
    """Run the script, take its run to another directory, and delete the script."""
    script = place / "script"
    script.mkdir(parents=True)
    (script / "main.py").write_text(SCRIPT)
    (script / "module_beside.py").write_text(MODULE)
    (script / "helper_beside.py").write_text("WIDTH = 4\n")
    done = run([sys.executable, "main.py", kind, mode], script, **variables)
    assert done.returncode == 0, done.stderr
    shutil.move(script / "run", place / "run")
    for path in script.iterdir():
        if path.name != ".maze":  # artifacts of the tracking store
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return place / "run"


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the script, whose network is in a module beside it."""
    return record_with_script(tmp_path_factory.mktemp("scripted"), "closure")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A run without objects, with one call of each kind."""
    rc = tiny_context(tmp_path / "run")
    rc.train(2)
    rc.evaluate(n_episodes=2)
    rc.rollout(n_episodes=2)
    return tmp_path / "run"


# --- objects and modules of a script that is gone -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["closure", "instance"])
def test_a_run_is_repeated_where_its_script_never_was(kind: str, scripted: Path, tmp_path: Path) -> None:
    source = scripted if kind == "closure" else record_with_script(tmp_path / "recorded", kind)
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    (tmp_path / "elsewhere").mkdir()
    done = maze_run(tmp_path / "elsewhere", "replay", str(source), "--allow-code", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    verdict = json.loads(done.stdout)
    assert verdict["identical"] is True
    assert verdict["first_difference"] is None
    assert verdict["environment"] == {}
    for name in ("run: curve.csv", "run: agent/weights.safetensors", "run: metrics.json", "run: agent/statistics.npz"):
        assert name in verdict["compared"]
    for name in ("call 0 (evaluate): episodes", "call 3 (evaluate): result", "call 4 (rollout): steps.npz"):
        assert f"run, {name}" in verdict["compared"]
    assert {path: path.read_bytes() for path in source.rglob("*") if path.is_file()} == before
    assert not Path(verdict["directory"]).exists()


def test_a_run_is_loaded_where_its_script_never_was(scripted: Path, tmp_path: Path) -> None:
    code = """
import sys
from maze import RunContext
before = list(sys.path)
rc = RunContext.load(sys.argv[1], allow_code=True, silent=True)
print(rc.evaluate(n_episodes=3, deterministic=True).statistics["mean_return"], type(rc.policy.networks["0"]).__module__)
assert sys.path == before
"""
    done = run([sys.executable, "-P", "-c", code, str(scripted)], tmp_path)
    assert done.returncode == 0, done.stderr
    mean, module = done.stdout.split()
    recorded = read_json(scripted / "record.json")["calls"][3]
    assert float(mean) == recorded["result"]["mean_return"]
    assert module == "module_beside"


@pytest.mark.parametrize("command", ["replay", "evaluate"])
def test_without_permission_nothing_of_the_run_is_imported(command: str, scripted: Path, tmp_path: Path) -> None:
    shutil.copytree(scripted, tmp_path / "run")
    trap = "import pathlib; pathlib.Path(__file__).with_name('imported').touch()\n"
    for path in (tmp_path / "run" / "agent" / "objects" / "code").glob("*.py"):
        path.write_text(trap + path.read_text())
    done = maze_run(tmp_path, command, str(tmp_path / "run"))
    assert done.returncode == 2
    assert "--allow-code" in done.stderr
    assert not list(tmp_path.rglob("imported"))
    allowed = maze_run(tmp_path, command, str(tmp_path / "run"), "--allow-code")
    assert allowed.returncode == 2  # what was changed since is refused as well
    assert "sha256 differs" in allowed.stderr
    assert not list(tmp_path.rglob("imported"))


def test_a_malicious_object_does_nothing_without_permission(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run", env=_Malicious(tmp_path / "created")).train(1)
    rc = RunContext.load(tmp_path / "run", silent=True)
    assert rc.compute_action({"observation": np.zeros(2, np.float32)}, deterministic=True)
    for use in (lambda: rc.evaluate(n_episodes=1), lambda: replay(tmp_path / "run", silent=True)):
        with pytest.raises(InvalidSpecificationError, match=r"env \(.*_Malicious.*allow_code=True"):
            use()
    assert not (tmp_path / "created").exists()
    with pytest.raises(ArtifactError):
        RunContext.load(tmp_path / "run", silent=True, allow_code=True)
    assert (tmp_path / "created").exists()


class _Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __call__(self) -> Any:
        return counting([4])

    def __reduce__(self) -> Any:
        return (_touch_and_break, (str(self.target),))


def _touch_and_break(target: str) -> Any:
    Path(target).touch()
    raise ValueError(target)


def test_an_object_that_cannot_be_stored_is_passed_again(tmp_path: Path) -> None:
    with (tmp_path / "held").open("w") as held:
        tiny_context(tmp_path / "run", env=lambda: counting([4 + held.closed])).train(1)
    with pytest.raises(InvalidSpecificationError, match=r"^env: .*could not be stored.*pass it again: env="):
        replay(tmp_path / "run", allow_code=True, silent=True)
    assert replay(tmp_path / "run", env=lambda: counting([4]), silent=True).identical
    other = replay(tmp_path / "run", env=lambda: counting([5]), silent=True)
    assert not other.identical
    assert other.first is not None
    assert other.first.file == "curve.csv"
    assert other.first.epoch == 1
    shutil.rmtree(other.directory)


ALGORITHM = """
from dataclasses import dataclass
from maze import A2CAlgorithmConfig

@dataclass(frozen=True, kw_only=True)
class Own(A2CAlgorithmConfig):
    extra: float = 1.0
"""

USE_ALGORITHM = """
from maze import RunContext
rc = RunContext(
    algorithm=Own(n_epochs=1, epoch_length=2, n_rollout_steps=8, extra=2.0),
    run_dir="../run", silent=True, seed=1, overrides={"tracking.mode": "off"},
)
rc.train(1)
"""


@pytest.mark.parametrize("place", ["module beside", "main"])
def test_an_algorithm_of_ones_own_is_repeated_without_its_script(place: str, tmp_path: Path) -> None:
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "own_algorithm.py").write_text(ALGORITHM)
    first = ALGORITHM if place == "main" else "from own_algorithm import Own\n"
    (tmp_path / "script" / "main.py").write_text(first + USE_ALGORITHM)
    done = run([sys.executable, "main.py"], tmp_path / "script")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(tmp_path / "script")
    (tmp_path / "elsewhere").mkdir()
    done = maze_run(tmp_path / "elsewhere", "replay", str(tmp_path / "run"), "--allow-code")
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith(f"bit-identical: {tmp_path / 'run'}")


# --- what differs ---------------------------------------------------------------------------------------------------


def verdict_of(source: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    from maze.cli import main

    status = main(["replay", str(source), "--json"])
    verdict: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == (0 if verdict["identical"] else 1)
    if not verdict["identical"]:
        assert Path(verdict["directory"], "record.json").is_file()
        shutil.rmtree(verdict["directory"])
    return verdict


def test_a_changed_cell_of_the_curve_is_the_first_difference(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (plain / "curve.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    name = list(rows[1])[-1]
    was = rows[1][name]
    rows[1][name] = "0.125"
    with (plain / "curve.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    first = verdict_of(plain, capsys)["first_difference"]
    assert (first["file"], first["metric"], first["epoch"]) == ("curve.csv", name, 2)
    assert (first["recorded"], first["replayed"]) == (0.125, float(was))
    assert (first["call"], first["method"], first["part"]) == (0, "train", "run")
    assert "changed after the run" in first["note"]


def test_a_changed_weight_is_the_first_difference(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = load_file(plain / "agent" / "weights.safetensors")
    name = next(name for name, tensor in weights.items() if tensor.ndim == 2 and len(tensor) > 1)
    was = float(weights[name][1, 0])
    weights[name][1, 0] = np.nextafter(weights[name][1, 0], np.float32(9))
    save_file(weights, plain / "agent" / "weights.safetensors")
    first = verdict_of(plain, capsys)["first_difference"]
    assert (first["file"], first["metric"]) == ("agent/weights.safetensors", f"{name}[1, 0]")
    assert first["replayed"] == was
    assert first["recorded"] != was
    assert first["note"].startswith(f"1 of {weights[name].size} values")


def test_a_changed_result_and_environment_are_named(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = read_json(plain / "record.json")
    record["calls"][1]["result"]["mean_return"] = -1.5
    environment = record["sessions"][0]["environment"]
    environment["packages"]["numpy"] = "0.0.1"
    environment["git"]["commit"] = "f" * 40
    environment["git"]["patch_sha256"] = "0" * 64
    environment["cpu"] = "another CPU"
    environment["python"] = "2.7.1"
    write_json(plain / "record.json", record)
    verdict = verdict_of(plain, capsys)
    first = verdict["first_difference"]
    assert (first["call"], first["method"], first["file"], first["metric"]) == (1, "evaluate", "result", "mean_return")
    assert first["recorded"] == -1.5
    assert verdict["environment"]["packages.numpy"] == ["0.0.1", np.__version__]
    assert set(verdict["environment"]) >= {"packages.numpy", "git.commit", "git.patch_sha256", "cpu", "python"}


def test_a_changed_seed_changes_the_curve_from_its_first_row(plain: Path) -> None:
    record = read_json(plain / "record.json")
    record["sessions"][0]["config"]["seeding"] = {"env_base_seed": 2, "agent_base_seed": 2}
    write_json(plain / "record.json", record)
    report = replay(plain, silent=True)
    assert report.first is not None
    assert (report.first.file, report.first.epoch) == ("curve.csv", 1)
    assert {difference.file for difference in report.differences} >= {"curve.csv", "agent/weights.safetensors"}
    text = str(report)
    assert text.startswith(f"different: {plain}\nfirst difference: run, call 0 (train), curve.csv, epoch 1: ")
    assert str(report.directory) in text
    shutil.rmtree(report.directory)


def test_a_file_that_is_gone_is_compared_by_its_hash(plain: Path) -> None:
    (plain / "agent" / "weights.safetensors").unlink()
    (plain / "rollout" / "steps.npz").unlink()
    assert replay(plain, silent=True).identical
    record = read_json(plain / "record.json")
    record["calls"][0]["files"]["agent/weights.safetensors"] = "0" * 64
    write_json(plain / "record.json", record)
    report = replay(plain, silent=True)
    assert report.first is not None
    assert (report.first.file, report.first.metric) == ("agent/weights.safetensors", "sha256")
    shutil.rmtree(report.directory)


# --- what was begun elsewhere, broken, or is no run -----------------------------------------------------------------


def test_what_trains_on_from_a_loaded_run_is_repeated_from_its_own_record(plain: Path, tmp_path: Path) -> None:
    config = RunContext.load(plain).config.replace({"log_base_dir": str(tmp_path / "new"), "tracking.mode": "off"})
    rc = RunContext.load(plain, config=config, silent=True)
    rc.evaluate(n_episodes=2)
    rc.train(1)
    record = read_json(rc.run_dir / "record.json")
    assert record["began_from"]["source"] == str(plain / "agent")
    assert [call["method"] for call in record["calls"]] == ["evaluate", "train"]
    shutil.rmtree(plain)
    report = replay(rc.run_dir, silent=True)
    assert report.identical, str(report)
    initial = rc.run_dir / "initial" / "agent" / "weights.safetensors"
    save_file({name: tensor + 0.5 for name, tensor in load_file(initial).items()}, initial)
    shutil.rmtree(rc.run_dir / "initial" / "checkpoint", ignore_errors=True)
    assert not replay(rc.run_dir, silent=True).identical


def test_a_run_that_was_resumed_is_repeated_session_by_session(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run").train(1)
    rc = tiny_context(tmp_path / "run", resume=True)
    rc.train(1)
    rc.evaluate(n_episodes=1)
    record = read_json(tmp_path / "run" / "record.json")
    assert [call.get("session", 0) for call in record["calls"]] == [0, 1, 1]
    assert len(record["sessions"]) == 2
    report = replay(tmp_path / "run", output_dir=tmp_path / "again", silent=True)
    assert report.identical, str(report)
    assert (tmp_path / "again" / "curve.csv").read_bytes() == (tmp_path / "run" / "curve.csv").read_bytes()


def test_a_run_with_state_is_repeated(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", algorithm="ppo", model="vector_obs_recurrent", critic="template_state")
    rc.train(2)
    rc.evaluate(n_episodes=2)
    rc.rollout(n_episodes=2)
    report = replay(tmp_path / "run", silent=True)
    assert report.identical, str(report)


def test_a_rollout_of_a_loaded_run_is_recorded_beside_its_files_as_well(plain: Path, tmp_path: Path) -> None:
    RunContext.load(plain, silent=True).rollout(n_episodes=2, output_dir=tmp_path / "played")
    assert read_json(plain / "record.json")["calls"][-1]["directory"] == str(tmp_path / "played")
    assert replay(plain, silent=True).identical
    shutil.rmtree(plain)
    assert replay(tmp_path / "played", silent=True).identical


def test_calls_with_live_objects_are_repeated(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run")
    rc.train(1)
    bonus = 3
    rc.evaluate(_target_="maze.rollout.evaluate.RolloutEvaluator", eval_env=_make_with(bonus), n_episodes=2)
    written = read_json(tmp_path / "run" / "record.json")["calls"][1]["arguments"]
    assert written["n_episodes"] == 2
    assert written["eval_env"]["_stored_"] == "calls.1.eval_env"
    with pytest.raises(InvalidSpecificationError, match="allow_code=True"):
        replay(tmp_path / "run", silent=True)
    assert replay(tmp_path / "run", allow_code=True, silent=True).identical


def _make_with(bonus: int) -> Any:
    def make(n_envs: int) -> Any:
        from maze.env import GymMazeEnv, make_vector_env

        assert bonus == 3
        return make_vector_env(lambda: GymMazeEnv("CartPole-v1"), n_envs)

    return make


def test_a_run_that_broke_breaks_again_in_the_same_way(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", env=lambda: counting([4], nan_after=30))
    with pytest.raises(TrainingError):
        rc.train()
    record = read_json(tmp_path / "run" / "record.json")
    assert record["status"] == "FAILED"
    assert (tmp_path / "run" / "agent" / "objects" / "env.cloudpickle").is_file()
    report = replay(tmp_path / "run", allow_code=True, silent=True)
    assert report.identical, str(report)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record.clear(), "does not hold what a repetition needs"),
        (lambda record: record["calls"].clear(), "lists no calls"),
        (lambda record: record["calls"][0].update(status="RUNNING"), "has no end"),
        (lambda record: record["calls"][0].update(method="dance"), "cannot be repeated"),
        (lambda record: record["sessions"][0]["config"].update(env={"_target_": "os.system"}), "os.system"),
    ],
)
def test_what_cannot_be_repeated_says_why(
    change: Any, message: str, plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from maze.cli import main

    record = read_json(plain / "record.json")
    change(record)
    write_json(plain / "record.json", record)
    assert main(["replay", str(plain), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


def test_no_run_and_a_used_place_are_refused(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="holds no record"):
        replay(tmp_path / "empty")
    with pytest.raises(ArtifactError, match=r"holds several runs; name one of them: .*run"):
        replay(tmp_path)
    with pytest.raises(ArtifactError, match="neither an existing run directory nor an MLflow run id"):
        replay(tmp_path / "missing")
    with pytest.raises(InvalidSpecificationError, match=r"output_dir: .* is in use"):
        replay(plain, output_dir=plain)
    assert replay(plain / "record.json", silent=True).identical
    assert replay(plain / "agent", silent=True).identical


def test_a_rollout_from_configuration_is_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = {"env.name": "CartPole-v1", "runner.n_episodes": 3}
    run_rollout(policy="random_policy", overrides=overrides, run_dir=tmp_path / "run", silent=True, seed=3)
    assert verdict_of(tmp_path / "run", capsys)["environment"] == {}
    steps = tmp_path / "run" / "rollout" / "steps.npz"
    record = read_json(tmp_path / "run" / "record.json")
    record["config"]["seeding"]["agent_base_seed"] += 1
    write_json(tmp_path / "run" / "record.json", record)
    first = verdict_of(tmp_path / "run", capsys)["first_difference"]
    assert first["method"] == "rollout"
    assert steps.is_file()
    for source in ({}, {"env": lambda: GymMazeEnv("CartPole-v1")}):
        place = tmp_path / f"own{len(source)}"
        run_rollout(policy="random_policy", run_dir=place, silent=True, seed=3, **source)
        assert replay(place, allow_code=True, silent=True).identical


# --- MLflow -----------------------------------------------------------------------------------------------------------


def test_a_run_in_mlflow_is_repeated_from_there_alone(tmp_path: Path) -> None:
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    source = record_with_script(tmp_path / "recorded", "closure", "required", **store)
    run_id = read_json(source / "record.json")["run_id"]
    shutil.rmtree(source)
    (tmp_path / "elsewhere").mkdir()
    refused = maze_run(tmp_path / "elsewhere", "replay", run_id, **store)
    assert refused.returncode == 2
    assert "--allow-code" in refused.stderr
    done = maze_run(tmp_path / "elsewhere", "replay", run_id, "--allow-code", "--json", **store)
    assert done.returncode == 0, done.stderr + done.stdout
    verdict = json.loads(done.stdout)
    assert "run: agent/weights.safetensors" in verdict["compared"]
    assert "run: curve.csv" in verdict["compared"]
    missing = maze_run(tmp_path / "elsewhere", "replay", "0" * 32, **store)
    assert missing.returncode == 2
    assert os.environ.get("MLFLOW_TRACKING_URI") != store["MLFLOW_TRACKING_URI"]


class Seedless(RolloutEvaluator):
    """An evaluator that does not pass the run's seed on."""

    def __init__(self, eval_env: Any = None, n_episodes: int = 3) -> None:
        super().__init__(eval_env, n_episodes)


def test_an_evaluator_that_passes_no_seed_on_is_repeated(tmp_path: Path) -> None:
    run = tmp_path / "run"
    rc = tiny_context(run, env=counting, overrides={"algorithm.rollout_evaluator": {"n_episodes": 3}})
    rc.train(1)
    first, second = (rc.evaluate(_target_=Seedless, n_episodes=4) for _ in range(2))
    assert first.lengths.tolist() == second.lengths.tolist()  # as those of the usual evaluator
    report = replay(run, allow_code=True, silent=True)
    assert report.identical, str(report.first)
