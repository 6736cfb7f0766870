"""Recorded episodes as datasets of Minari: the same numbers for Minari and for maze, byte for byte the same files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import minari
import numpy as np
import pytest
from gymnasium import spaces
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_storage import MinariStorage

from maze import (
    ArtifactError,
    InvalidSpecificationError,
    ObservationNormalizationWrapper,
    RunContext,
    load_trajectories,
    run_rollout,
    write_minari,
)
from maze.api.record.datasets import training_data
from maze.cli import main
from tests.scripted import tiny_context

ID = "cartpole/tiny-v0"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with three recorded episodes, the last of which may be cut off."""
    directory = tmp_path_factory.mktemp("datasets") / "run"
    rc = tiny_context(directory)
    rc.train()
    rc.rollout(n_episodes=3, max_episode_steps=15, record_trajectory=True)
    return directory


def loaded(directory: Path, dataset_id: str, monkeypatch: pytest.MonkeyPatch) -> minari.MinariDataset:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(directory))
    return minari.load_dataset(dataset_id)


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def assert_same(first: Any, second: Any) -> None:
    for name in ("reward", "terminated", "truncated", "starts"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    for name in ("observation", "action", "next_observation", "statistics"):
        given, expected = getattr(first, name), getattr(second, name)
        assert list(given) == list(expected)
        for key, values in given.items():
            assert values.dtype == expected[key].dtype
            np.testing.assert_array_equal(values, expected[key])


def test_minari_loads_what_was_recorded(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = load_trajectories(run)
    assert write_minari(run, ID, tmp_path, author="somebody") == tmp_path / ID
    dataset = loaded(tmp_path, ID, monkeypatch)
    assert (dataset.total_episodes, dataset.total_steps) == (3, recorded.n_steps)
    for number, (episode, start, length) in enumerate(zip(dataset, recorded.starts, recorded.lengths, strict=True)):
        rows = slice(start, start + length)
        np.testing.assert_array_equal(episode.observations[:-1], recorded.observation["observation"][rows])
        np.testing.assert_array_equal(episode.observations[1:], recorded.next_observation["observation"][rows])
        np.testing.assert_array_equal(episode.actions, recorded.action["action"][rows])
        np.testing.assert_array_equal(episode.rewards, recorded.reward[rows])
        np.testing.assert_array_equal(episode.terminations, recorded.terminated[rows])
        np.testing.assert_array_equal(episode.truncations, recorded.truncated[rows])
        assert episode.rewards.sum() == recorded.returns[number]
    metadata = dataset.storage.metadata
    assert metadata["author"] == {"somebody"}
    assert metadata["description"].startswith("3 episodes of ")
    assert len(metadata["maze"]["weights_sha256"]) == 64


def test_the_environment_and_the_seeds_come_with_it(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_minari(run, ID, tmp_path)
    dataset = loaded(tmp_path, ID, monkeypatch)
    env = dataset.recover_environment()
    assert env.observation_space == dataset.observation_space
    assert env.action_space == dataset.action_space
    seeds = [item["seed"] for item in dataset.storage.get_episode_metadata(range(3))]
    for episode, seed in zip(dataset, seeds, strict=True):
        observation, _ = env.reset(seed=seed)
        np.testing.assert_array_equal(observation, episode.observations[0])
        for action, reward, following in zip(episode.actions, episode.rewards, episode.observations[1:], strict=True):
            observation, given, *_ = env.step(action)
            assert given == reward
            np.testing.assert_allclose(observation, following, rtol=1e-6)
    env.close()


def test_the_same_episodes_give_the_same_bytes_and_come_back_as_they_were(run: Path, tmp_path: Path) -> None:
    first, second = write_minari(run, ID, tmp_path / "a"), write_minari([run / "rollout"], ID, tmp_path / "b", run=run)
    assert contents(first) == contents(second)
    assert {Path(name).name for name in contents(first)} == {"main_data.hdf5", "metadata.json"}
    for source in (first, first / "data"):
        assert_same(load_trajectories(source), load_trajectories(run))


def test_versions_are_not_overwritten(run: Path, tmp_path: Path) -> None:
    before = contents(write_minari(run, ID, tmp_path))
    with pytest.raises(InvalidSpecificationError, match=r"take the next version, cartpole/tiny-v1\."):
        write_minari(run, ID, tmp_path)
    assert contents(tmp_path / ID) == before
    assert sorted(path.name for path in (tmp_path / "cartpole").iterdir()) == ["tiny-v0"]


@pytest.mark.parametrize(
    ("given", "shown"), [("cartpole", "cartpole-v0"), ("my data", "my-data-v0"), ("", "expert-v0")]
)
def test_an_id_without_a_version_is_refused(given: str, shown: str, run: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=f"for example .*{shown}"):
        write_minari(run, given, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_normalised_observations_keep_their_statistics_and_claim_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rc = RunContext(
        wrappers=[ObservationNormalizationWrapper],
        configuration="test",
        run_dir=tmp_path / "run",
        overrides={"tracking.mode": "off"},
        silent=True,
        seed=1,
    )
    rc.train()
    rc.rollout(n_episodes=2, max_episode_steps=8, record_trajectory=True)
    place = write_minari(tmp_path / "run", ID, tmp_path / "data", allow_code=True)
    assert_same(load_trajectories(place), load_trajectories(tmp_path / "run"))
    assert load_trajectories(place).statistics
    assert loaded(tmp_path / "data", ID, monkeypatch).env_spec is None


def test_a_clone_learns_the_same_from_the_dataset_as_from_the_recording(run: Path, tmp_path: Path) -> None:
    place = write_minari(run, ID, tmp_path)
    metrics = []
    for name, demonstrations in (("recording", run), ("dataset", place)):
        overrides = {"algorithm.demonstrations": str(demonstrations), "tracking.mode": "off"}
        clone = RunContext(
            algorithm="bc", configuration="test", overrides=overrides, run_dir=tmp_path / name, seed=1, silent=True
        )
        clone.train()
        metrics.append(json.loads((tmp_path / name / "metrics.json").read_text()))
    assert metrics[0] == metrics[1]


def test_random_play_becomes_a_dataset_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = {"env.name": "Pendulum-v1", "runner.n_episodes": 2, "runner.max_episode_steps": 6}
    run_rollout(policy="random_policy", overrides=overrides, run_dir=tmp_path / "run", seed=1, silent=True)
    write_minari(tmp_path / "run", "pendulum/random-v3", tmp_path)
    dataset = loaded(tmp_path, "pendulum/random-v3", monkeypatch)
    assert dataset.spec.version == 3
    assert dataset[0].actions.shape == (6, 1)
    assert dataset.storage.metadata["algorithm_name"] == "RandomPolicy"
    assert dataset.env_spec.id == "Pendulum-v1"


def test_recordings_without_a_run_ask_for_it(run: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "steps.npz").write_bytes((run / "rollout" / "steps.npz").read_bytes())
    with pytest.raises(ArtifactError, match="name it with run="):
        write_minari(tmp_path / "alone", ID, tmp_path)
    write_minari(tmp_path / "alone", ID, tmp_path, run=run)
    assert load_trajectories(tmp_path / ID).n_episodes == 3


class Nested(gymnasium.Env[Any, Any]):
    """Observes and takes nested spaces."""

    observation_space = spaces.Dict(
        {
            "image": spaces.Box(0, 255, (40, 40, 3), np.uint8),
            "inner": spaces.Tuple((spaces.Discrete(3, start=1), spaces.Box(-1.0, 1.0, (2,), np.float64))),
        }
    )
    action_space = spaces.Dict({"move": spaces.MultiDiscrete([2, 3]), "push": spaces.MultiBinary(2)})

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), 1.0, False, False, {}


def test_nested_spaces_and_images_are_kept_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = {"runner.n_episodes": 2, "runner.max_episode_steps": 3}
    run_rollout(env=Nested, policy="random_policy", overrides=overrides, run_dir=tmp_path / "run", seed=1, silent=True)
    place = write_minari(tmp_path / "run", ID, tmp_path, allow_code=True)
    assert_same(load_trajectories(place), load_trajectories(tmp_path / "run"))
    assert loaded(tmp_path, ID, monkeypatch)[0].observations["image"].shape == (4, 40, 40, 3)


def test_datasets_of_others_are_read(tmp_path: Path) -> None:
    """One with nested spaces, written by Minari's own means."""
    space = spaces.Tuple((spaces.Box(-1.0, 1.0, (2,), np.float64), spaces.Discrete(4)))
    places = np.arange(8.0).reshape(4, 2)
    directory = tmp_path / "others" / "set-v1" / "data"
    directory.mkdir(parents=True)
    storage = MinariStorage.new(directory, observation_space=space, action_space=spaces.Discrete(2))
    storage.update_metadata({"dataset_id": "others/set-v1", "minari_version": minari.__version__})
    ends = {"rewards": [1.0, 2.0, 3.0], "terminations": [False, False, True], "truncations": [False] * 3}
    storage.update_episodes([EpisodeBuffer(observations=(places, [0, 1, 2, 3]), actions=[1, 0, 1], **ends)] * 2)
    dataset = load_trajectories(directory.parent)
    assert dataset.lengths.tolist() == [3, 3]
    assert dataset.observation["observation_0"].tolist() == places[:3].tolist() * 2
    assert dataset.next_observation["observation_1"].tolist() == [1, 2, 3] * 2
    assert dataset.action["action"].tolist() == [1, 0, 1] * 2
    assert dataset.terminated.nonzero()[0].tolist() == [2, 5]


def test_a_damaged_dataset_says_so(run: Path, tmp_path: Path) -> None:
    place = write_minari(run, ID, tmp_path)
    (place / "data" / "main_data.hdf5").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="cannot be read as a Minari dataset"):
        load_trajectories(place)


def test_the_command_writes_and_says_where(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dataset", str(run), ID, "--output-dir", str(tmp_path), "--description", "for a test"]
    assert main(words) == 0
    assert capsys.readouterr().out == f"dataset: {tmp_path / ID}\n"
    assert json.loads((tmp_path / ID / "data" / "metadata.json").read_text())["description"] == "for a test"
    assert main(words) == 2
    assert "take the next version" in capsys.readouterr().err


def test_a_training_records_which_dataset_it_learnt_from(run: Path, tmp_path: Path) -> None:
    directory = write_minari(run, ID, tmp_path)
    rc = RunContext(algorithm="bc", overrides={"algorithm.demonstrations": str(directory)}, seed=1)
    (told,) = training_data(rc.config)
    assert told.profile == {"files": 1, "steps": len(load_trajectories(directory).reward)}
    changed = next(path for path in directory.rglob("*") if path.suffix in (".hdf5", ".arrow"))
    changed.write_bytes(changed.read_bytes() + b"more")
    (other,) = training_data(rc.config)
    assert other.digest != told.digest
