"""Asking a process that uses MLflow for something, and getting its answer."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maze.errors import TrackingError
from maze.tracking.sender import last_words, run_module
from maze.tracking.store import StoreLocation

__all__ = ["Request", "answer_request", "asking"]

_REQUEST = "request.json"
_ANSWER = "answer.json"


@dataclass(frozen=True, slots=True)
class Request:
    """What a process was asked.

    Attributes:
        store: where the runs are.
        folder: where files of the answer go.
        values: of the question.
    """

    store: StoreLocation
    folder: Path
    values: Mapping[str, Any]


@contextmanager
def asking(module: str, values: Mapping[str, Any], store: StoreLocation) -> Iterator[tuple[dict[str, Any], Path]]:
    """Run a module that answers a request, and give its answer and the folder of its files, for as long as the block.

    Args:
        module: one that calls :func:`answer_request`.
        values: of the question, plain.
        store: where the runs are.

    Raises:
        TrackingError: it cannot be answered; says why.
    """
    if store.database is not None and not store.database.is_file():
        raise TrackingError(f"there are no runs yet, the database {store.database} does not exist")
    try:
        store.prepare()
        folder = Path(tempfile.mkdtemp(prefix="question-", dir=store.directory))
    except OSError as error:
        raise TrackingError(f"{store.directory} cannot be written ({error})") from error
    try:
        (folder / _REQUEST).write_text(json.dumps(values), encoding="utf-8")
        run_module(module, [str(folder), store.uri], store)
        answer = folder / _ANSWER
        found = json.loads(answer.read_text(encoding="utf-8")) if answer.is_file() else {"error": last_words(store)}
        if "error" in found:
            raise TrackingError(str(found["error"]) or "the process that asks MLflow ended unexpectedly")
        yield found, folder
    except OSError as error:
        raise TrackingError(f"MLflow cannot be asked ({error})") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def answer_request(answer: Callable[[Request], Mapping[str, Any]], errors: tuple[type[BaseException], ...]) -> None:
    """Answer the request that this process was started for, and end it.

    Args:
        answer: gives plain values.
        errors: what becomes the answer's error, in one line.
    """
    place, uri = Path(sys.orig_argv[-2]), sys.orig_argv[-1]
    values = json.loads((place / _REQUEST).read_text(encoding="utf-8"))
    try:
        found = dict(answer(Request(StoreLocation(uri, place.parent, "directory"), place, values)))
    except errors as error:
        found = {"error": str(error).strip().split("\n")[0]}
    (place / _ANSWER).write_text(json.dumps(found), encoding="utf-8")
    sys.stderr.flush()
    os._exit(0)
