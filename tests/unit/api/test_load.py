"""A loaded run acts, is evaluated and trains on, in a process that knows nothing else; a damaged one says so."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from maze import ArtifactError, GymMazeEnv, InvalidSpecificationError, MazeError, RunContext, replay, run_rollout
from maze.api.record.objects import load_objects
from maze.api.rollouts import RolloutRun
from maze.config.sections import TrackingConfig
from tests.scripted import counting, tiny_context, weights_of

ROOT = Path(__file__).parents[3]
OBSERVATIONS = [[0.1 * step, -0.2, 0.05 * step, 0.3] for step in range(8)]

SCRIPT = """
import json, sys
import numpy as np
from maze import RunContext
rc = RunContext.load(sys.argv[1])
observations = np.array(json.loads(sys.argv[2]), np.float32)
print(json.dumps({
    "sampled": [int(rc.compute_action({"observation": row})["action"]) for row in observations],
    "deterministic": rc.compute_action({"observation": observations}, deterministic=True)["action"].tolist(),
    "returns": rc.evaluate(n_episodes=4).returns.tolist(),
    "rolled out": rc.rollout(n_episodes=3, output_dir=sys.argv[3]).returns.tolist(),
}))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a finished run with normalised observations."""
    directory = tmp_path_factory.mktemp("loading") / "run"
    tiny_context(directory, wrappers="vector_obs", algorithm="ppo").train()
    return directory


@pytest.fixture(scope="module")
def run_of_a_lambda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a finished run that holds an object."""
    directory = tmp_path_factory.mktemp("code") / "run"
    tiny_context(directory, env=lambda: counting([4])).train(1)
    return directory


@pytest.fixture
def copy_of_run(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "copy"))


OTHERS = {
    "evaluation.n_episodes": 3,
    "rollout.n_episodes": 4,
    "tracking.experiment_name": "mine",
    "tracking.registered_model": "mine",
    "tracking.alias": "champion",
    "tracking.writers": ["json_lines"],
}


def test_what_the_agent_does_not_hold_comes_from_the_record_of_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with tiny_context(tmp_path / "run", {"tracking.mode": "off", **OTHERS}) as rc:
        rc.train(1)
    with RunContext.load("run", silent=True) as loaded:
        tracking = loaded.config.tracking
        assert (loaded.config.evaluation, loaded.config.rollout) == (rc.config.evaluation, rc.config.rollout)
        assert (tracking.mode, tracking.experiment_name, tracking.writers) == ("off", "mine", ("json_lines",))
        assert (tracking.registered_model, tracking.alias) == (None, None)
        loaded.train(1)
        assert (loaded.run_dir / "statistics.jsonl").is_file()
        assert not (tmp_path / ".maze").exists()
    for form in ("run", "run/agent"):
        trusted = RunContext.load(tmp_path / form, silent=True, allow_code=True).config
        assert trusted.tracking == rc.config.tracking
    given = RunContext.load(tmp_path / "run", silent=True, config=rc.config.replace({"tracking.mode": "required"}))
    assert given.config.tracking.mode == "required"
    shutil.copytree(tmp_path / "run" / "agent", tmp_path / "alone")
    assert RunContext.load(tmp_path / "alone", silent=True).config.tracking == TrackingConfig()


def test_a_record_that_cannot_be_read_keeps_no_agent_from_acting(copy_of_run: Path) -> None:
    record = copy_of_run / "record.json"
    content = json.loads(record.read_text())
    record.write_text("{")
    assert RunContext.load(copy_of_run, silent=True).config.tracking == TrackingConfig()
    content["config"]["tracking"]["mode"] = "of"
    record.write_text(json.dumps(content))
    with pytest.raises(
        InvalidSpecificationError, match=r"record\.json: tracking\.mode: 'of' is not accepted; .*config="
    ):
        RunContext.load(copy_of_run, silent=True)


