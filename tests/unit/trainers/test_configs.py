"""Algorithms' configurations: complete files, frozen objects, and messages that say what is accepted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

import maze.conf
from maze import (
    A2CAlgorithmConfig,
    AlgorithmConfig,
    BCAlgorithmConfig,
    ESAlgorithmConfig,
    ImpalaAlgorithmConfig,
    InvalidSpecificationError,
    PPOAlgorithmConfig,
    SACAlgorithmConfig,
)
from maze.config.instantiate import resolve_target
from maze.trainers import Schedule, Trainer

FILES = sorted((Path(maze.conf.__file__).parent / "algorithm").glob("*.yaml"))
CLASSES = (
    A2CAlgorithmConfig,
    BCAlgorithmConfig,
    ESAlgorithmConfig,
    ImpalaAlgorithmConfig,
    PPOAlgorithmConfig,
    SACAlgorithmConfig,
)
BESIDES = {"sacfd": {"initial_demonstrations": "trajectory_data"}}
"""What a second file for a class sets."""


def test_there_is_a_file_for_every_algorithm() -> None:
    targets = {yaml.safe_load(path.read_text())["_target_"] for path in FILES}
    assert targets == {f"{cls.__module__}.{cls.__qualname__}" for cls in CLASSES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_lists_every_field_with_its_default(path: Path) -> None:
    values = yaml.safe_load(path.read_text())
    cls = resolve_target(values.pop("_target_"))
    default = cls(**BESIDES.get(path.stem, {}))
    fields = {field.name: getattr(default, field.name) for field in dataclasses.fields(cls)}
    assert values == fields
    assert {name: type(value) for name, value in values.items()} == {
        name: type(value) for name, value in fields.items()
    }
    assert cls(**values) == default


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_field_has_a_comment(path: Path) -> None:
    lines = path.read_text().splitlines()
    keys = [index for index, line in enumerate(lines) if line and line[0] not in "# "]
    runs_together = {"policy_loss_coef", "value_loss_coef", "entropy_coef", "deterministic_eval", "eval_repeats"}
    for index in keys:
        name = lines[index].partition(":")[0]
        assert lines[index - 1].startswith("#") or name in runs_together, name


@pytest.mark.parametrize("cls", CLASSES)
def test_a_class_names_its_trainer(cls: type[AlgorithmConfig]) -> None:
    assert issubclass(resolve_target(cls.trainer), Trainer)


@pytest.mark.parametrize("cls", CLASSES)
def test_configurations_are_frozen(cls: type[AlgorithmConfig]) -> None:
    config = cls()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.n_epochs = 3  # type: ignore[misc]


WRONG = [
    ({"lr": "fast"}, r"^algorithm\.lr: 'fast'"),
    ({"lr": 0.0}, r"^algorithm\.lr: 0\.0"),
    ({"lr": float("nan")}, r"^algorithm\.lr: nan"),
    ({"lr": float("inf")}, r"^algorithm\.lr: inf"),
    ({"gamma": 1.1}, r"^algorithm\.gamma: 1\.1"),
    ({"gae_lambda": -0.1}, r"^algorithm\.gae_lambda: -0\.1"),
    ({"n_epochs": -1}, r"^algorithm\.n_epochs: -1"),
    ({"n_epochs": 1.5}, r"^algorithm\.n_epochs: 1\.5"),
    ({"n_epochs": True}, r"^algorithm\.n_epochs: True"),
    ({"epoch_length": 0}, r"^algorithm\.epoch_length: 0"),
    ({"patience": 0}, r"^algorithm\.patience: 0"),
    ({"n_rollout_steps": 0}, r"^algorithm\.n_rollout_steps: 0"),
    ({"max_grad_norm": -1.0}, r"^algorithm\.max_grad_norm: -1\.0"),
    ({"entropy_coef": float("inf")}, r"^algorithm\.entropy_coef: inf"),
    ({"normalize_advantages": "yes"}, r"^algorithm\.normalize_advantages: 'yes'"),
    ({"eval_repeats": 0}, r"^algorithm\.eval_repeats: 0"),
    ({"device": 3}, r"^algorithm\.device: 3"),
    ({"n_epochs": 0, "patience": None}, r"^algorithm\.n_epochs: 0 .*nothing would ever stop"),
    ({"n_epochs": 0, "rollout_evaluator": None}, r"^algorithm\.n_epochs: 0 .*nothing would ever stop"),
]


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [(cls, *wrong) for cls in CLASSES for wrong in WRONG if wrong[0].keys() <= set(cls.__dataclass_fields__)],
)
def test_wrong_values_are_refused_by_name(cls: type[AlgorithmConfig], values: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        cls(**values)


@pytest.mark.parametrize("cls", [A2CAlgorithmConfig, PPOAlgorithmConfig])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gae_lambda": -0.1}, r"^algorithm\.gae_lambda: -0\.1"),
        ({"normalize_advantages": "yes"}, r"^algorithm\.normalize_advantages: 'yes'"),
        ({"eval_repeats": 0}, r"^algorithm\.eval_repeats: 0"),
    ],
)
def test_wrong_values_of_on_policy_algorithms_are_refused_by_name(
    cls: type[AlgorithmConfig], values: Any, message: str
) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        cls(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 0}, r"^algorithm\.batch_size: 0"),
        ({"num_batches_per_iter": 0}, r"^algorithm\.num_batches_per_iter: 0"),
        ({"tau": 1.5}, r"^algorithm\.tau: 1\.5"),
        ({"target_update_interval": 0}, r"^algorithm\.target_update_interval: 0"),
        ({"entropy_coef_lr": 0.0}, r"^algorithm\.entropy_coef_lr: 0\.0"),
        ({"entropy_coef": 0.0}, r"^algorithm\.entropy_coef: 0\.0 .*entropy_tuning, which learns it from a first"),
        ({"entropy_coef": Schedule(start=0.1)}, r"^algorithm\.entropy_coef: Schedule.*entropy_tuning: false"),
        ({"replay_buffer_size": 0}, r"^algorithm\.replay_buffer_size: 0"),
        ({"initial_buffer_size": 20, "replay_buffer_size": 10}, r"^algorithm\.initial_buffer_size: 20 .*up to .* 10"),
        ({"initial_demonstrations": 3}, r"^algorithm\.initial_demonstrations"),
    ],
)
def test_wrong_values_of_sac_are_refused_by_name(values: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        SACAlgorithmConfig(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 0}, r"^algorithm\.batch_size: 0"),
        ({"clip_range": 0.0}, r"^algorithm\.clip_range: 0\.0"),
        ({"n_optimization_epochs": 0}, r"^algorithm\.n_optimization_epochs: 0"),
    ],
)
def test_wrong_values_of_ppo_are_refused_by_name(values: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        PPOAlgorithmConfig(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_rollouts_per_update": 0}, r"^algorithm\.n_rollouts_per_update: 0"),
        ({"n_timesteps_per_update": -1}, r"^algorithm\.n_timesteps_per_update: -1"),
        ({"max_steps": -1}, r"^algorithm\.max_steps: -1"),
        ({"optimizer": "adamw"}, r"^algorithm\.optimizer: 'adamw' .*'adam' or 'sgd'"),
        ({"l2_penalty": -0.1}, r"^algorithm\.l2_penalty: -0\.1"),
        ({"noise_stddev": 0.0}, r"^algorithm\.noise_stddev: 0\.0"),
        ({"noise_stddev": {"start": 0.1}}, r"^algorithm\.noise_stddev: a schedule from 0\.1 to 0\.0 .*end > 0"),
        ({"deterministic": "no"}, r"^algorithm\.deterministic: 'no'"),
    ],
)
def test_wrong_values_of_es_are_refused_by_name(values: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        ESAlgorithmConfig(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_actors": 0}, r"^algorithm\.num_actors: 0"),
        ({"actors_batch_size": 0}, r"^algorithm\.actors_batch_size: 0"),
        ({"queue_out_of_sync_factor": -1}, r"^algorithm\.queue_out_of_sync_factor: -1"),
        ({"queue_out_of_sync_factor": 1.5}, r"^algorithm\.queue_out_of_sync_factor: 1\.5"),
        ({"vtrace_clip_rho_threshold": 0.0}, r"^algorithm\.vtrace_clip_rho_threshold: 0\.0"),
        ({"vtrace_clip_pg_rho_threshold": float("nan")}, r"^algorithm\.vtrace_clip_pg_rho_threshold: nan"),
    ],
)
def test_wrong_values_of_impala_are_refused_by_name(values: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        ImpalaAlgorithmConfig(**values)


def test_an_unknown_keyword_is_pythons_own_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="'learning_rate'"):
        A2CAlgorithmConfig(learning_rate=1.0)  # type: ignore[call-arg]


def test_whole_numbers_are_taken_where_real_ones_are_meant() -> None:
    assert A2CAlgorithmConfig(gamma=1).gamma == 1.0
    assert isinstance(A2CAlgorithmConfig(gamma=1).gamma, float)


def test_the_configuration_of_the_page() -> None:
    config = A2CAlgorithmConfig(
        n_epochs=1,
        epoch_length=25,
        deterministic_eval=False,
        eval_repeats=2,
        patience=15,
        critic_burn_in_epochs=0,
        n_rollout_steps=100,
        lr=0.0005,
        gamma=0.98,
        gae_lambda=1.0,
        policy_loss_coef=1.0,
        value_loss_coef=0.5,
        entropy_coef=0.00025,
        max_grad_norm=0.0,
        device="cpu",
    )
    assert config.evaluator_settings == {"n_episodes": 2, "deterministic": False}
    assert config.n_updates == 25


@pytest.mark.parametrize("burn_in", [5, 7])
def test_a_burn_in_that_leaves_no_epoch_to_the_policy_is_refused(burn_in: int) -> None:
    with pytest.raises(
        InvalidSpecificationError, match=f"critic_burn_in_epochs: {burn_in} is not accepted.*which is 5"
    ):
        PPOAlgorithmConfig(n_epochs=5, critic_burn_in_epochs=burn_in)


def test_a_burn_in_leaves_the_policy_its_epochs() -> None:
    assert PPOAlgorithmConfig(n_epochs=5, critic_burn_in_epochs=4).critic_burn_in_epochs == 4
    assert (
        PPOAlgorithmConfig(n_epochs=0, critic_burn_in_epochs=4).n_epochs == 0
    )  # patience ends it, and begins after it
