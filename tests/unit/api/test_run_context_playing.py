"""Acting, evaluating, rolling out: what a RunContext plays, and what it leaves alone meanwhile."""

from __future__ import annotations

import copy
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from maze import GymMazeEnv, InvalidSpecificationError, RolloutEvaluator, RunContext
from maze.env import make_vector_env
from tests.remembering import CUSTOM
from tests.scripted import counting, tiny_context, weights_of


def blas_threads() -> list[int]:
    """Return how many threads each loaded library for linear algebra uses."""
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


class PatientEvaluator(RolloutEvaluator):
    """An evaluator of one's own, with an argument of its own."""

    def __init__(self, *, bonus: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.bonus = bonus
        self.closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


@pytest.fixture
def trained(tmp_path: Path) -> RunContext:
    rc = tiny_context(tmp_path / "run", wrappers="vector_obs", algorithm="ppo")
    rc.train()
    return rc


# --- acting -------------------------------------------------------------------------------------------------------


def test_actions_single_and_batched_leave_the_observation_as_it_is(trained: RunContext) -> None:
    batch = {"observation": np.linspace(-0.5, 0.5, 12, dtype=np.float32).reshape(3, 4)}
    kept = copy.deepcopy(batch)
    batch["observation"].flags.writeable = False
    actions = trained.compute_action(batch, deterministic=True)["action"]
    assert np.shape(actions) == (3,)
    single = [trained.compute_action({"observation": row}, deterministic=True)["action"] for row in kept["observation"]]
    assert [np.shape(action) for action in single] == [()] * 3
    assert [int(action) for action in single] == actions.tolist()
    np.testing.assert_array_equal(batch["observation"], kept["observation"])
    assert trained.env_factory().action_space["action"].contains(single[0])


def test_sampled_actions_follow_the_seed(tmp_path: Path) -> None:
    def actions(name: str, seed: int) -> list[int]:
        rc = tiny_context(tmp_path / name, seed=seed)
        rc.train(1)
        observation = {"observation": np.zeros(4, np.float32)}
        return [int(rc.compute_action(observation)["action"]) for _ in range(64)]

    first = actions("a", 1)
    assert first == actions("b", 1)
    assert set(first) == {0, 1}


def test_an_agent_with_state_goes_on_until_an_episode_begins(tmp_path: Path) -> None:
    rc = tiny_context(
        tmp_path / "run", env=lambda: counting([4]), **CUSTOM["counting"]
    )  # whose logit of action 0 is the number of steps before
    rc.train()
    single = {"observation": np.zeros(2, np.float32)}

    def n_steps() -> float:
        players = rc.policy._remembered._players
        return float(players["0", 0, ()].state["count"].item()) if players else 0.0

    assert n_steps() == 0.0
    for _ in range(3):
        rc.compute_action(single)
    rc.evaluate(n_episodes=2)
    rc.rollout(n_episodes=2)
    assert n_steps() == 3.0
    rc.begin_episode()
    assert n_steps() == 0.0
    rc.compute_action(single)
    rc.train(1)
    assert n_steps() == 0.0


def test_transform_observation_is_what_the_wrappers_make_of_it(trained: RunContext) -> None:
    raw_env, env = GymMazeEnv("CartPole-v1"), trained.env_factory()
    raw_env.seed(3)
    env.seed(3)
    raw, wrapped = raw_env.reset(), env.reset()
    kept = copy.deepcopy(raw)
    np.testing.assert_array_equal(trained.transform_observation(raw)["observation"], wrapped["observation"])
    np.testing.assert_array_equal(raw["observation"], kept["observation"])
    batch = {"observation": np.stack([raw["observation"]] * 2)}
    np.testing.assert_allclose(trained.transform_observation(batch)["observation"][1], wrapped["observation"])
    assert not np.allclose(raw["observation"], wrapped["observation"])


# --- evaluating and rolling out -----------------------------------------------------------------------------------


def test_evaluation_repeats_and_counts_exactly(trained: RunContext) -> None:
    first, again = trained.evaluate(n_episodes=5), trained.evaluate(n_episodes=5)
    assert len(first) == 5
    assert first.returns.tolist() == again.returns.tolist()
    assert trained.evaluate(n_episodes=5, n_envs=2).returns.tolist() == first.returns.tolist()
    assert trained.evaluate(n_episodes=2, max_episode_steps=3).lengths.max() <= 3
    assert len(trained.evaluate()) == 2


def test_eight_episodes_by_default(tmp_path: Path) -> None:
    rc = RunContext(overrides={"tracking.mode": "off"}, seed=1, silent=True)
    assert len(rc.evaluate()) == 8


def test_a_wrong_evaluator_argument_is_named(trained: RunContext) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^evaluator\.n_episode: .*did you mean 'n_episodes'"):
        trained.evaluate(n_episode=3)


def test_an_evaluator_of_ones_own_by_target(tmp_path: Path) -> None:
    rc = tiny_context(tmp_path / "run", {"allowed_modules": [__name__]})
    rc.train(1)
    target = f"{PatientEvaluator.__module__}.{PatientEvaluator.__qualname__}"
    expected = rc.evaluate(n_episodes=3, seed=4)
    assert rc.evaluate(_target_=target, n_episodes=3, bonus=1.0, seed=4).returns.tolist() == expected.returns.tolist()


def test_an_evaluator_of_ones_own_by_its_class(trained: RunContext) -> None:
    class Counting:
        def __init__(self, eval_env: Any, note: str) -> None:
            self.note = note

        def evaluate(self, policy: Any) -> dict[str, Any]:
            return {"note": self.note, "acts": callable(policy.compute_action)}

    given: Any = trained.evaluate(_target_=Counting, note="mine")
    assert given == {"note": "mine", "acts": True}


def test_a_target_outside_of_the_allowed_modules_is_refused(trained: RunContext) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"_target_.*allowed_modules"):
        trained.evaluate(_target_="os.system")


