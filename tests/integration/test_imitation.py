"""Demonstrations, a clone and its fine-tuning in real pipelines: what is learned from is what a stage depends on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from maze import RunContext, load_trajectories
from maze.api.record.calls import file_digest
from tests.integration.project import REPOSITORY, SILENT, Project, clean_environment

pytestmark = pytest.mark.slow

DATASET = "cartpole/expert-v0"
SHORT = {
    "expert": "configuration=test",
    "demonstrations": "--episodes 4 --max-episode-steps 10",
    "clone": "configuration=test",
    "tuned": "configuration=test algorithm.critic_burn_in_epochs=1",
}


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example in a repository of its own, with settings that take seconds."""
    root = tmp_path_factory.mktemp("imitation") / "project"
    shutil.copytree(REPOSITORY / "examples" / "imitation", root, ignore=shutil.ignore_patterns("out", "cache", "tmp"))
    environment = {**clean_environment(root.parent / "scratch"), "PYTHONPATH": str(REPOSITORY)}
    project = Project(root, environment)
    project.git("init", "--quiet")
    project.write_params(**SHORT)
    return project


def test_the_example_runs_and_what_is_learned_from_decides_what_runs_again(example: Project) -> None:
    first = example.repro("score@tuned")
    assert first.ran == ["expert", "demonstrations", "dataset", "clone", "tuned", "score@tuned"]
    recorded = load_trajectories(example.root / "out" / "demonstrations")
    shown = example.python(
        "-c",
        f"import minari; print(minari.load_dataset({DATASET!r})[3].rewards.tolist())",
        MINARI_DATASETS_PATH="out/datasets",
    )
    assert shown.json() == recorded.select([3]).reward.tolist()
    assert recorded.n_episodes == 4
    files = {path.name: file_digest(path) for path in (example.root / "out/datasets" / DATASET / "data").iterdir()}
    assert example.json("out/tuned/record.json")["began_from"]["taken"][0] == "policy"
    assert example.json("out/score/tuned/metrics.json")["n_episodes"] == 100

    example.write_params(demonstrations="--episodes 5 --max-episode-steps 10")
    assert example.repro("clone").ran == ["demonstrations", "dataset", "clone"]
    status = example.dvc("status", "--json", "tuned", "expert").json()
    assert status == {"tuned": [{"changed deps": {"out/clone/agent": "modified"}}]}

    example.write_params(demonstrations=SHORT["demonstrations"])
    example.python("-m", "dvc", "repro", "--force", "--single-item", "demonstrations")
    example.python("-m", "dvc", "repro", "--force", "--single-item", "dataset")
    again = {path.name: file_digest(path) for path in (example.root / "out/datasets" / DATASET / "data").iterdir()}
    assert again == files


def test_the_parameters_as_they_are_committed_are_understood() -> None:
    params = yaml.safe_load((REPOSITORY / "examples" / "imitation" / "params.yaml").read_text())
    for name in ("expert", "clone", "tuned"):
        words = dict(word.split("=") for word in params[name].split())
        overrides = {key: yaml.safe_load(value) for key, value in words.items()}
        overrides |= {"algorithm.demonstrations": "x"} if name == "clone" else {}
        assert RunContext(algorithm="bc" if name == "clone" else "ppo", overrides=overrides).config


def test_the_pipeline_trains_anew_when_its_demonstrations_change(
    make_project: Callable[..., Project], tmp_path: Path
) -> None:
    rc = RunContext(env="gym_env", configuration="test", seed=1, silent=True)

    def record(place: Path, n_episodes: int) -> None:
        rc.rollout(n_episodes=n_episodes, max_episode_steps=10, record_trajectory=True, output_dir=place)

    values = {**SILENT, "algorithm": {"demonstrations": "data/expert"}}
    project = make_project(set=values, algorithm="bc", configuration="test", experiment=None)
    outcome = project.dvc("repro", "compose")
    assert outcome.status != 0
    assert "write inputs: data/expert into params.yaml" in outcome.text

    record(project.root / "data" / "expert", 4)
    project.write_params(inputs="data")
    assert project.repro("train@0").ran == ["compose", "train@0"]
    assert project.repro("train@0").ran == []
    record(project.root / "data" / "expert", 5)
    assert project.repro("train@0").ran == ["train@0"]
