"""Measure how fast a policy plays, nothing learnt: evaluation, recorded rollouts, collecting; print one line of JSON.

    python benchmarks/acting.py --peer maze --task cartpole-episodes
    python benchmarks/acting.py --peer bare --task cartpole-episodes
    python benchmarks/acting.py --peer sb3 --task cartpole-episodes

All sides play the same network of 2 x 64 tanh units, which balances the pole, so that episodes last for 500 steps.
`bare` is the least that one can write: a loop of maze's vector environment and the network's forward pass in NumPy.
Imports, construction and one round are not timed; rounds follow each other until the time is over.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable

from acting_tasks import ACTING_TASKS
from record import limit_threads, parse_settings, print_record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=("maze", "bare", "sb3"), required=True)
    parser.add_argument("--task", choices=sorted(ACTING_TASKS), required=True)
    parser.add_argument("--seconds", type=float, default=3.0, help="play rounds for as long, and at least one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch and NumPy")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the task")
    arguments = parser.parse_args()

    limit_threads(arguments.threads)
    module = importlib.import_module(f"acting_{arguments.peer}")
    task = ACTING_TASKS[arguments.task].changed(parse_settings(arguments.set))
    play = module.player(task, seed=arguments.seed, n_threads=arguments.threads)
    steps, episodes, seconds = _play_for(play, arguments.seconds)
    print_record(
        {
            "benchmark": "acting",
            "peer": arguments.peer,
            "task": arguments.task,
            "seed": arguments.seed,
            "threads": arguments.threads,
            "steps": steps,
            "episodes": episodes,
            "seconds": round(seconds, 4),
            "steps_per_second": round(steps / seconds, 1),
            "episodes_per_second": round(episodes / seconds, 2),
            "settings": task.settings,
        }
    )


def _play_for(play: Callable[[], tuple[int, int]], seconds: float) -> tuple[int, int, float]:
    """Play rounds for some time; return their steps, their finished episodes and the exact time."""
    play()
    steps = episodes = 0
    start = time.perf_counter()
    while True:
        more_steps, more_episodes = play()
        steps, episodes = steps + more_steps, episodes + more_episodes
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return steps, episodes, elapsed


if __name__ == "__main__":
    main()
