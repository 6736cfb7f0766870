"""Presets and specialisations: every combination runs in seconds, and what does not go together says so."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from maze import InvalidSpecificationError, RunContext
from maze.api.specs import compose_arguments
from maze.config import group_options
from tests.scripted import Bright

ALGORITHMS = group_options("algorithm")
MODELS = group_options("model")
WRAPPERS = {
    **{name: name for name in ("pixel_obs", "pixel_obs_rnn", "vector_obs_rnn")},
    "vector_obs_recurrent": "vector_obs",
    "pixel_obs_recurrent": "pixel_obs",
}
"""Wrappers without which a model does not know what to do with observations."""


DEMONSTRATIONS = {"bc": "demonstrations", "sacfd": "initial_demonstrations"}
"""Field of algorithms that learn from what others did."""

REMEMBERING = dict.fromkeys(("vector_obs_recurrent", "pixel_obs_recurrent"), ("a2c", "ppo"))
"""Models whose networks carry a state, and the algorithms that can train them."""


def trained(run_dir: Path, overrides: dict[str, Any] | None = None, **arguments: Any) -> RunContext:
    values = {"tracking.mode": "off", **(overrides or {})}
    rc = RunContext(run_dir=run_dir, overrides=values, seed=1, silent=True, **arguments)
    rc.train()
    return rc


def demonstrations(place: Path, chosen: dict[str, Any]) -> dict[str, Any]:
    """Return what an algorithm needs that learns from demonstrations: here, those of an agent that knows nothing."""
    rc = RunContext(**{**chosen, "algorithm": "a2c"}, configuration="test", seed=1, silent=True)
    rc.rollout(n_episodes=3, max_episode_steps=20, record_trajectory=True, output_dir=place)
    return {f"algorithm.{DEMONSTRATIONS[chosen['algorithm']]}": str(place)}


COMBINATIONS = [
    (model, experiment)
    for model in MODELS
    for experiment in (None, "cartpole")
    if not (experiment and "pixel" in model)
]
"""Models and experiments; CartPole's observations are no pixels."""


@pytest.mark.parametrize(("model", "experiment"), COMBINATIONS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_with_every_model_runs_in_seconds(
    algorithm: str, model: str, experiment: str | None, tmp_path: Path
) -> None:
    chosen: dict[str, Any] = {"algorithm": algorithm, "model": model, "experiment": experiment}
    chosen |= {"wrappers": WRAPPERS.get(model)}
    chosen |= {"env": Bright} if "pixel" in model else {}
    given = demonstrations(tmp_path / "demonstrations", chosen) if algorithm in DEMONSTRATIONS else {}
    if algorithm not in REMEMBERING.get(model, ALGORITHMS):
        with pytest.raises(InvalidSpecificationError, match="state"):
            trained(tmp_path / "run", given, configuration="test", **chosen)
        return
    start = time.perf_counter()
    rc = trained(tmp_path / "run", given, configuration="test", **chosen)
    assert time.perf_counter() - start < 10
    assert rc.config.choices["algorithm"] == algorithm
    assert rc.config.choices["model"] == model
    assert rc.trainer.epoch == 2
    assert rc.evaluate().statistics


@pytest.mark.parametrize("experiment", group_options("experiment"))
def test_every_experiment_runs(experiment: str, tmp_path: Path) -> None:
    config, _ = compose_arguments(experiment=experiment)
    chosen = {"algorithm": config.choices["algorithm"], "env": config.section("env")}
    given = demonstrations(tmp_path / "shown", chosen) if chosen["algorithm"] in DEMONSTRATIONS else {}
    rc = trained(tmp_path / experiment, given, experiment=experiment, configuration="test")
    assert rc.config.choices["experiment"] == experiment
    assert rc.trainer.epoch == 2


TUNED = [
    (experiment, algorithm)
    for experiment in group_options("experiment")
    for algorithm in set(experiment.split("_")) & set(ALGORITHMS)
]
"""Presets that tune an algorithm, whose name they carry."""


@pytest.mark.parametrize(("experiment", "algorithm"), TUNED)
def test_tuned_presets_choose_their_algorithm_and_refuse_another(experiment: str, algorithm: str) -> None:
    config, _ = compose_arguments(experiment=experiment)
    assert config.choices["algorithm"] == algorithm
    same, _ = compose_arguments({"algorithm": algorithm}, experiment=experiment)
    assert same.section("algorithm") == config.section("algorithm")
    for other in set(ALGORITHMS) - {algorithm}:
        with pytest.raises(
            InvalidSpecificationError, match=f"'{experiment}' tunes the algorithm '{algorithm}'.*'{other}'"
        ):
            compose_arguments({"algorithm": other}, experiment=experiment)


@pytest.mark.parametrize("experiment", group_options("experiment"))
def test_presets_that_set_values_of_an_algorithm_carry_its_name(experiment: str) -> None:
    config, _ = compose_arguments(experiment=experiment)
    algorithm = config.choices["algorithm"]
    needed = {"algorithm.demonstrations": "recorded"} if algorithm == "bc" else {}
    plain, _ = compose_arguments({"algorithm": algorithm}, overrides=needed)
    if config.section("algorithm") != plain.section("algorithm"):
        assert (experiment, algorithm) in TUNED


def test_ppo_with_wrappers() -> None:
    config, _ = compose_arguments(experiment="cartpole_ppo_wrappers")
    assert config.choices["algorithm"] == "ppo"
    assert config.choices["wrappers"] == "vector_obs"
    assert (config.algorithm.lr, config.env.name) == (0.0001, "CartPole-v1")
    with pytest.raises(InvalidSpecificationError, match=r"'cartpole_ppo_wrappers' tunes the algorithm 'ppo'.*'a2c'"):
        compose_arguments({"algorithm": "a2c"}, experiment="cartpole_ppo_wrappers")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_grid_search_goes_with_every_algorithm(algorithm: str) -> None:
    given = {"algorithm.demonstrations": "recorded"} if algorithm == "bc" else {}
    config, _ = compose_arguments({"algorithm": algorithm}, overrides=given, experiment="grid_search")
    assert config.choices["launcher"] == "joblib"
    assert config.section("launcher") == {"_target_": "maze.launchers.JoblibLauncher", "n_jobs": -1}
    assert config.runner.torch_threads == 1
    plain, _ = compose_arguments({"algorithm": algorithm}, overrides=given)
    assert config.section("algorithm") == plain.section("algorithm")


def test_a_specialisation_is_laid_over_an_object_too() -> None:
    config, _ = compose_arguments(
        {"env": {"_target_": "maze.make_gym_maze_env", "name": "CartPole-v0"}}, configuration="test"
    )
    assert (config.algorithm.n_epochs, config.runner.concurrency) == (2, 2)
    assert config.env.name == "CartPole-v0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"experiment": "grid"},
            r"^experiment: 'grid' not found; did you mean 'grid_search'\? Accepted: acrobot_ppo, ",
        ),
        ({"experiment": "CARTPOLE"}, r"did you mean 'cartpole'"),
        ({"configuration": "tests"}, r"^configuration: 'tests' not found; did you mean 'test'\? Accepted: test\."),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        RunContext(**arguments)
