"""Run a benchmark for maze and a peer in turns, A B A B ..., each run a fresh process; print ratios with their spread.

    python benchmarks/compare.py throughput --task ppo-cartpole --peer-python PEER/bin/python
    python benchmarks/compare.py solve_time --task a2c-cartpole --peer-python PEER/bin/python --repeats 5
    python benchmarks/compare.py acting --task cartpole-episodes --peer bare

Repeat number i uses seed ``--first-seed`` + i on both sides. Tables go to standard output, all single results to
``--json``; with ``--add``, what is in that file counts as well, so that a long comparison can be made in pieces.
Absolute figures drift with the machine's load; ratios of neighbouring runs do not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from acting_tasks import ACTING_TASKS
from tasks import SOLVE_TASKS, THROUGHPUT_TASKS

_HERE = Path(__file__).resolve().parent
_MEASURES = {
    "throughput": {"steps_per_second": "higher is better", "peak_memory_mb": "lower is better"},
    "acting": dict.fromkeys(("steps_per_second", "episodes_per_second"), "higher is better"),
    "solve_time": dict.fromkeys(("training_seconds", "start_seconds", "finished_seconds"), "lower is better"),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared.

    Args:
        name: ``"maze"`` or the peer's.
        python: interpreter of its environment.
        settings: ``key=value`` pairs for ``--set``.
        is_ours: whether it is what is compared with the other.
    """

    name: str
    python: str
    settings: Sequence[str]
    is_ours: bool = False


def main() -> None:
    arguments = _parse_arguments()
    ours = Side("maze", _interpreter(arguments.ours_python), arguments.set_ours, is_ours=True)
    peer = Side(arguments.peer, _interpreter(arguments.peer_python), arguments.set_peer)
    pairs = _earlier(arguments.json) if arguments.add else []
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.repeats):
        first = _run(arguments, ours, seed)
        second = _run(arguments, peer, seed)
        pairs.append((first, second))
        print(f"seed {seed}: {_progress(arguments.benchmark, first, second)}", file=sys.stderr, flush=True)
    ratios = {measure: summarise_pairs(pairs, measure) for measure in _MEASURES[arguments.benchmark]}
    print(_table(arguments, ratios, len(pairs)))
    for side, records in zip((ours, peer), zip(*pairs, strict=True), strict=True):
        unsolved = [record["seed"] for record in records if record.get("solved") is False]
        if unsolved:
            print(f"\nNot solved by {side.name}: seeds {unsolved}; its times are lower bounds and the ratios void.")
    if arguments.json:
        report = {"ratios": ratios, "ours": [pair[0] for pair in pairs], "peer": [pair[1] for pair in pairs]}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def summarise_pairs(pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]], measure: str) -> dict[str, Any]:
    """Return the medians of both sides, the ratio ours / peer of the medians, and the single pairs' ratios."""
    ours = [pair[0][measure] for pair in pairs]
    peer = [pair[1][measure] for pair in pairs]
    paired = [a / b for a, b in zip(ours, peer, strict=True)]
    return {
        "ours_median": statistics.median(ours),
        "peer_median": statistics.median(peer),
        "ratio_of_medians": statistics.median(ours) / statistics.median(peer),
        "paired_ratio_median": statistics.median(paired),
        "paired_ratio_low": min(paired),
        "paired_ratio_high": max(paired),
        "paired_ratios": paired,
    }


def _earlier(path: Path | None) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the pairs of an earlier comparison, none where the file is not there."""
    if path is None:
        raise SystemExit("--add: give the file of the earlier results with --json")
    if not path.is_file():
        return []
    report = json.loads(path.read_text(encoding="utf-8"))
    return list(zip(report["ours"], report["peer"], strict=True))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", choices=sorted(_MEASURES))
    parser.add_argument("--task", choices=sorted({*THROUGHPUT_TASKS, *SOLVE_TASKS, *ACTING_TASKS}), required=True)
    parser.add_argument("--peer", choices=("sb3", "purejax", "bare", "maze"), default="sb3")
    parser.add_argument("--peer-task", help="task of the peer, where it is another one")
    parser.add_argument("--ours-python", default=sys.executable, help="Python that has maze (default: this one)")
    parser.add_argument(
        "--peer-python", default=sys.executable, help="Python of the peer's environment (default: this)"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, help="for throughput: environment steps to time")
    parser.add_argument("--seconds", type=float, help="for acting: time to play for")
    parser.add_argument("--set-ours", action="append", default=[], metavar="KEY=VALUE", help="change a setting of maze")
    parser.add_argument(
        "--set-peer", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the peer"
    )
    parser.add_argument("--json", type=Path, help="file for all single results")
    parser.add_argument("--add", action="store_true", help="count the results that are in the file already, too")
    return parser.parse_args()


def _interpreter(python: str) -> str:
    """Return the absolute path of an interpreter; links are kept, because they tell a virtual environment."""
    found = shutil.which(python)
    if found is None:
        raise SystemExit(f"{python}: no such interpreter; README.md says how to make the peer's environment.")
    return str(Path(found).absolute())


def _run(arguments: argparse.Namespace, side: Side, seed: int) -> dict[str, Any]:
    """Run one side once, in a fresh process and an empty folder, and return its record."""
    script = _HERE / f"{arguments.benchmark}.py"
    task = arguments.task if side.is_ours else arguments.peer_task or arguments.task
    command = [side.python, str(script), "--peer", side.name, "--task", task, "--seed", str(seed)]
    command += ["--threads", str(arguments.threads)]
    if arguments.steps and arguments.benchmark == "throughput":
        command += ["--steps", str(arguments.steps)]
    if arguments.seconds and arguments.benchmark == "acting":
        command += ["--seconds", str(arguments.seconds)]
    for pair in side.settings:
        command += ["--set", pair]
    with TemporaryDirectory() as folder:
        finished = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode:
        raise SystemExit(f"{side.name} failed with exit status {finished.returncode}: {' '.join(command)}")
    record: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return record


def _progress(benchmark: str, ours: dict[str, Any], peer: dict[str, Any]) -> str:
    return ", ".join(f"{name} {ours[name]:,} against {peer[name]:,}" for name in _MEASURES[benchmark])


def _table(arguments: argparse.Namespace, ratios: dict[str, dict[str, Any]], n_pairs: int) -> str:
    lines = [
        f"{arguments.benchmark}, {arguments.task}" + (f" against {arguments.peer_task}" if arguments.peer_task else ""),
        f"{n_pairs} runs each, in turns; threads: {arguments.threads}",
        "",
        f"| measure | maze (median) | {arguments.peer} (median) | ratio of medians | ratios of pairs (low to high) |",
        "|---|---:|---:|---:|---|",
    ]
    for measure, found in ratios.items():
        spread = (
            f"{found['paired_ratio_median']:.2f} ({found['paired_ratio_low']:.2f} to {found['paired_ratio_high']:.2f})"
        )
        lines.append(
            f"| {measure} ({_MEASURES[arguments.benchmark][measure]}) | {found['ours_median']:,.2f} "
            f"| {found['peer_median']:,.2f} | {found['ratio_of_medians']:.2f} | {spread} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
