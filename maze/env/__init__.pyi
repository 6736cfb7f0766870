__all__ = [
    "ActionConversionInterface",
    "ActionMaskWrapper",
    "ActionWrapper",
    "CoreEnv",
    "CoreMazeEnv",
    "DictActionWrapper",
    "DictObservationWrapper",
    "DiscretizeActionsWrapper",
    "EnvironmentContext",
    "ExportGifWrapper",
    "GymMazeEnv",
    "LogStatsWrapper",
    "MazeEnv",
    "MazeEnvMonitoringWrapper",
    "NativeCartPoleVectorEnv",
    "NoDictActionWrapper",
    "NoDictObservationWrapper",
    "NoDictSpacesWrapper",
    "ObservationClippingWrapper",
    "ObservationConversionInterface",
    "ObservationNormalizationWrapper",
    "ObservationStackWrapper",
    "ObservationWrapper",
    "PreProcessingWrapper",
    "PreProcessor",
    "ProcessVectorEnv",
    "RandomResetWrapper",
    "ReturnNormalizationRewardWrapper",
    "RewardAggregatorInterface",
    "RewardClippingWrapper",
    "RewardScalingWrapper",
    "RewardWrapper",
    "SimpleStatsLoggingSetup",
    "SplitActionsWrapper",
    "StatefulVectorEnv",
    "StatefulWrapper",
    "StepSkipWrapper",
    "SyncVectorEnv",
    "TimeLimitWrapper",
    "TrajectoryRecordingWrapper",
    "VectorEnv",
    "VectorStep",
    "WrappedVectorEnv",
    "Wrapper",
    "as_gymnasium",
    "estimate_statistics",
    "make_gym_maze_env",
    "make_vector_env",
    "mask_keys",
    "space_from_json",
    "space_to_json",
    "to_dict_space",
]

from .action_masks import ActionMaskWrapper as ActionMaskWrapper
from .action_spaces import DiscretizeActionsWrapper as DiscretizeActionsWrapper
from .action_spaces import SplitActionsWrapper as SplitActionsWrapper
from .base_env import MazeEnv as MazeEnv
from .context import EnvironmentContext as EnvironmentContext
from .core_env import ActionConversionInterface as ActionConversionInterface
from .core_env import CoreEnv as CoreEnv
from .core_env import ObservationConversionInterface as ObservationConversionInterface
from .core_env import RewardAggregatorInterface as RewardAggregatorInterface
from .core_maze_env import CoreMazeEnv as CoreMazeEnv
from .course import RandomResetWrapper as RandomResetWrapper
from .course import StepSkipWrapper as StepSkipWrapper
from .course import TimeLimitWrapper as TimeLimitWrapper
from .dict_spaces import DictActionWrapper as DictActionWrapper
from .dict_spaces import DictObservationWrapper as DictObservationWrapper
from .dict_spaces import NoDictActionWrapper as NoDictActionWrapper
from .dict_spaces import NoDictObservationWrapper as NoDictObservationWrapper
from .dict_spaces import NoDictSpacesWrapper as NoDictSpacesWrapper
from .estimation import estimate_statistics as estimate_statistics
from .gif_export import ExportGifWrapper as ExportGifWrapper
from .gymnasium_view import as_gymnasium as as_gymnasium
from .log_stats import LogStatsWrapper as LogStatsWrapper
from .mask_keys import mask_keys as mask_keys
from .maze_env import GymMazeEnv as GymMazeEnv
from .maze_env import make_gym_maze_env as make_gym_maze_env
from .monitoring import MazeEnvMonitoringWrapper as MazeEnvMonitoringWrapper
from .native import NativeCartPoleVectorEnv as NativeCartPoleVectorEnv
from .normalization import ObservationNormalizationWrapper as ObservationNormalizationWrapper
from .observation_clipping import ObservationClippingWrapper as ObservationClippingWrapper
from .preprocessing import PreProcessingWrapper as PreProcessingWrapper
from .preprocessors import PreProcessor as PreProcessor
from .process_vector import ProcessVectorEnv as ProcessVectorEnv
from .rewards import ReturnNormalizationRewardWrapper as ReturnNormalizationRewardWrapper
from .rewards import RewardClippingWrapper as RewardClippingWrapper
from .rewards import RewardScalingWrapper as RewardScalingWrapper
from .spaces import space_from_json as space_from_json
from .spaces import space_to_json as space_to_json
from .spaces import to_dict_space as to_dict_space
from .stacking import ObservationStackWrapper as ObservationStackWrapper
from .stateful import StatefulWrapper as StatefulWrapper
from .stateful_vector import StatefulVectorEnv as StatefulVectorEnv
from .stats_logging import SimpleStatsLoggingSetup as SimpleStatsLoggingSetup
from .trajectory_recording import TrajectoryRecordingWrapper as TrajectoryRecordingWrapper
from .vector import SyncVectorEnv as SyncVectorEnv
from .vector import VectorEnv as VectorEnv
from .vector import VectorStep as VectorStep
from .vector import WrappedVectorEnv as WrappedVectorEnv
from .vector import make_vector_env as make_vector_env
from .wrappers import ActionWrapper as ActionWrapper
from .wrappers import ObservationWrapper as ObservationWrapper
from .wrappers import RewardWrapper as RewardWrapper
from .wrappers import Wrapper as Wrapper
