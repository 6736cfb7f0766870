"""Experiments side by side: numbers by hand, and what readers are told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from maze import report
from maze.errors import ArtifactError
from maze.report import Curve, Measured, MeasuredAgent


def agent(mean: float, seed: int = 0, returns: list[float] | None = None, **changes: Any) -> MeasuredAgent:
    values = {
        "name": f"seed {seed}",
        "seed": seed,
        "config": {"env.name": "CartPole-v1", "algorithm.lr": "0.1", "seeding.env_base_seed": str(seed)},
        "mean_return": mean,
        "basis": "evaluation",
        "n_episodes": 4,
        "returns": None if returns is None else np.array(returns),
        "lengths": None if returns is None else np.array(returns, np.int64),
        **changes,
    }
    return MeasuredAgent(**values)


def experiment(name: str, *means: float, **changes: Any) -> Measured:
    return Measured(name=name, agents=tuple(agent(mean, seed, **changes) for seed, mean in enumerate(means)))


FIVE = experiment("first", 1.0, 2.0, 3.0, 4.0, 100.0)
BETTER = experiment("second", 11.0, 12.0, 13.0, 14.0, 15.0, config={"env.name": "CartPole-v1", "algorithm.lr": "0.2"})


def test_scores_are_the_means_of_seeds() -> None:
    comparison = report.compare([FIVE, BETTER])
    first, second = comparison.rows
    assert (first.n_agents, first.n_episodes, first.mean, first.iqm) == (5, 20, 22.0, 3.0)
    assert first.scores == "seeds"
    assert first.improvement is None
    assert second.improvement is not None
    assert second.improvement.probability == 0.8  # all but the one with 100
    assert second.improvement_scores == "seeds"
    assert comparison.differing == {"algorithm.lr": ("0.1", "0.2")}
    assert comparison.notes == ()


def test_one_seed_has_intervals_over_its_episodes_and_says_so() -> None:
    one = Measured(name="one", agents=(agent(2.5, returns=[1.0, 2.0, 3.0, 4.0]),))
    other = Measured(name="other", agents=(agent(7.5, returns=[6.0, 7.0, 8.0, 9.0]),))
    comparison = report.compare([one, other])
    assert [row.scores for row in comparison.rows] == ["episodes", "episodes"]
    improvement = comparison.rows[1].improvement
    assert improvement is not None
    assert improvement.interval == (1.0, 1.0, 0.95)
    assert comparison.rows[1].improvement_scores == "episodes"
    assert any("one seed" in note for note in comparison.notes)


def test_one_seed_beside_many_is_one_score_without_an_interval() -> None:
    one = Measured(name="one", agents=(agent(3.5, returns=[3.0, 4.0]),))
    improvement = report.compare([FIVE, one]).rows[1].improvement
    assert improvement is not None
    assert improvement.probability == 0.6
    assert improvement.interval is None


def test_other_environments_are_not_compared() -> None:
    other = experiment("other", 1.0, 2.0, config={"env.name": "Acrobot-v1"})
    comparison = report.compare([FIVE, other])
    assert comparison.rows[1].improvement is None
    assert any("another environment" in note for note in comparison.notes)


def test_numbers_of_training_are_marked() -> None:
    comparison = report.compare([FIVE, experiment("trained", 9.0, 8.0, basis="training", n_episodes=0)])
    assert comparison.rows[1].basis == "training"
    assert any("trained: not evaluated" in note for note in comparison.notes)
    markdown = report.comparison_markdown(comparison)
    assert "| first | 5 | 20 | evaluation |" in markdown
    assert "| trained | 2 | 0 | training |" in markdown


def test_numbers_that_rest_on_something_else_are_not_compared_and_the_remedy_is_told() -> None:
    trained = experiment("trained", 9.0, 8.0, basis="training", n_episodes=0)
    mixed = Measured(name="mixed", agents=(*trained.agents, *FIVE.agents))
    comparison = report.compare([FIVE, trained, mixed, BETTER])
    assert [row.basis for row in comparison.rows] == ["evaluation", "training", "mixed", "evaluation"]
    assert [row.improvement is None for row in comparison.rows] == [True, True, True, False]
    (note,) = (note for note in comparison.notes if "no P(better)" in note)
    assert note.startswith("trained, mixed: ")
    assert "--episodes 100" in note
    assert any(note.startswith("mixed: only some of its seeds") for note in comparison.notes)
    both = report.compare([trained, experiment("other", 1.0, 2.0, basis="training", n_episodes=0)])
    assert both.rows[1].improvement is not None  # both flatter themselves in the same way


def test_the_scores_of_an_interquartile_mean_are_told() -> None:
    one = Measured(name="one", agents=(agent(3.5, returns=[3.0, 4.0]),))
    markdown = report.comparison_markdown(report.compare([one, FIVE]))
    assert "3.50 (episodes)" in markdown
    assert "3.00 (seeds)" in markdown


def test_agents_that_were_not_trained_to_their_end_are_named() -> None:
    stopped = Measured(name="one", agents=(replace(FIVE.agents[0], name="s0", unfinished="interrupted: signal 15"),))
    (note,) = (note for note in report.compare([stopped]).notes if "not trained to the end" in note)
    assert "s0 (interrupted: signal 15)" in note


def test_jobs_without_a_result_are_counted_by_setting() -> None:
    lost = [
        report.MissingJob(
            source="sweep",
            name=f"job{seed}",
            reason=f"failed: reason {seed}",
            values={"lr": lr, "seed": str(seed)},
            n_siblings=2,
        )
        for lr, seed in (("0.1", 0), ("0.1", 1), ("0.2", 1))
    ]
    comparison = report.compare([FIVE], missing=lost)
    told = [note for note in comparison.notes if "missing" in note]
    assert told == [
        "sweep lr=0.1: all jobs are missing, none of it is shown: job0: failed: reason 0",
        "sweep lr=0.2: 1 of 2 jobs is missing, the numbers are those of the others alone: job1: failed: reason 1",
    ]
    assert comparison.as_mapping()["missing"][2]["values"] == {"lr": "0.2", "seed": "1"}


def test_values_that_only_some_have_come_last_and_seeds_and_places_never() -> None:
    one = experiment("one", 1.0, config={"a.only": "1", "z.both": "1", "run_dir": "x", "tags.a": "1"})
    other = experiment("other", 1.0, config={"z.both": "2", "run_dir": "y", "tags.a": "2"})
    differing = report.compare([one, other]).differing
    assert list(differing.items()) == [("z.both", ("1", "2")), ("a.only", ("1", None))]


def test_values_that_differ_within_an_experiment_are_all_told() -> None:
    mixed = Measured(name="mixed", agents=(agent(1.0, config={"a": "1"}), agent(1.0, config={"a": "2"})))
    other = experiment("other", 1.0, config={"a": "1"})
    assert report.compare([mixed, other]).differing == {"a": ("1, 2", "1")}


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(ArtifactError, match="nothing to compare"):
        report.compare([])


def test_everything_is_plain_in_json() -> None:
    content = json.loads(json.dumps(report.compare([FIVE, BETTER]).as_mapping()))
    second = content["experiments"][1]
    assert second["improvement"]["probability"] == 0.8
    assert set(second["improvement"]["interval"]) == {"low", "high", "confidence"}
    assert second["interval"]["confidence"] == 0.95
    assert content["differing"] == {"algorithm.lr": ["0.1", "0.2"]}


def test_tables_hold_names_numbers_and_differences() -> None:
    console = Console(width=200, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as capture:
        for table in report.comparison_tables(report.compare([FIVE, BETTER, experiment("[third]", 1.0, 2.0)])):
            console.print(table)
    text = capture.get()
    for expected in (
        "first",
        "second",
        "[third]",
        "22.00",
        "3.00",
        "0.80",
        "95 % interval",
        "algorithm.lr",
        "P(better)",
    ):
        assert expected in text


def test_markdown_escapes_what_would_be_a_cell() -> None:
    text = report.comparison_markdown(report.compare([FIVE, experiment("a|b", 1.0, 2.0)]))
    assert "a\\|b" in text
    widths = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {9}


def test_the_picture_is_the_same_for_the_same_numbers(tmp_path: Path) -> None:
    curve = Curve(steps=np.array([10.0, 20.0, 30.0]), values=np.array([1.0, 2.0, 3.0]))
    shown = [experiment("a", 1.0, 2.0, curve=curve, returns=[1.0, 2.0]), experiment("no data", 3.0)]
    comparison = report.compare(shown)
    for name in ("one.png", "two.png"):
        report.save_figure(report.comparison_figure(shown, comparison), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.size == (1440, 960)


def test_bands_begin_where_all_seeds_have_begun_and_hold_the_middle() -> None:
    curves = [
        Curve(steps=np.array([0.0, 10.0, 20.0]), values=np.array([0.0, 1.0, 2.0])),
        Curve(steps=np.array([10.0, 20.0]), values=np.array([3.0, 4.0])),
    ]
    band = report.band_of_curves(curves)
    assert band.steps.tolist() == [10.0, 20.0]
    assert band.middle.tolist() == [2.0, 3.0]
    assert band.low.tolist() == [1.0, 2.0]
    assert band.high.tolist() == [3.0, 4.0]


def test_the_band_of_one_seed_has_no_width_and_long_curves_are_thinned() -> None:
    steps = np.arange(5000.0)
    band = report.band_of_curves([Curve(steps=steps, values=2 * steps)])
    assert len(band.steps) == 200
    np.testing.assert_allclose(band.middle, 2 * band.steps)
    np.testing.assert_array_equal(band.low, band.high)


def test_no_band_without_points() -> None:
    with pytest.raises(ArtifactError, match="no learning curve"):
        report.band_of_curves([Curve(steps=np.zeros(0), values=np.zeros(0))])
