"""Measure environment steps per second, learning included; print one line of JSON.

    python benchmarks/throughput.py --peer maze --task ppo-cartpole
    python benchmarks/throughput.py --peer sb3 --task ppo-cartpole

Imports, construction and a warm-up are not timed. Run each peer with the Python of its own environment.
"""

from __future__ import annotations

import argparse
import importlib

from record import limit_threads, parse_settings, print_record
from tasks import THROUGHPUT_TASKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=("maze", "sb3"), required=True)
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
            "settings": result["settings"],
        }
    )


if __name__ == "__main__":
    main()
