"""IMPALA: what the age of experience does, what corrects it, and what does not depend on who plays."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maze import EpochReport, GymMazeEnv, RunContext
from maze.api.replay.run import replay
from maze.errors import MazeError
from maze.rollout import LocalWorkers, Rollout
from maze.runner import AgentRunner
from maze.trainers import IMPALA
from tests.probes import ActionRewardProbe
from tests.scripted import counting, tiny_context, weights_of
from tests.unit.rollout.test_actors import LastFirst
from tests.unit.trainers.test_base import same


def impala(tmp_path: Path, *, make_workers: Any = None, **values: Any) -> IMPALA:
    arguments = {name: values.pop(name) for name in ("wrappers", "env", "seed") if name in values}
    overrides = {f"algorithm.{name}": value for name, value in {"rollout_evaluator": None, **values}.items()}
    rc = tiny_context(tmp_path / "unused", {"runner.concurrency": 4, **overrides}, algorithm="impala", **arguments)
    trainer = AgentRunner(rc.config, {"env": arguments["env"]} if "env" in arguments else None).trainer
    assert isinstance(trainer, IMPALA)
    if make_workers is not None:
        trainer.pool._make_workers = make_workers
    return trainer


def state_of(trainer: IMPALA) -> dict[str, Any]:
    """Return the state from which training goes on; the best return, without an evaluator, is no number."""
    return {name: part for name, part in trainer.state_dict().items() if name != "best"}


def ages(trainer: IMPALA, n_updates: int) -> list[float]:
    return [float(trainer.update()["policy/age"]) for _ in range(n_updates)]


# --- who plays ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [{}, {"actors_batch_size": 2, "queue_out_of_sync_factor": 2}])
def test_the_number_of_workers_changes_no_bit(values: dict[str, Any], tmp_path: Path) -> None:
    def trained(workers: Any, n_workers: int) -> IMPALA:
        make_workers = partial(workers, n_workers=n_workers)
        trainer = impala(tmp_path, make_workers=make_workers, num_actors=3, wrappers="vector_obs", **values)
        trainer.train(2)
        return trainer

    one = trained(LocalWorkers, 1)
    for other in (trained(LocalWorkers, 3), trained(LastFirst, 2)):
        assert same(state_of(other), state_of(one))
    assert one.collector.env.statistics_state()


def test_the_number_of_actors_is_part_of_the_experiment(tmp_path: Path) -> None:
    weights = []
    for n_actors in (1, 2):
        trainer = impala(tmp_path, num_actors=n_actors)
        trainer.train(1)
        weights.append(trainer.model.snapshot()["parameters"])
    assert not torch.equal(*weights)


def test_another_seed_plays_otherwise(tmp_path: Path) -> None:
    first, second = (impala(tmp_path, seed=seed).collect()[0]["rollout"]["action"]["action"] for seed in (1, 2))
    assert not np.array_equal(first, second)
    here, there = (played["rollout"]["action"]["action"] for played in impala(tmp_path).collect())
    assert not np.array_equal(here, there)  # actors draw from generators of their own


# --- how old experience is ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_experience_is_as_old_as_configured(lag: int, tmp_path: Path) -> None:
    trainer = impala(tmp_path, queue_out_of_sync_factor=lag, lr=0.01)
    assert ages(trainer, 6) == [float(min(update, lag)) for update in range(6)]
    divergence = float(trainer.update()["policy/approximate_kl"])
    assert (divergence < 1e-9) == (lag == 0)


def test_log_probabilities_are_those_of_the_parameters_that_acted(tmp_path: Path) -> None:
    trainer = impala(tmp_path, queue_out_of_sync_factor=1, lr=0.05)
    before = trainer.model.snapshot()
    trainer.update()
    (second, _) = trainer.collect()  # was asked for with the first parameters
    assert second["version"] == 0
    rollout = Rollout(**second["rollout"])
    observation = trainer.model.tensors(rollout.flat_observation(with_last=False))
    action = trainer.model.tensors(rollout.flat_action())
    now = trainer.model.log_prob(observation, action).numpy()
    trainer.model.restore(before)
    then = trainer.model.log_prob(observation, action).numpy()
    np.testing.assert_allclose(second["log_prob"].reshape(-1), then, rtol=1e-6)
    assert np.abs(now - then).max() > 1e-4


def test_actors_take_turns_where_a_batch_is_not_one_of_each(tmp_path: Path) -> None:
    trainer = impala(tmp_path, num_actors=3, actors_batch_size=2)
    order = [played["actor"] for _ in range(6) for played in trainer.collect()]
    assert order == [0, 1, 2] * 4


# --- the correction -----------------------------------------------------------------------------------------------


def bandit(n_rewarded: int, n_rows: int) -> Rollout:
    """Return one-step episodes, of which some took the action that pays 1."""
    action = np.zeros((1, n_rows), np.int64)
    action[0, :n_rewarded] = 1
    ended = np.ones((1, n_rows), np.bool_)
    return Rollout(
        observation={"observation": np.zeros((2, n_rows, 4), np.float32)},
        action={"action": action},
        reward=action.astype(np.float32),
        terminated=ended,
        truncated=~ended,
        truncated_observation={},
        truncated_index=np.zeros(0, np.int64),
    )


@pytest.mark.parametrize(("clip_rho", "expected"), [(1.0, 0.5), (100.0, 0.9)])
def test_targets_tell_the_value_of_the_new_policy_not_of_the_one_that_acted(
    clip_rho: float, expected: float, tmp_path: Path
) -> None:
    """The policy that acted was paid in 1 of 10 steps, the new one takes that action in 9 of 10.

    With rho <= 1 the fixed point is the value of the policy that is proportional to min(mu, pi), here even odds; with
    rho <= 100 it is that of the new policy. Without correction it is 0.1.
    """
    trainer = impala(tmp_path, vtrace_clip_rho_threshold=clip_rho)
    rollout = bandit(1, 10)
    chosen = rollout.action["action"] == 1
    log_ratio = np.log(np.where(chosen, 0.9 / 0.1, 0.1 / 0.9)).astype(np.float32)
    value = np.full((2, 10), expected, np.float32)
    target, _ = trainer.targets(rollout, value, log_ratio)
    assert float((target - value[:-1]).mean()) == pytest.approx(0.0, abs=1e-6)
    uncorrected, _ = trainer.targets(rollout, value, np.zeros_like(log_ratio))
    assert float(uncorrected.mean()) == pytest.approx(0.1, abs=1e-6)


class Uncorrected(IMPALA):
    """Learns from old experience as if it were new."""

    def targets(self, batch: Rollout, value: Any, log_ratio: Any) -> Any:
        return super().targets(batch, value, np.zeros_like(log_ratio))


@pytest.mark.parametrize(("lag", "differs"), [(0, False), (4, True)])
def test_only_with_a_lag_does_the_correction_matter(lag: int, differs: bool, tmp_path: Path) -> None:
    def trained(kind: type[IMPALA]) -> torch.Tensor:
        trainer = impala(tmp_path, queue_out_of_sync_factor=lag, lr=0.01)
        trainer.__class__ = kind
        for _ in range(8):
            trainer.update()
        return trainer.model.snapshot()["parameters"]

    corrected, uncorrected = trained(IMPALA), trained(Uncorrected)
    distance = float((corrected - uncorrected).abs().max())
    assert (distance > 1e-3) == differs, distance


def test_old_experience_teaches_the_right_value_only_where_it_is_corrected(tmp_path: Path) -> None:
    """The critic learns from what a policy played that has long become another one.

    Untrained, it takes both actions and is paid 0 on average; the new one is paid in 19 of 20 steps.
    """
    settings = {"policy_loss_coef": 0.0, "entropy_coef": 0.0, "lr": 0.03, "vtrace_clip_rho_threshold": 20.0}
    predicted = {}
    for kind in (IMPALA, Uncorrected):
        trainer = impala(tmp_path, env=lambda: GymMazeEnv(ActionRewardProbe()), **settings)
        trainer.__class__ = kind
        old = trainer.collect()[0]
        weights = trainer.model.policy.state_dict()  # shares the policy's memory
        bias = next(value for name, value in reversed(weights.items()) if name.endswith("bias"))
        bias += torch.tensor([-1.5, 1.5])
        for _ in range(100):
            trainer.learn(Rollout(**old["rollout"]), old["log_prob"])
        predicted[kind] = float(trainer.critic.predict({"observation": np.zeros((1, 1), np.float32)})[0])
    paid = float(old["rollout"]["reward"].mean())
    assert abs(paid) < 0.6
    assert predicted[Uncorrected] == pytest.approx(paid, abs=0.02)
    assert predicted[IMPALA] == pytest.approx(0.9, abs=0.15)


# --- counting -----------------------------------------------------------------------------------------------------


class Reports:
    def __init__(self) -> None:
        self.seen: list[EpochReport] = []

    def on_epoch(self, epoch: EpochReport) -> None:
        self.seen.append(epoch)


@pytest.mark.parametrize("lag", [0, 2])
def test_steps_and_episodes_are_those_that_were_learned_from(lag: int, tmp_path: Path) -> None:
    rc = tiny_context(
        tmp_path / "run",
        {"runner.concurrency": 3, "algorithm.queue_out_of_sync_factor": lag, "algorithm.rollout_evaluator": None},
        algorithm="impala",
        env=lambda: counting([4]),
    )
    rc.train(2)
    assert rc.trainer.n_steps == 2 * 3 * 8 * 3  # epochs, updates, steps, environments
    metrics = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert metrics["train/n_episodes"] == 3 * 3 * 2  # updates, environments, episodes in eight steps
    assert (metrics["train/mean_return"], metrics["train/mean_length"]) == (10.0, 4.0)


def test_events_of_all_actors_are_told(tmp_path: Path) -> None:
    wrappers = {"maze.env.MazeEnvMonitoringWrapper": {"observation_logging": True, "action_logging": True}}
    trainer = impala(tmp_path, env=lambda: counting([4]), wrappers=wrappers)
    reports = Reports()
    trainer.train(1, listeners=[reports])
    told = {name: value for name, value in reports.seen[0].metrics.items() if "Events" in name}
    assert told
    spread = reports.seen[0].distributions
    n_played = 8 * 4 * 4  # steps, environments, batches: three were learned from, one is under way
    assert {value.n_values for name, value in spread.items() if "action" in name} == {n_played}


# --- endings ------------------------------------------------------------------------------------------------------


def after(n_calls: int) -> Callable[[], bool]:
    calls = iter(range(1, 1000))
    return lambda: next(calls) >= n_calls


class Watched(LocalWorkers):
    """Workers that can be seen to be closed, and that can die."""

    made: list[Watched] = []  # noqa: RUF012
    dies_at: tuple[str, int] = ("", 0)  # in which call of which method

    def __init__(self, make_worker: Any, n_workers: int) -> None:
        super().__init__(make_worker, n_workers)
        self.is_closed = False
        Watched.made.append(self)

    def submit(self, worker: int, method: str, *arguments: Any) -> None:
        fatal, left = Watched.dies_at
        if method == fatal:
            Watched.dies_at = (fatal, left - 1)
            if left == 1:
                raise MazeError(f"worker process {worker}, pid 1, was killed by signal 9 (SIGKILL)")
        super().submit(worker, method, *arguments)

    def close(self) -> None:
        super().close()
        self.is_closed = True


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    monkeypatch.setattr(Watched, "made", [])
    monkeypatch.setattr(Watched, "dies_at", ("", 0))
    return Watched.made


def test_a_stop_closes_actors_and_going_on_makes_them_anew(watched: list[Watched], tmp_path: Path) -> None:
    make_workers = partial(Watched, n_workers=2)
    broken, whole = impala(tmp_path, make_workers=make_workers), impala(tmp_path)
    assert broken.train(2, should_stop=after(4)).reason == "stopped"
    assert [workers.is_closed for workers in watched] == [True]
    broken.train(1)
    whole.train(2)
    assert [workers.is_closed for workers in watched] == [True, False]
    assert same(state_of(broken), state_of(whole))
    broken.close()
    assert [workers.is_closed for workers in watched] == [True, True]


def test_a_dead_actor_is_an_error_after_which_training_goes_on(watched: list[Watched], tmp_path: Path) -> None:
    broken, whole = impala(tmp_path, make_workers=partial(Watched, n_workers=2)), impala(tmp_path)
    Watched.dies_at = ("play", 9)  # two requests for each batch: in the second epoch
    with pytest.raises(MazeError, match=r"worker process 0, pid 1, was killed by signal 9"):
        broken.train(3)
    assert (broken.epoch, [workers.is_closed for workers in watched]) == (1, [True])
    broken.train(2)
    whole.train(3)
    assert same(state_of(broken), state_of(whole))


@pytest.mark.parametrize(("method", "n_epochs"), [("state_dict", 1), ("drain_event_stats", 0)])
def test_actors_that_die_between_updates_go_on_from_their_last_state(
    method: str, n_epochs: int, watched: list[Watched], tmp_path: Path
) -> None:
    trainer = impala(tmp_path, make_workers=partial(Watched, n_workers=2))
    Watched.dies_at = (method, 1)
    with pytest.raises(MazeError, match="was killed"):
        trainer.train(3)
    state = trainer.whole_state()
    assert [workers.is_closed for workers in watched] == [True]
    assert state["epoch"] == n_epochs
    assert trainer.train(2).n_epochs == 2
    assert trainer.n_steps == (n_epochs + 2) * 3 * 8 * 4


def test_an_interrupt_in_the_middle_closes_actors(watched: list[Watched], tmp_path: Path) -> None:
    trainer = impala(tmp_path, make_workers=partial(Watched, n_workers=1))

    def interrupt() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.train(1, should_stop=interrupt)
    assert [workers.is_closed for workers in watched] == [True]


# --- asynchronous -------------------------------------------------------------------------------------------------


def test_asynchronous_actors_are_taken_as_they_come(tmp_path: Path) -> None:
    values = {"num_actors": 4, "actors_batch_size": 2, "asynchronous": True}
    trainer = impala(tmp_path, make_workers=partial(LastFirst, n_workers=4), **values)
    actors = [played["actor"] for _ in range(3) for played in trainer.collect()]
    assert actors == [3, 2, 2, 3, 3, 2]  # the slow ones wait
    trainer.train(2)
    assert trainer.n_steps == 2 * 3 * 8 * 2
    state = trainer.state_dict()
    resumed = impala(tmp_path, make_workers=partial(LastFirst, n_workers=2), **values)
    resumed.load_state_dict(state)
    assert resumed.train(1).n_steps == 3 * 3 * 8 * 2


def test_the_record_says_that_a_run_cannot_be_repeated(tmp_path: Path) -> None:
    for name, asynchronous in (("run", True), ("other", False)):
        rc = tiny_context(tmp_path / name, {"algorithm.asynchronous": asynchronous}, algorithm="impala")
        rc.train(1)
        rc.close()
        (call,) = json.loads((tmp_path / name / "record.json").read_text())["calls"]
        assert call.get("is_repeatable", True) is not asynchronous
        reasons = replay(tmp_path / name, silent=True).reasons
        assert [("cannot be repeated to the last bit" in reason) for reason in reasons] == [True] * asynchronous


# --- learning -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_cartpole_is_solved(tmp_path: Path) -> None:
    values = {"tracking.mode": "off", "algorithm.patience": 2}
    rc = RunContext(algorithm="impala", run_dir=tmp_path / "run", overrides=values, seed=1, silent=True)
    assert rc.train().best_return == 500.0
    assert rc.evaluate(n_episodes=100).mean_return >= 475.0
    assert np.isfinite(weights_of(rc)).all()
