"""Trees of installed packages join the built-in one, and nobody imports them for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from maze.config.compose import compose, config_directory, group_options, groups
from maze.config.hydra_tree import option_with_target
from maze.config.installed import installed_modules, installed_trees
from maze.errors import InvalidSpecificationError

Install = Callable[..., Path]
OPTION = "_target_: maze.trainers.ppo.PPOAlgorithmConfig\nlr: 0.25\n"
ENVIRONMENT = "_target_: {name}.environment.make\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Write packages as pip installs them into a directory of the module search path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def write(name: str, value: str | None = None, **files: str) -> Path:
        package = site / name
        package.mkdir()
        (package / "__init__.py").write_text("raise AssertionError('imported while composing')\n")
        for path, content in files.items():
            file = package / "conf" / f"{path.replace('__', '/')}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        information = site / f"{name}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-distribution\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[maze.conf]\n{name} = {value or f'{name}.conf'}\n")
        return package / "conf"

    return write


def test_their_options_groups_and_roots_join(install: Install) -> None:
    assert installed_trees() == ()
    conf = install(
        "warehouse",
        algorithm__careful=OPTION,
        reward__scaled="# @package env\nscale: 2\n",
        conf_mine="defaults:\n  - conf_train\n  - override algorithm: careful\n  - _self_\n",
    )
    assert [(tree.name, tree.distribution, tree.directory) for tree in installed_trees()] == [
        ("warehouse", "warehouse-distribution", conf.resolve())
    ]
    assert installed_modules() == ("warehouse",)
    assert "careful" in group_options("algorithm")
    assert "reward" in groups()
    config = compose({"algorithm": "careful", "reward": "scaled"})
    assert (config.algorithm.lr, config.env.scale) == (0.25, 2)
    assert compose({}, config_name="conf_mine").algorithm.lr == 0.25
    assert "warehouse" not in sys.modules


def test_they_are_trusted_where_their_code_is_named_and_leave_no_trace_elsewhere(install: Install) -> None:
    before = compose({})
    install("warehouse", env__shelves=ENVIRONMENT.format(name="warehouse"))
    assert compose({}).to_yaml() == before.to_yaml()
    chosen = compose({"env": "shelves"})
    assert chosen.allowed_modules == ("warehouse",)
    assert compose({}, {"env": {"_target_": "warehouse.environment.make"}}).allowed_modules == ("warehouse",)
    assert compose({"env": "shelves"}, {"allowed_modules": ["own"]}).allowed_modules == ("own", "warehouse")
    assert compose({}, {"tags": {"note": "warehouse.environment"}}).allowed_modules == ()
    assert compose({}, objects={"env": test_they_are_trusted_where_their_code_is_named_and_leave_no_trace_elsewhere})
    with pytest.raises(InvalidSpecificationError, match=r"'warehouse_two\.make'.*does not belong"):
        compose({}, {"env": {"_target_": "warehouse_two.make"}})
    assert "warehouse" not in sys.modules


def test_the_first_tree_of_maze_packages_by_name_and_users_describes_a_class(
    install: Install, user_tree: Callable[..., Path]
) -> None:
    install("zoo", env__zoo=ENVIRONMENT.format(name="shared"))
    install("aviary", env__zz_aviary=ENVIRONMENT.format(name="shared"), algorithm__careful=OPTION)
    tree = user_tree(env__a_users=ENVIRONMENT.format(name="shared"))
    assert [item.name for item in installed_trees()] == ["aviary", "zoo"]
    assert option_with_target("env", "shared.environment.make", tree) == "zz_aviary"
    assert option_with_target("algorithm", "maze.trainers.ppo.PPOAlgorithmConfig", tree) == "ppo"


def test_no_tree_hides_another_ones_file(install: Install, user_tree: Callable[..., Path]) -> None:
    first = install("aviary", env__shelves="_target_: aviary.E\n")
    compose({}, config_dir=user_tree(env__shelves="_target_: aviary.E\n"))  # the same content hides nothing
    second = user_tree(env__shelves="_target_: another.E\n")
    with pytest.raises(InvalidSpecificationError, match="has the name of a file of the installed package") as caught:
        compose({}, config_dir=second)
    assert str(first.resolve() / "env/shelves.yaml") in str(caught.value)
    assert str(second / "env/shelves.yaml") in str(caught.value)
    install("zoo", algorithm__ppo="lr: 1\n")
    with pytest.raises(InvalidSpecificationError, match=r"package 'zoo-distribution': .*ppo\.yaml has the name of a"):
        groups()


def test_its_own_directory_may_be_named_as_well(install: Install) -> None:
    conf = install("warehouse", env__shelves=ENVIRONMENT.format(name="warehouse"))
    assert compose({"env": "shelves"}, config_dir=conf) == compose({"env": "shelves"})


@pytest.mark.parametrize(
    ("value", "files", "message"),
    [
        (None, {}, r"'broken-distribution' announces .* 'broken\.conf', but there is no such folder"),
        ("nowhere_at_all.conf", {}, r"'nowhere_at_all\.conf', but there is no such folder.*pip uninstall broken-"),
        ("broken", {}, "holds no YAML file.*package data"),
        ("broken:conf", {"env__x": "a: 1"}, r"accepted is the dotted name of the folder"),
    ],
)
def test_broken_announcements_name_the_package(
    install: Install, value: str | None, files: dict[str, str], message: str
) -> None:
    install("broken", value, **files)
    with pytest.raises(InvalidSpecificationError, match=message):
        compose({})


def test_installing_removing_and_editing_is_seen_at_once(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    conf = install("warehouse", env__shelves="_target_: warehouse.E\nname: first\n")
    assert compose({"env": "shelves"}).env.name == "first"
    (conf / "env/shelves.yaml").write_text("_target_: warehouse.E\nname: the second\n")
    assert compose({"env": "shelves"}).env.name == "the second"
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place != str(tmp_path / "site")])
    with pytest.raises(InvalidSpecificationError, match="'shelves' not found"):
        compose({"env": "shelves"})


def test_threads_see_their_own_trees(install: Install, tmp_path: Path) -> None:
    install("warehouse", env__shelves="_target_: warehouse.E\nname: common\n")
    results: dict[int, tuple[str, str, bool]] = {}
    errors: list[Exception] = []

    def work(index: int) -> None:
        tree = tmp_path / f"tree {index % 3}"
        try:
            own = compose({"env": "mine"}, config_dir=tree).env.name
            results[index] = (own, compose({"env": "shelves"}, config_dir=tree).env.name, "mine" in groups(tree))
        except Exception as error:  # noqa: BLE001 - reported below
            errors.append(error)

    for index in range(3):
        (tmp_path / f"tree {index}" / "env").mkdir(parents=True)
        (tmp_path / f"tree {index}" / "env" / "mine.yaml").write_text(f"_target_: maze.E\nname: of {index}\n")
    threads = [threading.Thread(target=work, args=(index,)) for index in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert results == {index: (f"of {index % 3}", "common", False) for index in range(9)}


def test_a_surrounding_hydra_application_does_not_notice(install: Install, user_tree: Callable[..., Path]) -> None:
    install("warehouse", env__shelves="_target_: maze.E\nname: far\n")
    tree = user_tree(env__mine="_target_: maze.E\nname: near\n")
    with initialize_config_dir(str(config_directory()), version_base="1.2"):
        surrounding = GlobalHydra.instance()
        inner = surrounding.hydra
        assert compose({"env": "shelves"}, config_dir=tree).env.name == "far"
        assert compose({"env": "mine"}, config_dir=tree).env.name == "near"
        assert GlobalHydra.instance() is surrounding
        assert surrounding.hydra is inner
        assert "shelves" not in surrounding.config_loader().get_group_options("env")
    assert not GlobalHydra.instance().is_initialized()


def test_a_search_path_of_hydras_joins_like_config_dir(
    install: Install, user_tree: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = install("warehouse", env__shelves="_target_: maze.E\nname: far\n")
    (conf.parent.parent / "warehouse-1.0.dist-info/entry_points.txt").unlink()  # on the path, and not announced
    (tmp_path / "site" / "touched").touch()
    third = tmp_path / "third"
    (third / "reward").mkdir(parents=True)
    (third / "reward/scaled.yaml").write_text("# @package env\nscale: 2\n")
    monkeypatch.setenv("PLACE_OF_TREES", str(tmp_path))
    root = (
        "hydra:\n  searchpath: [pkg://warehouse.conf, 'file://${oc.env:PLACE_OF_TREES}/third', pkg://maze.conf]\n"
        "defaults:\n  - conf_train\n  - override env: shelves\n  - _self_\n"
    )
    tree = user_tree(mine=root)
    config = compose({"reward": "scaled"}, config_name="mine", config_dir=tree)
    assert (config.env.name, config.env.scale) == ("far", 2)
    assert "reward" in groups(tree)
    assert compose({"env": "shelves"}, config_dir=tree).env.name == "far"
    for wrong in ("pkg://not_there.conf", "file:///not/there", "warehouse.conf"):
        user_tree(mine=f"hydra:\n  searchpath: ['{wrong}']\ndefaults:\n  - conf_train\n")
        with pytest.raises(
            InvalidSpecificationError, match=r"mine\.yaml: hydra\.searchpath: .*is not accepted"
        ) as error:
            groups(tree)
        assert wrong in str(error.value)
