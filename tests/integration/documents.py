"""Reading examples out of the project's documents, and running them as a reader would."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

__all__ = ["ROOT", "Section", "sections"]

ROOT = Path(__file__).parents[2]


def _shell_block(example: Example) -> None:
    """Run every line of a shell block that calls maze-run; others are refused, so that none goes untested."""
    from maze.cli import main

    text = str(example.parsed).replace("\\\n", " ")
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[0] == "maze-run", f"{example.path}:{example.line}: no example of maze-run: {line}"
        assert main(words[1:]) == 0, f"{example.path}:{example.line}: {line}"


_PARSERS = [PythonCodeBlockParser(), CodeBlockParser(language="sh", evaluator=_shell_block)]


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

    def run(self) -> None:
        """Run the examples in order, in one namespace."""
        document = _parse(self.document)
        document.namespace["__name__"] = "__main__"
        for example in self.examples(document):
            example.evaluate()

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
