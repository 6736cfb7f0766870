"""What a RunContext accepts, gives and leaves behind."""

from __future__ import annotations

import copy
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from maze import (
    A2CAlgorithmConfig,
    GymMazeEnv,
    InvalidSpecificationError,
    LogStatsWrapper,
    RolloutEvaluator,
    RunContext,
    RunContextError,
    TrainingError,
)
from tests.scripted import counting, tiny_context, weights_of

TINY = {"tracking.mode": "off", "algorithm.epoch_length": 2, "algorithm.n_rollout_steps": 4}


@pytest.fixture
def trained(tmp_path: Path) -> RunContext:
    rc = tiny_context(tmp_path / "run", wrappers="vector_obs", algorithm="ppo")
    rc.train()
    return rc


# --- construction -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "env",
    [
        "gym_env",
        {"_target_": "maze.env.make_gym_maze_env", "name": "CartPole-v1"},
        {"_target_": "maze.env.GymMazeEnv", "env": "CartPole-v1"},
        lambda: GymMazeEnv("CartPole-v1"),
        lambda: gymnasium.make("CartPole-v1"),
        lambda: LogStatsWrapper.wrap(GymMazeEnv("CartPole-v1")),
    ],
    ids=["name", "mapping", "class", "lambda", "gymnasium", "wrapped"],
)
def test_every_form_of_environment_trains_the_same_agent(env: Any, tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", env=env)
    rc.train(1)
    reference = tiny_context(tmp_path / "reference")
    reference.train(1)
    assert weights_of(rc).tobytes() == weights_of(reference).tobytes()


@pytest.mark.parametrize(
    "wrappers",
    [
        {"maze.env.log_stats.LogStatsWrapper": {"logging_prefix": "x"}},
        {"_target_": "maze.LogStatsWrapper"},
        LogStatsWrapper,
        lambda env: LogStatsWrapper.wrap(env, logging_prefix="x"),
        [LogStatsWrapper, {"_target_": "maze.env.normalization.ObservationNormalizationWrapper"}],
    ],
    ids=["mapping", "target", "class", "callable", "list"],
)
def test_every_form_of_wrappers_is_applied(wrappers: Any, tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", wrappers=wrappers)
    assert isinstance(rc.env_factory(), LogStatsWrapper)
    rc.train(1)


def test_objects_and_modules_of_every_component(tmp_path: Path) -> None:
    config = A2CAlgorithmConfig(epoch_length=2, n_rollout_steps=4, n_epochs=1)
    rc = tiny_context(tmp_path / "run", algorithm=config, model="vector_obs", critic="template_state")
    assert rc.config.algorithm.epoch_length == 2
    assert rc.train().n_steps == 2 * 4 * 2
    assert type(rc.trainer).__name__ == "A2C"


def test_overrides_reach_every_value_and_are_left_as_they_were(tmp_path: Path) -> None:
    overrides = {
        "algorithm.lr": 0.5,
        "tags": {"a,b": "'quoted'"},
        "model.policy.networks": [{"_target_": "maze.FlattenConcatPolicyNet", "hidden_units": [8]}],
        "env.name": "CartPole-v0",
    }
    before = copy.deepcopy(overrides)
    rc = RunContext(overrides=overrides, run_dir=tmp_path, seed=3)
    assert overrides == before
    assert rc.config.algorithm.lr == 0.5
    assert rc.config.tags == {"a,b": "'quoted'"}
    assert rc.config.env.name == "CartPole-v0"
    assert (rc.config.seeding.env_base_seed, rc.config.seeding.agent_base_seed) == (3, 3)


def test_a_seed_is_drawn_and_recorded_when_none_is_given() -> None:
    seeds = {RunContext().config.seeding.agent_base_seed for _ in range(2)}
    assert len(seeds) == 2
    assert None not in seeds


def test_construction_writes_nothing(tmp_path: Path) -> None:
    RunContext(run_dir=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"env": GymMazeEnv("CartPole-v1")}, r"^env: an instance \(GymMazeEnv\).*env=lambda"),
        ({"algorithm": "a2cc"}, r"a2cc.*did you mean 'a2c'"),
        ({"overrides": {"algorithm.lr": "fast"}}, r"algorithm\.lr: 'fast'"),
        ({"overrides": {"algorithm.lr": -1.0}}, r"algorithm\.lr: -1\.0"),
        ({"overrides": {"algorithm.n_epoch": 1}}, r"n_epoch.*did you mean 'n_epochs'"),
        ({"seed": -1}, r"^seed: -1"),
        ({"seed": 1.5}, r"^seed: 1\.5"),
        ({"config_dir": "/nowhere/at/all"}, r"/nowhere/at/all"),
    ],
)
def test_a_wrong_specification_is_found_at_construction(arguments: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message) as caught:
        RunContext(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ("phys2d/CartPole-v1", r"'phys2d/CartPole-v1' needs packages that are missing.*install the package"),
        ("CartPol-v1", r"Unknown environment 'CartPol-v1'.*CartPole-v1"),
    ],
)
def test_an_environment_that_cannot_be_made_says_what_to_do(env: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=message) as caught:
        tiny_context(tmp_path / "run", {"env.name": env})
    assert "\n" not in str(caught.value)


