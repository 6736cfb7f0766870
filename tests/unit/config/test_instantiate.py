"""Components are made of their mappings, and errors say what they accept."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from maze.config.instantiate import complete_component, instantiate
from maze.config.sections import EvaluationConfig
from maze.config.targets import allow_modules
from maze.errors import InvalidSpecificationError

EVALUATION = "maze.config.sections.EvaluationConfig"


def test_mappings_become_objects_and_keywords_win():
    config = {"_target_": EVALUATION, "n_episodes": 3}
    assert instantiate(config) == EvaluationConfig(n_episodes=3)
    assert instantiate(config, n_episodes=4, deterministic=False) == EvaluationConfig(n_episodes=4, deterministic=False)
    assert instantiate(OmegaConf.create(config)) == EvaluationConfig(n_episodes=3)
    assert config == {"_target_": EVALUATION, "n_episodes": 3}


def test_objects_pass_through():
    thing = object()
    assert instantiate(thing) is thing


def test_live_objects_inside_a_mapping_are_handed_on_as_they_are():
    thing = object()
    made = instantiate({"_target_": "maze.config.canonical.canonical_wrappers", "wrappers": [thing]})
    assert made[0] is thing


def test_nested_components_are_left_alone():
    nested = {"_target_": EVALUATION}
    assert instantiate({"_target_": "maze.config.canonical.canonical", "node": {"part": nested}}) == {"part": nested}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"n_episodes": 1}, r"^evaluation: a mapping without _target_"),
        ({"_target_": EVALUATION, "n_episode": 1}, r"^evaluation\.n_episode: no such key.*did you mean 'n_episodes'\?"),
        ({"_target_": "maze.config.canonical.flat", "nod": 1}, r"^evaluation\.nod: .*did you mean 'node'\?"),
        ({"_target_": "maze.config.canonical.flat"}, r"^evaluation\.node: .* needs this argument"),
        ({"_target_": "os.system", "command": "true"}, r"^evaluation\._target_: 'os.system'"),
        ({"_object_": "x.Y"}, r"^evaluation: the object x\.Y is not at hand"),
    ],
)
def test_errors_name_place_and_remedy(config, message):
    with pytest.raises(InvalidSpecificationError, match=message):
        instantiate(config, _path_="evaluation")


def test_errors_of_the_target_itself_are_not_hidden():
    with pytest.raises(ValueError, match="invalid literal"):
        instantiate({"_target_": "maze.errors.suggest", "value": 1}, accepted=_Broken())


class _Broken:
    def __iter__(self):
        return iter([int("x")])


def test_dataclasses_are_completed_with_their_defaults(user_module):
    with allow_modules(["somebodys_project"]):
        completed = complete_component({"_target_": "somebodys_project.OwnConfig", "lr": 1}, "algorithm")
        assert completed == {"_target_": "somebodys_project.OwnConfig", "lr": 1, "n_epochs": 3}
        with pytest.raises(InvalidSpecificationError, match=r"^algorithm\.lrr: no such key of OwnConfig"):
            complete_component({"_target_": "somebodys_project.OwnConfig", "lrr": 1}, "algorithm")


def test_other_components_are_copied():
    config = {"_target_": "maze.config.canonical.flat", "node": {}}
    assert complete_component(config, "x") == config
    assert complete_component(config, "x") is not config
