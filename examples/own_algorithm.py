"""An algorithm of one's own: a trainer that says what one update is, and a configuration that names it."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from maze import AlgorithmConfig, RunContext, Trainer


class HillClimbing(Trainer["HillClimbingConfig"]):
    """Changes all weights a little, and keeps the change where it helps; needs neither critic nor gradient."""

    score = float("-inf")

    def update(self):
        weights = self.model.flat_parameters.data
        before = weights.clone()
        noise = self.generator.standard_normal(len(weights)) * self.config.noise
        weights += torch.as_tensor(noise, dtype=weights.dtype)
        rollout = self.collector.collect()
        score = float(rollout.reward.sum() / (1 + rollout.terminated.sum()))
        if score < self.score:
            weights.copy_(before)
        self.score = max(score, self.score)
        return {"score": score}


@dataclass(frozen=True, kw_only=True)
class HillClimbingConfig(AlgorithmConfig):
    """In a module that can be imported, `trainer` is its dotted name; here it is the class itself."""

    trainer: ClassVar[type] = HillClimbing
    n_rollout_steps: int = 200
    noise: float = 0.1


if __name__ == "__main__":
    rc = RunContext(algorithm=HillClimbingConfig(n_epochs=3, epoch_length=5), seed=1)
    print(rc.train())
