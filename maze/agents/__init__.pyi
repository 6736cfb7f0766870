__all__ = [
    "ActorCritic",
    "Adam",
    "ArrayForward",
    "DensePlan",
    "DummyCartPolePolicy",
    "HeuristicLunarLanderPolicy",
    "JointPass",
    "PopulationPolicy",
    "RandomPolicy",
    "StepNetworks",
    "TorchPolicy",
    "TorchStateActionCritic",
    "TorchStateCritic",
    "compile_numpy",
]

from .actor_critic import ActorCritic as ActorCritic
from .adam import Adam as Adam
from .critic import TorchStateCritic as TorchStateCritic
from .dense_plan import DensePlan as DensePlan
from .dense_plan import compile_numpy as compile_numpy
from .joint_pass import JointPass as JointPass
from .networks import ArrayForward as ArrayForward
from .networks import StepNetworks as StepNetworks
from .policy import TorchPolicy as TorchPolicy
from .population import PopulationPolicy as PopulationPolicy
from .random_policy import RandomPolicy as RandomPolicy
from .rule_policies import DummyCartPolePolicy as DummyCartPolePolicy
from .rule_policies import HeuristicLunarLanderPolicy as HeuristicLunarLanderPolicy
from .state_action_critic import TorchStateActionCritic as TorchStateActionCritic
