"""A new champion is better than the one before at the same episodes, or is refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.api.promoted import restore_promotions
from maze.api.promotion import promote, why_not_comparable
from maze.cli import main
from maze.errors import ArtifactError, InvalidSpecificationError
from maze.tracking.sender import stop_senders
from tests.databases import copy_database
from tests.integration.tracked import query
from tests.scripted import tiny_context

Capture = pytest.CaptureFixture[str]


class Echo(gymnasium.Env[Any, Any]):
    """Shows a random sign for each of ten steps and pays 1 for naming it."""

    observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.n_left = 10
        return self._show(), {}

    def _show(self) -> Any:
        self.sign = int(self.np_random.integers(2))
        return np.array([2.0 * self.sign - 1.0], np.float32)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = float(int(action) == self.sign)
        self.n_left -= 1
        return self._show(), reward, self.n_left == 0, False, {}


@dataclass
class Store:
    """Agents in MLflow: run directory by name."""

    uri: str
    runs: dict[str, Path]

    def run_id(self, name: str) -> str:
        run_id: str = json.loads((self.runs[name] / "record.json").read_text())["run_id"]
        return run_id


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Store]:
    gymnasium.register("Echo-v0", Echo)
    root = tmp_path_factory.mktemp("agents")
    copy_database(database, root)
    store = Store(f"sqlite:///{root / 'mlflow.db'}", {})
    learning = {"algorithm.n_epochs": 4, "algorithm.epoch_length": 30, "algorithm.lr": 0.02}
    for name, values, seed in (
        ("weak", {"algorithm.lr": 1e-12}, 1),
        ("strong", learning, 1),
        ("as strong", learning, 2),
        ("elsewhere", {"env.name": "CartPole-v1"}, 1),
    ):
        store.runs[name] = root / name
        everywhere = {"tracking.mode": "best_effort", "tracking.uri": store.uri, "env.name": "Echo-v0"}
        tiny_context(root / name, {**everywhere, **values}, seed=seed).train()
    tiny_context(root / "untracked").train()
    store.runs["untracked"] = root / "untracked"
    yield store
    stop_senders()
    gymnasium.registry.pop("Echo-v0")


@pytest.fixture
def store(trained: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", trained.uri)
    monkeypatch.chdir(tmp_path)
    return trained


def test_the_life_of_a_champion(store: Store) -> None:
    first = promote(store.runs["weak"], name="echo", n_episodes=20)
    assert (first.promoted, first.version, first.predecessor, first.forced) == (True, "1", None, False)
    assert first.reason == "there is no champion yet"

    again = promote(store.run_id("weak"), name="echo")
    assert again.promoted
    assert "already" in again.reason
    assert again.version == "1"

    second = promote(store.run_id("strong"), name="echo", n_episodes=20)
    assert (second.promoted, second.version, second.predecessor) == (True, "2", "1")
    assert second.mean_return == 10.0
    assert second.predecessor_return is not None
    assert second.predecessor_return < 9.0
    assert second.difference is not None
    assert second.difference.mean == pytest.approx(10.0 - second.predecessor_return)
    assert "better than the champion" in second.reason

    worse = promote(store.run_id("weak"), name="echo", n_episodes=20)
    assert not worse.promoted
    assert worse.version is None
    assert "worse than the champion" in worse.reason

    equal = promote(store.runs["as strong"], name="echo", n_episodes=20)
    assert not equal.promoted
    assert "beyond what chance explains: +0.00" in equal.reason
    elsewhere = promote(store.runs["elsewhere"], name="echo", n_episodes=2)
    assert not elsewhere.promoted
    assert "another environment" in elsewhere.reason

    runs = {run.id: run for run in query(store.uri)}
    assert runs[store.run_id("strong")].tags["maze.champion"] == "models:/echo/2"


def test_a_lost_champion_is_not_replaced_unseen_and_comes_back(store: Store, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    first = promote(str(store.runs["strong"]), name="kept", n_episodes=5)
    assert first.kept_in == "promoted/kept.json"
    path = tmp_path / "promoted" / "kept.json"
    content = json.loads(path.read_text())
    assert content["aliases"] == {"champion": store.run_id("strong")}
    path.rename(path.with_name("lost.json"))  # the registry of this store has never heard of this policy
    (tmp_path / "promoted" / "lost.json").write_text(json.dumps({**content, "model": "lost"}))
    with pytest.raises(ArtifactError, match="maze-run tracking rebuild brings it back; --force promotes without"):
        promote(str(store.runs["weak"]), name="lost", n_episodes=5)
    (restored,) = restore_promotions(tmp_path)
    assert (restored.name, dict(restored.aliases), dict(restored.missing)) == ("lost", {"champion": "1"}, {})
    again = promote(str(store.runs["strong"]), name="lost", n_episodes=5)
    assert again.reason == "it is the champion of 'lost' already"
    path.unlink(missing_ok=True)
    promote(str(store.runs["strong"]), name="kept", n_episodes=5)  # changes nothing, and writes the lost file anew
    assert json.loads(path.read_text()) == content
    path.unlink()
    gone = {**content, "model": "gone", "aliases": {"champion": "0" * 32}}
    (tmp_path / "promoted" / "gone.json").write_text(json.dumps(gone))
    assert [dict(one.missing) for one in restore_promotions(tmp_path)] == [{"champion": "0" * 32}, {}]


def test_a_version_gets_its_number_back_where_those_before_it_are_lost(store: Store, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    promote(str(store.runs["weak"]), name="first", n_episodes=2)
    content = json.loads((tmp_path / "promoted" / "first.json").read_text())
    (entry,) = content["versions"]
    lost = {"version": 1, "run_id": "0" * 32}
    numbered = {"model": "third", "aliases": content["aliases"], "versions": [lost, {**entry, "version": 3}]}
    (tmp_path / "promoted" / "first.json").write_text(json.dumps(numbered))
    for _ in range(2):  # the second time everything is there
        (restored,) = restore_promotions(tmp_path)
        assert dict(restored.aliases) == {"champion": "3"}
    assert main(["replay", "models:/third/3", "--silent"]) == 0
    assert main(["replay", "models:/third/1", "--silent"]) == 2


def test_the_name_is_the_environments(store: Store) -> None:
    found = promote(store.runs["elsewhere"], n_episodes=2, alias="candidate")
    assert (found.model, found.alias, found.version) == ("CartPole-v1", "candidate", "1")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("served", "'served' has no version or alias 'champion'; did you mean 'champ'?"),
        ("serve", "'serve' is no registered policy; did you mean 'served'?"),
        ("models:/served@chap", "'served' has no version or alias 'chap'; did you mean 'champ'?"),
        ("models:/served/9", "'served' has no version or alias '9'; accepted: 1, champ."),
        ("models:/served", "'models:/served' is no registered policy; accepted is models:/NAME@champion"),
    ],
)
def test_unknown_policies_are_not_served(store: Store, capsys: Capture, word: str, message: str) -> None:
    promote(store.runs["weak"], name="served", alias="champ", n_episodes=2)
    assert main(["serve", word]) != 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    "reference", ["models:/echo-again@champion", "models:/echo-again/1", "models:/echo-again/latest"]
)
def test_the_run_of_a_champion_is_repeated_by_its_name(store: Store, reference: str, capsys: Capture) -> None:
    promote(store.runs["strong"], name="echo-again", n_episodes=2)
    assert main(["replay", reference, "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["source"] == reference
    assert verdict["identical"] is True
    assert "run: agent/weights.safetensors" in verdict["compared"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "models:/known@champion",
            "'known' has no version or alias 'champion'; did you mean 'champ'? Accepted: 1, champ.",
        ),
        ("models:/known/2", "'known' has no version or alias '2'; accepted: 1, champ. maze-run promote RUN gives an"),
        ("models:/knwn@champ", "'knwn' is no registered policy; did you mean 'known'?"),
        (
            "models:/known",
            "'models:/known' names no model; accepted: models:/NAME@champion, or another alias, and models",
        ),
        ("models:/m-unknown", "m-unknown"),
    ],
)
def test_unknown_policies_are_neither_repeated_nor_evaluated(
    store: Store, capsys: Capture, word: str, message: str
) -> None:
    promote(store.runs["weak"], name="known", alias="champ", n_episodes=2)
    for command in ("replay", "evaluate"):
        assert main([command, word]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert message in err


def test_what_cannot_be_promoted_says_so(store: Store) -> None:
    with pytest.raises(ArtifactError, match="not the directory of a run that MLflow knows"):
        promote(store.runs["untracked"])
    with pytest.raises(ArtifactError, match=r"neither the directory.*did you mean 'a2c Echo-v0 seed 2'"):
        promote("a2c Echo-v0 seed 3")
    with pytest.raises(ArtifactError, match="means 2 runs"):
        promote("a2c Echo-v0 seed 1")


def test_rewards_that_wrappers_change_differently_are_not_comparable() -> None:
    scaled = {"_target_": "maze.env.RewardScalingWrapper", "scale": 0.1}
    stacked = {"_target_": "maze.env.ObservationStackWrapper", "stack_config": []}
    env = {"_target_": "maze.GymMazeEnv", "env": "CartPole-v1"}
    plain, other = {"env": env, "wrappers": []}, {"env": env, "wrappers": [stacked]}
    assert why_not_comparable(plain, other) == ""
    assert "change rewards" in why_not_comparable(plain, {"env": env, "wrappers": [stacked, scaled]})
    assert why_not_comparable({"env": env, "wrappers": [scaled]}, {"env": env, "wrappers": [stacked, scaled]}) == ""
    learnt = {"_target_": "maze.ReturnNormalizationRewardWrapper"}  # evaluations do not see it
    assert why_not_comparable(plain, {"env": env, "wrappers": [stacked, learnt]}) == ""
    assert "another environment" in why_not_comparable(plain, {"env": {**env, "env": "Acrobot-v1"}, "wrappers": []})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "a/b"}, "--name"),
        ({"alias": "the best"}, "--alias"),
        ({"n_episodes": 1}, "--episodes"),
        ({"confidence": 95.0}, "--confidence"),
    ],
)
def test_wrong_settings_are_refused(store: Store, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        promote(store.runs["weak"], **arguments)


def test_the_command_says_what_it_did_and_why_not(store: Store, capsys: Capture) -> None:
    words = ["promote", str(store.runs["strong"]), "--name", "by-command", "--episodes", "5"]
    assert main(words) == 0
    assert "models:/by-command@champion is version 1: there is no champion yet" in capsys.readouterr().out
    words[1] = str(store.runs["weak"])
    assert main(words) == 1
    out = capsys.readouterr().out
    assert "not promoted: it is worse" in out
    assert "--force" in out
    assert main([*words, "--force", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["forced"], content["version"], content["predecessor"]) == (True, "2", "1")
    assert main(["promote", "nothing"]) == 2