def test_a_fresh_process_acts_and_evaluates_the_same(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", wrappers="vector_obs", algorithm="ppo")
    rc.train()
    rows = np.array(OBSERVATIONS, np.float32)
    expected = {
        "sampled": [int(rc.compute_action({"observation": row})["action"]) for row in rows],
        "deterministic": rc.compute_action({"observation": rows}, deterministic=True)["action"].tolist(),
        "returns": rc.evaluate(n_episodes=4).returns.tolist(),
        "rolled out": rc.rollout(n_episodes=3).returns.tolist(),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "run"), json.dumps(OBSERVATIONS), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected
    for name in ("episodes.parquet", "steps.npz"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "run" / "rollout" / name).read_bytes()


@pytest.mark.parametrize("form", [str, Path, lambda path: path / "agent"], ids=["text", "path", "agent"])
def test_every_form_of_directory_is_loaded(form: Callable[[Path], Any], run: Path) -> None:
    rc = RunContext.load(form(run), silent=True)
    assert rc.run_dir == run
    assert len(rc.evaluate(n_episodes=1)) == 1
    assert rc.config.seeding.agent_base_seed == 1


def test_a_loaded_agent_trains_on_in_a_new_directory(run: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    config = RunContext.load(run).config.replace({"log_base_dir": str(tmp_path / "new"), "tracking.mode": "off"})
    path = tmp_path / "wider.yaml"
    path.write_text(config.to_yaml())
    rc = RunContext.load(run, config=path, silent=True)
    start = weights_of(rc)
    rc.train(1)
    trained = rc.trainer.model.snapshot()["parameters"].numpy()  # which need not be the best state
    assert trained.tobytes() != start.tobytes()
    assert rc.run_dir.is_relative_to(tmp_path / "new")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_an_agent_of_another_device_acts_on_the_cpu_and_is_not_resumed_there(copy_of_run: Path) -> None:
    here = RunContext.load(copy_of_run, silent=True).evaluate(n_episodes=2, deterministic=True)
    path = copy_of_run / "agent" / "config.yaml"
    path.write_text(path.read_text().replace("device: cpu", "device: cuda:99"))
    with pytest.warns(UserWarning, match=r"'cuda:99' cannot be used here .* The agent computes on the CPU\."):
        there = RunContext.load(copy_of_run).evaluate(n_episodes=2, deterministic=True)
    assert there.returns.tolist() == here.returns.tolist()
    resumed = tiny_context(copy_of_run, {"algorithm.device": "cuda:99"}, resume=True)
    with pytest.raises(InvalidSpecificationError, match=r"algorithm\.device: 'cuda:99' cannot be used here"):
        resumed.train(1)


@pytest.mark.parametrize("name", ["config.yaml", "weights.safetensors", "spaces.json", "statistics.npz"])
@pytest.mark.parametrize("content", [None, b"", b"\x00\xffdamaged", b"{}", b"[1]"], ids=repr)
def test_a_missing_or_damaged_file_is_one_line_that_names_it(
    name: str, content: bytes | None, copy_of_run: Path
) -> None:
    path = copy_of_run / "agent" / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(MazeError) as caught:
        RunContext.load(copy_of_run, silent=True).evaluate(n_episodes=1)
    assert isinstance(caught.value, ArtifactError | InvalidSpecificationError)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_do_not_belong_together_are_refused(copy_of_run: Path, tmp_path: Path) -> None:
    other = tiny_context(tmp_path / "other", model="vector_obs", critic="template_state")
    other.train(1)
    for name in ("weights.safetensors", "statistics.npz"):
        shutil.copy(tmp_path / "other" / "agent" / name, copy_of_run / "agent" / name)
    with pytest.raises(ArtifactError, match=r"weights\.safetensors: does not hold the weights of this agent"):
        RunContext.load(copy_of_run).evaluate(n_episodes=1)


def test_statistics_of_other_wrappers_are_refused(copy_of_run: Path, tmp_path: Path) -> None:
    tiny_context(tmp_path / "plain", algorithm="ppo").train(1)
    shutil.copy(tmp_path / "plain" / "agent" / "statistics.npz", copy_of_run / "agent" / "statistics.npz")
    with pytest.raises(ArtifactError, match="statistics"):
        RunContext.load(copy_of_run).evaluate(n_episodes=1)


def test_a_directory_without_an_agent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="holds no agent; accepted is the directory of a trained run"):
        RunContext.load(tmp_path)


def test_an_agent_of_a_lambda_acts_and_says_how_its_environment_can_be_had(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run", env=lambda: counting([4])).train(1)
    rc = RunContext.load(tmp_path / "run", silent=True)
    action = rc.compute_action({"observation": np.zeros(2, np.float32)}, deterministic=True)
    assert int(action["action"]) in (0, 1)
    for use in (rc.evaluate, rc.rollout, rc.train):
        with pytest.raises(
            InvalidSpecificationError, match=r"env \(.*lambda.*env\.py\).*allow_code=True.*env="
        ) as caught:
            use()
        assert "--allow-code" in str(caught.value)
    given = RunContext.load(tmp_path / "run", silent=True, env=lambda: counting([3]))
    assert given.evaluate(n_episodes=2).lengths.tolist() == [3, 3]
    allowed = RunContext.load(tmp_path / "run", silent=True, allow_code=True)
    assert allowed.evaluate(n_episodes=2).lengths.tolist() == [4, 4]


def test_a_resolved_configuration_needs_no_composition(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "a")
    config = rc.config.replace({"run_dir": None})
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    weights = []
    for index, source in enumerate([tmp_path / "config.yaml", config.to_mapping(), config]):
        again = RunContext.from_config(source, seed=1, run_dir=tmp_path / str(index), silent=True)
        again.train(1)
        weights.append(weights_of(again).tobytes())
    rc.train(1)
    assert set(weights) == {weights_of(rc).tobytes()}


@pytest.mark.parametrize("content", [None, "{", "- 1", "env: 3", "nonsense: {}"])
def test_an_unreadable_configuration_is_refused(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidSpecificationError, match=r"config\.yaml: ") as caught:
        RunContext.from_config(path)
    assert "\n" not in str(caught.value)


def test_an_agent_with_code_of_its_own_needs_consent(copy_of_run: Path) -> None:
    path = copy_of_run / "agent" / "config.yaml"
    path.write_text(path.read_text() + "allowed_modules:\n- antigravity\n")
    with pytest.raises(InvalidSpecificationError, match=r"'antigravity'.*allow_code=True"):
        RunContext.load(copy_of_run)
    assert "antigravity" not in sys.modules
    RunContext.load(copy_of_run, allow_code=True)


def test_raw_observations_need_no_environment_where_nothing_wraps_it(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run", env=lambda: GymMazeEnv("CartPole-v1")).train(1)
    loaded = RunContext.load(tmp_path / "run")
    observation = {"observation": np.zeros((3, 4), np.float32)}
    assert loaded.transform_observation(observation) is observation
    assert loaded.compute_action(observation, deterministic=True)["action"].shape == (3,)


@pytest.mark.parametrize("flag", ["no", "False", 1, 0, None, [True]])
def test_what_is_neither_true_nor_false_allows_no_code(flag: Any, run_of_a_lambda: Path) -> None:
    run = run_of_a_lambda
    uses: list[Callable[[], object]] = [
        lambda: RunContext.load(run, allow_code=flag),
        lambda: replay(run, allow_code=flag, silent=True),
        lambda: run_rollout(policy="torch_policy", input_dir=run, allow_code=flag),
        lambda: RolloutRun.from_config({}, allow_code=flag),
    ]
    with patch("maze.api.record.objects.loads", side_effect=AssertionError("stored code was run")):
        for use in uses:
            with pytest.raises(InvalidSpecificationError, match=r"allow_code: .* is not accepted; accepted: True or"):
                use()
        with pytest.raises(InvalidSpecificationError, match="loading them runs their code"):
            load_objects(run / "agent" / "objects", allow_code=flag)


def test_numpy_truth_allows_code(run_of_a_lambda: Path) -> None:
    rc = RunContext.load(run_of_a_lambda, silent=True, allow_code=np.True_)  # type: ignore[arg-type]
    assert rc.evaluate(n_episodes=1).lengths.tolist() == [4]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"env": lambda: counting([4])}, r"^env: the object .* not at hand, .*pass it again: RunContext\(env=\.\.\.\)"),
        ({"wrappers": [lambda env: env]}, r"^wrappers\.0: the object .* RunContext\(wrappers=\.\.\.\)"),
        (
            {"overrides": {"model.policy.networks": [lambda obs_shapes, action_logits_shapes: None]}},
            r"^model\.policy\.networks\.0: .* RunContext\(overrides=\{'model\.policy\.networks': \.\.\.\}\)",
        ),
    ],
    ids=["env", "wrappers", "networks"],
)
def test_a_configuration_alone_does_not_do_where_objects_belong_to_it(given: dict[str, Any], message: str) -> None:
    config = RunContext(silent=True, **given).config
    with pytest.raises(InvalidSpecificationError, match=message):
        RunContext.from_config(config)
