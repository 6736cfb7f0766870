"""What arguments refuse, and how they say it."""

from __future__ import annotations

import pytest

from maze.api.specs import compose_arguments
from maze.env import GymMazeEnv
from maze.errors import InvalidSpecificationError, RunContextError
from maze.trainers.a2c import A2CAlgorithmConfig

A2C = "maze.trainers.a2c.A2CAlgorithmConfig"
LOG_STATS = "maze.env.log_stats.LogStatsWrapper"


def make_env():
    return GymMazeEnv("CartPole-v1")


def test_environment_instances_are_refused_with_the_remedy():
    import gymnasium

    for env in (make_env(), gymnasium.make("CartPole-v1"), gymnasium.make_vec("CartPole-v1", 2)):
        for arguments in ({"components": {"env": env}}, {"components": {}, "overrides": {"env": env}}):
            with pytest.raises(InvalidSpecificationError, match=r"pass a factory: env=lambda: \.\.\."):
                compose_arguments(**arguments)
        env.close()


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ({"env": lambda name: name}, r"^env: the factory needs arguments"),
        ({"env": 3}, r"^env: 3 is not accepted"),
        ({"env": {"name": "x"}}, r"^env: a mapping needs _target_"),
        ({"algorithm": 3}, r"^algorithm: 3 is not accepted"),
        ({"algorithm": object()}, r"^algorithm: <object .*class attribute `trainer`"),
        ({"algorithm": A2CAlgorithmConfig}, r"^algorithm: <class"),
        ({"algorithm": {"lr": 1}}, r"^algorithm: a mapping needs _target_"),
        (
            {"algorithm": {"_target_": A2C, "lrr": 1}},
            r"^algorithm\.lrr: no such key of A2CAlgorithmConfig; did you mean 'lr'",
        ),
        ({"algorithm": {"_target_": A2C, "lr": "fast"}}, r"^algorithm\.lr: 'fast'"),
        ({"algorithm": {"_target_": "os.system"}}, r"^algorithm\._target_: 'os\.system'"),
        ({"model": ["x"]}, r"^model: \['x'\] is not accepted"),
        ({"critic": True}, r"^critic: True is not accepted"),
        ({"policy": dict}, r"^policy: <class 'dict'>"),
        ({"wrappers": 3}, r"^wrappers\.0: 3 is not accepted"),
        ({"wrappers": {"maze.X": 3}}, r"^wrappers\.maze\.X"),
        ({"wrappers": [lambda: 1]}, r"^wrappers\.0"),
        ({"runner": {"concurency": 3}}, r"^runner\.concurency: .*did you mean 'concurrency'"),
        ({"runner": object()}, r"^runner: an object cannot stand here"),
        ({"polcy": "x"}, r"^polcy: no such component; did you mean 'policy'"),
        ({"policy": "random_policy"}, r"rollouts only"),
        ({"launcher": "ray"}, r"later release"),
        ({"algorithm": "rllib"}, r"later release"),
    ],
)
def test_wrong_components(components, message):
    with pytest.raises(InvalidSpecificationError, match=message):
        compose_arguments(components)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"overrides": {"algorithm": "es"}}, r"algorithm='es'"),
        ({"overrides": {"policy": "flatten_concat"}}, r"policy='flatten_concat'"),
        ({"overrides": ["algorithm.lr=1"]}, r"^overrides: list is not accepted"),
        ({"overrides": {1: 2}}, r"^overrides: 1 is not a dotted path"),
        ({"overrides": {"algorithm.lrr": 1}}, r"did you mean 'lr'"),
        ({"overrides": {"tags.x": {1, 2}}}, r"^tags\.x: set cannot stand"),
        ({"overrides": {"tags.x": b"1"}}, r"^tags\.x: bytes cannot stand"),
        ({"configuration": 3}, r"^configuration: 3 is not accepted"),
        ({"experiment": {"a": 1}}, r"^experiment: \{'a': 1\} is not accepted"),
        ({"run_dir": 3}, r"^run_dir: 3 is not accepted"),
        ({"run_dir": ""}, r"^run_dir: '' is not accepted"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(InvalidSpecificationError, match=message):
        compose_arguments(**arguments)


@pytest.mark.parametrize(
    ("components", "overrides", "names"),
    [
        ({"model": object()}, {"policy.device": "cpu"}, ("'model'", "'policy.device'")),
        ({"model": object(), "policy": "flatten_concat"}, {}, ("'model'", "'policy'")),
        ({"model": object(), "critic": {"_target_": "maze.C"}}, {}, ("'model'", "'critic'")),
        ({"policy": object()}, {"model.policy._target_": "maze.P"}, ("'policy'", "'model.policy._target_'")),
        ({"algorithm": A2CAlgorithmConfig()}, {"algorithm.lr": 1.0}, ("'algorithm'", "'algorithm.lr'")),
        ({"env": make_env}, {"env.name": "x"}, ("'env'", "'env.name'")),
        ({}, {"model": object(), "model.critic": None}, ("'model'", "'model.critic'")),
        (
            {},
            {"model": {"_target_": "maze.M", "policy": object()}, "policy.device": 1},
            ("policy.device", "model.policy"),
        ),
        ({"critic": {"_target_": "maze.C"}}, {"model.critic": None}, ("critic", "model.critic")),
        ({"critic": {"_target_": "maze.C"}}, {"critic": None}, ("critic", "overrides")),
    ],
)
def test_an_object_and_its_part_are_an_error_that_names_both(components, overrides, names):
    with pytest.raises(InvalidSpecificationError) as caught:
        compose_arguments(components, overrides=overrides)
    assert all(name in str(caught.value) for name in names)
    assert isinstance(caught.value, RunContextError)
