"""A grid of runs: lists span its axes, and each point trains in a process of its own."""

from maze import RunContext

if __name__ == "__main__":
    rc = RunContext(
        algorithm=["a2c", "ppo"],
        overrides={"algorithm.lr": [0.001, 0.01]},
        configuration="test",
        launcher="joblib",
        multirun=True,
        seed=1,
    )
    summaries = rc.train()
    for config, summary, run_dir in zip(rc.config, summaries, rc.run_dir, strict=True):
        name = config.algorithm["_target_"].rpartition(".")[2]
        print(f"{name:22} lr {config.algorithm.lr:<6} best return {summary.best_return:6.1f}  {run_dir.name}")
