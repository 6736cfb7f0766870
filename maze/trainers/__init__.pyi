from .a2c import A2C as A2C
from .a2c import A2CAlgorithmConfig as A2CAlgorithmConfig
from .base import AlgorithmConfig as AlgorithmConfig
from .base import EpochListener as EpochListener
from .base import EpochReport as EpochReport
from .base import Trainer as Trainer
from .base import TrainerParts as TrainerParts
from .bc import BC as BC
from .bc import BCAlgorithmConfig as BCAlgorithmConfig
from .es import ES as ES
from .es import ESAlgorithmConfig as ESAlgorithmConfig
from .impala import IMPALA as IMPALA
from .impala import ImpalaAlgorithmConfig as ImpalaAlgorithmConfig
from .ppo import PPO as PPO
from .ppo import PPOAlgorithmConfig as PPOAlgorithmConfig
from .sac import SAC as SAC
from .sac import SACAlgorithmConfig as SACAlgorithmConfig
from .schedules import Schedule as Schedule

__all__ = [
    "A2C",
    "BC",
    "ES",
    "IMPALA",
    "PPO",
    "SAC",
    "A2CAlgorithmConfig",
    "AlgorithmConfig",
    "BCAlgorithmConfig",
    "ESAlgorithmConfig",
    "EpochListener",
    "EpochReport",
    "ImpalaAlgorithmConfig",
    "PPOAlgorithmConfig",
    "SACAlgorithmConfig",
    "Schedule",
    "Trainer",
    "TrainerParts",
]
