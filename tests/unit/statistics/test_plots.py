"""Figures that events declare: made of an epoch's values, drawn where they are kept, harmless where they fail."""

from __future__ import annotations

import subprocess
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from maze.errors import InvalidSpecificationError
from maze.statistics import (
    ConsoleWriter,
    EpisodeStatistics,
    EpochStatistics,
    EventService,
    EventStats,
    JsonLinesWriter,
    Plot,
    TensorboardWriter,
    TrackerWriter,
    WriterGroup,
    define_episode_stats,
    define_epoch_stats,
    define_plot,
    define_stats_grouping,
)
from maze.tracking import Tracker
from maze.types import Array


def draw(values: Array) -> Figure:
    figure = Figure()
    figure.subplots().plot(values)
    return figure


def draw_with_pyplot(values: Array) -> Figure:
    figure, axes = plt.subplots()
    axes.hist(values)
    return figure


class ShopEvents(ABC):
    @define_plot(draw, input_name="total", output_name="totals")
    @define_plot(draw_with_pyplot, input_name="amount", output_name="amounts", group_by="product")
    @define_plot(draw, input_name="amount", output_name="all", group_by=())
    @define_epoch_stats(np.median, input_name="amount", output_name="median")
    @define_episode_stats(np.sum, input_name="amount", output_name="total")
    @define_stats_grouping("shop", "product")
    @abstractmethod
    def sold(self, shop: str, product: str, amount: float) -> None: ...

    @define_plot(draw)
    @abstractmethod
    def weather(self, kind: str) -> None: ...


class Images(Tracker):
    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}

    def log_image(self, image: bytes, name: str) -> None:
        self.images[name] = image


def epoch() -> EpochStatistics:
    """Two episodes: one sells breads for 1 and 2 and rolls for 5, the other a bread for 4."""
    service = EventService()
    topic = service.create_event_topic(ShopEvents)
    stats = EventStats()
    first = [("north", "bread", 1.0), ("south", "bread", 2.0), ("north", "rolls", 5.0)]
    for sales in (first, [("north", "bread", 4.0)]):
        episode = EpisodeStatistics()
        for sale in sales:
            topic.sold(*sale)
            topic.weather("rain")
            episode.add_step(service.clear_events())
        stats.episodes.append((0, episode.end()))
    epoch = EpochStatistics()
    numbers = epoch.reduce(stats)
    assert numbers == {
        "ShopEvents/sold/median/north/bread": 2.5,  # of 1 and 4, by every event
        "ShopEvents/sold/median/south/bread": 2.0,
        "ShopEvents/sold/median/north/rolls": 5.0,
    }
    return epoch


def test_figures_are_of_episodes_or_of_every_event() -> None:
    values = {name: plot.values.tolist() for name, plot in epoch().plots.items()}
    assert values == {
        "ShopEvents/sold/totals/north/bread": [1.0, 4.0],
        "ShopEvents/sold/totals/south/bread": [2.0],
        "ShopEvents/sold/totals/north/rolls": [5.0],
        "ShopEvents/sold/amounts/bread": [1.0, 4.0, 2.0],
        "ShopEvents/sold/amounts/rolls": [5.0],
        "ShopEvents/sold/all": [1.0, 4.0, 2.0, 5.0],
        "ShopEvents/weather": ["rain"] * 4,
    }


def test_writers_keep_images_and_leave_no_figure_open(tmp_path: Path) -> None:
    plots = {name: plot for name, plot in epoch().plots.items() if "amounts" in name}
    images = Images()
    writers = [TensorboardWriter(tmp_path / "events"), TrackerWriter(images), ConsoleWriter()]
    group = WriterGroup([*writers, JsonLinesWriter(tmp_path / "statistics.jsonl")])
    group.write_plots("train", plots, step=12)
    group.close()
    assert list(images.images) == [
        "figures/train/ShopEvents/sold/amounts/bread/000000012.png",
        "figures/train/ShopEvents/sold/amounts/rolls/000000012.png",
    ]
    assert all(image.startswith(b"\x89PNG") for image in images.images.values())
    read = EventAccumulator(str(tmp_path / "events"))
    read.Reload()
    (image,) = read.Images("train_ShopEvents/sold/amounts/rolls")
    assert (image.step, image.width, image.height) == (12, 640, 480)
    assert not plt.get_fignums()
    assert (tmp_path / "statistics.jsonl").read_text() == ""


def fail(values: Array) -> Figure:
    raise ValueError("no bins")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            fail,
            r"fail\(\) of define_plot failed with ValueError: no bins. It was given an array of 2 values \(float64\)",
        ),
        (lambda values: values.sum(), r"returned np.float64\(3.0\); accepted is a matplotlib figure"),
    ],
)
def test_a_function_that_fails_costs_its_figure_and_nothing_else(
    function: Callable[[Array], Any], message: str
) -> None:
    images = Images()
    bad = Plot(np.array([1.0, 2.0]), function, "ShopEvents.sold")
    good = Plot(np.array([1.0, 2.0]), draw, "ShopEvents.sold")
    with pytest.warns(UserWarning, match=message):
        TrackerWriter(images).write_plots("train", {"bad": bad, "good": good}, step=1)
    assert list(images.images) == ["figures/train/good/000000001.png"]


def test_nothing_is_drawn_where_nobody_keeps_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ConsoleWriter().write_plots("train", {"bad": Plot(np.zeros(1), fail, "ShopEvents.sold")}, step=1)


def test_wrong_declarations_are_told() -> None:
    with pytest.raises(InvalidSpecificationError, match="define_plot: 'histogram' is not callable"):
        define_plot("histogram")  # type: ignore[arg-type]
    with pytest.raises(InvalidSpecificationError, match="two figures named 'twice'; tell them apart by output_name"):

        class Odd(ABC):
            @define_plot(draw, output_name="twice")
            @define_plot(draw, output_name="twice")
            @abstractmethod
            def moved(self, x: float) -> None: ...


def test_declaring_a_figure_does_not_load_matplotlib() -> None:
    code = "import maze, sys; maze.define_plot(print); print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
