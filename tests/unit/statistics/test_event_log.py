"""Events become tables, one for each kind, that people and programs read."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from maze.errors import EnvError
from maze.statistics import EventLog, EventRecord


def test_a_table_by_hand(tmp_path: Path) -> None:
    log = EventLog()
    log.append(EventRecord("Shop.sold", 1, 0, {"item": "a\tb", "price": 2.5, "where": np.array([1, 2])}))
    log.append(EventRecord("Shop.sold", 0, 3, {"item": 'say "c"', "price": 0.1, "where": np.array([3, 4])}))
    log.append(EventRecord("Shop.closed", 0, 4, {}))
    files = log.write(tmp_path / "logs")
    assert files == {name: tmp_path / "logs" / f"{name}.tsv" for name in ("Shop.sold", "Shop.closed")}
    with files["Shop.sold"].open(newline="") as stream:
        rows = list(csv.reader(stream, delimiter="\t"))
    assert rows == [
        ["episode", "step", "item", "price", "where.0", "where.1"],
        ["0", "3", 'say "c"', "0.1", "3", "4"],
        ["1", "0", "a\tb", "2.5", "1", "2"],
    ]
    assert files["Shop.closed"].read_text() == "episode\tstep\n0\t4\n"


def test_rows_are_ordered_by_episode_and_step_and_then_by_arrival() -> None:
    log = EventLog()
    log.extend("e", np.array([1, 0]), np.array([0, 0]), {"n": np.array([1, 2])})
    log.extend("e", np.array([1, 0]), np.array([1, 0]), {"n": np.array([3, 4])})
    assert log.table("e")["n"].tolist() == [2, 4, 1, 3]
    assert [(record.episode, record.step, record.values["n"]) for record in log.records("e")] == [
        (0, 0, 2),
        (0, 0, 4),
        (1, 0, 1),
        (1, 1, 3),
    ]
    assert log.events == ["e"]
    assert list(log.tables()) == ["e"]


def test_what_was_logged_does_not_change_with_the_recorders_buffer() -> None:
    log, buffer = EventLog(), np.array([1.0])
    log.extend("e", np.array([0]), np.array([0]), {"x": buffer})
    buffer[0] = 2.0
    assert log.table("e")["x"].tolist() == [1.0]


def test_numbers_are_written_so_that_they_read_back(tmp_path: Path) -> None:
    log = EventLog()
    values = np.array([0.1, 1 / 3, 1e-8, np.pi], np.float32)
    log.extend("e", np.zeros(4, int), np.arange(4), {"x": values})
    lines = log.write(tmp_path)["e"].read_text().splitlines()[1:]
    assert np.array_equal(np.array([line.split("\t")[2] for line in lines], np.float32), values)


def test_tables_of_an_earlier_rollout_do_not_stay(tmp_path: Path) -> None:
    (tmp_path / "old.tsv").touch()
    (tmp_path / "notes.txt").touch()
    log = EventLog()
    log.append(EventRecord("new", 0, 0, {}))
    log.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.tsv", "notes.txt"]
    EventLog().write(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    log.write(tmp_path / "logs")
    EventLog().write(tmp_path / "logs")
    assert not (tmp_path / "logs").exists()
    EventLog().write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["", "../up", "a b", "1st", "a/b"])
def test_names_that_cannot_name_a_table_are_refused(name: str) -> None:
    with pytest.raises(EnvError, match="names a table"):
        EventLog().append(EventRecord(name, 0, 0, {}))


def test_one_kind_has_one_set_of_values() -> None:
    log = EventLog()
    log.append(EventRecord("e", 0, 0, {"x": 1}))
    with pytest.raises(EnvError, match=r"\['x'\] before, and now \['y'\]"):
        log.append(EventRecord("e", 0, 1, {"y": 1}))
