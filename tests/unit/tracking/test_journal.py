"""The journal survives whoever writes and whoever reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from maze.tracking.journal import JournalReader, JournalState, JournalWriter, pending_journals, read_state, write_state


def test_what_is_appended_can_be_read_at_once_and_once(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "sqlite:///x.db")
    reader = JournalReader(writer.directory)
    assert reader.read() == []
    writer.append(op="tags", values={"a": "ü"})
    writer.append(op="metrics", values={"b": float("nan")}, step=1)
    assert [record["op"] for record in reader.read()] == ["tags", "metrics"]
    assert reader.read() == []
    assert reader.uri == "sqlite:///x.db"
    assert reader.owner == os.getpid()
    writer.discard()
    assert pending_journals(tmp_path) == []


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "u")
    writer.append(op="tags")
    path = writer.directory / "journal.jsonl"
    with path.open("a") as stream:
        stream.write('{"op": "fin')
    reader = JournalReader(writer.directory)
    assert reader.read() == [{"op": "tags"}]
    with path.open("a") as stream:
        stream.write('ish"}\n')
    assert reader.read() == [{"op": "finish"}]
    writer.close()


def test_files_are_kept_as_they_were(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "spool", "u")
    source = tmp_path / "agent"
    source.mkdir()
    (source / "config.yaml").write_text("first")
    folder, single = writer.keep(source), writer.keep(source / "config.yaml")
    (source / "config.yaml").write_text("second")
    assert (writer.directory / folder / "config.yaml").read_text() == "first"
    assert (writer.directory / single).read_text() == "first"
    assert (writer.directory / writer.keep_bytes(b"x")).read_bytes() == b"x"
    writer.close()


def test_state_comes_back(tmp_path: Path) -> None:
    assert read_state(tmp_path) == JournalState()
    state = JournalState(run_id="r", sent=3, error="away", notes=("n",), children={"a": "b"})
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state


def test_a_journal_is_abandoned_when_it_is_closed_or_its_process_is_dead(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "u")
    writer.append(op="start")
    assert not JournalReader(writer.directory).is_abandoned()
    writer.append(op="finish", status="FINISHED")
    assert JournalReader(writer.directory).is_abandoned()
    writer.close()
    code = f"from pathlib import Path; from maze.tracking.journal import *; JournalWriter(Path({str(tmp_path)!r}), 'u')"
    subprocess.run([sys.executable, "-c", code], check=True)
    other = next(path for path in pending_journals(tmp_path) if path != writer.directory)
    assert JournalReader(other).is_abandoned()
