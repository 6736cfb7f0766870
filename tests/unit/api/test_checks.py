"""What can be known about a specification before anything is made is found at construction, without torch."""

from __future__ import annotations

import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from maze import GymMazeEnv, InvalidSpecificationError, RunContext
from maze.api.checks import check_config
from maze.api.specs import compose_arguments, from_params
from tests.components import CRITIC, LOG_STATS, MODEL, POLICY

ROOT = Path(__file__).parents[3]
COMPOSERS = "maze.perception.models"

WRONG: list[tuple[dict[str, Any], str]] = [
    # environments
    ({"env.name": "CartPol-v1"}, r"^env\.name: Unknown environment 'CartPol-v1': did you mean 'CartPole-v1'\?"),
    ({"env.name": "CartPole-v7"}, r"^env\.name: .*there is no such version; the newest is 'CartPole-v1'"),
    ({"env.name": "phys2d/CartPole-v1"}, r"^env\.name: .*needs packages that are missing: .*jax.* Remedy: install"),
    ({"env.name": "HalfCheetah-v3"}, r"^env\.name: .*needs packages that are missing: .* Remedy: use 'HalfCheetah-v5'"),
    ({"env.name": "no_such_package:Some-v0"}, r"^env\.name: .*No module named 'no_such_package'"),
    ({"env.name": 3}, r"^env\.name: 3 is not accepted; accepted: the id of an environment"),
    ({"++env.sutton_barto": True}, r"^env\.name: .*no argument 'sutton_barto'; did you mean 'sutton_barto_reward'"),
    ({"env": {"_target_": "maze.GymMazeEnv", "env": "CartPol-v1"}}, r"^env\.env: Unknown environment 'CartPol-v1'"),
    ({"env": {"_target_": "gymnasium.make", "id": "CartPol-v1"}}, r"^env\.id: Unknown environment 'CartPol-v1'"),
    ({"env": {"_target_": "maze.GymMazeEnv"}}, r"^env\.env: maze\.GymMazeEnv needs this argument"),
    (
        {"env": {"_target_": "maze.GymMazEnv"}},
        r"^env\._target_: 'maze\.GymMazEnv' was not found.*did you mean 'GymMazeEnv'",
    ),
    ({"env": {"_target_": "maze.enf.X"}}, r"^env\._target_: 'maze\.enf\.X' was not found.*did you mean 'env'"),
    # wrappers
    ({"wrappers": {"maze.LogStatWrapper": {}}}, r"^wrappers\.0\._target_: .*did you mean 'LogStatsWrapper'"),
    (
        {"wrappers": {LOG_STATS: {"logging_prefx": "x"}}},
        r"^wrappers\.0\.logging_prefx: .*did you mean 'logging_prefix'",
    ),
    ({"wrappers": {"gymnasium.wrappers.TimeLimit": {}}}, r"^wrappers\.0\._target_: .*go into the factory: env=lambda"),
    ({"wrappers": {"maze.config.RunConfig": {}}}, r"^wrappers\.0\._target_: .*does not wrap a MazeEnv"),
    # models
    (
        {"model._target_": f"{COMPOSERS}.composers.CustomComposer"},
        r"^model\._target_: .*did you mean 'CustomModelComposer'",
    ),
    (
        {"model._target_": f"{COMPOSERS}.compsers.CustomModelComposer"},
        r"^model\._target_: .*did you mean 'maze\.CustomModelComposer'",
    ),
    ({"model._target_": f"{COMPOSERS}.compsers.Compser"}, r"^model\._target_: .*did you mean 'composers'"),
    (
        {"policy._target_": f"{COMPOSERS}.policies.PolicyComposer"},
        r"^model\.policy\._target_: .*Accepted: .*Probabilistic",
    ),
    (
        {"critic.networks.0._target_": "maze.perception.FlattenConcatStateNet"},
        r"^model\.critic\.networks\.0\._target_: .*StateValueNet",
    ),
    ({"policy.networks.0.non_lin": "torch.nn.Tahn"}, r"^model\.policy\.networks\.0\.non_lin: .*did you mean 'Tanh'"),
    ({"policy.networks.0.non_lin": "torch.nn.functional"}, r"^model\.policy\.networks\.0\.non_lin: .*it is a module"),
    (
        {"++policy.networks.0.hiden_units": [1]},
        r"^model\.policy\.networks\.0\.hiden_units: .*did you mean 'hidden_units'",
    ),
    ({"++model.distribution_mapper": []}, r"^model\.distribution_mapper: .*did you mean 'distribution_mapper_config'"),
    ({"policy": None}, r"^model\.policy: None is not accepted; .*policy='flatten_concat'"),
    ({"model": {**MODEL, "critic": 3}}, r"^model\.critic: 3 is not accepted"),
    (
        {"critic": None},
        r"^model\.critic: null is not accepted, since PPOAlgorithmConfig needs a critic; .*'flatten_concat'",
    ),
    # algorithms and launchers
    ({"algorithm": {"_target_": "maze.trainers.A2C"}}, r"^algorithm\._target_: .*not an algorithm configuration"),
    (
        {"algorithm.rollout_evaluator": {"_target_": "maze.rollout.RolloutEvaluatr"}},
        r"^algorithm\.rollout_evaluator\._target_: .*did you mean 'RolloutEvaluator'",
    ),
    (
        {"algorithm.rollout_evaluator": {"_target_": "maze.RolloutEvaluator", "episodes": 2}},
        r"^algorithm\.rollout_evaluator\.episodes: .*did you mean 'n_episodes'",
    ),
    (
        {"launcher": {"_target_": "maze.launchers.SerialLaunch"}},
        r"^launcher\._target_: .*did you mean 'SerialLauncher'",
    ),
]


