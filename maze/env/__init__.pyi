__all__ = [
    "ActionWrapper",
    "GymMazeEnv",
    "LogStatsWrapper",
    "MazeEnv",
    "NativeCartPoleVectorEnv",
    "ObservationNormalizationWrapper",
    "ObservationWrapper",
    "RewardWrapper",
    "SyncVectorEnv",
    "VectorEnv",
    "VectorStep",
    "WrappedVectorEnv",
    "Wrapper",
    "as_gymnasium",
    "make_gym_maze_env",
    "make_vector_env",
    "space_from_json",
    "space_to_json",
    "to_dict_space",
]

from .gymnasium_view import as_gymnasium as as_gymnasium
from .log_stats import LogStatsWrapper as LogStatsWrapper
from .maze_env import GymMazeEnv as GymMazeEnv
from .maze_env import MazeEnv as MazeEnv
from .maze_env import make_gym_maze_env as make_gym_maze_env
from .native import NativeCartPoleVectorEnv as NativeCartPoleVectorEnv
from .normalization import ObservationNormalizationWrapper as ObservationNormalizationWrapper
from .spaces import space_from_json as space_from_json
from .spaces import space_to_json as space_to_json
from .spaces import to_dict_space as to_dict_space
from .vector import SyncVectorEnv as SyncVectorEnv
from .vector import VectorEnv as VectorEnv
from .vector import VectorStep as VectorStep
from .vector import WrappedVectorEnv as WrappedVectorEnv
from .vector import make_vector_env as make_vector_env
from .wrappers import ActionWrapper as ActionWrapper
from .wrappers import ObservationWrapper as ObservationWrapper
from .wrappers import RewardWrapper as RewardWrapper
from .wrappers import Wrapper as Wrapper
