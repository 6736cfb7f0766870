"""Copies of a user's modules: what is copied, and who may import it."""

from __future__ import annotations

import importlib
import importlib.util
import py_compile
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from maze import ArtifactError, InvalidSpecificationError
from maze.api.record import user_modules
from maze.api.record.user_modules import import_copies, read_sources, store_sources


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a module that needs another one and a package; what is imported is forgotten afterwards."""
    place = tmp_path / "place"
    (place / "copied_package" / "deep").mkdir(parents=True)
    (place / "copied_module.py").write_text(
        "import json\n\ndef late():\n    from copied_helper import VALUE\n    return VALUE\n"
    )
    (place / "copied_helper.py").write_text("import copied_package.deep.part\nVALUE = copied_package.deep.part.VALUE\n")
    (place / "copied_package" / "__init__.py").write_text("")
    (place / "copied_package" / "deep" / "__init__.py").write_text("")
    (place / "copied_package" / "deep" / "part.py").write_text("VALUE = 5\n")
    (place / "copied_stranger.py").write_text("raise RuntimeError\n")
    monkeypatch.syspath_prepend(str(place))
    importlib.invalidate_caches()
    finders = list(sys.meta_path)
    monkeypatch.setattr(user_modules, "_copies", type(user_modules._copies)())  # knows no copies of other tests
    yield place
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.startswith("copied_")]:
        del sys.modules[name]


def test_what_a_module_imports_is_copied_and_nothing_else(modules: Path) -> None:
    sources = read_sources(["copied_module", "maze.env", "torch.nn", "numpy", "no_such_module_anywhere"])
    assert sorted(sources) == [
        "copied_helper.py",
        "copied_module.py",
        "copied_package/__init__.py",
        "copied_package/deep/__init__.py",
        "copied_package/deep/part.py",
    ]
    assert "copied_module" not in sys.modules
    assert sources["copied_package/deep/part.py"] == "VALUE = 5\n"


def test_copies_are_importable_without_a_trace_in_the_path(
    modules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = store_sources(tmp_path / "code", read_sources(["copied_module"]))
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(modules)])
    path = list(sys.path)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("copied_module")
    import_copies(tmp_path / "code", files)
    module = importlib.import_module("copied_module")
    assert module.late() == 5
    assert module.__file__ == str(tmp_path / "code" / "copied_module.py")
    assert sys.path == path
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("copied_stranger")


def test_a_copy_wins_over_a_file_of_the_same_name(modules: Path, tmp_path: Path) -> None:
    files = store_sources(tmp_path / "code", {"copied_helper.py": "VALUE = 1\n"})
    import_copies(tmp_path / "code", files)
    assert importlib.import_module("copied_helper").VALUE == 1


def test_a_module_that_is_loaded_has_to_be_the_same(modules: Path, tmp_path: Path) -> None:
    loaded = importlib.import_module("copied_helper")
    same = store_sources(tmp_path / "same", {"copied_helper.py": (modules / "copied_helper.py").read_text()})
    import_copies(tmp_path / "same", same)
    assert importlib.import_module("copied_helper") is loaded
    other = store_sources(tmp_path / "other", {"copied_helper.py": "VALUE = 1\n"})
    with pytest.raises(InvalidSpecificationError, match=r"another 'copied_helper' is loaded already.*fresh process"):
        import_copies(tmp_path / "other", other)


def test_copies_that_were_changed_or_lie_elsewhere_are_refused(modules: Path, tmp_path: Path) -> None:
    files = store_sources(tmp_path / "code", {"copied_helper.py": "VALUE = 1\n"})
    (tmp_path / "code" / "copied_helper.py").write_text("VALUE = 2\n")
    with pytest.raises(ArtifactError, match="sha256 differs"):
        import_copies(tmp_path / "code", files)
    with pytest.raises(ArtifactError, match="outside of the run"):
        import_copies(tmp_path / "code", {"../place/copied_helper.py": ""})
    (tmp_path / "code" / "copied_helper.py").unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        import_copies(tmp_path / "code", files)
    assert "copied_helper" not in sys.modules


def test_bytecode_beside_a_copy_is_neither_read_nor_written(modules: Path, tmp_path: Path) -> None:
    code = tmp_path / "code"
    files = store_sources(code, {"copied_helper.py": "VALUE = 1\n"})
    (tmp_path / "planted.py").write_text("VALUE = 2\n")
    planted = Path(importlib.util.cache_from_source(str(code / "copied_helper.py")))
    py_compile.compile(
        str(tmp_path / "planted.py"), str(planted), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    (code / "copied_stranger.py").write_text("")
    import_copies(code, files)
    assert importlib.import_module("copied_helper").VALUE == 1
    assert sorted(path.name for path in planted.parent.iterdir()) == [planted.name]
