from .agents import ActorCritic as ActorCritic
from .agents import RandomPolicy as RandomPolicy
from .agents import TorchPolicy as TorchPolicy
from .agents import TorchStateCritic as TorchStateCritic
from .api.multirun.results import JobFailure as JobFailure
from .api.replay import ReplayReport as ReplayReport
from .api.replay import replay as replay
from .api.rollouts import run_rollout as run_rollout
from .api.run_context import RunContext as RunContext
from .config import Factory as Factory
from .config import RunConfig as RunConfig
from .distributions import DistributionMapper as DistributionMapper
from .env import ActionMaskWrapper as ActionMaskWrapper
from .env import ActionWrapper as ActionWrapper
from .env import DictActionWrapper as DictActionWrapper
from .env import DictObservationWrapper as DictObservationWrapper
from .env import DiscretizeActionsWrapper as DiscretizeActionsWrapper
from .env import ExportGifWrapper as ExportGifWrapper
from .env import GymMazeEnv as GymMazeEnv
from .env import LogStatsWrapper as LogStatsWrapper
from .env import MazeEnv as MazeEnv
from .env import NoDictActionWrapper as NoDictActionWrapper
from .env import NoDictObservationWrapper as NoDictObservationWrapper
from .env import NoDictSpacesWrapper as NoDictSpacesWrapper
from .env import ObservationClippingWrapper as ObservationClippingWrapper
from .env import ObservationNormalizationWrapper as ObservationNormalizationWrapper
from .env import ObservationStackWrapper as ObservationStackWrapper
from .env import ObservationWrapper as ObservationWrapper
from .env import PreProcessingWrapper as PreProcessingWrapper
from .env import RandomResetWrapper as RandomResetWrapper
from .env import ReturnNormalizationRewardWrapper as ReturnNormalizationRewardWrapper
from .env import RewardClippingWrapper as RewardClippingWrapper
from .env import RewardScalingWrapper as RewardScalingWrapper
from .env import RewardWrapper as RewardWrapper
from .env import SplitActionsWrapper as SplitActionsWrapper
from .env import StatefulWrapper as StatefulWrapper
from .env import StepSkipWrapper as StepSkipWrapper
from .env import TimeLimitWrapper as TimeLimitWrapper
from .env import VectorEnv as VectorEnv
from .env import VectorStep as VectorStep
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
from .launchers import JoblibLauncher as JoblibLauncher
from .launchers import SerialLauncher as SerialLauncher
from .perception import ConcatModelBuilder as ConcatModelBuilder
from .perception import CustomModelComposer as CustomModelComposer
from .perception import DenseBlock as DenseBlock
from .perception import FlattenConcatPolicyNet as FlattenConcatPolicyNet
from .perception import FlattenConcatStateValueNet as FlattenConcatStateValueNet
from .perception import ProbabilisticPolicyComposer as ProbabilisticPolicyComposer
from .perception import StateCriticComposer as StateCriticComposer
from .perception import TemplateModelComposer as TemplateModelComposer
from .rollout import Episodes as Episodes
from .rollout import RolloutEvaluator as RolloutEvaluator
from .rollout import RolloutResult as RolloutResult
from .rollout import TrajectoryDataset as TrajectoryDataset
from .rollout import load_trajectories as load_trajectories
from .statistics import BaseEnvEvents as BaseEnvEvents
from .statistics import LogStatsAggregator as LogStatsAggregator
from .statistics import LogStatsKey as LogStatsKey
from .statistics import LogStatsLevel as LogStatsLevel
from .trainers import A2C as A2C
from .trainers import BC as BC
from .trainers import ES as ES
from .trainers import IMPALA as IMPALA
from .trainers import PPO as PPO
from .trainers import A2CAlgorithmConfig as A2CAlgorithmConfig
from .trainers import AlgorithmConfig as AlgorithmConfig
from .trainers import BCAlgorithmConfig as BCAlgorithmConfig
from .trainers import EpochReport as EpochReport
from .trainers import ESAlgorithmConfig as ESAlgorithmConfig
from .trainers import ImpalaAlgorithmConfig as ImpalaAlgorithmConfig
from .trainers import PPOAlgorithmConfig as PPOAlgorithmConfig
from .trainers import Trainer as Trainer
from .trainers import TrainerParts as TrainerParts
from .trainers.base import TrainingSummary as TrainingSummary
from .types import ActorID as ActorID

__version__: str

__all__ = [
    "A2C",
    "BC",
    "ES",
    "IMPALA",
    "PPO",
    "A2CAlgorithmConfig",
    "ActionMaskWrapper",
    "ActionWrapper",
    "ActorCritic",
    "ActorID",
    "AlgorithmConfig",
    "ArtifactError",
    "BCAlgorithmConfig",
    "BaseEnvEvents",
    "ConcatModelBuilder",
    "CustomModelComposer",
    "DenseBlock",
    "DictActionWrapper",
    "DictObservationWrapper",
    "DiscretizeActionsWrapper",
    "DistributionMapper",
    "ESAlgorithmConfig",
    "EnvError",
    "Episodes",
    "EpochReport",
    "ExportGifWrapper",
    "Factory",
    "FlattenConcatPolicyNet",
    "FlattenConcatStateValueNet",
    "GymMazeEnv",
    "ImpalaAlgorithmConfig",
    "InvalidSpecificationError",
    "JobFailure",
    "JoblibLauncher",
    "LogStatsAggregator",
    "LogStatsKey",
    "LogStatsLevel",
    "LogStatsWrapper",
    "MazeEnv",
    "MazeError",
    "NoDictActionWrapper",
    "NoDictObservationWrapper",
    "NoDictSpacesWrapper",
    "ObservationClippingWrapper",
    "ObservationNormalizationWrapper",
    "ObservationStackWrapper",
    "ObservationWrapper",
    "PPOAlgorithmConfig",
    "PreProcessingWrapper",
    "ProbabilisticPolicyComposer",
    "RandomPolicy",
    "RandomResetWrapper",
    "ReplayReport",
    "ReturnNormalizationRewardWrapper",
    "RewardClippingWrapper",
    "RewardScalingWrapper",
    "RewardWrapper",
    "RolloutEvaluator",
    "RolloutResult",
    "RunConfig",
    "RunContext",
    "RunContextError",
    "SerialLauncher",
    "SplitActionsWrapper",
    "StateCriticComposer",
    "StatefulWrapper",
    "StepSkipWrapper",
    "TemplateModelComposer",
    "TimeLimitWrapper",
    "TorchPolicy",
    "TorchStateCritic",
    "TrackingError",
    "Trainer",
    "TrainerParts",
    "TrainingError",
    "TrainingSummary",
    "TrajectoryDataset",
    "VectorEnv",
    "VectorStep",
    "Wrapper",
    "as_gymnasium",
    "load_trajectories",
    "make_gym_maze_env",
    "make_vector_env",
    "replay",
    "run_rollout",
]
