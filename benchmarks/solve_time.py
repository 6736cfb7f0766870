"""Measure how long it takes to solve CartPole-v1; print one line of JSON.

    python benchmarks/solve_time.py --peer maze --task a2c-cartpole --seed 0
    python benchmarks/solve_time.py --peer sb3 --task a2c-cartpole --seed 0

Solved: the mean of 100 deterministic episodes is at least 475 in three checks in a row; the time is that of the third.
Three clocks: ``training_seconds`` counts from the call that trains, ``start_seconds`` from the start of the process,
imports and construction included, and ``finished_seconds`` goes on until that call has returned and everything is
written. All stand still during the checks, which are the same for every peer.
"""

from __future__ import annotations

import argparse
import importlib
from dataclasses import asdict

from record import limit_threads, parse_settings, print_record, process_age
from tasks import SOLVE_TASKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=("maze", "sb3", "purejax"), required=True)
    parser.add_argument("--task", choices=sorted(SOLVE_TASKS), required=True)
    parser.add_argument("--max-steps", type=int, default=200_000, help="give up after as many environment steps")
    parser.add_argument("--check-every", type=int, default=2_000, help="environment steps, rounded up to whole updates")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch and NumPy")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of this peer")
    arguments = parser.parse_args()

    limit_threads(arguments.threads)
    peer = importlib.import_module(f"peer_{arguments.peer}")
    solving = importlib.import_module("solving")
    task = SOLVE_TASKS[arguments.task]
    watch = solving.SolveWatch(task.env, seed=10_000 + 1_000 * arguments.seed)
    settings = peer.solve(
        task,
        watch,
        max_steps=arguments.max_steps,
        check_every=arguments.check_every,
        seed=arguments.seed,
        n_threads=arguments.threads,
        settings=parse_settings(arguments.set),
    )
    last = watch.checks[-1]
    print_record(
        {
            "benchmark": "solve_time",
            "peer": arguments.peer,
            "task": arguments.task,
            "seed": arguments.seed,
            "threads": arguments.threads,
            "solved": watch.solved,
            "steps": last.steps,
            "training_seconds": round(last.training_seconds, 3),
            "start_seconds": round(last.start_seconds, 3),
            "finished_seconds": round(process_age() - watch.checking_seconds, 3),
            "checks": [{name: round(value, 3) for name, value in asdict(check).items()} for check in watch.checks],
            "settings": settings,
        }
    )


if __name__ == "__main__":
    main()
