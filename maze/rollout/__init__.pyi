from .actor_pool import ActorPool as ActorPool
from .actors import ActorHost as ActorHost
from .actors import ActorPlan as ActorPlan
from .actors import batch_rollouts as batch_rollouts
from .actors import plain_parameters as plain_parameters
from .actors import split_seeds as split_seeds
from .collect import Collector as Collector
from .collect import Rollout as Rollout
from .dataset import TrajectoryDataset as TrajectoryDataset
from .dataset import TrajectorySource as TrajectorySource
from .dataset import load_trajectories as load_trajectories
from .demonstrations import DemonstrationReplay as DemonstrationReplay
from .demonstrations import make_replay as make_replay
from .episodes import ActingPolicy as ActingPolicy
from .episodes import Episodes as Episodes
from .episodes import StepObserver as StepObserver
from .episodes import play_episodes as play_episodes
from .evaluate import MAX_ENVS as MAX_ENVS
from .evaluate import RolloutEvaluator as RolloutEvaluator
from .event_recorder import EventRecorder as EventRecorder
from .replay_buffer import ReplayBuffer as ReplayBuffer
from .replay_buffer import ReplayMark as ReplayMark
from .replay_buffer import Transitions as Transitions
from .trajectory import RolloutResult as RolloutResult
from .trajectory import TrajectoryRecorder as TrajectoryRecorder
from .trajectory import write_episodes as write_episodes
from .trajectory import write_rollout as write_rollout
from .workers import LocalWorkers as LocalWorkers
from .workers import ProcessWorkers as ProcessWorkers
from .workers import Workers as Workers

__all__ = [
    "MAX_ENVS",
    "ActingPolicy",
    "ActorHost",
    "ActorPlan",
    "ActorPool",
    "Collector",
    "DemonstrationReplay",
    "Episodes",
    "EventRecorder",
    "LocalWorkers",
    "ProcessWorkers",
    "ReplayBuffer",
    "ReplayMark",
    "Rollout",
    "RolloutEvaluator",
    "RolloutResult",
    "StepObserver",
    "TrajectoryDataset",
    "TrajectoryRecorder",
    "TrajectorySource",
    "Transitions",
    "Workers",
    "batch_rollouts",
    "load_trajectories",
    "make_replay",
    "plain_parameters",
    "play_episodes",
    "split_seeds",
    "write_episodes",
    "write_rollout",
]
