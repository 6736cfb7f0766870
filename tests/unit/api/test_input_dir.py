"""A new agent begins with what fits of an earlier one, whatever trained that, and says what it took."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from maze import ArtifactError, GymMazeEnv, InvalidSpecificationError, RunContext, replay
from tests.scripted import counting, tiny_context, weights_of

NORMALISED = {"maze.ObservationNormalizationWrapper": {}}
PAID = {**NORMALISED, "maze.ReturnNormalizationRewardWrapper": {}}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("earlier") / "run"
    tiny_context(run, algorithm="a2c", wrappers=NORMALISED).train(2)
    return run


def policy_of(run: Path) -> dict[str, Any]:
    weights = load_file(run / "agent" / "weights.safetensors")
    return {name: values for name, values in weights.items() if name.startswith("policy.")}


def new(run: Path, earlier: Path | str, overrides: Any = None, **arguments: Any) -> RunContext:
    given = {"algorithm": "ppo", "wrappers": NORMALISED, "seed": 5, "input_dir": earlier, **arguments}
    return tiny_context(run, overrides, **given)


def test_policy_critic_and_statistics_are_taken_over(earlier: Path, tmp_path: Path) -> None:
    rc = new(tmp_path / "run", earlier)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the agent is not untrained
        assert weights_of(rc).tobytes() == weights_of(RunContext.load(earlier)).tobytes()
    statistics = rc.env_factory().statistics_state()
    with np.load(earlier / "agent" / "statistics.npz") as saved:
        assert statistics.keys() == set(saved.files)
        assert all(np.array_equal(statistics[name], saved[name]) for name in saved.files)
        assert statistics["ObservationNormalizationWrapper.0.observation.count"] > 0
    rc.train(1)
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["began_from"]["taken"] == ["policy", "critic", "statistics"]
    assert record["began_from"]["anew"] == {}
    assert record["config"]["input_dir"] == str(earlier)
    assert rc.trainer.epoch == 1  # nothing else goes on


def test_another_critic_begins_anew_and_that_is_said_once(
    earlier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {
        "algorithm.n_epochs": 3,
        "algorithm.critic_burn_in_epochs": 2,
        "model.critic.networks.0.hidden_units": [7],
    }
    rc = new(tmp_path / "run", earlier, values, silent=False, wrappers=PAID)
    rc.train(1)
    rc.train(1)
    said = capsys.readouterr().err
    assert said.count(f"began from {earlier / 'agent'}: policy, statistics taken over; critic begins anew: its") == 1
    assert "statistics of rewards begins anew" in said
    # while the critic learns alone, the policy stays what it was
    taken = policy_of(earlier)
    assert all(np.array_equal(values, taken[name]) for name, values in policy_of(tmp_path / "run").items())


def test_resuming_goes_on_from_the_run_itself_and_needs_the_earlier_agent_no_more(tmp_path: Path) -> None:
    tiny_context(tmp_path / "earlier").train(1)
    arguments: dict[str, Any] = {"wrappers": None}
    new(tmp_path / "whole", tmp_path / "earlier", **arguments).train(2)
    new(tmp_path / "run", tmp_path / "earlier", **arguments).train(1)
    (tmp_path / "earlier").rename(tmp_path / "elsewhere")
    rc = new(tmp_path / "run", tmp_path / "earlier", **arguments, resume=True)
    rc.train(1)
    assert policy_of(tmp_path / "whole").keys() == policy_of(tmp_path / "run").keys()
    for name in ("agent/weights.safetensors", "curve.csv", "checkpoint/state.npz"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_replay_begins_from_the_copy_in_the_run(tmp_path: Path) -> None:
    tiny_context(tmp_path / "earlier").train(1)
    new(tmp_path / "run", tmp_path / "earlier", wrappers=None).train(1)
    (tmp_path / "earlier").rename(tmp_path / "elsewhere")
    assert replay(tmp_path / "run", silent=True).identical


def test_the_same_through_overrides_and_the_command_line(earlier: Path, tmp_path: Path) -> None:
    from maze.cli import main

    argument = new(tmp_path / "a", earlier)
    override = new(tmp_path / "b", earlier, {"input_dir": str(earlier)}, input_dir=None)
    assert argument.config.digest() == override.config.digest()
    words = ["algorithm=ppo", "configuration=test", "tracking.mode=off", f"input_dir={earlier}", "--silent"]
    wrapper = "wrappers={maze.ObservationNormalizationWrapper: {}}"
    assert main([*words, wrapper, "--seed", "1", "--run-dir", str(tmp_path / "c")]) == 0
    assert json.loads((tmp_path / "c" / "record.json").read_text())["began_from"]["taken"][0] == "policy"


def test_a_multirun_begins_every_job_from_it(tmp_path: Path) -> None:
    tiny_context(tmp_path / "earlier").train(1)
    rc: Any = new(
        tmp_path / "sweep", tmp_path / "earlier", {"algorithm.lr": [0.001, 0.01]}, wrappers=None, multirun=True
    )
    assert [config.input_dir for config in rc.config] == [str(tmp_path / "earlier")] * 2


@pytest.mark.parametrize(
    ("overrides", "arguments", "message"),
    [
        ({}, {"wrappers": None}, r"has statistics 'ObservationNormalizationWrapper.*normalised as before"),
        (
            {"model.policy.networks.0.hidden_units": [5]},
            {},
            r"policy of .* does not fit: its weights 'policy\..*\(5, 4\)\. Give the",
        ),
        ({}, {"env": lambda: counting([3])}, r"the observations of .*\(4,\).*\(2,\).*environment and the wrappers"),
        ({}, {"env": lambda: GymMazeEnv("Acrobot-v1")}, r"the observations of .*those of this run"),
    ],
)
def test_a_misfit_is_refused_before_anything_is_written(
    overrides: Any, arguments: Any, message: str, earlier: Path, tmp_path: Path
) -> None:
    rc = new(tmp_path / "run", earlier, overrides, **arguments)
    with pytest.raises(InvalidSpecificationError, match=rf"^input_dir: .*{message}"):
        rc.train(1)
    assert not (tmp_path / "run").exists()


def test_statistics_that_the_earlier_agent_lacks_are_refused(tmp_path: Path) -> None:
    tiny_context(tmp_path / "earlier").train(1)
    with pytest.raises(InvalidSpecificationError, match=r"has no statistics 'ObservationNormalizationWrapper"):
        new(tmp_path / "run", tmp_path / "earlier").train(1)


def test_wrong_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="holds no agent"):
        new(tmp_path / "run", tmp_path).train(1)
    with pytest.raises(InvalidSpecificationError, match="input_dir: 3 is not accepted"):
        new(tmp_path / "run", 3)  # type: ignore[arg-type]
    with pytest.raises(InvalidSpecificationError, match="given as an argument and in overrides"):
        new(tmp_path / "run", tmp_path, {"input_dir": "x"})
    damaged = tmp_path / "damaged"
    tiny_context(damaged).train(1)
    (damaged / "agent" / "weights.safetensors").write_bytes(b"x")
    with pytest.raises(ArtifactError, match="cannot be read"):
        new(tmp_path / "run", damaged, wrappers=None).train(1)
