"""Objects become mappings that make them again, or marks that say what stood there."""

from __future__ import annotations

import sys
import types

import pytest

from maze.config.describe import class_to_target, describe_object, with_objects
from maze.config.instantiate import instantiate
from maze.config.overrides import is_marker
from maze.config.sections import RolloutConfig
from maze.config.targets import allow_modules
from maze.errors import InvalidSpecificationError


def test_dataclasses_make_the_round_trip():
    config = RolloutConfig(n_episodes=7, render=True)
    mapping = class_to_target(config)
    assert mapping["_target_"] == "maze.config.sections.RolloutConfig"
    assert instantiate(mapping) == config


def test_only_classes_that_can_be_named_are_described(user_module):
    own = user_module.OwnConfig(lr=2.0)
    assert class_to_target(own) is None
    with allow_modules(["somebodys_project"]):
        assert class_to_target(own) == {"_target_": "somebodys_project.OwnConfig", "lr": 2.0, "n_epochs": 3}
    assert class_to_target(object()) is None
    assert class_to_target({"a": 1}) is None


def test_components_of_the_package_that_keep_their_arguments_are_described(monkeypatch):
    class Keeps:
        def __init__(self, n, unit=None, thing=None):
            self.n, self.unit, self.thing = n, unit, thing

    class Changes:
        def __init__(self, n):
            self.doubled = 2 * n

    class HasState(Keeps):
        def state_dict(self):
            return {}

    module = types.ModuleType("maze.probe_components")
    for cls in (Keeps, Changes, HasState):
        cls.__module__, cls.__qualname__ = module.__name__, cls.__name__
        setattr(module, cls.__name__, cls)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert class_to_target(Keeps(3)) == {"_target_": "maze.probe_components.Keeps", "n": 3}
    nested = class_to_target(Keeps(3, unit=Keeps(4)))
    assert nested["unit"] == {"_target_": "maze.probe_components.Keeps", "n": 4}
    for other in (Keeps(3, thing=object()), Changes(3), HasState(3)):
        assert class_to_target(other) is None


def test_marks_name_functions_and_classes_and_the_class_of_other_objects():
    assert describe_object(len) == {"_object_": "builtins.len"}
    assert describe_object(RolloutConfig) == {"_object_": "maze.config.sections.RolloutConfig"}
    assert describe_object(RolloutConfig())["_object_"] == "maze.config.sections.RolloutConfig"
    assert describe_object(lambda: 1)["_object_"].endswith("<lambda>")


def test_objects_return_to_their_places():
    net, env = object(), object()
    config = {"policy": {"networks": [{"_object_": "x.Net"}, {"hidden": [1]}]}, "critic": None}
    filled = with_objects(config, {"model.policy.networks.0": net, "env": env}, "model")
    assert filled["policy"]["networks"][0] is net
    assert filled["policy"]["networks"][1] == {"hidden": [1]}
    assert filled["critic"] is None
    assert with_objects({"_object_": "x.Env"}, {"env": env}, "env") is env
    with pytest.raises(
        InvalidSpecificationError, match=r"^model\.policy\.networks\.0: the object x\.Net is not at hand"
    ):
        with_objects(config, {}, "model")


def test_lambdas_of_one_name_are_told_apart_by_their_source() -> None:
    one = describe_object(lambda: 1)
    two = describe_object(lambda: 2)
    assert one["_object_"] == two["_object_"]
    assert one["_source_"] != two["_source_"]
    assert is_marker(one)
