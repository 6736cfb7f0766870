"""What a component does not accept is refused where it is passed, by name and with the remedy."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from maze import (
    A2C,
    A2CAlgorithmConfig,
    CustomModelComposer,
    GymMazeEnv,
    InvalidSpecificationError,
    LogStatsWrapper,
    MazeEnv,
    RunContext,
    StateCriticComposer,
    Wrapper,
)
from maze.config import EvaluationConfig, RunnerConfig
from maze.launchers import SerialLauncher
from tests.components import (
    LOG_STATS,
    POLICY,
    PolicyNet,
    ShapedNet,
    StateNet,
    cartpole,
    critic_object,
    made,
    model_object,
    policy_object,
    scaled,
)


class NeedsMore(Wrapper):
    """A wrapper that cannot be made of an environment alone."""

    def __init__(self, env: MazeEnv, n: int, name: str = "") -> None:
        super().__init__(env)


GROUP = r"accepted: the name of a module of the group '{0}', a mapping with _target_, "

REFUSED: list[tuple[str, str, Callable[[], Any], str]] = [
    ("env", "unknown name", lambda: "gim_env", r"^env: 'gim_env' not found; did you mean 'gym_env'\?"),
    ("env", "id as name", lambda: "CartPole-v1", r"goes to env\.name: overrides=\{'env\.name': 'CartPole-v1'\}"),
    ("env", "mapping without target", lambda: {"name": "x"}, r"^env: \{'name': 'x'\} is not accepted; .*_target_"),
    ("env", "instance", cartpole, r"^env: an instance \(GymMazeEnv\) is not accepted.*env=lambda: \.\.\."),
    ("env", "instance of gymnasium", lambda: gymnasium.make("CartPole-v1"), r"^env: an instance \(TimeLimit\)"),
    ("env", "vector", lambda: gymnasium.make_vec("CartPole-v1", 2), r"^env: an instance .*env=lambda"),
    ("env", "class", lambda: GymMazeEnv, r"^env: the class GymMazeEnv needs arguments \(env\); .*lambda: GymMazeEnv"),
    ("env", "factory with arguments", lambda: lambda name: name, r"^env: the factory needs arguments \(name\)"),
    ("env", "literal", lambda: 3, r"^env: 3 is not accepted; " + GROUP.format("env")),
    ("env", "list", lambda: ["gym_env"], r"^env: \['gym_env'\] is not accepted"),
    ("wrappers", "unknown name", lambda: "vector_ob", r"^wrappers: 'vector_ob' not found; did you mean 'vector_obs'"),
    ("wrappers", "instance", lambda: scaled(cartpole()), r"^wrappers\.0: .*An instance \(LogStatsWrapper\)"),
    (
        "wrappers",
        "of gymnasium",
        lambda: gymnasium.wrappers.FlattenObservation,
        r"wraps environments of gymnasium; put",
    ),
    ("wrappers", "literal", lambda: 3, r"^wrappers\.0: 3 is not accepted; accepted: a Wrapper class"),
    ("wrappers", "function of nothing", lambda: [LogStatsWrapper, lambda: 1], r"^wrappers\.1: .* is not accepted"),
    ("wrappers", "wrong arguments", lambda: {LOG_STATS: 3}, r"^wrappers\.maze.*: 3 is not accepted; .*mapping"),
    (
        "wrappers",
        "needs an argument",
        lambda: NeedsMore,
        r"^wrappers\.0: the class NeedsMore needs arguments \(n\); pass",
    ),
    ("wrappers", "module", lambda: types, r"^wrappers\.0: .*types is a module"),
    ("algorithm", "unknown name", lambda: "PPO", r"^algorithm: 'PPO' not found; did you mean 'ppo'\? Accepted: a2c"),
    ("algorithm", "mapping", lambda: {"lr": 1}, r"^algorithm: \{'lr': 1\} is not accepted; .*_target_"),
    ("algorithm", "class", lambda: A2CAlgorithmConfig, r"^algorithm: <class.*pass an instance: .*A2CAlgorithmConfig\("),
    ("algorithm", "trainer", lambda: A2C, r"A2C is a trainer; pass its configuration: algorithm=A2CAlgorithmConfig"),
    ("algorithm", "other object", object, r"^algorithm: <object .*" + GROUP.format("algorithm")),
    ("algorithm", "other dataclass", RunnerConfig, r"^algorithm: RunnerConfig\(.*class attribute `trainer`"),
    ("algorithm", "factory", lambda: lambda: 1, r"^algorithm: <function .* is not accepted"),
    ("model", "unknown name", lambda: "vector", r"^model: 'vector' not found; did you mean 'vector_obs'"),
    ("model", "mapping", lambda: {"policy": POLICY}, r"^model: .* is not accepted; a mapping needs _target_"),
    ("model", "other object", object, r"^model: <object .*or a model composer, an object with the attributes policy"),
    ("model", "policy", policy_object, r"^model: .* is not accepted"),
    ("model", "class", lambda: CustomModelComposer, r"^model: <class.*pass an instance, or \{'_target_': 'maze\.perc"),
    ("model", "factory", lambda: model_object, r"^model: <function"),
    ("model", "network", PolicyNet, r"That is a network; pass it as policy=PolicyNet\(\.\.\.\), or in overrides="),
    (
        "model",
        "list of networks",
        lambda: [PolicyNet],
        r"go into overrides=\{'model\.policy\.networks': \[PolicyNet\]\}\.$",
    ),
    ("model", "literal", lambda: 1.5, r"^model: 1\.5 is not accepted; " + GROUP.format("model")),
    ("policy", "unknown name", lambda: "flaten_concat", r"^policy: 'flaten_concat' not found; did you mean 'flatten_c"),
    ("policy", "for rollouts", lambda: "random_policy", r"^policy: 'random_policy' is a policy for rollouts only"),
    ("policy", "mapping", lambda: {"networks": []}, r"^policy: \{'networks': \[\]\} is not accepted; .*_target_"),
    ("policy", "literal", lambda: 3.0, r"^policy: 3\.0 is not accepted; .*or a policy composer"),
    ("policy", "other object", object, r"^policy: <object .*or a policy composer .*, a TorchPolicy or a network"),
    ("policy", "model", model_object, r"^policy: .*That is a whole model; pass it as model=CustomModelComposer"),
    ("policy", "class", lambda: PolicyNet, r"^policy: <class .*pass an instance"),
    ("policy", "factory", lambda: policy_object, r"^policy: <function"),
    ("critic", "unknown name", lambda: "template", r"^critic: 'template' not found; did you mean 'template_state'"),
    ("critic", "mapping", lambda: {"networks": []}, r"^critic: .* is not accepted; a mapping needs _target_"),
    ("critic", "literal", lambda: True, r"^critic: True is not accepted"),
    ("critic", "class", lambda: StateCriticComposer, r"^critic: <class .*pass an instance"),
    (
        "critic",
        "list",
        lambda: [PolicyNet],
        r"^critic: .*go into overrides=\{'model\.critic\.networks': \[PolicyNet\]\}\.$",
    ),
    ("critic", "policy", policy_object, r"^critic: <maze.*ProbabilisticPolicyComposer .* is not accepted"),
    ("critic", "finished policy", lambda: policy_object().policy, r"^critic: TorchPolicy\("),
    ("critic", "other object", object, r"^critic: <object .*or a critic composer"),
    ("critic", "factory", lambda: critic_object, r"^critic: <function"),
    ("runner", "unknown name", lambda: "devv", r"^runner: 'devv' not found; did you mean 'dev'"),
    ("runner", "for rollouts", lambda: "parallel", r"^runner: 'parallel' "),
    ("runner", "mapping", lambda: {"concurency": 3}, r"^runner\.concurency: .*did you mean 'concurrency'"),
    ("runner", "other class", EvaluationConfig, r"^runner: EvaluationConfig\(.*or a maze\.config\.RunnerConfig"),
    ("runner", "other object", object, r"^runner: <object .* is not accepted; .*RunnerConfig"),
    ("runner", "class", lambda: RunnerConfig, r"^runner: <class .*pass an instance: runner=RunnerConfig\(\.\.\.\)"),
    ("runner", "factory", lambda: RunnerConfig.__init__, r"^runner: <function"),
    ("runner", "literal", lambda: 8, r"^runner: 8 is not accepted; " + GROUP.format("runner")),
    ("launcher", "unknown name", lambda: "serail", r"^launcher: 'serail' not found; did you mean 'serial'"),
    ("launcher", "later", lambda: "ray", r"^launcher: 'ray' is not available yet; it comes in a later release"),
    ("launcher", "mapping", lambda: {"n_jobs": 3}, r"^launcher: \{'n_jobs': 3\} is not accepted; .*_target_"),
    ("launcher", "class", lambda: SerialLauncher, r"^launcher: <class .*pass an instance: launcher=SerialLauncher"),
    ("launcher", "other object", object, r"^launcher: <object .*or a launcher, an object with the method launch"),
    ("launcher", "target", lambda: {"_target_": "maze.GymMazeEnv", "env": "x"}, r"^launcher\._target_: .*no launcher"),
    (
        "launcher",
        "argument",
        lambda: {"_target_": "maze.launchers.JoblibLauncher", "jobs": 2},
        r"did you mean 'n_jobs'",
    ),
    ("launcher", "factory", lambda: SerialLauncher.launch, r"^launcher: <function"),
    ("experiment", "unknown name", lambda: "cartpol", r"^experiment: 'cartpol' not found; did you mean 'cartpole'"),
    ("experiment", "mapping", lambda: {"algorithm": "ppo"}, r"^experiment: .* is not accepted; accepted: the name of"),
    ("experiment", "object", object, r"^experiment: <object .* is not accepted; accepted: the name of"),
    ("experiment", "factory", lambda: cartpole, r"^experiment: <function .* is not accepted"),
    ("configuration", "unknown name", lambda: "run", r"^configuration: 'run' not found; accepted: test\."),
    ("configuration", "mapping", lambda: {}, r"^configuration: \{\} is not accepted; accepted: the name of"),
    ("configuration", "object", object, r"^configuration: <object .* is not accepted"),
    ("configuration", "factory", lambda: cartpole, r"^configuration: <function"),
]


@pytest.mark.parametrize(
    ("argument", "make", "message"),
    [pytest.param(argument, make, message, id=f"{argument}-{form}") for argument, form, make, message in REFUSED],
)
def test_what_is_not_accepted_says_so_where_it_is_passed(argument: str, make: Callable[[], Any], message: str) -> None:
    value = made(make)
    with pytest.raises(InvalidSpecificationError, match=message) as caught:
        RunContext(**{argument: value})
    assert "\n" not in str(caught.value)
    if isinstance(value, gymnasium.Env):
        value.close()


@pytest.mark.parametrize("given", ["model", "policy", "critic"])
@pytest.mark.parametrize("as_function", [False, True])
def test_the_place_that_is_named_for_what_makes_a_network_takes_it(
    given: str, as_function: bool, tmp_path: Path
) -> None:
    made_of = StateNet if given == "critic" else ShapedNet
    network = (lambda **shapes: made_of(**shapes)) if as_function else made_of  # noqa: PLW0108  (a function, no class)
    with pytest.raises(InvalidSpecificationError) as caught:
        RunContext(**{given: network})
    place = re.search(r"overrides=\{'([\w.]+)': \[([\w.]+)\]\}", str(caught.value))
    assert place is not None
    assert place[2] == (made_of.__name__ if network is made_of else "...")
    overrides = {place[1]: [network], "tracking.mode": "off"}
    rc = RunContext(run_dir=tmp_path / "run", overrides=overrides, configuration="test", silent=True)
    rc.train(1)
    assert any(isinstance(part, made_of) for part in rc.model.modules())


@pytest.mark.parametrize("part", ["policy", "critic"])
@pytest.mark.parametrize("networks", [PolicyNet, ShapedNet, lambda **shapes: None])
def test_a_network_where_a_list_of_them_stands_is_refused_at_construction(part: str, networks: Any) -> None:
    with pytest.raises(
        InvalidSpecificationError, match=rf"^model\.{part}\.networks: .* is not accepted; accepted: a list"
    ):
        RunContext(overrides={f"model.{part}.networks": networks})


@pytest.mark.parametrize("path", ["model", "policy", "model.policy", "critic", "model.critic", "runner", "launcher"])
def test_a_wrong_object_in_overrides_is_refused_under_the_path_that_was_written(path: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"^{path}: <object .* is not accepted"):
        RunContext(overrides={path: object()})


def test_an_unknown_argument_of_a_configuration_names_the_nearest() -> None:
    with pytest.raises(
        TypeError, match=r"^A2CAlgorithmConfig\(\) has no argument 'n_epoch'; did you mean 'n_epochs'\?"
    ):
        A2CAlgorithmConfig(n_epoch=1)  # type: ignore[call-arg]
    with pytest.raises(
        TypeError, match=r"^RunnerConfig\(\) has no argument 'concurency'; did you mean 'concurrency'\?"
    ):
        RunnerConfig(concurency=1)  # type: ignore[call-arg]
