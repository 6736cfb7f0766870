"""Figures show the data, carry no traces of time or machine, and come with tables that DVC can draw."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from maze.errors import ArtifactError
from maze.report import (
    Curve,
    EpisodeTable,
    episode_length_figure,
    learning_curve_figure,
    return_histogram_figure,
    write_plots,
)

CURVES = {
    0: Curve(np.array([0.0, 1024.0]), np.array([20.0, 480.5])),
    1: Curve(np.array([0.0, 2048.0]), np.array([30.0, 500.0])),
}
EPISODES = {
    0: EpisodeTable(np.array([500.0, 480.5]), np.array([500, 480])),
    3: EpisodeTable(np.array([10.0]), np.array([11])),
}


def bars(figure: Figure) -> list[Rectangle]:
    """Return the bars of a histogram."""
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]


def test_same_data_same_bytes(tmp_path: Path) -> None:
    first = write_plots(tmp_path / "a", curves=CURVES, episodes=EPISODES, title="CartPole-v1")
    second = write_plots(tmp_path / "b", curves=CURVES, episodes=EPISODES, title="CartPole-v1")
    assert [path.name for path in first] == [path.name for path in second]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_images_name_no_program_and_no_time(tmp_path: Path) -> None:
    for path in write_plots(tmp_path, curves=CURVES, episodes=EPISODES):
        if path.suffix == ".png":
            content = path.read_bytes()
            assert content.startswith(b"\x89PNG")
            assert not any(word in content for word in (b"Software", b"matplotlib", b"tEXt", b"tIME"))


def test_tables_hold_the_data(tmp_path: Path) -> None:
    write_plots(tmp_path, curves=CURVES, episodes=EPISODES)
    curve_lines = (tmp_path / "learning_curve.csv").read_text(encoding="utf-8").splitlines()
    assert curve_lines == [
        "step,n_seeds,low,high,return",
        "0,2,20.0,30.0,25.0",
        "1024,2,265.0,480.5,372.75",  # seed 1 is half-way from 30 to 500
        "2048,1,480.5,500.0,490.25",
    ]
    returns_lines = (tmp_path / "returns.csv").read_text(encoding="utf-8").splitlines()
    assert returns_lines == ["seed,episode,length,return", "0,0,500,500.0", "0,1,480,480.5", "3,0,11,10.0"]


def test_learning_curve_draws_mean_seeds_and_band() -> None:
    axes = learning_curve_figure(CURVES, title="two seeds").axes[0]
    assert axes.get_title() == "two seeds"
    assert len(axes.lines) == 3
    assert len(axes.collections) == 1
    assert np.asarray(axes.lines[-1].get_ydata()).tolist() == [25.0, 372.75, 490.25]


def test_one_seed_has_no_band() -> None:
    axes = learning_curve_figure({0: CURVES[0]}).axes[0]
    assert (len(axes.lines), len(axes.collections)) == (1, 0)


def test_histograms_count_every_episode() -> None:
    assert sum(bar.get_height() for bar in bars(return_histogram_figure(EPISODES))) == 3
    assert sum(bar.get_height() for bar in bars(episode_length_figure(EPISODES))) == 3


def test_equal_episodes_get_a_visible_bar() -> None:
    table = EpisodeTable(np.full(100, 500.0), np.full(100, 500))
    drawn = bars(return_histogram_figure({0: table}))
    assert max(bar.get_height() for bar in drawn) == 100
    assert drawn[0].get_width() == pytest.approx(2.5)  # 475 to 525 in 20 bins


def test_nothing_to_draw_says_so(tmp_path: Path) -> None:
    write_plots(tmp_path, curves={}, episodes={})
    assert (tmp_path / "returns.csv").read_text(encoding="utf-8") == "seed,episode,length,return\n"
    assert learning_curve_figure({}).axes[0].texts[0].get_text() == "no data"


def test_episodes_without_lengths_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="seed 4: 2 returns and 1 lengths"):
        write_plots(tmp_path, curves={}, episodes={4: EpisodeTable(np.zeros(2), np.zeros(1, dtype=np.int64))})


def test_importing_is_cheap_and_drawing_needs_no_pyplot(tmp_path: Path) -> None:
    code = (
        "import sys, maze.report\n"
        "maze.report.summarise, maze.report.read_curve\n"
        "assert not {'matplotlib', 'rich', 'pandas', 'torch'} & set(sys.modules), 'heavy import'\n"
        f"maze.report.write_plots({str(tmp_path)!r}, curves={{}}, episodes={{}})\n"
        "assert not {'matplotlib.pyplot', 'pandas', 'torch'} & set(sys.modules), 'needless import'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
