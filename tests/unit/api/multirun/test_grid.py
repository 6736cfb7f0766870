"""Grids: which lists span axes, in which order the jobs come, and what is refused before any of them starts."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze import GymMazeEnv, InvalidSpecificationError
from maze.api.multirun.grid import JobSpecification, compose_jobs, describe_value, expand
from maze.trainers.a2c import A2CAlgorithmConfig
from maze.trainers.ppo import PPOAlgorithmConfig

HIDDEN = "model.policy.networks.0.hidden_units"


def _jobs(seed: int = 7, **arguments: Any) -> list[JobSpecification]:
    return compose_jobs(arguments, seed=seed)


def test_the_last_axis_varies_fastest_and_seed_is_the_last() -> None:
    points = expand({"seed": [0, 1], "overrides": {"b": [1, 2], "a": [3, 4]}, "model": None, "algorithm": ["x", "y"]})
    assert points[:5] == [
        {"algorithm": "x", "b": 1, "a": 3, "seed": 0},
        {"algorithm": "x", "b": 1, "a": 3, "seed": 1},
        {"algorithm": "x", "b": 1, "a": 4, "seed": 0},
        {"algorithm": "x", "b": 1, "a": 4, "seed": 1},
        {"algorithm": "x", "b": 2, "a": 3, "seed": 0},
    ]
    assert len(points) == 16
    assert list(points[0]) == ["algorithm", "b", "a", "seed"]


def test_arguments_come_in_the_order_of_the_signature() -> None:
    axes = {name: ["x"] for name in ("experiment", "critic", "env", "configuration", "wrappers", "model", "algorithm")}
    assert list(expand(axes)[0]) == [
        "env",
        "wrappers",
        "algorithm",
        "model",
        "critic",
        "configuration",
        "experiment",
    ]


@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3).map("algorithm.{}".format),
        st.lists(st.one_of(st.integers(), st.text(), st.lists(st.integers()), st.none()), min_size=1, max_size=3),
        max_size=4,
    )
)
def test_every_combination_comes_once_and_the_callers_values_are_untouched(axes: dict[str, list[Any]]) -> None:
    before = copy.deepcopy(axes)
    points = expand({"overrides": axes})
    assert axes == before
    size = 1
    for values in axes.values():
        size *= len(values)
    assert len(points) == size
    for name, values in axes.items():
        repeats = size // len(values)
        seen = [point[name] for point in points]
        assert all(seen.count(value) == repeats * values.count(value) for value in values)


def test_without_lists_there_is_one_job() -> None:
    (job,) = _jobs(algorithm="a2c", overrides={"algorithm.lr": 0.5})
    assert (job.index, job.name, job.values) == (0, "0", {})
    assert job.config["algorithm.lr"] == 0.5


def test_a_list_inside_a_list_is_one_value() -> None:
    jobs = _jobs(overrides={HIDDEN: [[64, 64], [256]]})
    assert [job.config.section("model")["policy"]["networks"][0]["hidden_units"] for job in jobs] == [[64, 64], [256]]
    (job,) = _jobs(overrides={HIDDEN: [[1, 2]]})
    assert list(job.config[HIDDEN]) == [1, 2]
    (job,) = _jobs(overrides={HIDDEN: (1, 2)})
    assert list(job.config[HIDDEN]) == [1, 2]
    assert job.values == {}


def test_a_list_that_all_jobs_share_is_one_value_as_well() -> None:
    jobs = _jobs(overrides={"tracking.writers": [["console", "json_lines"]], "algorithm.lr": [0.1, 0.2]})
    assert [job.config.tracking.writers for job in jobs] == [("console", "json_lines")] * 2
    with pytest.raises(InvalidSpecificationError, match=r"^tracking\.writers: .*stands in a list, \[\[\.\.\.\]\]"):
        _jobs(overrides={"tracking.writers": ["console", "json_lines"]})


def test_lists_inside_mappings_are_values_and_integer_keys_stay_integers() -> None:
    target = {"_target_": "maze.FlattenConcatPolicyNet"}
    networks = [{0: {**target, "hidden_units": [8, 4]}}, {0: {**target, "hidden_units": [2]}}]
    jobs = _jobs(overrides={"model.policy.networks": networks})
    assert [job.config.section("model")["policy"]["networks"][0]["hidden_units"] for job in jobs] == [[8, 4], [2]]
    assert [list(job.config.section("model")["policy"]["networks"]) for job in jobs] == [[0], [0]]


def test_ranges_and_arrays_are_axes() -> None:
    assert [job.config["algorithm.n_epochs"] for job in _jobs(overrides={"algorithm.n_epochs": range(1, 4)})] == [
        1,
        2,
        3,
    ]
    rates = np.logspace(-3, -1, 3)
    assert [job.config["algorithm.lr"] for job in _jobs(overrides={"algorithm.lr": rates})] == list(rates)


def test_names_mappings_and_objects_are_swept_alike() -> None:
    target = "maze.trainers.a2c.A2CAlgorithmConfig"
    algorithms = ["ppo", {"_target_": target, "lr": 0.25}, A2CAlgorithmConfig(lr=0.5), PPOAlgorithmConfig(lr=0.75)]
    jobs = _jobs(algorithm=algorithms)
    assert [job.config["algorithm._target_"].rpartition(".")[2] for job in jobs] == [
        "PPOAlgorithmConfig",
        "A2CAlgorithmConfig",
        "A2CAlgorithmConfig",
        "PPOAlgorithmConfig",
    ]
    assert [job.config["algorithm.lr"] for job in jobs][1:] == [0.25, 0.5, 0.75]


def test_every_job_gets_its_own_object() -> None:
    factories = [lambda: GymMazeEnv("CartPole-v0"), lambda: GymMazeEnv("CartPole-v1")]
    jobs = _jobs(env=factories, seed=0)
    assert [job.objects["env"] for job in jobs] == factories
    assert [job.name for job in jobs] == ["0-env-lambda", "1-env-lambda"]


def test_wrappers_are_a_list_inside_a_list() -> None:
    first, second = (lambda env: env), (lambda env: env)
    jobs = _jobs(wrappers=["vector_obs", [first, second], [], first])
    assert [len(job.config.wrappers) for job in jobs][1:] == [2, 0, 1]
    assert jobs[1].objects == {"wrappers.0": first, "wrappers.1": second}
    assert jobs[0].config.choices["wrappers"] == "vector_obs"


def test_experiments_and_configurations_are_axes_too() -> None:
    jobs = _jobs(experiment=["cartpole", None], configuration=["test", None])
    assert [job.config["env.name"] for job in jobs].count("CartPole-v1") >= 2
    assert [job.config["runner.concurrency"] for job in jobs] == [2, 2, 8, 8]


def test_a_seed_is_shared_unless_it_is_an_axis() -> None:
    seeds = [job.config.seeding.env_base_seed for job in _jobs(seed=7, overrides={"algorithm.lr": [0.1, 0.2]})]
    assert seeds == [7, 7]
    jobs = compose_jobs({"seed": [3, np.int64(4)]}, seed=7)
    assert [(job.config.seeding.env_base_seed, job.config.seeding.agent_base_seed) for job in jobs] == [(3, 3), (4, 4)]
    jobs = _jobs(seed=7, overrides={"seeding.agent_base_seed": [1, 2]})
    assert [(job.config.seeding.env_base_seed, job.config.seeding.agent_base_seed) for job in jobs] == [(7, 1), (7, 2)]


def test_jobs_of_other_values_have_other_digests() -> None:
    jobs = compose_jobs({"seed": [0, 1], "overrides": {"algorithm.lr": [0.1, 0.2]}}, seed=0)
    assert len({job.digest for job in jobs}) == 4
    again = compose_jobs({"seed": [0, 1], "overrides": {"algorithm.lr": [0.1, 0.2]}}, seed=5)
    assert [job.digest for job in again] == [job.digest for job in jobs]


def test_names_sort_like_the_jobs_and_hold_no_odd_characters() -> None:
    overrides = {"algorithm.lr": list(np.linspace(0.01, 0.1, 11)), "tags.note": ["a/b: ü*?" * 40]}
    names = [job.name for job in _jobs(overrides=overrides)]
    assert names == sorted(names)
    assert names[0].startswith("00-lr-0.01_note-a_b")
    assert all(len(name) < 90 and name.isascii() and not set(name) & set("/*?: ") for name in names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"overrides": {"algorithm.lr": []}}, r"^algorithm.lr: \[\] is an axis without values; .* write \[\[\]\]"),
        ({"algorithm": []}, r"^algorithm: \[\] is an axis without values"),
        ({"seed": []}, r"^seed: \[\] is an axis without values"),
        ({"algorithm": ["a2c", "pop"]}, r"^job 1 \(algorithm=pop\): .*did you mean 'ppo'"),
        ({"overrides": {"algorithm.lr": [0.1, -1]}}, r"^job 1 \(algorithm.lr=-1\): algorithm.lr: -1"),
        ({"overrides": {"algorithm.lr": [0.1, None]}, "seed": [0, 1]}, r"^job 2 \(algorithm.lr=null, seed=0\): "),
        ({"overrides": {"algorithm.lrr": [1]}}, r"did you mean 'lr'"),
        ({"seed": [0, -1]}, r"^job 1 \(seed=-1\): seed: -1"),
        ({"seed": [0, "1"]}, r"^job 1 \(seed=1\): seed: '1'"),
        ({"launcher": ["serial", "joblib"]}, r"^launcher: .* belongs to the multi-run as a whole"),
        ({"overrides": {"launcher.n_jobs": [1, 2]}}, r"^launcher.n_jobs: .* belongs to the multi-run as a whole"),
        ({"overrides": {"run_dir": ["a", "b"]}}, r"^run_dir: .* belongs to the multi-run as a whole"),
        ({"overrides": {"tracking.mode": ["off"]}}, r"^tracking.mode: .* belongs to the multi-run as a whole"),
        ({"overrides": [1]}, r"^overrides: list is not accepted"),
        ({"overrides": {3: [1]}}, r"^overrides: 3 is not a dotted path"),
        (
            {"env": ["gym_env"], "overrides": {"env": [{"_target_": "maze.x"}]}},
            r"^env: is an axis as an argument and in",
        ),
        ({"env": [GymMazeEnv]}, r"^job 0 \(env=GymMazeEnv\): env: "),
        ({"wrappers": [["nothing"]]}, r"^job 0 \(wrappers=\[nothing\]\): wrappers.0"),
        ({"env": [lambda: None], "overrides": {"env.name": ["x"]}}, r"^job 0 .*together with its part 'env.name'"),
    ],
)
def test_what_is_wrong_is_said_with_the_jobs_values(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        compose_jobs(arguments, seed=0)


def test_an_error_without_axes_is_the_one_of_a_single_run() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^algorithm: 'pop' not found"):
        _jobs(algorithm="pop")


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0.001, "0.001"),
        (1e-5, "1e-05"),
        (0.1 + 0.2, "0.30000000000000004"),
        (True, "true"),
        (None, "null"),
        (np.float64(0.5), "0.5"),
        (float("inf"), "inf"),
        ([64, [1.5]], "[64, [1.5]]"),
        ("ppo", "ppo"),
        ({"a": {0: [1]}}, "{a: {0: [1]}}"),
        ({"_target_": "maze.A", "x": 1}, "A(x=1)"),
        (A2CAlgorithmConfig(), "A2CAlgorithmConfig"),
        (GymMazeEnv, "GymMazeEnv"),
        (lambda: None, "<lambda>"),
    ],
)
def test_values_in_words(value: Any, word: str) -> None:
    assert describe_value(value) == word
