"""Objects instead of names: an algorithm's configuration, and networks of one's own as policy and critic."""

from torch import nn

from maze import A2CAlgorithmConfig, RunContext


class Body(nn.Module):
    """Two layers that any number of outputs can follow."""

    def __init__(self, n_inputs, n_outputs, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_inputs, width), nn.SiLU(), nn.Linear(width, n_outputs))


class Policy(Body):
    """A policy network is told the shapes of observations and of what its actions' distributions need."""

    def __init__(self, obs_shapes, action_logits_shapes, width=32):
        super().__init__(obs_shapes["observation"][0], action_logits_shapes["action"][0], width)

    def forward(self, observation):
        return {"action": self.layers(observation["observation"])}


class Value(Body):
    """A critic network gives one value for each observation."""

    def __init__(self, obs_shapes, width=32):
        super().__init__(obs_shapes["observation"][0], 1, width)

    def forward(self, observation):
        return {"value": self.layers(observation["observation"])}


if __name__ == "__main__":
    policy = {"_target_": "maze.ProbabilisticPolicyComposer", "networks": [Policy]}
    critic = {"_target_": "maze.StateCriticComposer", "networks": [Value]}
    rc = RunContext(algorithm=A2CAlgorithmConfig(n_epochs=2, epoch_length=20, lr=0.002), policy=policy, critic=critic)
    print(rc.train())
