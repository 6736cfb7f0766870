"""The files that docs/extending.md shows, written where a user would have them."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["GUIDE", "forgotten", "snippets", "write_package", "write_project"]

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"
_FILE = re.compile(r"^File `([^`]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _files() -> dict[str, str]:
    return dict(_FILE.findall(GUIDE.read_text(encoding="utf-8")))


def snippets(language: str) -> list[str]:
    """Return the blocks of one language that are no files."""
    text = _FILE.sub("", GUIDE.read_text(encoding="utf-8"))
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def write_project(root: Path, name: str = "my_project") -> Path:
    """Write code and tree below a directory, and return the tree's.

    Args:
        root: where.
        name: of the package; imported code stays imported, so that tests take names of their own.
    """
    for path, content in _files().items():
        if path != "pyproject.toml":
            target = root / path.replace("my_project", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content.replace("my_project", name), encoding="utf-8")
    (root / name / "__init__.py").touch()
    return root / "my_conf"


def write_package(root: Path, name: str = "my_project") -> Path:
    """Write the same as a package that can be installed, the tree inside of it, and return its directory."""
    tree = write_project(root, name)
    (tree / "allowed_modules.yaml").unlink()
    shutil.move(tree, root / name / "conf")
    content = _files()["pyproject.toml"].replace("my_project", name).replace("my-project", name.replace("_", "-"))
    (root / "pyproject.toml").write_text(content, encoding="utf-8")
    return root


@contextmanager
def forgotten(name: str) -> Iterator[None]:
    """Forget the modules of a package when the block ends."""
    try:
        yield
    finally:
        for module in [module for module in sys.modules if module.partition(".")[0] == name]:
            del sys.modules[module]
