"""The database is made once, and a broken one is explained."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from maze.errors import TrackingError
from maze.tracking.mlflow_database import experiment_id, open_client
from maze.tracking.store import StoreLocation
from maze.tracking.view import VIEW_KEY, VIEW_TAG, view_addresses


def test_opening_makes_the_database_and_nothing_in_the_working_directory(
    store: StoreLocation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    client = open_client(store)
    identity = experiment_id(client, store, "my experiment")
    assert experiment_id(client, store, "my experiment") == identity
    location = client.get_experiment(identity).artifact_location
    assert location == (store.directory / "mlartifacts" / "my experiment").as_uri()
    assert list(elsewhere.iterdir()) == []


def test_a_deleted_experiment_does_not_block_its_name(store: StoreLocation) -> None:
    client = open_client(store)
    first = experiment_id(client, store, "e")
    client.delete_experiment(first)
    second = experiment_id(client, store, "e")
    assert second != first
    assert client.get_experiment(second).name == "e (2)"
    assert experiment_id(client, store, "e") == second


def test_experiments_have_a_view_with_columns_also_those_of_others(store: StoreLocation) -> None:
    assert store.database is not None
    assert view_addresses(store.database, "http://here") == {}
    client = open_client(store)
    theirs = client.create_experiment("theirs")
    assert view_addresses(store.database, "http://here") == {}
    assert experiment_id(client, store, "theirs") == theirs
    mine = experiment_id(client, store, "mine")
    client.delete_experiment(experiment_id(client, store, "gone"))
    told = client.get_experiment(theirs).tags[VIEW_TAG]
    assert "metrics.`evaluate/mean_return`" in json.loads(told)["selectedColumns"]
    addresses = view_addresses(store.database, "http://here")
    assert list(addresses) == ["mine", "theirs"]
    assert addresses["mine"] == f"http://here/#/experiments/{mine}/runs?viewStateShareKey={VIEW_KEY}"
    store.database.write_bytes(b"no database at all" * 100)
    assert view_addresses(store.database, "http://here") == {}


def test_a_half_made_database_is_explained(store: StoreLocation) -> None:
    with sqlite3.connect(store.database) as connection:
        connection.execute("CREATE TABLE _alembic_tmp_latest_metrics (a int)")
    connection.close()
    with pytest.raises(TrackingError, match=r"half-made.*mv .*mlflow\.db\.broken"):
        open_client(store)


def test_something_else_under_that_name_is_explained(store: StoreLocation) -> None:
    store.database.write_text("this is no database, but it is long enough to have been one " * 20)
    with pytest.raises(TrackingError, match="not a database"):
        open_client(store)


@pytest.mark.parametrize("revision", ["0a1b2c3d4e5f", "451aebb31d03"])
def test_a_database_of_another_mlflow_is_explained(store: StoreLocation, revision: str) -> None:
    with sqlite3.connect(store.database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
    with pytest.raises(TrackingError, match="backup, then run: mlflow db upgrade"):
        open_client(store)
