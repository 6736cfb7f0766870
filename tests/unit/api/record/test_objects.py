"""Objects by value: what another process gets back, what is written for people, and what is refused."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from maze import ArtifactError, InvalidSpecificationError
from maze.api.record.objects import dumps, load_objects, loads, read_index, store_objects
from maze.config.own_code import is_own_module, own_modules
from maze.env import LogStatsWrapper

ROOT = Path(__file__).parents[4]

SCRIPT = """
from pathlib import Path
import helper
from maze.api.record.objects import store_objects

class Base:
    factor = 3

class Mine(Base):
    def __init__(self, value):
        self.value = value
    def times(self):
        return self.value * super().factor + helper.offset()

def closure():
    inner = Mine(2)
    return lambda: inner.times() + LOCAL

LOCAL = 100
mine = Mine(1)
store_objects(Path("stored"), {"env": closure(), "model.policy": mine, "wrappers.0": Mine, "again": mine})
"""


def run_python(code: str, cwd: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_process_and_place_that_never_saw_the_script_gets_the_objects(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.mkdir()
    (script / "main.py").write_text(SCRIPT)
    (script / "helper.py").write_text("START = 7\n\ndef offset():\n    return START\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "main.py"], cwd=script, env=environment, check=True, timeout=120)
    (tmp_path / "moved").mkdir()
    (script / "stored").rename(tmp_path / "moved" / "stored")
    shutil.rmtree(script)
    script.mkdir()
    code = """
