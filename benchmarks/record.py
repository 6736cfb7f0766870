"""Threads, clocks, versions and the JSON line that every benchmark prints. Imports nothing heavy."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "THREAD_VARIABLES",
    "child_processes",
    "limit_threads",
    "machine",
    "parse_settings",
    "peak_memory_mb",
    "print_record",
    "process_age",
    "timed",
    "versions",
]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_SCRIPT_START = time.monotonic()
_Result = TypeVar("_Result")


def limit_threads(n_threads: int) -> None:
    """Limit the threads of torch and NumPy; call it before either is imported."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(n_threads)


def timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    """Do some work, and return what came of it and the seconds that it took."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def process_age() -> float:
    """Return seconds since this process was started, its interpreter's own start included (Linux, to 10 ms).

    Elsewhere the count begins when this module is imported, which is right after the interpreter is up.
    """
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rsplit(")", maxsplit=1)[1].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError, ValueError):
        return time.monotonic() - _SCRIPT_START


def peak_memory_mb(process: int | str = "self") -> float | None:
    """Return the most memory that a process ever had resident, in MB of 10^6 bytes (Linux; None elsewhere).

    Args:
        process: its number, or ``"self"``.
    """
    status = Path(f"/proc/{process}/status")
    if not status.is_file():
        return None
    lines = [line.split() for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:")]
    return round(int(lines[0][1]) * 1024 / 1e6, 1) if lines else None


def child_processes() -> list[int]:
    """Return the numbers of the processes that this one has started and that still run (Linux; none elsewhere)."""
    tasks = Path("/proc/self/task")
    lists = [task / "children" for task in tasks.iterdir()] if tasks.is_dir() else []
    return [int(number) for path in lists if path.is_file() for number in path.read_text().split()]


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor and number of cores."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return {"processor": model, "cores": os.cpu_count(), "system": platform.system()}


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Return ``key=value`` pairs as a mapping; values are JSON where they can be, else strings."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise SystemExit(f"--set {pair!r}: expected key=value, for example algorithm.lr=0.001")
        try:
            settings[key] = json.loads(text)
        except json.JSONDecodeError:
            settings[key] = text
    return settings


def print_record(record: Mapping[str, Any]) -> None:
    """Print one line of JSON, the only thing that a benchmark writes to standard output."""
    packages = ("maze", "stable-baselines3", "torch", "jax", "numpy", "gymnasium", "mlflow")
    print(json.dumps({**record, "versions": versions(packages), "machine": machine()}), flush=True)
