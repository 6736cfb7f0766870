"""The tutorial environment: a simulation, its events and a tree of its own, through every door."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from maze import RunContext
from maze.env import as_gymnasium, make_vector_env
from tests.integration.documents import ROOT
from tests.integration.tracked import query

PLACE = ROOT / "examples" / "bakery"
COMMAND = "import sys; from maze.cli import main; sys.exit(main(sys.argv[1:]))"
SMALL = ["algorithm.n_epochs=2", "algorithm.epoch_length=1", "algorithm.n_rollout_steps=56", "tracking.mode=off"]


@pytest.fixture(autouse=True)
def _bakery_on_the_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(PLACE))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "bakery"]:
        del sys.modules[name]


def run(words: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a directory, with this project and the bakery on its path, and return what it said."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(PLACE)])}
    return subprocess.run(
        [sys.executable, *words], cwd=place, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_a_day_in_the_bakery_by_hand() -> None:
    from bakery.env import BakeryEnv
    from bakery.events import BakeryEvents
    from bakery.simulation import DEMAND

    env = BakeryEnv(n_days=2)
    env.seed(4)
    observation = env.reset()
    weekday = int(observation["weekday"].argmax())
    customers = np.random.default_rng(4)
    assert customers.integers(7) == weekday
    asked = {product: int(customers.poisson(DEMAND[product][weekday])) for product in ("bread", "rolls")}
    observation, reward, done, _ = env.step({"bread": 5, "rolls": 0})
    sold = min(asked["bread"], 10)
    missed = asked["bread"] - sold + asked["rolls"]
    assert reward == pytest.approx(sold - 0.4 * 10 - 0.2 * missed)
    assert observation["shelf"][0] == pytest.approx((10 - sold) / 10)
    assert not done
    _, _, done, info = env.step({"bread": 0, "rolls": 0})
    assert (done, info["terminated"], info["truncated"]) == (True, False, True)
    ((_, stats),) = env.drain_event_stats().episodes
    assert stats[(BakeryEvents.baked, "total", ("bread",))] == 10.0  # type: ignore[index]
    assert stats[(BakeryEvents.baked, "total", ("rolls",))] == 0.0  # type: ignore[index]


def test_the_bakery_fits_gymnasium_and_can_be_saved() -> None:
    from bakery.env import BakeryEnv

    check_env(as_gymnasium(BakeryEnv()), skip_render_check=True)
    env = make_vector_env(BakeryEnv, 2)
    env.reset([1, 2])
    env.step({"bread": np.array([1, 2]), "rolls": np.array([3, 0])})
    assert env.exact_resume


def test_the_bakers_book_is_what_an_agent_would_have_seen_and_done() -> None:
    from bakery.env import BakeryEnv
    from bakery.simulation import BakeryState

    evening = BakeryState(weekday=2, left={"bread": 3, "rolls": 0})
    seen, done = BakeryEnv().get_observation_and_action_dicts(evening, {"bread": 4, "rolls": 10}, True)
    assert seen is not None
    assert seen[0]["weekday"].tolist() == [0, 0, 1, 0, 0, 0, 0]
    assert seen[0]["shelf"].tolist() == pytest.approx([0.3, 0.0])
    assert done == {0: {"bread": 2, "rolls": 5}}
    today, tomorrow = BakeryEnv(), BakeryEnv()
    today.seed(3)
    today.reset()
    tomorrow.clone_from(today)
    for _ in range(5):
        days = [env.step({"bread": 2, "rolls": 3}) for env in (today, tomorrow)]
        assert days[0][0]["shelf"].tolist() == days[1][0]["shelf"].tolist()
        assert days[0][1] == days[1][1]


def test_python_and_command_line_train_the_same_and_tell_of_events(tmp_path: Path) -> None:
    words = ["-cd", str(PLACE / "conf"), "-cn", "conf_train", "+experiment=bakery", *SMALL]
    words += ["--seed", "3", f"run_dir={tmp_path / 'cli'}", "tracking.writers=[json_lines]"]
    done = run(["-c", COMMAND, *words], tmp_path)
    assert done.returncode == 0, done.stderr
    rc = RunContext(
        experiment="bakery",
        config_dir=PLACE / "conf",
        seed=3,
        run_dir=tmp_path / "python",
        silent=True,
        overrides={
            "algorithm.n_epochs": 2,
            "algorithm.epoch_length": 1,
            "algorithm.n_rollout_steps": 56,
            "tracking.mode": "off",
            "tracking.writers": ["json_lines", "console"],
        },
    )
    rc.train()
    written = (tmp_path / "python" / "statistics.jsonl").read_text()
    assert written == (tmp_path / "cli" / "statistics.jsonl").read_text()
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line["path"] for line in lines] == ["train", "eval"] * 2
    train, evaluation = lines[-2:]
    assert 0.0 <= train["BaseEnvEvents/kpi/mean/served"] <= 1.0
    assert 0.0 <= evaluation["BaseEnvEvents/kpi/mean/wasted"] <= 1.0
    assert train["BakeryEvents/baked/mean_total/rolls"] > 0
    counted = train["ActionEvents/discrete_action/distribution/bread"]
    assert set(counted["categories"]) <= set(range(6))
    assert sum(counted["counts"]) == train["step"] / 2, "every action of the second of two epochs"
    evaluated = rc.evaluate(n_episodes=3)
    assert evaluated.statistics["BakeryEvents/sold/mean_total/bread"] > 0
    record = json.loads((tmp_path / "python" / "record.json").read_text())
    assert "BaseEnvEvents/kpi/mean/served" in record["calls"][-1]["result"]


def trained(run_dir: Path, **runner: int) -> RunContext:
    """Return a context of the bakery that is a little trained, and logs events wherever it plays."""
    values = {f"runner.{name}": value for name, value in {"concurrency": 2, **runner}.items()}
    sizes = {"algorithm.n_epochs": 1, "algorithm.epoch_length": 1, "algorithm.n_rollout_steps": 56}
    rc = RunContext(
        experiment="bakery",
        config_dir=PLACE / "conf",
        overrides={**values, **sizes, "tracking.mode": "off", "rollout.record_event_logs": True},
        seed=3,
        run_dir=run_dir,
        silent=True,
    )
    rc.train()
    return rc


def logs_in(directory: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((directory / "event_logs").iterdir())}


def test_every_door_logs_the_same_events(tmp_path: Path) -> None:
    with trained(tmp_path / "run") as rc:
        result = rc.rollout(n_episodes=3, deterministic=True, output_dir=tmp_path / "python")
    expected = logs_in(tmp_path / "python")
    assert set(expected) == {
        *("action", "reward", "episode_end", "BaseEnvEvents.reward", "BaseEnvEvents.kpi"),
        *(f"BakeryEvents.{name}" for name in ("baked", "sold", "missed", "wasted")),
        *("ActionEvents.discrete_action", "ObservationEvents.observation"),
    }
    sold = [line.split("\t") for line in expected["BakeryEvents.sold"].decode().splitlines()]
    assert sold[0] == ["episode", "step", "product", "n_items"]
    assert [row[:3] for row in sold[1:4]] == [["0", "0", "bread"], ["0", "0", "rolls"], ["0", "1", "bread"]]
    total = sum(int(row[3]) for row in sold[1:] if row[2] == "bread")
    assert total / 3 == pytest.approx(result.statistics["BakeryEvents/sold/mean_total/bread"])
    kpis = [line.split("\t") for line in expected["BaseEnvEvents.kpi"].decode().splitlines()[1:]]
    assert [row[:3] for row in kpis[:2]] == [["0", "27", "served"], ["0", "27", "wasted"]]
    with trained(tmp_path / "processes", n_processes=2) as rc:
        rc.rollout(n_episodes=3, deterministic=True, output_dir=tmp_path / "other")
    assert logs_in(tmp_path / "other") == expected
    options = ["--episodes", "3", "--deterministic", "--events", "--allow-code", "--output-dir", str(tmp_path / "cli")]
    done = run(["-c", COMMAND, "rollout", str(tmp_path / "run"), *options], tmp_path)
    assert done.returncode == 0, done.stderr
    assert logs_in(tmp_path / "cli") == expected
    config = rc.config.replace({"rollout.n_episodes": 3, "rollout.deterministic": True})
    stage = RunContext.load(tmp_path / "run", config=config, stage="rollout", record=tmp_path / "r.json", silent=True)
    stage.rollout(output_dir=tmp_path / "stage")
    assert logs_in(tmp_path / "stage") == expected


def test_figures_of_events_are_kept_epoch_by_epoch_and_of_what_is_played(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    values = {"algorithm.n_epochs": 2, "algorithm.epoch_length": 1, "algorithm.n_rollout_steps": 56}
    tracking = {"tracking.mode": "required", "tracking.uri": store, "tracking.writers": ["tensorboard"]}
    with RunContext(
        experiment="bakery",
        config_dir=PLACE / "conf",
        overrides={**values, **tracking},
        seed=3,
        run_dir=tmp_path / "run",
        silent=True,
    ) as rc:
        rc.train()
        rc.evaluate(n_episodes=2)
    told = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    told.Reload()
    steps = [image.step for image in told.Images("train_BakeryEvents/sold/daily/bread")]
    assert len(steps) == 2
    assert [image.step for image in told.Images("eval_BakeryEvents/sold/daily/rolls")] == steps
    runs = query(store)
    files = {file for run in runs for file in run.files if "daily" in file}
    epochs = {
        f"figures/{path}/BakeryEvents/sold/daily/{product}/{step:09d}.png"
        for path in ("train", "eval")
        for product in ("bread", "rolls")
        for step in steps
    }
    assert files == epochs | {f"figures/evaluate/BakeryEvents/sold/daily/{name}.png" for name in ("bread", "rolls")}


def test_interrupted_epochs_change_nothing(tmp_path: Path) -> None:
    def context(name: str, *, resume: bool = False) -> RunContext:
        values = {"algorithm.epoch_length": 2, "algorithm.n_rollout_steps": 20, "tracking.mode": "off"}
        arguments = {"experiment": "bakery", "config_dir": PLACE / "conf", "overrides": values, "silent": True}
        return RunContext(seed=3, run_dir=tmp_path / name, resume=resume, **arguments)

    context("whole").train(4)
    context("parts").train(2)
    context("parts", resume=True).train(2)
    curves = [(tmp_path / name / "curve.csv").read_text() for name in ("whole", "parts")]
    assert curves[0] == curves[1]
    assert "train/BaseEnvEvents/kpi/mean/served" in curves[0]


def test_the_script_of_the_tutorial_runs(tmp_path: Path) -> None:
    done = run([str(PLACE / "train.py"), "1"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "share of customers or items served: 0." in done.stdout
