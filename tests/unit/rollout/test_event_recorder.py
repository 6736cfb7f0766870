"""The events of played episodes, by hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from maze.env import (
    ActionConversionInterface,
    CoreEnv,
    CoreMazeEnv,
    MazeEnv,
    MazeEnvMonitoringWrapper,
    ObservationConversionInterface,
    RandomResetWrapper,
    RewardScalingWrapper,
    StepSkipWrapper,
    make_vector_env,
)
from maze.errors import EnvError
from maze.rollout import EventRecorder, play_episodes
from maze.statistics import EpisodeEvents, EventLog, EventRecord, KpiCalculator
from tests.scripted import ConstantPolicy, counting


@pytest.mark.parametrize("n_envs", [1, 2, 3])
def test_events_of_three_episodes(n_envs: int) -> None:
    recorder = EventRecorder()
    env = make_vector_env(lambda: counting([2, 3]), n_envs)
    episodes = play_episodes(ConstantPolicy(1), env, [0, 1, 2], np.random.default_rng(0), observers=[recorder])
    end = recorder.log.table("episode_end")
    assert end["episode"].tolist() == [0, 1, 2]
    assert end["return"].tolist() == episodes.returns.tolist()
    assert end["length"].tolist() == episodes.lengths.tolist()
    assert end["step"].tolist() == (episodes.lengths - 1).tolist()
    assert end["terminated"].all()
    assert not end["truncated"].any()
    reward = recorder.log.table("reward")
    assert reward["step"].tolist() == [step for length in episodes.lengths for step in range(length)]
    assert reward["value"].tolist() == [step + 1.0 for length in episodes.lengths for step in range(length)]
    action = recorder.log.table("action")
    assert set(action) == {"episode", "step", "action"}
    assert action["action"].tolist() == [1] * episodes.lengths.sum()


def test_an_episode_that_is_cut_off_was_truncated() -> None:
    recorder = EventRecorder()
    env = make_vector_env(lambda: counting([9]), 1)
    play_episodes(ConstantPolicy(), env, [0], np.random.default_rng(0), max_episode_steps=4, observers=[recorder])
    end = recorder.log.table("episode_end")
    assert (end["step"].tolist(), end["truncated"].tolist(), end["terminated"].tolist()) == ([3], [True], [False])
    assert end["return"].tolist() == [10.0]


class BeltEvents(ABC):
    """What a conveyor belt tells, in words and numbers, and once in arguments called like columns."""

    @abstractmethod
    def moved(self, item: str, place: Any) -> None: ...

    @abstractmethod
    def stopped(self, step: int, episode: str) -> None: ...


class Longest(KpiCalculator):
    def calculate_kpis(self, episode_event_log: EpisodeEvents, last_maze_state: int) -> dict[str, float]:
        return {"n_moved": len(episode_event_log.query_events(BeltEvents.moved))}


class Belt(CoreEnv):
    """Moves a bolt in every step and a nut in every second one; stops after 2 to 4 steps, as its seed says."""

    def __init__(self) -> None:
        super().__init__()
        self.events = self.context.event_service.create_event_topic(BeltEvents)
        self.place = np.zeros(2, np.int64)
        self.length = 0

    def reset(self) -> int:
        self.place[:] = 0
        self.length = 2 + int(self.generator.integers(3))
        return 0

    def step(self, maze_action: int) -> tuple[int, float, bool, dict[str, Any]]:
        self.place += [1, 10]
        count = int(self.place[0])
        self.events.moved("bolt", self.place)  # changed in place afterwards
        if count % 2 == 0:
            self.events.moved(place=count, item="nut")
        if count == self.length:
            self.events.stopped(count, "last")
        return count, float(count), count == self.length, {}

    def get_maze_state(self) -> int:
        return int(self.place[0])

    def get_kpi_calculator(self) -> KpiCalculator:
        return Longest()


class Push(ActionConversionInterface):
    def space(self) -> spaces.Dict:
        return spaces.Dict({"action": spaces.Discrete(2)})

    def space_to_maze(self, action: Mapping[str, Any], maze_state: int) -> int:
        return int(action["action"])


class Count(ObservationConversionInterface):
    def space(self) -> spaces.Dict:
        return spaces.Dict({"observation": spaces.Box(0.0, 9.0, (1,), np.float32)})

    def maze_to_space(self, maze_state: int) -> dict[str, Any]:
        return {"observation": np.array([maze_state], np.float32)}


def belt() -> MazeEnv:
    return CoreMazeEnv(Belt(), {0: Push()}, {0: Count()})


def watched_belt() -> MazeEnv:
    return RewardScalingWrapper.wrap(MazeEnvMonitoringWrapper.wrap(belt()), scale=10.0)


def log_of(factory: Any, n_envs: int, n_processes: int = 0, n_episodes: int = 5) -> EventLog:
    recorder = EventRecorder()
    env = make_vector_env(factory, n_envs, n_processes=n_processes, events=True)
    try:
        seeds = list(range(n_episodes))
        play_episodes(ConstantPolicy(1), env, seeds, np.random.default_rng(0), observers=[recorder])
    finally:
        env.close()
    return recorder.log


def lengths() -> list[int]:
    return [2 + int(np.random.default_rng(seed).integers(3)) for seed in range(5)]


def test_the_environments_own_events_and_those_of_wrappers_by_hand(tmp_path: Path) -> None:
    log = log_of(watched_belt, 2)
    assert len(set(lengths())) > 1, "episodes are of several lengths"
    moved = [
        row
        for episode, length in enumerate(lengths())
        for step in range(length)
        for row in [
            f"{episode}\t{step}\tbolt\t[{step + 1}, {10 * (step + 1)}]",
            *([f"{episode}\t{step}\tnut\t{step + 1}"] if step % 2 else []),
        ]
    ]
    files = log.write(tmp_path)
    written = {name: path.read_text().replace('"', "").splitlines() for name, path in files.items()}
    assert written["BeltEvents.moved"] == ["episode\tstep\titem\tplace", *moved]
    ends = [f"{episode}\t{length - 1}" for episode, length in enumerate(lengths())]
    assert written["BeltEvents.stopped"] == [
        "episode\tstep\tstep_\tepisode_",
        *(f"{end}\t{length}\tlast" for end, length in zip(ends, lengths(), strict=True)),
    ]
    assert written["BaseEnvEvents.kpi"] == [
        "episode\tstep\tname\tvalue",
        *(f"{end}\tn_moved\t{length + length // 2}.0" for end, length in zip(ends, lengths(), strict=True)),
    ]
    steps = [step for length in lengths() for step in range(length)]
    assert log.table("BaseEnvEvents.reward")["value"].tolist() == [step + 1.0 for step in steps]
    assert log.table("RewardEvents.reward_original")["value"].tolist() == [step + 1.0 for step in steps]
    assert log.table("reward")["value"].tolist() == [10 * (step + 1.0) for step in steps]
    assert log.table("ObservationEvents.observation")["value"].tolist() == [[float(step)] for step in steps]
    assert log.table("ActionEvents.discrete_action")["value"].tolist() == [1] * len(steps)
    assert set(log.table("ActionEvents.discrete_action")["name"]) == {"action"}


@pytest.mark.parametrize(("n_envs", "n_processes"), [(1, 0), (3, 0), (5, 0), (3, 2)])
def test_logs_are_the_same_however_environments_are_stepped(n_envs: int, n_processes: int, tmp_path: Path) -> None:
    contents = []
    for name, log in (("one", log_of(watched_belt, 2)), ("other", log_of(watched_belt, n_envs, n_processes))):
        files = log.write(tmp_path / name)
        contents.append({event: path.read_bytes() for event, path in files.items()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 10


def test_steps_of_a_wrapper_belong_to_the_agents_step() -> None:
    log = log_of(lambda: StepSkipWrapper.wrap(belt(), n_steps=2), 2)
    assert len(log.table("BeltEvents.moved")["step"]) == sum(length + length // 2 for length in lengths())
    assert log.table("BeltEvents.stopped")["step"].tolist() == [(length - 1) // 2 for length in lengths()]
    begun = log_of(lambda: RandomResetWrapper.wrap(belt(), min_skip_steps=1, max_skip_steps=1), 2)
    rewards = begun.table("BaseEnvEvents.reward")
    assert rewards["step"].tolist() == [step for length in lengths() for step in [0, *range(length - 1)]]


def test_environments_that_tell_nothing_stay_as_fast_as_they_are() -> None:
    assert type(make_vector_env(lambda: counting([2]), 2, events=True)) is type(
        make_vector_env(lambda: counting([2]), 2)
    )
    assert log_of(lambda: counting([2]), 2).events == ["action", "reward", "episode_end"]


def test_values_of_several_kinds_share_a_column_and_names_of_columns_are_refused(tmp_path: Path) -> None:
    log = EventLog()
    for step, value in enumerate([1, "two", None, [3, 4], np.array([[5.5]]), {"six": 6}]):
        log.append(EventRecord("Ereignisse.größe", 0, step, {"value": value}))
    lines = log.write(tmp_path)["Ereignisse.größe"].read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[2] for line in lines[1:]] == ["1", "two", "", "[3, 4]", "[[5.5]]", '"{""six"": 6}"']
    with pytest.raises(EnvError, match="'step'"):
        log.append(EventRecord("Ev.moved", 0, 0, {"step": 1}))
