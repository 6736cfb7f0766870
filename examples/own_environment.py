"""An environment and a wrapper of one's own: a factory makes the one, a class is the other."""

import gymnasium
import numpy as np
from gymnasium import spaces

from maze import ObservationWrapper, RunContext


class Corridor(gymnasium.Env):
    """Walk right until the end; every step costs a little."""

    observation_space = spaces.Box(0.0, 10.0, shape=(1,), dtype=np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell = int(self.np_random.integers(3))
        return np.array([self.cell], np.float32), {}

    def step(self, action):
        self.cell = max(0, self.cell + (1 if action == 1 else -1))
        arrived = self.cell >= 6
        return np.array([self.cell], np.float32), 1.0 if arrived else -0.05, arrived, False, {}


class Scaled(ObservationWrapper):
    """Observations between 0 and 1; the hook is written for any leading axes, so it serves batches as well."""

    def observation(self, observation):
        return {"observation": observation["observation"] / np.float32(10.0)}


if __name__ == "__main__":
    rc = RunContext(env=lambda: gymnasium.wrappers.TimeLimit(Corridor(), 30), wrappers=Scaled, configuration="test")
    rc.train(n_epochs=3)
    print("what the policy sees:", rc.env_factory().reset())
    print(rc.evaluate(n_episodes=10).statistics)
