"""What arguments refuse, and how they say it."""

from __future__ import annotations

import inspect
import types

import pytest

from maze.api.arguments import absolute_directory, explain_keywords
from maze.api.run_context import RunContext
from maze.api.specs import compose_arguments
from maze.env import GymMazeEnv
from maze.errors import InvalidSpecificationError, RunContextError
from maze.trainers.a2c import A2CAlgorithmConfig

COMPOSER = "maze.perception.models.composers.CustomModelComposer"
POLICY = "maze.perception.models.policies.ProbabilisticPolicyComposer"
CRITIC = "maze.perception.models.critics.StateCriticComposer"
MODEL = types.SimpleNamespace(policy=None, critic=None)
PART = types.SimpleNamespace(build=len)
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
        ({"env": {"name": "x"}}, r"^env: \{'name': 'x'\} is not accepted; a mapping needs _target_"),
        ({"algorithm": 3}, r"^algorithm: 3 is not accepted"),
        ({"algorithm": object()}, r"^algorithm: <object .*class attribute `trainer`"),
        ({"algorithm": A2CAlgorithmConfig}, r"^algorithm: <class"),
        ({"algorithm": {"lr": 1}}, r"^algorithm: \{'lr': 1\} is not accepted; a mapping needs _target_"),
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
        ({"runner": object()}, r"^runner: <object .* is not accepted; .* or a maze\.config\.RunnerConfig"),
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
        ({"model": MODEL}, {"policy.device": "cpu"}, ("'model'", "'policy.device'")),
        ({"model": MODEL, "policy": "flatten_concat"}, {}, ("'model'", "'policy'")),
        ({"model": MODEL, "critic": {"_target_": CRITIC}}, {}, ("'model'", "'critic'")),
        ({"policy": PART}, {"model.policy._target_": POLICY}, ("'policy'", "'model.policy._target_'")),
        ({"algorithm": A2CAlgorithmConfig()}, {"algorithm.lr": 1.0}, ("'algorithm'", "'algorithm.lr'")),
        ({"env": make_env}, {"env.name": "x"}, ("'env'", "'env.name'")),
        ({}, {"model": MODEL, "model.critic": None}, ("'model'", "'model.critic'")),
        (
            {},
            {"model": {"_target_": COMPOSER, "policy": PART}, "policy.device": 1},
            ("policy.device", "model.policy"),
        ),
        ({"critic": {"_target_": CRITIC}}, {"model.critic": None}, ("critic", "model.critic")),
        ({"critic": {"_target_": CRITIC}}, {"critic": None}, ("critic", "overrides")),
    ],
)
def test_an_object_and_its_part_are_an_error_that_names_both(components, overrides, names):
    with pytest.raises(InvalidSpecificationError) as caught:
        compose_arguments(components, overrides=overrides)
    assert all(name in str(caught.value) for name in names)
    assert isinstance(caught.value, RunContextError)


def test_an_unknown_keyword_is_explained():
    class Example:
        @explain_keywords
        def __init__(self, env=None, *, algorithm=None):
            """Make one."""
            self.given = (env, algorithm)

    assert Example(1, algorithm=2).given == (1, 2)
    assert str(inspect.signature(Example)) == "(env=None, *, algorithm=None)"
    with pytest.raises(
        TypeError, match=r"Example\(\) has no argument 'algoritm'; did you mean 'algorithm'\? Accepted: "
    ):
        Example(algoritm="a2c")
    with pytest.raises(TypeError, match="positional"):
        Example(1, 2)


@pytest.mark.parametrize("directory", [3, "", "a\0b", b"runs", None])
def test_what_is_no_path_is_no_directory(directory):
    with pytest.raises(InvalidSpecificationError, match=r"^output_dir: .* accepted: the path of a directory\.$"):
        absolute_directory(directory, "output_dir")


def test_a_directory_may_be_new_but_neither_a_file_nor_impossible(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert absolute_directory("new") == tmp_path / "new"
    with pytest.raises(InvalidSpecificationError, match=r"^run_dir: .*file' is a file; accepted is a directory\.$"):
        absolute_directory("file")
    with pytest.raises(InvalidSpecificationError, match=r"^run_dir: .* cannot be used \(File name too long\)\.$"):
        absolute_directory("x" * 300)


@pytest.mark.parametrize("name", ["multirun", "silent", "resume"])
def test_flags_are_true_or_false(name):
    with pytest.raises(InvalidSpecificationError, match=rf"^{name}: 'false' is not accepted; accepted: True or False"):
        RunContext(**{name: "false"})


def test_sources_of_other_kinds_are_refused_by_name():
    with pytest.raises(InvalidSpecificationError, match=r"^source: None is not accepted; accepted: the directory"):
        RunContext.load(None)
    with pytest.raises(InvalidSpecificationError, match=r"^config: 3 is not accepted; accepted: the path of a YAML"):
        RunContext.from_config(3)
    with pytest.raises(InvalidSpecificationError, match=r"^config_dir: 3 is not accepted"):
        RunContext(config_dir=3)


def test_an_argument_among_the_overrides_says_where_it_belongs():
    with pytest.raises(InvalidSpecificationError, match=r"^seed: .* pass RunContext\(seed=\.\.\.\), in a shell --seed"):
        compose_arguments(overrides={"seed": 1})
