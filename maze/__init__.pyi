from .agents import ActorCritic as ActorCritic
from .agents import TorchPolicy as TorchPolicy
from .agents import TorchStateCritic as TorchStateCritic
from .api.run_context import RunContext as RunContext
from .config import RunConfig as RunConfig
from .distributions import DistributionMapper as DistributionMapper
from .env import ActionWrapper as ActionWrapper
from .env import GymMazeEnv as GymMazeEnv
from .env import LogStatsWrapper as LogStatsWrapper
from .env import MazeEnv as MazeEnv
from .env import ObservationNormalizationWrapper as ObservationNormalizationWrapper
from .env import ObservationWrapper as ObservationWrapper
from .env import RewardWrapper as RewardWrapper
from .env import VectorEnv as VectorEnv
from .env import Wrapper as Wrapper
from .env import as_gymnasium as as_gymnasium
from .env import make_gym_maze_env as make_gym_maze_env
from .env import make_vector_env as make_vector_env
from .errors import ArtifactError as ArtifactError
from .errors import EnvError as EnvError
from .errors import InvalidSpecificationError as InvalidSpecificationError
from .errors import MazeError as MazeError
from .errors import RunContextError as RunContextError
from .errors import TrackingError as TrackingError
from .errors import TrainingError as TrainingError
from .rollout import Episodes as Episodes
from .rollout import RolloutEvaluator as RolloutEvaluator
from .rollout import RolloutResult as RolloutResult
from .trainers import A2C as A2C
from .trainers import PPO as PPO
from .trainers import A2CAlgorithmConfig as A2CAlgorithmConfig
from .trainers import AlgorithmConfig as AlgorithmConfig
from .trainers import PPOAlgorithmConfig as PPOAlgorithmConfig
from .trainers import Trainer as Trainer

__version__: str

__all__ = [
    "A2C",
    "PPO",
    "A2CAlgorithmConfig",
    "ActionWrapper",
    "ActorCritic",
    "AlgorithmConfig",
    "ArtifactError",
    "DistributionMapper",
    "EnvError",
    "Episodes",
    "GymMazeEnv",
    "InvalidSpecificationError",
    "LogStatsWrapper",
    "MazeEnv",
    "MazeError",
    "ObservationNormalizationWrapper",
    "ObservationWrapper",
    "PPOAlgorithmConfig",
    "RewardWrapper",
    "RolloutEvaluator",
    "RolloutResult",
    "RunConfig",
    "RunContext",
    "RunContextError",
    "TorchPolicy",
    "TorchStateCritic",
    "TrackingError",
    "Trainer",
    "TrainingError",
    "VectorEnv",
    "Wrapper",
    "as_gymnasium",
    "make_gym_maze_env",
    "make_vector_env",
]