@pytest.mark.parametrize(("overrides", "message"), WRONG)
def test_what_is_wrong_is_found_at_construction(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message) as caught:
        RunContext(overrides=overrides)
    assert "\n" not in str(caught.value)


def test_sections_without_a_target_are_refused_by_name(tmp_path: Path) -> None:
    for group in ("env", "model", "launcher"):
        (tmp_path / group).mkdir()
        (tmp_path / group / "bare.yaml").write_text("size: 3\n")
        with pytest.raises(InvalidSpecificationError, match=rf"^{group}: \{{'size': 3\}} is not accepted; .*_target_"):
            compose_arguments({group: "bare"}, config_dir=tmp_path)


def test_the_pipeline_finds_it_when_it_composes() -> None:
    for values, message in (
        ({"env": {"name": "CartPol-v1"}}, r"^env\.name: Unknown environment"),
        ({"model.critic": None}, r"^model\.critic: null"),
        ({"wrappers": {LOG_STATS: {"logging_prefx": "x"}}}, r"wrappers"),
    ):
        with pytest.raises(InvalidSpecificationError, match=message):
            from_params({"set": values})


@pytest.mark.parametrize(
    ("model", "overrides"),
    [
        ("vector_obs", {"model.critic": None}),
        ({"_target_": f"{COMPOSERS}.composers.CustomModelComposer", "policy": POLICY}, {}),
    ],
)
def test_an_algorithm_that_needs_a_critic_says_which_one_fits(model: Any, overrides: dict[str, Any]) -> None:
    choice = "template_state" if model == "vector_obs" else "flatten_concat"
    with pytest.raises(InvalidSpecificationError, match=rf"A2CAlgorithmConfig needs a critic; pass critic='{choice}'"):
        RunContext(algorithm="a2c", model=model, overrides=overrides)
    RunContext(algorithm="a2c", model=model, critic=choice)
    RunContext(algorithm="a2c", model=model, critic=CRITIC)


@pytest.mark.parametrize(
    ("algorithm", "critic"), [("ppo", "template_state"), ("sac", "template_state_action"), ("es", None)]
)
def test_a_model_without_a_critic_gets_the_one_that_the_algorithm_needs(algorithm: str, critic: str | None) -> None:
    rc = RunContext(algorithm=algorithm, model="vector_obs", overrides={"env.name": "Pendulum-v1"})
    assert rc.config.choices["critic"] == critic


@pytest.mark.parametrize(
    "overrides",
    [
        {"env.name": "CartPole-v0"},
        {"env.name": "Taxi-v3"},  # legacy gym's
        {"++env.max_episode_steps": 5, "++env.sutton_barto_reward": True},
        {"env.name": "gymnasium:Pendulum-v1", "++env.g": 9.0},
        {"wrappers": {"gymnasium.make": {}}},  # a function: what it returns is seen when it is called
        {"policy.networks.0.non_lin": "torch.nn.modules.activation.ELU"},
        {"critic.networks.0._target_": "maze.perception.FlattenConcatStateValueNet"},
    ],
)
def test_what_exists_is_accepted(overrides: dict[str, Any]) -> None:
    compose_arguments(overrides=overrides)