def test_an_evaluator_object_is_used_as_it_is_and_stays_open(tmp_path: Path) -> None:
    evaluator = PatientEvaluator(
        eval_env=make_vector_env(lambda: GymMazeEnv("CartPole-v1"), 2), n_episodes=3, seed=4, deterministic=True
    )
    rc = tiny_context(tmp_path / "run", {"algorithm.rollout_evaluator": evaluator})
    summary = rc.train(1)
    assert rc.trainer.evaluator is evaluator
    assert rc.evaluate().mean_return == summary.best_return
    assert not evaluator.closed
    rc.train(1)
    with pytest.raises(InvalidSpecificationError, match=r"^n_episodes: algorithm\.rollout_evaluator is an object"):
        rc.evaluate(n_episodes=9)


def test_rollouts_write_their_files_into_the_run(trained: RunContext, tmp_path: Path) -> None:
    result = trained.rollout(n_episodes=3)
    assert len(result) == 3
    assert result.files == {
        "episodes": tmp_path / "run" / "rollout" / "episodes.parquet",
        "steps": tmp_path / "run" / "rollout" / "steps.npz",
    }
    assert all(path.is_file() for path in result.files.values())
    assert len(result.steps["reward"]) == result.lengths.sum()
    again = trained.rollout(n_episodes=3, output_dir=tmp_path / "other")
    for kind, path in again.files.items():
        assert path.read_bytes() == result.files[kind].read_bytes()


def test_rollout_arguments(trained: RunContext, tmp_path: Path) -> None:
    short = trained.rollout(n_episodes=2, max_episode_steps=3, record_trajectory=False, output_dir=tmp_path / "o")
    assert short.lengths.max() <= 3
    assert list(short.files) == ["episodes"]
    assert short.steps == {}
    first, again = (trained.rollout(n_episodes=2, deterministic=True).returns.tolist() for _ in range(2))
    assert first == again
    with pytest.raises(InvalidSpecificationError, match=r"rollout\.n_episodes: 0"):
        trained.rollout(n_episodes=0)


def test_rollout_writes_event_logs(trained: RunContext, tmp_path: Path) -> None:
    result = trained.rollout(n_episodes=2, record_trajectory=False, record_event_logs=True, output_dir=tmp_path / "o")
    monitored = ["ActionEvents.discrete_action", "RewardEvents.reward_original"]
    kinds = ["action", "reward", *monitored, "episode_end"]
    assert list(result.files) == ["episodes", *(f"event_logs/{kind}" for kind in kinds)]
    rows = result.files["event_logs/reward"].read_text().splitlines()
    assert rows[0] == "episode\tstep\tvalue"
    assert len(rows) - 1 == result.lengths.sum() == len(result.events["action"]["action"])
    assert result.events["episode_end"]["return"].tolist() == result.returns.tolist()


def test_environments_for_oneself_follow_the_runs_seed(tmp_path: Path) -> None:
    first, again, other = (tiny_context(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    resets = [[rc.env_factory().reset()["observation"] for _ in range(2)] for rc in (first, again, other)]
    assert np.array_equal(resets[0], resets[1])
    assert not np.array_equal(resets[0][0], resets[0][1])
    assert not np.array_equal(resets[0], resets[2])


def test_the_record_lists_the_calls(trained: RunContext) -> None:
    trained.evaluate(n_episodes=3)
    trained.rollout(n_episodes=2)
    record = json.loads((trained.run_dir / "record.json").read_text())
    assert record["status"] == "FINISHED"
    assert [call["method"] for call in record["calls"]] == ["train", "evaluate", "rollout"]
    assert record["calls"][1]["arguments"] == {"n_episodes": 3}
    assert record["calls"][2]["result"]["n_episodes"] == 2
    assert record["config"]["seeding"] == {"agent_base_seed": 1, "env_base_seed": 1}


# --- side by side -------------------------------------------------------------------------------------------------


def test_two_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    def train(name: str, algorithm: str) -> bytes:
        rc = tiny_context(tmp_path / name, {"algorithm.n_epochs": 4}, algorithm=algorithm, wrappers="vector_obs")
        rc.train()
        returns = rc.evaluate(n_episodes=3).returns
        result: bytes = weights_of(rc).tobytes() + returns.tobytes()
        return result

    alone = {algorithm: train(f"alone-{algorithm}", algorithm) for algorithm in ("a2c", "ppo", "impala")}
    together: dict[str, bytes] = {}
    threads_before = torch.get_num_threads()
    blas_before = blas_threads()

    def work(algorithm: str) -> None:
        together[algorithm] = train(f"together-{algorithm}", algorithm)

    threads = [threading.Thread(target=work, args=(algorithm,)) for algorithm in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert blas_threads() == blas_before
    seen: list[int] = []
    probe = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    probe.start()
    probe.join()
    assert seen == [threads_before]


def test_acting_while_training_goes_on_in_one_context_keeps_the_best_state(trained: RunContext) -> None:
    before = weights_of(trained)
    last = trained.trainer.model.snapshot()["parameters"].numpy()
    trained.evaluate(n_episodes=1)
    assert weights_of(trained).tobytes() == before.tobytes()
    assert trained.trainer.model.snapshot()["parameters"].numpy().tobytes() == last.tobytes()
