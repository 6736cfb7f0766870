"""Train the bakery of this folder: `python train.py`, or `maze-run -cd conf -cn conf_train experiment=bakery` in it."""

import sys
from pathlib import Path

from maze import RunContext

PLACE = Path(__file__).resolve().parent

if __name__ == "__main__":
    sys.path.insert(0, str(PLACE))  # where the package bakery is
    n_epochs = int(sys.argv[1]) if len(sys.argv) > 1 else None
    rc = RunContext(experiment="bakery", config_dir=PLACE / "conf", seed=1)
    rc.train(n_epochs)
    months = rc.evaluate(n_episodes=50)
    print(f"profit of a month: {months.mean_return:.1f}")
    for name in ("served", "wasted"):
        print(f"share of customers or items {name}: {months.statistics[f'BaseEnvEvents/kpi/mean/{name}']:.2f}")
