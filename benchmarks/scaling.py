"""Measure environment steps per second against environments, worker processes and network size; draw the curves.

    python benchmarks/scaling.py --plot scaling.png > scaling.jsonl
    python benchmarks/scaling.py --tasks acrobot --envs 1 8 64 --processes 0 2 --hidden 64 --seconds 0.2

A policy acts and the environments step, as when experience is collected; nothing is learnt. Every point is one line of
JSON. With 0 processes CartPole steps natively; `expensive` is an Acrobot of which each step computes for a millisecond.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from record import limit_threads, print_record

TASKS = ("cartpole", "acrobot", "expensive")
ENVS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
WORK_SECONDS = 1e-3
N_STEPS = 8


def make_cartpole() -> Any:
    from maze import GymMazeEnv

    return GymMazeEnv("CartPole-v1")


def make_acrobot() -> Any:
    from maze import GymMazeEnv

    return GymMazeEnv("Acrobot-v1")


def make_expensive() -> Any:
    import gymnasium

    from maze import GymMazeEnv

    class Expensive(gymnasium.Wrapper):
        """Computes as long as a simulation would, whatever else the machine does."""

        def step(self, action: Any) -> Any:
            end = time.thread_time() + WORK_SECONDS
            while time.thread_time() < end:
                pass
            return self.env.step(action)

    return GymMazeEnv(Expensive(gymnasium.make("Acrobot-v1")))


MAKERS = {"cartpole": make_cartpole, "acrobot": make_acrobot, "expensive": make_expensive}


def make_policy(task: str, hidden: int) -> Any:
    """Return a policy of two hidden layers for a task."""
    from maze import RunContext

    units = {"policy.networks.0.hidden_units": [hidden, hidden]}
    return RunContext(env=MAKERS[task], seed=0, silent=True, overrides=units).policy


def measure(task: str, policy: Any, n_envs: int, n_processes: int, seconds: float) -> dict[str, Any]:
    """Return steps per second of collecting for some seconds, and how long starting took."""
    from maze.env import make_vector_env
    from maze.rollout import Collector
    from maze.seeding import numpy_generator

    began = time.perf_counter()
    env = make_vector_env(MAKERS[task], n_envs, n_processes=n_processes)
    start_seconds = time.perf_counter() - began
    collector = Collector(env, policy, N_STEPS, numpy_generator(0, "actions"), seeds=list(range(n_envs)))
    collector.collect()
    n_collected, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        collector.collect()
        n_collected += 1
    elapsed = time.perf_counter() - began
    env.close()
    return {
        "steps_per_second": round(n_collected * N_STEPS * n_envs / elapsed, 1),
        "microseconds_per_step": round(elapsed / n_collected / N_STEPS * 1e6, 1),
        "start_seconds": round(start_seconds, 3),
    }


def points(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure every combination and print it."""
    for task in arguments.tasks:
        for hidden in arguments.hidden:
            policy = make_policy(task, hidden)
            for n_processes in arguments.processes:
                for n_envs in arguments.envs:
                    if n_processes > n_envs or (task == "expensive" and n_envs > arguments.most_expensive):
                        continue
                    point = {"task": task, "hidden": hidden, "processes": n_processes, "envs": n_envs}
                    point.update(measure(task, policy, n_envs, n_processes, arguments.seconds))
                    print_record({"benchmark": "scaling", **point})
                    yield point


def draw(measured: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw a panel for each task: a colour for each number of processes, a line style for each network."""
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(point["task"] for point in measured))
    networks = list(dict.fromkeys(point["hidden"] for point in measured))
    figure = Figure(figsize=(4.6 * len(tasks), 4.2), layout="constrained")
    for axes, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        lines: dict[tuple[int, int], list[tuple[int, float]]] = {}
        for point in measured:
            if point["task"] == task:
                line = lines.setdefault((point["processes"], point["hidden"]), [])
                line.append((point["envs"], point["steps_per_second"]))
        for (processes, hidden), line in lines.items():
            style = ("-", "--", ":", "-.")[networks.index(hidden) % 4]
            axes.plot(
                *zip(*line, strict=True), style, color=f"C{processes}", marker=".", label=f"{processes}, {hidden}"
            )
        axes.set(title=task, xlabel="environments", yscale="log")
        axes.set_xscale("log", base=2)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("environment steps per second")
    figure.axes[0].legend(title="processes, hidden units", fontsize="small")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--envs", nargs="+", type=int, default=ENVS)
    parser.add_argument("--processes", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--hidden", nargs="+", type=int, default=(64, 256), help="units of both hidden layers")
    parser.add_argument("--seconds", type=float, default=1.0, help="of measuring at each point")
    parser.add_argument("--most-expensive", type=int, default=64, help="environments of the expensive task at most")
    parser.add_argument("--plot", type=Path, help="draw the curves into this file")
    parser.add_argument("--read", type=Path, help="draw earlier lines of JSON instead of measuring")
    arguments = parser.parse_args()
    limit_threads(1)
    if arguments.read is not None:
        measured = [json.loads(line) for line in arguments.read.read_text().splitlines()]
    else:
        measured = list(points(arguments))
    if arguments.plot is not None:
        draw(measured, arguments.plot)
        print(f"drawn: {arguments.plot}", file=sys.stderr)


if __name__ == "__main__":
    main()
