"""What a run costs the machine: processor, memory, GPU; measured from outside, so that the run pays nothing for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import psutil

__all__ = ["SystemSampler"]

_FIRST_SECONDS = 1.0
_SECONDS = 5.0
_GPU_QUERY = ("--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits")
_MEGABYTE = 2**20


class SystemSampler:
    """Measures a process, with the processes that it started, and the machine around it.

    The first measurement comes after a second, so that short runs have one; further ones every five seconds.

    Args:
        pid: of the run's process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._begun = time.monotonic()
        self._due = _FIRST_SECONDS
        self._known: dict[int, psutil.Process] = {}
        self._gpu = shutil.which("nvidia-smi")
        self._processes()
        psutil.cpu_percent()

    def sample_if_due(self) -> tuple[int, dict[str, float]] | None:
        """Return seconds since the beginning and numbers by name; None where it is not time, or the process is gone."""
        elapsed = time.monotonic() - self._begun
        if elapsed < self._due:
            return None
        self._due = elapsed + _SECONDS
        numbers = self._measure()
        return (int(elapsed), numbers) if numbers else None

    def _measure(self) -> dict[str, float]:
        processor = memory = 0.0
        processes = self._processes()
        for process in processes:
            try:
                processor += process.cpu_percent()
                memory += process.memory_info().rss / _MEGABYTE
            except psutil.Error:  # it has ended meanwhile
                continue
        if not processes:
            return {}
        return {
            "system/process_cpu_percent": processor,
            "system/process_memory_megabytes": memory,
            "system/cpu_percent": psutil.cpu_percent(),
            "system/memory_percent": psutil.virtual_memory().percent,
            **self._measure_gpus(),
        }

    def _processes(self) -> list[psutil.Process]:
        """Return the run's processes, each the same object every time, since load is measured between two looks."""
        try:
            owner = psutil.Process(self._pid)
            found = [owner, *owner.children(recursive=True)]
        except psutil.Error:
            return []
        current = {
            process.pid: self._known.get(process.pid, process) for process in found if process.pid != os.getpid()
        }
        for process in current.values():
            if process.pid not in self._known:
                self._begin(process)
        self._known = current
        return list(current.values())

    @staticmethod
    def _begin(process: psutil.Process) -> None:
        try:
            process.cpu_percent()
        except psutil.Error:  # it has ended meanwhile
            return

    def _measure_gpus(self) -> dict[str, float]:
        if self._gpu is None:
            return {}
        try:
            answer = subprocess.run([self._gpu, *_GPU_QUERY], capture_output=True, text=True, check=True, timeout=5)
            rows = [line.split(",") for line in answer.stdout.splitlines() if line.strip()]
            return {
                f"system/gpu_{index}_{name}": float(value)
                for index, row in enumerate(rows)
                for name, value in zip(("percent", "memory_megabytes"), row, strict=True)
            }
        except (OSError, subprocess.SubprocessError, ValueError):  # no driver, or a card that does not tell
            self._gpu = None
            return {}
