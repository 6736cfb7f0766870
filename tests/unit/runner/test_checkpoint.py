"""A checkpoint is taken for what it is: of this configuration, of this agent, whole, or refused."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze import ArtifactError, GymMazeEnv, InvalidSpecificationError, RunContext
from maze.env import MazeEnv, Wrapper
from tests.scripted import CountingEnv, counting, tiny_context, weights_of

STATE = Path("checkpoint") / "state.npz"
RESULTS = (
    "agent/weights.safetensors",
    "agent/statistics.npz",
    "curve.csv",
    "metrics.json",
    "metrics.jsonl",
    str(STATE),
)


def content(run: Path) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def results(run: Path) -> dict[str, bytes]:
    found = content(run)
    return {name: found[name] for name in RESULTS}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("checkpoint") / "whole"
    tiny_context(run, algorithm="ppo", wrappers="vector_obs").train(4)
    return run


@pytest.fixture
def half(tmp_path: Path) -> Path:
    run = tmp_path / "half"
    tiny_context(run, algorithm="ppo", wrappers="vector_obs").train(2)
    return run


def again(run: Path, overrides: Any = None, **arguments: Any) -> RunContext:
    return tiny_context(run, overrides, algorithm="ppo", wrappers="vector_obs", **{"resume": True, **arguments})


# --- going on -----------------------------------------------------------------------------------------------------


def test_resuming_equals_one_training(whole: Path, half: Path) -> None:
    again(half).train(2)
    assert results(half) == results(whole)


def test_resuming_needs_no_seed(whole: Path, half: Path) -> None:
    again(half, seed=None).train(2)
    assert results(half) == results(whole)


def test_a_loaded_run_goes_on_in_a_directory_of_its_own(whole: Path, half: Path, tmp_path: Path) -> None:
    before = content(half)
    config = RunContext.load(half).config.replace({"log_base_dir": str(tmp_path / "new"), "tracking.mode": "off"})
    rc = RunContext.load(half, config=config, silent=True)
    rc.train(2)
    assert results(rc.run_dir) == results(whole)
    assert content(half) == before


def test_what_is_played_meanwhile_changes_nothing(whole: Path, half: Path) -> None:
    rc = again(half)
    rc.evaluate(n_episodes=1)
    rc.compute_action(rc.env_factory().reset())
    rc.train(1)
    rc.evaluate(n_episodes=1)
    rc.train(1)
    assert results(half) == results(whole)


def test_how_long_to_train_may_change(half: Path) -> None:
    values = {"algorithm.n_epochs": 3, "algorithm.patience": None}
    assert again(half, values).train().n_epochs == 3


def test_an_agent_alone_goes_on_from_its_weights(half: Path) -> None:
    shutil.rmtree(half / "checkpoint")
    rc = again(half)
    before = weights_of(rc)
    rc.train(1)
    assert rc.trainer.epoch == 3
    assert rc.trainer.model.flat_parameters.numpy().tobytes() != before.tobytes()
    assert (half / STATE).is_file()


def test_stages_leave_no_checkpoint_and_read_none(half: Path, tmp_path: Path) -> None:
    config = RunContext.load(half).config.replace({"tracking.mode": "off"})
    record = tmp_path / "record.json"
    rc = RunContext.from_config(config, run_dir=tmp_path / "out", silent=True, stage="train", record=record)
    rc.train(1)
    assert not (tmp_path / "out" / "checkpoint").exists()


# --- refusing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "arguments", "difference"),
    [
        ({"algorithm.lr": 0.5}, {}, r"algorithm\.lr was 0\.001 and is 0\.5 now"),
        ({"runner.concurrency": 3}, {}, r"runner\.concurrency was 2 and is 3 now"),
        ({}, {"seed": 2}, r"seeding\.env_base_seed was 1 and is 2 now"),
    ],
)
def test_another_configuration_is_refused_by_its_first_difference(
    overrides: Any, arguments: Any, difference: str, half: Path
) -> None:
    before = content(half)
    with pytest.raises(InvalidSpecificationError, match=difference) as caught:
        again(half, overrides, **arguments).train(1)
    assert f"delete {half / 'checkpoint'}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert content(half) == before


def test_another_algorithm_is_refused(half: Path) -> None:
    before = content(half)
    with pytest.raises(
        InvalidSpecificationError, match=r"algorithm\._target_ was 'maze.trainers.ppo.*'maze.trainers.a2c"
    ):
        tiny_context(half, algorithm="a2c", wrappers="vector_obs", resume=True).train(1)
    assert content(half) == before


@pytest.mark.parametrize("damage", [b"", b"no state", None])
def test_a_damaged_checkpoint_is_refused_and_nothing_lost(damage: bytes | None, half: Path) -> None:
    path = half / STATE
    path.write_bytes(path.read_bytes()[:-200] if damage is None else damage)
    before = content(half)
    with pytest.raises(ArtifactError, match=r"state\.npz: cannot be read as a state .* delete .*checkpoint") as caught:
        again(half).train(1)
    assert "\n" not in str(caught.value)
    assert content(half) == before
    assert len(again(half).evaluate(n_episodes=1)) == 1  # the agent itself is whole
    shutil.rmtree(half / "checkpoint")
    assert again(half).train(1).n_epochs == 1


def test_a_checkpoint_beside_another_agent_is_refused(whole: Path, half: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = {name: values + 1 for name, values in load_file(half / "agent" / "weights.safetensors").items()}
    save_file(weights, half / "agent" / "weights.safetensors")
    rc = again(half)
    for _ in range(2):  # a second attempt does not begin from half a state either
        with pytest.raises(ArtifactError, match=r"checkpoint: does not fit this run \(.*other weights; .* delete"):
            rc.train(1)
    assert (half / "curve.csv").read_bytes().splitlines() == (whole / "curve.csv").read_bytes().splitlines()[:3]


# --- environments that cannot be saved ----------------------------------------------------------------------------


class Unsaveable(CountingEnv):
    """Holds what cannot be saved."""

    def __init__(self) -> None:
        super().__init__([4])
        self.engine = object()


def unsaveable() -> MazeEnv:
    return GymMazeEnv(Unsaveable())


@pytest.mark.parametrize("algorithm", ["a2c", "impala"])
def test_environments_that_cannot_be_saved_begin_anew_with_one_warning(algorithm: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = tiny_context(run, env=unsaveable, algorithm=algorithm)
    first.train(2)
    optimiser = first.trainer.state_dict()["optimizer"]
    resumed = tiny_context(run, env=unsaveable, algorithm=algorithm, resume=True, silent=False)
    with pytest.warns(
        UserWarning, match=r"the environment '.*unsaveable' holds what cannot be saved.*2 environments"
    ) as seen:
        resumed.train(1)
    assert len([warning for warning in seen if warning.category is UserWarning]) == 1
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed.train(1)
        tiny_context(run, env=unsaveable, algorithm=algorithm, resume=True, silent=True).train(1)
    assert resumed.trainer.epoch == 4
    assert resumed.trainer.state_dict()["optimizer"]["n_steps"] == 2 * optimiser["n_steps"]
    # broken episodes are not counted: an episode of four steps returns 1 + 2 + 3 + 4
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {row["train/mean_return"] for row in rows} == {10.0}
    assert {row["train/mean_length"] for row in rows} == {4.0}


class Stubborn(Wrapper):
    """Says that its state is something that no file can hold."""

    def own_state(self) -> Any:
        return {"engine": object()}

    def load_own_state(self, state: Any) -> None:
        raise AssertionError


def test_a_checkpoint_that_cannot_be_written_spoils_nothing_else(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", wrappers=Stubborn, silent=False, overrides={})
    with pytest.warns(UserWarning, match=r"no checkpoint was written.*own|engine: object cannot be part"):
        summary = rc.train(1)
    assert summary.n_epochs == 1
    assert json.loads((tmp_path / "run" / "record.json").read_text())["status"] == "FINISHED"
    assert not (tmp_path / "run" / "checkpoint" / "state.npz").exists()


# --- size and content ---------------------------------------------------------------------------------------------


class Image(gymnasium.Env[Any, Any]):
    """Observes integers, two keys, and acts with several heads."""

    def __init__(self) -> None:
        self.observation_space = spaces.Dict(
            {"image": spaces.Box(0, 255, (3, 3), np.uint8), "speed": spaces.Box(-1, 1, (1,), np.float64)}
        )
        self.action_space = spaces.Dict({"steer": spaces.Box(-1, 1, (2,), np.float32), "gear": spaces.Discrete(3)})
        self.count = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.count = 0
        return self.observe(), {}

    def observe(self) -> Any:
        return {"image": self.np_random.integers(0, 255, (3, 3)).astype(np.uint8), "speed": np.array([0.5])}

    def step(self, action: Any) -> Any:
        self.count += 1
        return self.observe(), float(action["gear"]), False, self.count >= 5, {}


@pytest.mark.parametrize("env", [lambda: GymMazeEnv(Image()), counting], ids=["dictionaries", "own lengths"])
def test_other_environments_go_on_exactly(env: Any, tmp_path: Path) -> None:
    tiny_context(tmp_path / "whole", env=env, wrappers="vector_obs").train(3)
    tiny_context(tmp_path / "half", env=env, wrappers="vector_obs").train(1)
    tiny_context(tmp_path / "half", env=env, wrappers="vector_obs", resume=True).train(2)
    assert results(tmp_path / "half") == results(tmp_path / "whole")


def test_a_run_without_an_evaluator_goes_on_exactly(tmp_path: Path) -> None:
    values = {"algorithm.rollout_evaluator": None}
    tiny_context(tmp_path / "whole", values).train(3)
    tiny_context(tmp_path / "half", values).train(1)
    tiny_context(tmp_path / "half", values, resume=True).train(2)
    assert results(tmp_path / "half") == results(tmp_path / "whole")