def test_a_factory_that_makes_no_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^env: .*made a int, which is no environment"):
        tiny_context(tmp_path / "run", env=lambda: 3).train()


@pytest.mark.parametrize(
    ("arguments", "overrides", "message"),
    [
        ({}, {"algorithm.device": "cuda:99"}, r"^algorithm\.device: 'cuda:99' cannot be used here"),
        ({}, {"algorithm.device": "xpu"}, r"^algorithm\.device: 'xpu' cannot be used here"),
        ({}, {"algorithm.rollout_evaluator": 3}, r"algorithm\.rollout_evaluator: 3 is not accepted"),
        (
            {"wrappers": {"maze.env.log_stats.LogStatsWrapper": {"bogus": 1}}},
            {},
            r"^wrappers\.0\.bogus: .*logging_prefix",
        ),
        ({"wrappers": {"maze.env.NoSuchWrapper": {}}}, {}, r"NoSuchWrapper"),
        ({"wrappers": lambda env: None}, {}, r"made None, not a MazeEnv"),
        ({}, {"model.policy.networks.0.hidden_units": [0]}, r"hidden_units: \[0\]"),
        (
            {},
            {"algorithm.rollout_evaluator.n_episodes": 0},
            r"n_episodes: 0 is not accepted; accepted: whole number >= 1",
        ),
    ],
)
def test_what_only_making_the_parts_shows_is_one_line_too(
    arguments: Any, overrides: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidSpecificationError, match=message) as caught:
        tiny_context(tmp_path / "run", overrides, **arguments).train(1)
    assert "\n" not in str(caught.value)


def test_a_run_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidSpecificationError, match=r"^run_dir: .* is a file"):
        tiny_context(tmp_path / "file")


