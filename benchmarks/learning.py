"""Train presets over several seeds, and say how well they have learned beside what others publish.

    python benchmarks/learning.py run --preset cartpole_ppo --seeds 5
    python benchmarks/learning.py run --peer sb3 --preset cartpole_ppo
    python benchmarks/learning.py table

``run`` writes one JSON line for each training and skips those whose line is there. Each training takes the whole budget
of its preset; then the policy that it keeps (``best``) and its last one play 100 deterministic episodes with seeds of
their own. ``table`` prints the interquartile mean over the trainings with its bootstrap interval, and draws the
learning curves.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from learning_tasks import LEARNING_TASKS
from record import limit_threads, machine, parse_settings, versions

_HERE = Path(__file__).resolve().parent
_PACKAGES = ("maze", "stable-baselines3", "torch", "numpy", "gymnasium")
N_EPISODES = 100


def main() -> None:
    arguments = _parse_arguments()
    if arguments.command == "table":
        importlib.import_module("learning_report").report(arguments.results, arguments.images)
        return
    limit_threads(1)
    peer = importlib.import_module(f"learning_{arguments.peer}")
    settings = parse_settings(arguments.set)
    for preset in arguments.preset or _presets(arguments.peer):
        task = LEARNING_TASKS[preset]
        identity = peer.identity(preset, task, settings)
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            key = {"peer": arguments.peer, "preset": preset, "seed": seed, "identity": identity}
            if any(key.items() <= line.items() for line in read_lines(arguments.results)):
                print(f"{arguments.peer} {preset} seed {seed}: there already", file=sys.stderr)
                continue
            if arguments.until and time.strftime("%H:%M") >= arguments.until:
                print(f"{arguments.peer} {preset} seed {seed}: not begun after {arguments.until}", file=sys.stderr)
                return
            found = peer.learn(preset, task, seed=seed, settings=settings, episode_seeds=episode_seeds(seed))
            line = {**key, "env": task.env, **_rounded(found), "versions": versions(_PACKAGES), "machine": machine()}
            arguments.results.parent.mkdir(parents=True, exist_ok=True)
            with arguments.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(_progress(line), file=sys.stderr, flush=True)


def episode_seeds(seed: int) -> list[int]:
    """Return the seeds of the evaluation episodes, the same for every peer and others for every training."""
    return [1_000_000 * (seed + 1) + index for index in range(N_EPISODES)]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file of results; none where it does not exist."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def _presets(peer: str) -> list[str]:
    return [preset for preset, task in LEARNING_TASKS.items() if peer == "maze" or task.sb3]


def _rounded(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was found, short enough to be kept: returns as mean, deviation and extremes."""
    rounded = {**found, "seconds": round(found["seconds"], 1)}
    rounded["curve"] = [[step, round(value, 2)] for step, value in found["curve"]]
    for which in ("best", "last"):
        rounded[which] = _summary(found[which])
    return rounded


def _summary(returns: Sequence[float]) -> dict[str, float]:
    mean = sum(returns) / len(returns)
    spread = (sum((value - mean) ** 2 for value in returns) / len(returns)) ** 0.5
    numbers = {"mean": mean, "std": spread, "min": min(returns), "max": max(returns)}
    return {name: round(value, 3) for name, value in numbers.items()}


def _progress(line: Mapping[str, Any]) -> str:
    return (
        f"{line['peer']} {line['preset']} seed {line['seed']}: best {line['best']['mean']:.1f}, last "
        f"{line['last']['mean']:.1f} after {line['steps']:,} steps in {line['seconds']:.0f} s"
    )


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train, and append one line of JSON for each training")
    run.add_argument("--peer", choices=("maze", "sb3"), default="maze")
    run.add_argument("--preset", choices=sorted(LEARNING_TASKS), action="append", help="default: all, in turn")
    run.add_argument("--seeds", type=int, default=5, help="trainings of each preset")
    run.add_argument("--first-seed", type=int, default=0)
    run.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of this peer")
    run.add_argument("--until", metavar="HH:MM", help="begin no training from this time of the day on")
    table = commands.add_parser("table", help="print a table of all results, and draw the learning curves")
    table.add_argument("--images", type=Path, default=_HERE / "images", help="folder of the learning curves")
    for command in (run, table):
        command.add_argument("--results", type=Path, default=_HERE / "results" / "learning.jsonl")
    return parser.parse_args()


if __name__ == "__main__":
    main()
