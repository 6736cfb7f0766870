"""Fixtures that every test has: nothing global may be left changed, nothing is tracked outside its own directory."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ale_py  # noqa: F401
import gymnasium  # noqa: F401  (what a library does on its own first import is that library's: done here, once)
import joblib  # noqa: F401
import matplotlib as mpl  # noqa: F401
import numpy as np
import pyarrow.parquet  # noqa: F401
import pytest
import rich.console  # noqa: F401
import threadpoolctl  # noqa: F401
import torch
from hypothesis import HealthCheck, settings

from tests.databases import copy_database, make_database

with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
    warnings.simplefilter("ignore")
    import Box2D  # noqa: F401  (crashes where the warnings of its import are errors)
    import gym  # noqa: F401  (says at import that it is no longer maintained)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background job; children would ignore it, too
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

torch.ones(1, requires_grad=True).sum().backward()  # the first backward pass and comparison import more of torch
torch.testing.assert_close(torch.ones(1), torch.ones(1))


def _global_state() -> dict[str, Any]:
    """Return everything that a test, and so maze itself, has to leave as it was."""
    state: dict[str, Any] = {
        "cwd": Path.cwd(),
        "output": [type(stream).__module__.startswith("maze") for stream in (sys.stdout, sys.stderr)],
        "argv": list(sys.argv),  # noqa: TID251
        "environment": sorted(f"{k}={v}" for k, v in os.environ.items() if not k.startswith("PYTEST_")),
        "log handlers": {name: _handlers(name) for name in (None, "maze", "hydra", "mlflow", "alembic")},
        "log levels": {name: logging.getLogger(name).level for name in (None, "maze")},
        "warning filters": list(warnings.filters),
        "random": random.getstate(),
        "numpy.random": repr(np.random.get_state()),  # noqa: NPY002  (the legacy global generator is what is watched)
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
    }
    state["torch generator"] = torch.default_generator.get_state().tolist()
    state["torch threads"] = torch.get_num_threads()
    state["torch dtype"] = torch.get_default_dtype()
    state["torch device"] = torch.get_default_device()
    state["torch gradients"] = torch.is_grad_enabled()
    state["torch determinism"] = torch.are_deterministic_algorithms_enabled()
    if "hydra.core.global_hydra" in sys.modules:
        state["hydra"] = sys.modules["hydra.core.global_hydra"].GlobalHydra.instance().is_initialized()
    return state


def _handlers(name: str | None) -> list[logging.Handler]:
    """Return the handlers of a logger, without those that pytest changes from phase to phase."""
    return [item for item in logging.getLogger(name).handlers if not type(item).__module__.startswith("_pytest")]


@pytest.fixture(autouse=True)
def _nothing_global_changes() -> Iterator[None]:
    """Compare the global state before and after every test."""
    before = _global_state()
    yield
    after = _global_state()
    for name, value in before.items():
        assert after.get(name) == value, f"the test changed global state: {name}: {_difference(value, after.get(name))}"


def _difference(before: object, after: object) -> str:
    """Return what was added and taken away, where the state is a list of texts."""
    if isinstance(before, list) and isinstance(after, list):
        return f"added {[x for x in after if x not in before]}, removed {[x for x in before if x not in after]}"
    return f"{before!r} became {after!r}"


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database of runs, for copies."""
    return make_database(tmp_path_factory.getbasetemp().parent)


@pytest.fixture(autouse=True)
def _own_tracking_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, database: Path
) -> Iterator[None]:
    """Keep tests out of the project's own store."""
    copy = copy_database(database, tmp_path_factory.mktemp("store"))
    untouched = copy.stat()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{copy}")
    yield
    if copy.is_file() and (copy.stat().st_mtime_ns, copy.stat().st_size) == (untouched.st_mtime_ns, untouched.st_size):
        copy.unlink()  # thousands of tests track nothing