def test_resuming_with_another_environment_or_model_is_refused(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run").train(1)
    before = (tmp_path / "run" / "agent" / "weights.safetensors").read_bytes()
    with pytest.raises(InvalidSpecificationError, match=r"env\.name was 'CartPole-v1' and is 'Acrobot-v1' now"):
        tiny_context(tmp_path / "run", {"env.name": "Acrobot-v1"}, resume=True).train(1)
    shutil.rmtree(tmp_path / "run" / "checkpoint")
    with pytest.raises(InvalidSpecificationError, match=r"^env: its observations are .*the loaded agent knows"):
        tiny_context(tmp_path / "run", {"env.name": "Acrobot-v1"}, resume=True).train(1)
    with pytest.raises(
        InvalidSpecificationError, match=r"^model\._target_: was '.*CustomModelComposer' in the earlier"
    ):
        tiny_context(tmp_path / "run", model="vector_obs", critic="template_state", resume=True)
    assert (tmp_path / "run" / "agent" / "weights.safetensors").read_bytes() == before


# --- before training ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trainer", "statistics", "run_dir"])
def test_what_only_training_makes_says_what_to_call(name: str, tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run")
    with pytest.raises(RunContextError, match=rf"^{name}: .*rc\.train\(\)"):
        getattr(rc, name)


def test_an_untrained_agent_warns_exactly_once(tmp_path: Path) -> None:
    rc = RunContext(overrides={"tracking.mode": "off"}, seed=1, run_dir=tmp_path / "run")
    observation = rc.env_factory().reset()
    with pytest.warns(UserWarning, match="weights are untrained") as caught:
        rc.evaluate(n_episodes=1)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rc.rollout(n_episodes=1)
        rc.compute_action(observation)
        assert rc.policy is rc.model.policy
    assert not (tmp_path / "run").exists()


# --- training -----------------------------------------------------------------------------------------------------


def test_an_unknown_argument_is_a_type_error_that_names_the_accepted_ones(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run")
    with pytest.raises(TypeError, match=r"train\(\): A2C has no argument 'bogus'; accepted: n_epochs\."):
        rc.train(bogus=1)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("n_epochs", [0, -1, 1.5, True, "3"])
def test_a_wrong_number_of_epochs_is_refused(n_epochs: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^n_epochs: "):
        tiny_context(tmp_path / "run").train(n_epochs)


def test_what_training_leaves(trained: RunContext, tmp_path: Path) -> None:
    assert trained.run_dir == tmp_path / "run"
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    written = [name for name in found if name != "run/uncommitted.patch"]  # only there while the code is being changed
    assert written == [
        "run/agent/config.yaml",
        "run/agent/spaces.json",
        "run/agent/statistics.npz",
        "run/agent/weights.safetensors",
        "run/checkpoint/state.npz",
        "run/curve.csv",
        "run/environment.txt",
        "run/metrics.json",
        "run/metrics.jsonl",
        "run/record.json",
    ]
    assert trained.statistics["train/n_episodes"] >= 0
    assert type(trained.trainer).__name__ == "PPO"


def test_a_run_directory_of_its_own_is_made_when_none_is_given(tmp_path: Path) -> None:
    rc = RunContext(algorithm="a2c", overrides={**TINY, "log_base_dir": str(tmp_path / "outputs")}, silent=True)
    rc.train(1)
    assert rc.run_dir.parent == tmp_path / "outputs" / "gym_env-flatten_concat-a2c"
    assert (rc.run_dir / "record.json").is_file()


def test_a_used_directory_is_refused_without_resume_and_continued_with_it(tmp_path: Path) -> None:
    first = tiny_context(tmp_path / "run")
    first.train(1)
    content = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(InvalidSpecificationError, match=r"^run_dir: .*holds an earlier run.*resume=True"):
        tiny_context(tmp_path / "run")
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == content
    resumed = tiny_context(tmp_path / "run", resume=True)
    assert weights_of(resumed).tobytes() == weights_of(first).tobytes()
    resumed.train(1)
    assert resumed.run_dir == tmp_path / "run"
    learned = resumed.trainer.model.flat_parameters.numpy()
    assert learned.tobytes() != weights_of(first).tobytes()


def test_resuming_loses_neither_the_curve_nor_a_better_agent(tmp_path: Path) -> None:
    tiny_context(tmp_path / "run").train(2)
    shutil.rmtree(tmp_path / "run" / "checkpoint")
    metrics = tmp_path / "run" / "metrics.json"
    content = json.loads(metrics.read_text())
    metrics.write_text(json.dumps({**content, "best_return": 1e6}))  # better than any later state can be
    weights = (tmp_path / "run" / "agent" / "weights.safetensors").read_bytes()
    resumed = tiny_context(tmp_path / "run", resume=True)
    assert resumed.train(1).best_return == 1e6
    assert (tmp_path / "run" / "agent" / "weights.safetensors").read_bytes() == weights
    rows = (tmp_path / "run" / "curve.csv").read_text().splitlines()[1:]
    assert [row.split(",")[1] for row in rows] == ["1", "2", "3"]
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert [call["method"] for call in record["calls"]] == ["train", "train"]


def test_a_directory_that_another_run_took_meanwhile_is_left_alone(tmp_path: Path) -> None:
    first, second = tiny_context(tmp_path / "run"), tiny_context(tmp_path / "run")
    first.train(1)
    content = (tmp_path / "run" / "agent" / "weights.safetensors").read_bytes()
    with pytest.raises(InvalidSpecificationError, match="holds an earlier run"):
        second.train(1)
    assert (tmp_path / "run" / "agent" / "weights.safetensors").read_bytes() == content


def test_a_network_that_is_given_as_an_object_learns(tmp_path: Path) -> None:
    from maze.perception.models.built_in.flatten_concat import FlattenConcatPolicyNet

    with torch.random.fork_rng(devices=[]):
        network = FlattenConcatPolicyNet({"observation": (4,)}, {"action": (2,)}, hidden_units=[8])
    before = [parameter.detach().clone() for parameter in network.parameters()]
    rc = RunContext(
        policy=network,
        algorithm="ppo",
        configuration="test",
        run_dir=tmp_path / "run",
        silent=True,
        seed=0,
        overrides={"tracking.mode": "off", "algorithm.lr": 0.05},
    )
    rc.train(3)
    first = rc.model.snapshot()["parameters"].clone()
    assert rc.trainer.model is not rc.model
    moved = [
        not np.array_equal(old.numpy(), new.detach().numpy())
        for old, new in zip(before, rc.policy.parameters(), strict=True)
    ]
    assert any(moved)
    last = rc.trainer.model.flat_parameters.clone()
    rc.train(1)
    assert not np.array_equal(last.numpy(), rc.trainer.model.flat_parameters.numpy())
    assert first.shape == last.shape


@pytest.mark.parametrize("target", ["maze.rollout.RolloutEvaluator", "maze.rollout.evaluate.RolloutEvaluator"])
def test_every_spelling_of_the_evaluator_draws_from_the_runs_seed(target: str, tmp_path: Path) -> None:
    evaluator = {"_target_": target, "n_episodes": 2, "deterministic": True}
    seeds = []
    for name in ("a", "b"):
        rc = tiny_context(tmp_path / name, {"algorithm.rollout_evaluator": evaluator})
        rc.train(1)
        seeds.append(rc.trainer.evaluator.seed)
    assert seeds[0] == seeds[1]


def test_resuming_an_empty_directory_is_a_fresh_start(tmp_path: Path) -> None:
    assert tiny_context(tmp_path / "new", resume=True).train(1).n_epochs == 1


def test_a_failure_is_recorded_and_the_last_good_agent_is_kept(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", env=lambda: counting([4], nan_after=30))
    with pytest.raises(TrainingError):
        rc.train()
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["status"] == "FAILED"
    assert record["reason"].startswith("TrainingError: loss/")
    assert (tmp_path / "run" / "agent" / "weights.safetensors").is_file()
    assert np.isfinite(weights_of(rc)).all()


def test_a_single_run_is_kept_out_of_the_directory_of_a_multirun(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text("{}")
    for arguments in ({}, {"resume": True}):
        with pytest.raises(InvalidSpecificationError, match=r"^run_dir: .* holds a multi-run; name another directory"):
            RunContext(run_dir=tmp_path, **arguments)


def test_a_loaded_agent_stays_where_it_is_when_the_program_goes_elsewhere(
    trained: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = RunContext.load("run", silent=True)
    monkeypatch.chdir("/")
    assert loaded.run_dir == tmp_path / "run"
    assert loaded.evaluate(n_episodes=1).returns == trained.evaluate(n_episodes=1).returns


def test_a_context_trains_once_at_a_time(tmp_path: Path) -> None:
    refusals = []

    class Meddler(RolloutEvaluator):
        def evaluate(self, policy: Any) -> Any:
            with pytest.raises(RunContextError, match=r"^train: this context is training already") as error:
                rc.train(1)
            refusals.append(error)
            return super().evaluate(policy)

    evaluator = Meddler(eval_env=GymMazeEnv("CartPole-v1"), n_episodes=1, seed=1)
    config = A2CAlgorithmConfig(epoch_length=1, rollout_evaluator=evaluator)
    rc = RunContext(algorithm=config, run_dir=tmp_path / "run", overrides={"tracking.mode": "off"}, silent=True)
    rc.train(np.int64(1))
    rc.train(1)
    assert (len(refusals), rc.trainer.epoch) == (2, 2)


def test_what_is_no_evaluator_is_refused_by_name(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", algorithm=A2CAlgorithmConfig(epoch_length=1, rollout_evaluator=object()))
    with pytest.raises(InvalidSpecificationError, match=r"^algorithm\.rollout_evaluator: .* has no method evaluate"):
        rc.train(1)
