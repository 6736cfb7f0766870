"""Measure what people wait for besides learning; print one line of JSON for each measure, with its bar.

    python benchmarks/startup.py                      # import, help and composing: seconds
    python benchmarks/startup.py tracking             # what tracking adds to a run of some ten seconds
    python benchmarks/startup.py repro                # a no-op `dvc repro` against an empty pipeline of as many stages
    python benchmarks/startup.py run --tracking off --steps 4000000

Everything is timed from outside, in fresh processes, and what is compared is run in turns. `run` is one of those that
`tracking` starts: it trains PPO on CartPole through RunContext and prints steps per second and the process's seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from record import limit_threads, print_record, process_age

_HERE = Path(__file__).resolve().parent
_PROJECT = _HERE.parent
BARS = {"import": 0.15, "help": 1.0, "compose": 0.3, "tracking": 1.0, "repro": 1.2}
"""Seconds at most, but for ``repro``, which is a ratio."""

_COMPOSE = """
import time
from maze import RunContext
begin = time.perf_counter()
RunContext(algorithm="a2c", silent=True)
first = time.perf_counter()
RunContext(algorithm="ppo", silent=True)
print(first - begin, time.perf_counter() - first)
"""
_STEPS_PER_EPOCH = 8 * 128 * 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("quick", "tracking", "repro", "run"), default="quick")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300_000, help="of each training run")
    parser.add_argument("--tracking", choices=("best_effort", "off"), default="best_effort", help="for `run`")
    arguments = parser.parse_args()
    limit_threads(1)
    {"quick": _quick, "tracking": _tracking, "repro": _repro, "run": _run}[arguments.what](arguments)


def _quick(arguments: argparse.Namespace) -> None:
    """Measure what needs no environment of a project."""
    bare = [_seconds([sys.executable, "-c", "pass"]) for _ in range(arguments.repeats)]
    imported = [_seconds([sys.executable, "-c", "import maze"]) for _ in range(arguments.repeats)]
    _report("import", [a - statistics.median(bare) for a in imported], note="the interpreter's own start left out")
    shown = [_seconds([str(Path(sys.executable).with_name("maze-run")), "--help"]) for _ in range(arguments.repeats)]
    _report("help", shown)
    composed = [_output([sys.executable, "-c", _COMPOSE]).split() for _ in range(arguments.repeats)]
    _report("compose", [float(first) for first, _ in composed], again=[float(second) for _, second in composed])


def _tracking(arguments: argparse.Namespace) -> None:
    """Run with and without tracking in turns, each process with a new, empty store."""
    found: dict[str, list[dict[str, Any]]] = {"best_effort": [], "off": []}
    for _ in range(arguments.repeats):
        for mode, records in found.items():
            command = [sys.executable, str(Path(__file__)), "run", "--tracking", mode, "--steps", str(arguments.steps)]
            with TemporaryDirectory() as folder:
                began = time.perf_counter()
                record = json.loads(_output(command, cwd=folder).splitlines()[-1])
                records.append({**record, "process_seconds": time.perf_counter() - began})
    added = [on["process_seconds"] - off["process_seconds"] for on, off in zip(*found.values(), strict=True)]
    speeds = {mode: [record["steps_per_second"] for record in records] for mode, records in found.items()}
    seconds = {mode: [round(record["process_seconds"], 2) for record in records] for mode, records in found.items()}
    _report("tracking", added, steps=arguments.steps, steps_per_second=speeds, process_seconds=seconds)


def _run(arguments: argparse.Namespace) -> None:
    """Train once, in the working directory, and print how fast it was."""
    from maze import RunContext

    n_epochs = max(1, round(arguments.steps / _STEPS_PER_EPOCH))
    values = {
        "env.name": "CartPole-v1",
        "tracking.mode": arguments.tracking,
        "algorithm.n_epochs": n_epochs,
        "algorithm.epoch_length": 20,
        "algorithm.n_rollout_steps": 128,
        "algorithm.patience": None,
    }
    context = RunContext("run", algorithm="ppo", overrides=values, silent=True, seed=0)
    began = time.perf_counter()
    context.train()
    seconds = time.perf_counter() - began
    print_record(
        {
            "benchmark": "startup-run",
            "tracking": arguments.tracking,
            "steps": n_epochs * _STEPS_PER_EPOCH,
            "training_seconds": round(seconds, 3),
            "steps_per_second": round(n_epochs * _STEPS_PER_EPOCH / seconds, 1),
            "age_seconds": round(process_age(), 3),
        }
    )


def _repro(arguments: argparse.Namespace) -> None:
    """Compare a `dvc repro` that finds nothing to do with one of an empty pipeline, both in fresh repositories."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    with TemporaryDirectory() as folder:
        project, empty = Path(folder) / "project", Path(folder) / "empty"
        _clone(project)
        command = [sys.executable, "-m", "dvc", "repro", "--quiet"]
        _seconds(command, cwd=project, env=environment)
        listing = [sys.executable, "-m", "dvc", "stage", "list", "--name-only"]
        n_stages = len(_output(listing, cwd=project, env=environment).split())
        _make_empty(empty, n_stages, environment)
        _seconds(command, cwd=empty, env=environment)
        ours, theirs = [], []
        for _ in range(arguments.repeats):
            ours.append(_seconds(command, cwd=project, env=environment))
            theirs.append(_seconds(command, cwd=empty, env=environment))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    _report("repro", ratios, stages=n_stages, project_seconds=ours, empty_seconds=theirs)


def _clone(project: Path) -> None:
    """Make a working copy of this project's present state, without what is ignored."""
    names = _output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=_PROJECT).split("\0")
    for name in filter(None, names):
        source = _PROJECT / name
        if source.exists() or source.is_symlink():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, project / name, follow_symlinks=False)
    _commit(project)


def _make_empty(folder: Path, n_stages: int, environment: dict[str, str]) -> None:
    """Make a pipeline of stages that copy a file of one line, each after the other."""
    folder.mkdir()
    (folder / "0.txt").write_text("0\n", encoding="utf-8")
    stages = "".join(
        f"  stage{i}:\n    cmd: cp {i}.txt {i + 1}.txt\n    deps: [{i}.txt]\n    outs: [{i + 1}.txt]\n"
        for i in range(n_stages)
    )
    (folder / "dvc.yaml").write_text(f"stages:\n{stages}", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=folder, env=environment, check=True)
    _commit(folder)


def _commit(folder: Path) -> None:
    name = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org"]
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", *name, "commit", "--quiet", "--message", "state"], cwd=folder, check=True)


def _seconds(command: Sequence[str], **options: Any) -> float:
    """Return how long a process took, its start included."""
    began = time.perf_counter()
    _output(command, **options)
    return time.perf_counter() - began


def _output(command: Sequence[str], **options: Any) -> str:
    finished = subprocess.run(list(command), stdout=subprocess.PIPE, text=True, check=False, **options)
    if finished.returncode:
        raise SystemExit(f"exit status {finished.returncode}: {' '.join(command)}")
    return finished.stdout


def _report(measure: str, values: Sequence[float], **details: Any) -> None:
    """Print the median of a measure beside its bar."""
    median = statistics.median(values)
    print_record(
        {
            "benchmark": "startup",
            "measure": measure,
            "median": round(median, 4),
            "low": round(min(values), 4),
            "high": round(max(values), 4),
            "bar": BARS[measure],
            "reached": median <= BARS[measure],
            **details,
        }
    )


if __name__ == "__main__":
    main()
