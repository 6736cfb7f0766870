"""Train in one place, act in another: load a run, measure it, and answer observations as they come."""

import numpy as np

from maze import RunContext


class Agent:
    """What a service holds: an agent that turns raw observations into actions.

    Args:
        run: directory of a run, an MLflow run id, or models:/name/version.
    """

    def __init__(self, run):
        self.context = RunContext.load(run, silent=True)

    def act(self, values):
        """Return the action for one raw observation."""
        seen = self.context.transform_observation({"observation": np.asarray(values, np.float32)})
        return self.context.compute_action(seen, deterministic=True)["action"].item()


if __name__ == "__main__":
    RunContext(wrappers="vector_obs", configuration="test", run_dir="served", seed=1, silent=True).train()

    agent = Agent("served")
    print("measured again:", agent.context.evaluate(n_episodes=5).mean_return)
    for values in ([0.0, 0.1, 0.02, -0.3], [0.0, -0.1, -0.02, 0.3]):
        print(values, "->", agent.act(values))
