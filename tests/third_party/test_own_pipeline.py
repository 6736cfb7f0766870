"""The pipeline with a tree and code of one's own: what an edit of either re-runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.project import SILENT, Outcome, Project
from tests.third_party.guide import write_project

pytestmark = pytest.mark.slow

PLAYED = ["train@0", "rollout@0", "evaluate@0"]
EVERYTHING = ["compose", *PLAYED, "report"]
OWN = {"config_dir": "my_conf", "code": "my_project", "experiment": "corridor", "set": SILENT}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository with the guide's files, in which nothing has run yet."""
    directory = tmp_path_factory.mktemp("a place with spaces")
    root = directory / "the project"
    root.mkdir()
    write_project(root)
    return Project.create(root, directory / "dvc", params={"configuration": "test", **OWN})


@pytest.fixture(scope="module")
def steps(project: Project) -> dict[str, Outcome]:
    """What DVC did after each change, in this order."""
    done: dict[str, Outcome] = {}

    def step(name: str, *changes: tuple[str, str, str]) -> None:
        for file, old, new in changes:
            project.edit(file, lambda text, old=old, new=new: text.replace(old, new))
        done[name] = project.repro()

    step("first")
    step("again")
    step("remark in the tree", ("my_conf/env/corridor.yaml", "# The corridor.", "# A corridor."))
    step("unused option", ("my_conf/algorithm_configuration/reinforce-test.yaml", "The shortest", "A short"))
    step("value for evaluation", ("my_conf/algorithm_configuration/reinforce-test.yaml", "steps: 10", "steps: 12"))
    step("value for training", ("my_conf/algorithm/reinforce.yaml", "n_rollout_steps: 64", "lr: 0.02"))
    step("code", ("my_project/reinforce.py", "One gradient step", "A gradient step"))
    return done


def test_the_guides_algorithm_and_environment_run(steps: dict[str, Outcome], project: Project) -> None:
    assert steps["first"].ran == EVERYTHING
    composed = project.yaml("build/config.yaml")
    assert composed["algorithm"]["_target_"] == "my_project.reinforce.ReinforceConfig"
    assert composed["env"]["length"] == 6
    assert composed["allowed_modules"] == ["my_project"]
    assert project.json("out/evaluate/0/metrics.json")["n_episodes"] == 2


def test_nothing_changed_runs_nothing(steps: dict[str, Outcome]) -> None:
    assert steps["again"].ran == []


@pytest.mark.parametrize("name", ["remark in the tree", "unused option"])
def test_an_edit_that_changes_no_value_composes_alone(steps: dict[str, Outcome], name: str) -> None:
    assert steps[name].ran == ["compose"]


def test_an_edit_of_the_tree_runs_what_depends_on_the_value(steps: dict[str, Outcome]) -> None:
    assert steps["value for evaluation"].ran == ["compose", "evaluate@0", "report"]
    assert steps["value for training"].ran == EVERYTHING


def test_an_edit_of_the_code_trains_and_plays_again(steps: dict[str, Outcome]) -> None:
    assert steps["code"].ran[:4] == ["compose", *PLAYED]


def test_the_same_seed_gives_pythons_weights(steps: dict[str, Outcome], project: Project) -> None:
    assert steps
    code = (
        "from maze import RunContext\n"
        "rc = RunContext(experiment='corridor', configuration='test', config_dir='my_conf', seed=0, silent=True,\n"
        "                overrides={'tracking.mode': 'off'}, run_dir='outputs/python')\n"
        "rc.train()\n"
    )
    outcome = project.python("-c", code)
    assert outcome.status == 0, outcome.text
    for name in ("weights.safetensors", "config.yaml", "statistics.npz"):
        by_python = (project.root / "outputs/python/agent" / name).read_bytes()
        assert by_python == (project.root / "out/train/0/agent" / name).read_bytes(), name


def test_an_experiment_in_a_workspace_of_its_own_takes_its_own_tree(
    steps: dict[str, Outcome], project: Project
) -> None:
    assert steps
    project.commit()
    outcome = project.dvc("exp", "run", "--temp", "--name", "longer", "-S", "++set.env.length=7")
    assert outcome.status == 0, outcome.text
    outcome = project.dvc("exp", "apply", "longer")
    assert outcome.status == 0, outcome.text
    assert project.yaml("build/config.yaml")["env"] == {
        "_target_": "my_project.corridor.Corridor",
        "length": 7,
        "render_mode": None,
    }


def test_code_on_which_no_stage_depends_is_refused(steps: dict[str, Outcome], project: Project) -> None:
    assert steps
    before = project.params()
    project.write_params(code="conf/__init__.py")
    outcome = project.stage("compose")
    project.write_params(**before)
    assert outcome.status == 2
    assert "'my_project' is code of this project on which no stage depends" in outcome.stderr
    assert "write code: my_project into params.yaml" in outcome.stderr


def test_a_tree_that_is_not_there_is_one_line(project: Project) -> None:
    before = project.params()
    for value, message in (("nowhere", "config_dir: 'nowhere' is not a directory"), (3, "config_dir: 3 is not")):
        project.write_params(config_dir=value)
        outcome = project.stage("compose")
        project.write_params(**before)
        assert (outcome.status, outcome.stderr.count("\n")) == (2, 1), outcome.text
        assert message in outcome.stderr


def test_it_stands_in_the_guide() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs/extending.md").read_text(encoding="utf-8")
    assert "config_dir: my_conf\ncode: my_project\nexperiment: corridor\n" in guide
