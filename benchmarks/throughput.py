"""Measure environment steps per second, learning included; print one line of JSON.

    python benchmarks/throughput.py --peer maze --task ppo-cartpole
    python benchmarks/throughput.py --peer sb3 --task ppo-cartpole

Imports, construction and a warm-up are not timed. Memory is the most that the process had resident; what the processes
had that it started, such as maze's for tracking, is told apart. Run each peer with the Python of its own environment.
"""

from __future__ import annotations

import argparse
import importlib

from record import child_processes, limit_threads, parse_settings, peak_memory_mb, print_record
from tasks import THROUGHPUT_TASKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=("maze", "sb3", "purejax"), required=True)
    parser.add_argument("--task", choices=sorted(THROUGHPUT_TASKS), required=True)
    parser.add_argument(
        "--steps", type=int, default=131_072, help="environment steps to time, rounded up to whole updates"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch and NumPy")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of this peer")
    arguments = parser.parse_args()

    limit_threads(arguments.threads)
    peer = importlib.import_module(f"peer_{arguments.peer}")
    result = peer.measure_throughput(
        THROUGHPUT_TASKS[arguments.task],
        n_steps=arguments.steps,
        seed=arguments.seed,
        n_threads=arguments.threads,
        settings=parse_settings(arguments.set),
    )
    print_record(
        {
            "benchmark": "throughput",
            "peer": arguments.peer,
            "task": arguments.task,
            "seed": arguments.seed,
            "threads": arguments.threads,
            "steps": result["steps"],
            "seconds": round(result["seconds"], 4),
            "steps_per_second": round(result["steps"] / result["seconds"], 1),
            "peak_memory_mb": peak_memory_mb(),
            "child_memory_mb": [peak_memory_mb(child) for child in child_processes()],
            "settings": result["settings"],
        }
    )


if __name__ == "__main__":
    main()