from pathlib import Path
from maze.api.record.objects import load_objects
found = load_objects(Path("stored"), allow_code=True)
print(found["env"](), found["model.policy"].times(), found["wrappers.0"](5).times())
print(found["again"] is found["model.policy"], type(found["again"]) is found["wrappers.0"])
"""
    assert run_python(code, tmp_path / "moved").split() == ["113", "10", "22", "True", "True"]


def test_modules_that_refer_to_each_other_are_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "helper_of_objects.py").write_text("import other_of_objects\nSTART = 7\n")
    (tmp_path / "other_of_objects.py").write_text(
        "import helper_of_objects\n\ndef more():\n    return helper_of_objects.START\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    other = __import__("other_of_objects")
    data = dumps(other.more)
    for name in ("helper_of_objects", "other_of_objects"):
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").write_bytes(data)
    code = "from maze.api.record.objects import loads; print(loads(open('../data', 'rb').read())())"
    assert run_python(code, tmp_path / "elsewhere").strip() == "7"


def test_installed_packages_and_maze_go_by_name() -> None:
    assert loads(dumps(LogStatsWrapper)) is LogStatsWrapper
    assert len(dumps(functools.reduce)) < 100
    assert not is_own_module("maze.env")
    assert not is_own_module("numpy.linalg")
    assert not is_own_module("json")
    assert not is_own_module("no_such_module_anywhere")
    assert is_own_module("__main__")
    assert is_own_module(__name__)
    assert __name__ in {module.__name__ for module in own_modules()}


def test_storing_leaves_cloudpickle_as_it_was_also_in_threads() -> None:
    before = set(cloudpickle.list_registry_pickle_by_value())
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda value=value: results.append(loads(dumps(lambda: value))())) for value in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(8))
    assert set(cloudpickle.list_registry_pickle_by_value()) == before


def test_people_can_read_what_is_stored(tmp_path: Path) -> None:
    answer = 42
    store_objects(tmp_path, {"env": lambda: answer, "model": LogStatsWrapper, "runner": functools.partial(int, "3")})
    index = json.loads((tmp_path / "index.json").read_text())
    assert "allow_code=True" in index["note"]
    assert "lambda: answer" in (tmp_path / "env.py").read_text()
    assert (tmp_path / "model.py").read_text().startswith("class LogStatsWrapper")
    assert (tmp_path / "runner.txt").read_text() == "functools.partial(<class 'int'>, '3')\n"
    entry = index["objects"]["env"]
    assert (entry["file"], entry["source"]) == ("env.cloudpickle", "env.py")
    assert entry["name"].endswith("<lambda>")
    assert entry["python"] == ".".join(map(str, sys.version_info[:3]))


def test_the_same_paths_have_the_same_files(tmp_path: Path) -> None:
    for value in (1, 2):
        store_objects(tmp_path, {"env": lambda value=value: value})
    store_objects(tmp_path, {"a b": 1, "a/b": 2, "A_b": 3})
    found = load_objects(tmp_path, allow_code=True)
    assert found["env"]() == 2
    assert [found[name] for name in ("a b", "a/b", "A_b")] == [1, 2, 3]
    files = [entry["file"] for entry in read_index(tmp_path).values()]
    assert len({name.lower() for name in files}) == len(files) == 4


def test_without_permission_nothing_runs(tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "created",))

    store_objects(tmp_path / "objects", {"env": Malicious()})
    with pytest.raises(InvalidSpecificationError) as caught:
        load_objects(tmp_path / "objects", allow_code=False)
    message = str(caught.value)
    assert "env (" in message
    assert str(tmp_path / "objects" / "env.py") in message
    assert "allow_code=True" in message
    assert "--allow-code" in message
    assert not (tmp_path / "created").exists()
    load_objects(tmp_path / "objects", allow_code=True)
    assert (tmp_path / "created").exists()


def test_what_cannot_be_stored_says_what_to_pass_again(tmp_path: Path) -> None:
    lock = threading.Lock()
    store_objects(tmp_path, {"env": lambda: lock, "model.critic": len})
    assert "cannot pickle '_thread.lock' object" in read_index(tmp_path)["env"]["reason"]
    with pytest.raises(InvalidSpecificationError, match=r"^env: .*could not be stored.*pass it again: env="):
        load_objects(tmp_path, allow_code=True)
    assert load_objects(tmp_path, allow_code=True, without=["env"]) == {"model.critic": len}
    with pytest.raises(InvalidSpecificationError, match=r"<lambda>: cannot be stored"):
        dumps(lambda: lock)


def test_damage_is_found_before_anything_runs(tmp_path: Path) -> None:
    store_objects(tmp_path, {"env": len})
    data = (tmp_path / "env.cloudpickle").read_bytes()
    (tmp_path / "env.cloudpickle").write_bytes(data + b"x")
    with pytest.raises(ArtifactError, match=r"env\.cloudpickle: .*sha256 differs"):
        load_objects(tmp_path, allow_code=True)
    (tmp_path / "env.cloudpickle").unlink()
    with pytest.raises(ArtifactError, match=r"env\.cloudpickle: .*cannot be read"):
        load_objects(tmp_path, allow_code=True)
    index = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "env.cloudpickle").write_bytes(data)
    index["objects"]["env"]["python"] = "3.2.1"
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(ArtifactError, match=r"stored by Python 3\.2\.1"):
        load_objects(tmp_path, allow_code=True)
    (tmp_path / "index.json").write_text("[]")
    with pytest.raises(ArtifactError, match=r"index\.json"):
        load_objects(tmp_path, allow_code=True)
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        loads(b"nonsense")


@pytest.mark.parametrize("change", [{"file": 3}, {"source": None}, {"name": []}])
def test_an_index_of_other_types_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    store_objects(tmp_path, {"env": len})
    index = json.loads((tmp_path / "index.json").read_text())
    index["objects"]["env"].update(change)
    (tmp_path / "index.json").write_text(json.dumps(index))
    for allow_code in (False, True):
        with pytest.raises(ArtifactError, match="does not describe stored objects"):
            load_objects(tmp_path, allow_code=allow_code)


class _StrangeError(Exception):
    """Derives from no other class than all errors."""


class _Unwilling:
    def __reduce__(self) -> Any:
        raise _StrangeError("not this one")


def test_errors_of_any_class_are_told(tmp_path: Path) -> None:
    store_objects(tmp_path, {"env": _Unwilling()})
    assert "_StrangeError: not this one" in read_index(tmp_path)["env"]["reason"]


LAZY = """
from pathlib import Path
from maze.api.record.objects import store_objects

class Maker:
    def make(self):
        import lazy_helper
        return lazy_helper.VALUE

store_objects(Path("stored"), {"env": lambda: Maker().make()})
"""


def test_modules_that_functions_import_when_they_run_are_stored(tmp_path: Path) -> None:
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "lazy_helper.py").write_text("from lazy_other import VALUE\n")
    (tmp_path / "script" / "lazy_other.py").write_text("VALUE = 17\n")
    run_python(f"import sys; sys.path.insert(0, '.')\n{LAZY}", tmp_path / "script")
    (tmp_path / "script" / "stored").rename(tmp_path / "stored")
    load = "from maze.api.record.objects import load_objects; from pathlib import Path\n"
    load += "print(load_objects(Path('stored'), allow_code=True)['env']())"
    assert run_python(load, tmp_path) == "17\n"


def test_nothing_is_written_for_nothing(tmp_path: Path) -> None:
    store_objects(tmp_path / "objects", {}, ["maze.env", "numpy"])
    assert not (tmp_path / "objects").exists()
    assert load_objects(tmp_path / "objects", allow_code=False) == {}
