"""What source files say about classes is what importing them says."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import pytest
import torch.nn

import maze
from maze.config.source_lookup import Absent, Definition, derives_from, look_up, needed_arguments
from maze.config.targets import resolve_target
from maze.errors import InvalidSpecificationError
from maze.perception.blocks import Block

PACKAGES = ("maze.agents", "maze.distributions", "maze.env", "maze.perception", "maze.rollout", "maze.trainers")


def public_classes() -> list[str]:
    modules = list(PACKAGES)
    for name in PACKAGES:
        package = importlib.import_module(name)
        modules += [item.name for item in pkgutil.walk_packages(package.__path__, f"{name}.")]
    found = {
        f"{module}.{name}"
        for module in modules
        for name in importlib.import_module(module).__all__
        if inspect.isclass(getattr(importlib.import_module(module), name))
    }
    for name in maze.__all__:
        cls = getattr(maze, name)
        if inspect.isclass(cls) and not cls.__module__.startswith("maze.api."):  # which configurations cannot name
            found.add(f"maze.{name}")
    return sorted(found)


def test_every_public_class_of_maze_is_found_where_it_is_defined_with_its_arguments() -> None:
    names = public_classes()
    assert len(names) > 80
    for name in names:
        found = look_up(name)
        cls = resolve_target(name)
        assert isinstance(found, Definition), name
        assert found.name == f"{cls.__module__}.{cls.__qualname__}"
        if found.arguments is not None:
            assert set(found.arguments) == set(inspect.signature(cls).parameters), name


def test_every_module_of_torch_is_found() -> None:
    for name in torch.nn.modules.__all__:
        assert isinstance(look_up(f"torch.nn.{name}"), Definition), name


@pytest.mark.parametrize(
    "name",
    [
        "maze.NoSuch",
        "maze.perception.blocks.Dense",
        "maze.no_such.X",
        "torch.nn.Tahn",
        "torch.nn.modules.X",
        "maze.env.log_stats",
    ],
)
def test_what_is_absent_cannot_be_imported_either(name: str) -> None:
    assert isinstance(look_up(name), Absent)
    with pytest.raises(InvalidSpecificationError):
        resolve_target(name)


def test_reasons_name_what_is_there() -> None:
    assert look_up("maze.perception.template_net.TemplateNets") == Absent(
        "maze.perception.template_net has no 'TemplateNets'; did you mean 'TemplateNet'? Accepted: TemplateNet."
    )
    missing = look_up("no_such_package.X")
    assert missing == Absent("there is no module 'no_such_package'; is it installed?")
    module = look_up("maze.env.log_stats")
    assert module == Absent("it is a module; accepted: a class or a function.")


def test_what_is_last_in_a_name_is_no_module_and_what_stands_before_may_be_one() -> None:
    found = look_up("maze.perception.blocks.Dens")
    assert isinstance(found, Absent)
    names = set(found.reason.partition("Accepted: ")[2].partition(" and ")[0].split(", "))
    assert "DenseBlock" in names
    assert not names & {"attention", "base", "convolution", "dense", "general", "joint", "pooling", "recurrent"}
    distributions = look_up("maze.distributions.Categoric")
    assert isinstance(distributions, Absent)
    assert "CategoricalHead" in distributions.reason
    assert "entries" not in distributions.reason
    before = look_up("maze.perception.block.DenseBlock")
    assert isinstance(before, Absent)
    assert "blocks" in before.reason


def test_needed_arguments_and_bases_are_those_of_the_classes_themselves() -> None:
    for name in public_classes():
        cls = resolve_target(name)
        derived = derives_from(name, f"{Block.__module__}.Block")
        assert derived is None or derived == issubclass(cls, Block), name
        if needed_arguments(name):
            parameters = inspect.signature(cls).parameters.values()
            assert list(needed_arguments(name)) == [
                item.name
                for item in parameters
                if item.default is item.empty and item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
            ]
    assert derives_from("maze.DenseBlock", f"{Block.__module__}.Block")
    assert derives_from("maze.ConcatModelBuilder", f"{Block.__module__}.Block") is False
    assert derives_from("torch.nn.Linear", f"{Block.__module__}.Block") is False
    assert needed_arguments("torch.nn.Conv2d") == ("in_channels", "out_channels", "kernel_size")
    assert needed_arguments("torch.nn.Identity") == ()


SOURCES = {
    "plain": "class A:\n    def __init__(self, x, *, y=1): ...\n"
    "class B(A): ...\nclass C: ...\ndef f(a, *args, b): ...\n",
    "open": "class A:\n    def __init__(self, **kwargs): ...\n@decorated\nclass B:\n    def __init__(self, x): ...\n",
    "conditional": "try:\n    import json as J\nexcept ImportError:\n    J = None\n"
    "if J:\n    class A: ...\nelse:\n    A = None\n",
    "aliases": "class A:\n    def __init__(self, x): ...\nB = A\nC = int\nD = A\nD = other(A)\n",
    "dynamic": "def __getattr__(name): ...\n",
    "other_dynamic": "globals().update(X=int)\n",
    "stars": "from users_package.plain import *\nfrom .open import A as Renamed\nfrom . import plain as module\n",
    "broken": "class A(:\n",
    "round": "from users_package.round import X\n",
}


@pytest.fixture
def users_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "users_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('was imported')\n")
    for name, text in SOURCES.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("users_package")
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("aliases.B", ("aliases.A", ("x",))),
        ("aliases.C", None),
        ("aliases.D", None),
        ("plain.A", ("plain.A", ("x", "y"))),
        ("plain.B", ("plain.B", ("x", "y"))),
        ("plain.C", ("plain.C", ())),
        ("plain.f", ("plain.f", ("a", "b"))),
        ("open.A", ("open.A", None)),
        ("open.B", ("open.B", None)),
        ("stars.A", ("plain.A", ("x", "y"))),
        ("stars.Renamed", ("open.A", None)),
        ("conditional.A", ("conditional.A", ())),
        ("conditional.J", None),
        ("dynamic.Anything", None),
        ("other_dynamic.X", None),
        ("broken.A", None),
        ("round.X", None),
        ("plain.A.method", None),
    ],
)
def test_users_sources_are_read_and_not_run(name: str, found: tuple[str, tuple[str, ...] | None] | None) -> None:
    expected = None if found is None else Definition(f"users_package.{found[0]}", found[1])
    assert look_up(f"users_package.{name}") == expected
    assert "users_package" not in sys.modules


@pytest.mark.usefixtures("users_package")
def test_users_sources_say_what_is_absent() -> None:
    assert look_up("users_package.stars.D") == Absent(
        "users_package.stars has no 'D'; accepted: A, B, C, Renamed, f, module."
    )
    assert isinstance(look_up("users_package.plane.A"), Absent)
    assert isinstance(look_up("users_package.plain"), Absent)


def test_an_edited_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "edited_module.py"
    path.write_text("class A: ...\n")
    assert isinstance(look_up("edited_module.B"), Absent)
    path.write_text("class A: ...\nclass B: ...\n# later\n")
    import os

    os.utime(path, ns=(1, 1))
    assert isinstance(look_up("edited_module.B"), Definition)


def test_arguments_that_are_written_down_are_known_also_where_there_may_be_more() -> None:
    found = look_up("maze.env.make_gym_maze_env")
    assert isinstance(found, Definition)
    assert (found.arguments, found.named) == (None, ("name", "render_mode", "ignored_observations"))
