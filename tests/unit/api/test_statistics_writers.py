"""Writers of one's own take part in a run, whichever way they are named, and are no part of the agent."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from maze import (
    GymMazeEnv,
    InvalidSpecificationError,
    JsonLinesWriter,
    LogStatsWriter,
    RunContext,
    replay,
    run_rollout,
)
from maze.cli import main
from maze.statistics import StatsValue
from tests.scripted import tiny_context

MODULE = """
from maze import LogStatsWriter

class Lines(LogStatsWriter):
    def __init__(self, run_dir, unit="steps"):
        self.file, self.unit = (run_dir / "lines.txt").open("a"), unit

    def write(self, path, stats, step):
        self.file.write(f"{path} {step} {self.unit} {stats['mean_return']}\\n")

    def close(self):
        self.file.close()

def nothing():
    return "no writer"
"""


class Kept(LogStatsWriter):
    """Keeps what it is told; says when it is closed."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, dict[str, StatsValue]]] = []
        self.n_closed = 0

    def write(self, path: str, stats: Mapping[str, StatsValue], step: int) -> None:
        self.told.append((path, step, dict(stats)))

    def close(self) -> None:
        self.n_closed += 1


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the name of a module with a writer, which nobody has imported."""
    (tmp_path / "writers_of_mine.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "writers_of_mine"
    sys.modules.pop("writers_of_mine", None)


def test_an_object_beside_a_name_is_told_the_same_and_closed_with_the_context(tmp_path: Path) -> None:
    kept = Kept()
    given = [kept, "json_lines"]
    overrides = {"tracking.writers": given}
    with tiny_context(tmp_path / "run", overrides) as rc:
        rc.train(1)
        rc.train(1)
        assert kept.n_closed == 0, "the next training writes on"
    assert kept.n_closed == 1
    assert overrides == {"tracking.writers": given}
    lines = [json.loads(line) for line in (tmp_path / "run" / "statistics.jsonl").read_text().splitlines()]
    assert [(line.pop("path"), line.pop("step"), set(line)) for line in lines] == [
        (path, step, set(stats)) for path, step, stats in kept.told
    ]
    totals = [stats["total_episodes"] for path, _, stats in kept.told if path == "train"]
    ended = [stats["n_episodes"] for path, _, stats in kept.told if path == "train"]
    assert totals == [ended[0], sum(ended)]  # type: ignore[arg-type]
    assert [(path, step) for path, step, _ in kept.told] == [
        ("train", 48),
        ("eval", 48),
        ("train", 96),
        ("eval", 96),
    ]
    mark, name = rc.config.tracking.writers
    assert (mark["_object_"], name) == (f"{Kept.__module__}.Kept", "json_lines")


def test_writers_of_the_package_are_objects_as_well_and_several_trainings_share_them(tmp_path: Path) -> None:
    writer = JsonLinesWriter(tmp_path / "elsewhere.jsonl")
    with tiny_context(tmp_path / "run", {"tracking": {"mode": "off", "writers": (writer, "json_lines")}}) as rc:
        rc.train(1)
        rc.train(1)
    assert (tmp_path / "elsewhere.jsonl").read_text() == (tmp_path / "run" / "statistics.jsonl").read_text()


def test_agents_act_and_runs_are_repeated_without_the_writers_that_they_had(tmp_path: Path) -> None:
    class Unstorable(Kept):
        def __init__(self) -> None:
            super().__init__()
            self.lock = threading.Lock()

    for name, kept in (("stored", Kept()), ("lost", Unstorable())):
        run = tmp_path / name
        with tiny_context(run, {"tracking.writers": [kept]}) as rc:
            rc.train(1)
        n_told = len(kept.told)
        index = json.loads((run / "agent" / "objects" / "index.json").read_text())["objects"]
        assert (index["tracking.writers.0"]["file"] is None) == (name == "lost")
        for arguments in ({}, {"env": lambda: GymMazeEnv("CartPole-v1")}):
            assert len(RunContext.load(run, silent=True, **arguments).evaluate(n_episodes=1)) == 1
        RunContext.load(run, silent=True).train(1)
        values = {"runner.n_episodes": 1}
        place = tmp_path / f"{name}-rollout"
        played = run_rollout(policy="torch_policy", input_dir=run, run_dir=place, silent=True, overrides=values)
        assert len(played) == 1
        assert len(kept.told) == n_told
    first = tmp_path / "first"
    with tiny_context(first, {"tracking.writers": [Kept(), "json_lines"]}) as rc:
        rc.train(1)
    assert replay(first, silent=True).identical
    with pytest.raises(InvalidSpecificationError, match=r"tracking\.writers\.0.*allow_code=True"):
        replay(first, silent=True, track=True)
    assert replay(first, silent=True, track=True, allow_code=True).identical


def test_a_mapping_makes_a_writer_in_python_in_a_file_and_in_a_shell(module: str, tmp_path: Path) -> None:
    written = []
    writers: list[Any] = [{"_target_": f"{module}.Lines", "unit": "moves"}, "json_lines"]
    with tiny_context(tmp_path / "python", {"tracking.writers": writers, "allowed_modules": [module]}) as rc:
        rc.train()
    written.append((tmp_path / "python" / "lines.txt").read_text())
    RunContext.from_config(rc.config, run_dir=tmp_path / "file", silent=True).train()
    written.append((tmp_path / "file" / "lines.txt").read_text())
    words = ["algorithm=a2c", "runner.concurrency=2", "algorithm.n_epochs=2", "algorithm.epoch_length=3"]
    words += ["algorithm.n_rollout_steps=8", "algorithm.rollout_evaluator.n_episodes=2", "tracking.mode=off"]
    words += [f"allowed_modules=[{module}]", f"run_dir={tmp_path / 'shell'}", "--seed", "1", "--silent"]
    words += [f"tracking.writers=[{{_target_: {module}.Lines, unit: moves}}, json_lines]"]
    assert main(["-cn", "conf_train", *words]) == 0
    written.append((tmp_path / "shell" / "lines.txt").read_text())
    assert written[0] == written[1] == written[2]
    assert [line.split()[:3] for line in written[0].splitlines()] == [
        [path, step, "moves"] for step in ("48", "96") for path in ("train", "eval")
    ]


def test_constants_of_a_writer_are_left_out_where_it_is_made(tmp_path: Path) -> None:
    place = tmp_path / "lines.jsonl"
    writer = {"_target_": "maze.statistics.JsonLinesWriter", "path": str(place), "_": {"k": 1}}
    with tiny_context(tmp_path / "run", {"tracking.writers": [writer]}) as rc:
        rc.train(1)
        assert rc.config.tracking.writers == (writer,)
    assert place.read_text()


def test_a_configuration_does_not_hold_the_writer_itself(tmp_path: Path) -> None:
    with tiny_context(tmp_path / "run", {"tracking.writers": [Kept()]}) as rc:
        again = r"RunContext\(overrides=\{'tracking\.writers': \.\.\.\}\)"
        with pytest.raises(
            InvalidSpecificationError, match=rf"^tracking\.writers\.0: .*Kept is not at hand, .*{again}"
        ):
            RunContext.from_config(rc.config)


WRONG: list[tuple[Any, str]] = [
    (["tensorbord"], r"writers\.0: 'tensorbord' is not accepted; did you mean 'tensorboard'\?"),
    ("tensorboard", r"writers: 'tensorboard' is not accepted; accepted: a list"),
    (Kept(), r"writers: .*\.Kept is not accepted; accepted: a list"),
    (["console", Kept], r"writers\.1: <class .*That is a class; pass an instance, Kept\(\.\.\.\)"),
    ([print], r"writers\.0: .*accepted: 'console', .*maze\.LogStatsWriter"),
    (["console", "console"], r"writers\.1: 'console' is given twice"),
    ([{"unit": "moves"}], r"writers\.0: \{'unit': 'moves'\} is not accepted"),
    ([{"_target_": "maze.statistics.ConsolWriter"}], r"writers\.0\._target_: .*did you mean 'ConsoleWriter'"),
    ([{"_target_": "maze.statistics.JsonLinesWriter", "pth": 1}], r"writers\.0\.pth: .*did you mean 'path'"),
    ([{"_target_": "maze.env.LogStatsWrapper"}], r"writers\.0\._target_: .*is no writer of statistics"),
    ([{"_target_": "torch.nn.Tanh"}], r"writers\.0\._target_: 'torch\.nn\.Tanh' is no writer of statistics"),
    ([{"_target_": "maze.DenseBlock"}], r"writers\.0\._target_: 'maze\.DenseBlock' is no writer of statistics"),
    ([{"_target_": "os.system"}], r"writers\.0\._target_: 'os\.system' does not belong to an allowed module"),
]


@pytest.mark.parametrize(("writers", "message"), WRONG, ids=[str(index) for index in range(len(WRONG))])
def test_what_is_no_writer_is_refused_at_construction(writers: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=rf"^tracking\.{message}"):
        RunContext(overrides={"tracking.writers": writers})


def test_a_file_names_no_strangers_code_and_a_function_that_makes_something_else_is_refused(
    module: str, tmp_path: Path
) -> None:
    config = RunContext(silent=True).config.to_mapping()
    config["tracking"] = {"mode": "off", "writers": [{"_target_": f"{module}.nothing"}]}
    with pytest.raises(InvalidSpecificationError, match=r"tracking\.writers\.0\._target_: .*allowed module"):
        RunContext.from_config(config)
    rc = RunContext.from_config({**config, "allowed_modules": [module]}, run_dir=tmp_path / "run", silent=True)
    with pytest.raises(InvalidSpecificationError, match=r"tracking\.writers\.0: .*made 'no writer'"):
        rc.train(1)
