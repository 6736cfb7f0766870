"""Reading examples out of the project's documents, and running them as a reader would."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sybil import Document, Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

__all__ = ["ROOT", "Section", "sections"]

ROOT = Path(__file__).parents[2]


_FILE = re.compile(r"File `([^`]+)`:\s*\Z")
_PYTHON = PythonEvaluator()
_PROGRAMS = ("minari",)
"""Other programs that examples call; those of DVC and git need a project, see test_guides.py."""


def _written(example: Example) -> bool:
    """Write a block that is announced as a file, and say whether it is one."""
    announced = _FILE.search(example.document.text[: example.region.start])
    if announced is None:
        return False
    path = Path(announced[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(example.parsed), encoding="utf-8")
    return True


def _python_block(example: Example) -> None:
    if not _written(example):
        _PYTHON(example)


def _shell_block(example: Example) -> None:
    """Run every line of a shell block; what is neither maze-run nor a known program is refused: none goes untested."""
    from maze.cli import main

    text = str(example.parsed).replace("\\\n", " ")
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        if words[0] in _PROGRAMS:
            subprocess.run(words, check=True)
            continue
        assert words[0] == "maze-run", f"{example.path}:{example.line}: no example of maze-run: {line}"
        assert main(words[1:]) == 0, f"{example.path}:{example.line}: {line}"


def _yaml_block(example: Example) -> None:
    _written(example)


_PARSERS = [
    CodeBlockParser(language="python", evaluator=_python_block),
    CodeBlockParser(language="sh", evaluator=_shell_block),
    CodeBlockParser(language="yaml", evaluator=_yaml_block),
]


@dataclass(frozen=True)
class Section:
    """The examples below one heading of a document, which build on each other and on nothing else.

    Attributes:
        document: path of the document below the project.
        title: the heading.
        lines: first line and first line after the section, from 1.
    """

    document: str
    title: str
    lines: tuple[int, int]

    @property
    def text(self) -> str:
        """What stands in the section."""
        lines = (ROOT / self.document).read_text(encoding="utf-8").splitlines()
        return "\n".join(lines[self.lines[0] - 1 : self.lines[1] - 1])

    def run(self) -> None:
        """Run the examples in order, in one namespace."""
        document = self.opened()
        for example in self.examples(document):
            example.evaluate()

    def opened(self) -> Document:
        """Return the whole document, with a namespace of its own for examples that build on each other."""
        document = _parse(self.document)
        document.namespace["__name__"] = "__main__"
        return document

    def examples(self, document: Document) -> Iterator[Example]:
        """Return the section's examples."""
        first, end = self.lines
        return (example for example in document.examples() if first <= example.line < end)


def _parse(document: str) -> Document:
    return Sybil(parsers=_PARSERS, path=str(ROOT)).parse(ROOT / document)


def sections(document: str) -> list[Section]:
    """Return the sections of a document that have examples.

    Args:
        document: path below the project.
    """
    parsed: Any = _parse(document)
    headings = [(1, "Introduction")] + [
        (number, match[1])
        for number, line in enumerate(parsed.text.splitlines(), start=1)
        if (match := re.fullmatch(r"## (.+)", line))
    ]
    ends = [number for number, _ in headings[1:]] + [10**9]
    found = [Section(document, title, (number, end)) for (number, title), end in zip(headings, ends, strict=True)]
    return [section for section in found if any(section.examples(parsed))]