def test_an_environment_that_the_user_registered_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    class OwnEnv(gymnasium.Env[Any, Any]):
        def __init__(self, size: int = 3, render_mode: str | None = None) -> None:
            self.size = size

    monkeypatch.setattr(gymnasium.envs.registration, "registry", dict(gymnasium.registry))
    monkeypatch.setattr(gymnasium, "registry", gymnasium.envs.registration.registry)
    gymnasium.register("Own-v0", entry_point=OwnEnv)
    compose_arguments(overrides={"env.name": "Own-v0", "++env.size": 5})
    with pytest.raises(InvalidSpecificationError, match=r"no argument 'sise'; did you mean 'size'"):
        compose_arguments(overrides={"env.name": "Own-v0", "++env.sise": 5})
    with pytest.raises(InvalidSpecificationError, match=r"did you mean 'Own-v0'"):
        compose_arguments(overrides={"env.name": "Onw-v0"})


def test_a_users_module_is_looked_at_without_being_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users_project.py").write_text(
        "raise SystemExit('was imported')\n"
        "class Net:\n    def __init__(self, obs_shapes, action_logits_shapes, width=3): ...\n"
        "def make_env(size): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    allowed = {"allowed_modules": ["users_project"]}
    network = {"_target_": "users_project.Net", "width": 5}
    compose_arguments(overrides={**allowed, "policy.networks": [network]})
    compose_arguments(overrides={**allowed, "env": {"_target_": "users_project.make_env", "size": 5}})
    with pytest.raises(InvalidSpecificationError, match=r"^model\.policy\.networks\.0\.widht: .*did you mean 'width'"):
        compose_arguments(overrides={**allowed, "policy.networks": [{**network, "widht": 5}]})
    with pytest.raises(InvalidSpecificationError, match=r"^env\.sise: .*did you mean 'size'"):
        compose_arguments(overrides={**allowed, "env": {"_target_": "users_project.make_env", "sise": 5}})


def test_names_that_a_users_module_makes_while_it_is_imported_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "makes_names.py").write_text("vars().update({name: type(name, (), {}) for name in ('Net',)})\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "makes_names", raising=False)
    allowed = {"allowed_modules": ["makes_names"]}
    try:
        with pytest.raises(InvalidSpecificationError, match=r"'makes_names\.Nett' was not found: did you mean 'Net'"):
            compose_arguments(overrides={**allowed, "policy.networks": [{"_target_": "makes_names.Nett"}]})
        compose_arguments(overrides={**allowed, "policy.networks": [{"_target_": "makes_names.Net"}]})
    finally:
        sys.modules.pop("makes_names", None)


def test_a_module_that_exists_in_memory_alone_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("in_memory")

    def make_env(name: str) -> GymMazeEnv:
        return GymMazeEnv(name)

    make_env.__module__, make_env.__qualname__ = "in_memory", "make_env"
    module.make_env = make_env  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "in_memory", module)
    allowed = {"allowed_modules": ["in_memory"]}
    compose_arguments(overrides={**allowed, "env": {"_target_": "in_memory.make_env", "name": "CartPole-v1"}})
    with pytest.raises(InvalidSpecificationError, match=r"^env\.nam: .*did you mean 'name'"):
        compose_arguments(overrides={**allowed, "env": {"_target_": "in_memory.make_env", "nam": "x"}})


def test_nothing_heavy_is_loaded_to_check_and_to_refuse(tmp_path: Path) -> None:
    code = """
import sys
from maze import InvalidSpecificationError, RunContext
RunContext(algorithm="a2c", model="vector_obs", critic="template_state", wrappers="vector_obs", launcher="joblib")
for overrides in ({"env.name": "CartPol-v1"}, {"policy.networks.0.non_lin": "torch.nn.Tahn"}, {"critic": None}):
    try:
        RunContext(overrides=overrides)
        print("accepted", overrides)
    except InvalidSpecificationError:
        pass
print([name for name in ("torch", "mlflow", "matplotlib", "pandas", "joblib", "Box2D") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
        timeout=60,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_checking_takes_milliseconds() -> None:
    components = {"model": "vector_obs", "critic": "template_state", "wrappers": "vector_obs"}
    config, _ = compose_arguments(components)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        check_config(config)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.03
