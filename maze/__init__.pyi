from .agents import ActorCritic as ActorCritic
from .agents import Adam as Adam
from .agents import ArrayForward as ArrayForward
from .agents import DensePlan as DensePlan
from .agents import DummyCartPolePolicy as DummyCartPolePolicy
from .agents import HeuristicLunarLanderPolicy as HeuristicLunarLanderPolicy
from .agents import JointPass as JointPass
from .agents import PopulationPolicy as PopulationPolicy
from .agents import RandomPolicy as RandomPolicy
from .agents import StepNetworks as StepNetworks
from .agents import TorchPolicy as TorchPolicy
from .agents import TorchStateActionCritic as TorchStateActionCritic
from .agents import TorchStateCritic as TorchStateCritic
from .agents import compile_numpy as compile_numpy
from .api.datasets import write_minari as write_minari
from .api.multirun.results import JobFailure as JobFailure
from .api.replay import ReplayReport as ReplayReport
from .api.replay import replay as replay
from .api.rollouts import run_rollout as run_rollout
from .api.run_context import RunContext as RunContext
from .api.tuning.outcome import SearchResult as SearchResult
from .api.tuning.run import tune as tune
from .api.tuning.search import Search as Search
from .config import EvaluationConfig as EvaluationConfig
from .config import Factory as Factory
from .config import RolloutConfig as RolloutConfig
from .config import RunConfig as RunConfig
from .config import RunnerConfig as RunnerConfig
from .config import SeedingConfig as SeedingConfig
from .config import TrackingConfig as TrackingConfig
from .config.rollout_run import RolloutRunnerConfig as RolloutRunnerConfig
from .distributions import ActionHead as ActionHead
from .distributions import Bernoulli as Bernoulli
from .distributions import BernoulliHead as BernoulliHead
from .distributions import Beta as Beta
from .distributions import BetaHead as BetaHead
from .distributions import Categorical as Categorical
from .distributions import CategoricalHead as CategoricalHead
from .distributions import ClippedGaussian as ClippedGaussian
from .distributions import DiagonalGaussian as DiagonalGaussian
from .distributions import DiagonalGaussianHead as DiagonalGaussianHead
from .distributions import DictDistribution as DictDistribution
from .distributions import DistributionMapper as DistributionMapper
from .distributions import MultiCategorical as MultiCategorical
from .distributions import MultiCategoricalHead as MultiCategoricalHead
from .distributions import SquashedGaussian as SquashedGaussian
from .distributions import SquashedGaussianHead as SquashedGaussianHead
from .env import ActionConversionInterface as ActionConversionInterface
from .env import ActionMaskWrapper as ActionMaskWrapper
from .env import ActionWrapper as ActionWrapper
from .env import CoreEnv as CoreEnv
from .env import CoreMazeEnv as CoreMazeEnv
from .env import DictActionWrapper as DictActionWrapper
from .env import DictObservationWrapper as DictObservationWrapper
from .env import DiscretizeActionsWrapper as DiscretizeActionsWrapper
from .env import EnvironmentContext as EnvironmentContext
from .env import ExportGifWrapper as ExportGifWrapper
from .env import GymMazeEnv as GymMazeEnv
from .env import LogStatsWrapper as LogStatsWrapper
from .env import MazeEnv as MazeEnv
from .env import MazeEnvMonitoringWrapper as MazeEnvMonitoringWrapper
from .env import NativeCartPoleVectorEnv as NativeCartPoleVectorEnv
from .env import NoDictActionWrapper as NoDictActionWrapper
from .env import NoDictObservationWrapper as NoDictObservationWrapper
from .env import NoDictSpacesWrapper as NoDictSpacesWrapper
from .env import ObservationClippingWrapper as ObservationClippingWrapper
from .env import ObservationConversionInterface as ObservationConversionInterface
from .env import ObservationNormalizationWrapper as ObservationNormalizationWrapper
from .env import ObservationStackWrapper as ObservationStackWrapper
from .env import ObservationWrapper as ObservationWrapper
from .env import PreProcessingWrapper as PreProcessingWrapper
from .env import PreProcessor as PreProcessor
from .env import ProcessVectorEnv as ProcessVectorEnv
from .env import RandomResetWrapper as RandomResetWrapper
from .env import ReturnNormalizationRewardWrapper as ReturnNormalizationRewardWrapper
from .env import RewardAggregatorInterface as RewardAggregatorInterface
from .env import RewardClippingWrapper as RewardClippingWrapper
from .env import RewardScalingWrapper as RewardScalingWrapper
from .env import RewardWrapper as RewardWrapper
from .env import SimpleStatsLoggingSetup as SimpleStatsLoggingSetup
from .env import SplitActionsWrapper as SplitActionsWrapper
from .env import StatefulVectorEnv as StatefulVectorEnv
from .env import StatefulWrapper as StatefulWrapper
from .env import StepSkipWrapper as StepSkipWrapper
from .env import SyncVectorEnv as SyncVectorEnv
from .env import TimeLimitWrapper as TimeLimitWrapper
from .env import TrajectoryRecordingWrapper as TrajectoryRecordingWrapper
from .env import VectorEnv as VectorEnv
from .env import VectorStep as VectorStep
from .env import WrappedVectorEnv as WrappedVectorEnv
from .env import Wrapper as Wrapper
from .env import as_gymnasium as as_gymnasium
from .env import estimate_statistics as estimate_statistics
from .env import make_gym_maze_env as make_gym_maze_env
from .env import make_vector_env as make_vector_env
from .env import mask_keys as mask_keys
from .env import space_from_json as space_from_json
from .env import space_to_json as space_to_json
from .env import to_dict_space as to_dict_space
from .errors import ArtifactError as ArtifactError
from .errors import EnvError as EnvError
from .errors import InvalidSpecificationError as InvalidSpecificationError
from .errors import MazeError as MazeError
from .errors import NoSnapshotError as NoSnapshotError
from .errors import RunContextError as RunContextError
from .errors import TrackingError as TrackingError
from .errors import TrainingError as TrainingError
from .launchers import JoblibLauncher as JoblibLauncher
from .launchers import SerialLauncher as SerialLauncher
from .perception import ActionMaskingBlock as ActionMaskingBlock
from .perception import Block as Block
from .perception import ConcatenationBlock as ConcatenationBlock
from .perception import ConcatModelBuilder as ConcatModelBuilder
from .perception import CorrelationBlock as CorrelationBlock
from .perception import CustomModelComposer as CustomModelComposer
from .perception import DenseBlock as DenseBlock
from .perception import FlattenBlock as FlattenBlock
from .perception import FlattenConcatPolicyNet as FlattenConcatPolicyNet
from .perception import FlattenConcatSharedEmbeddingPolicyNet as FlattenConcatSharedEmbeddingPolicyNet
from .perception import FlattenConcatSharedEmbeddingStateValueNet as FlattenConcatSharedEmbeddingStateValueNet
from .perception import FlattenConcatStateActionValueNet as FlattenConcatStateActionValueNet
from .perception import FlattenConcatStateValueNet as FlattenConcatStateValueNet
from .perception import FlattenDenseBlock as FlattenDenseBlock
from .perception import FunctionalBlock as FunctionalBlock
from .perception import GlobalAveragePoolingBlock as GlobalAveragePoolingBlock
from .perception import GRUBlock as GRUBlock
from .perception import GRULastStepBlock as GRULastStepBlock
from .perception import GRUStateBlock as GRUStateBlock
from .perception import InferenceBlock as InferenceBlock
from .perception import InferenceGraph as InferenceGraph
from .perception import LinearOutputBlock as LinearOutputBlock
from .perception import LSTMBlock as LSTMBlock
from .perception import LSTMLastStepBlock as LSTMLastStepBlock
from .perception import LSTMStateBlock as LSTMStateBlock
from .perception import MaskedGlobalPoolingBlock as MaskedGlobalPoolingBlock
from .perception import MultiHeadAttentionBlock as MultiHeadAttentionBlock
from .perception import MultiIndexSlicingBlock as MultiIndexSlicingBlock
from .perception import ProbabilisticPolicyComposer as ProbabilisticPolicyComposer
from .perception import RepeatToMatchBlock as RepeatToMatchBlock
from .perception import SelfAttentionConvBlock as SelfAttentionConvBlock
from .perception import SelfAttentionSeqBlock as SelfAttentionSeqBlock
from .perception import SharedStateCriticComposer as SharedStateCriticComposer
from .perception import SliceBlock as SliceBlock
from .perception import StateActionCriticComposer as StateActionCriticComposer
from .perception import StateBlock as StateBlock
from .perception import StateCriticComposer as StateCriticComposer
from .perception import StepStateActionCriticComposer as StepStateActionCriticComposer
from .perception import StepStateCriticComposer as StepStateCriticComposer
from .perception import StridedConvolutionBlock as StridedConvolutionBlock
from .perception import StridedConvolutionDenseBlock as StridedConvolutionDenseBlock
from .perception import TemplateModelComposer as TemplateModelComposer
from .perception import TemplateNet as TemplateNet
from .perception import TorchModelBlock as TorchModelBlock
from .perception import VGGConvolutionBlock as VGGConvolutionBlock
from .perception import VGGConvolutionDenseBlock as VGGConvolutionDenseBlock
from .perception import VGGConvolutionGAPBlock as VGGConvolutionGAPBlock
from .perception import model_figures as model_figures
from .perception import model_summary as model_summary
from .rollout import ActingPolicy as ActingPolicy
from .rollout import ActorHost as ActorHost
from .rollout import ActorPlan as ActorPlan
from .rollout import ActorPool as ActorPool
from .rollout import Collector as Collector
from .rollout import DemonstrationReplay as DemonstrationReplay
from .rollout import Episodes as Episodes
from .rollout import EventRecorder as EventRecorder
from .rollout import LocalWorkers as LocalWorkers
from .rollout import ProcessWorkers as ProcessWorkers
from .rollout import ReplayBuffer as ReplayBuffer
from .rollout import ReplayMark as ReplayMark
from .rollout import Rollout as Rollout
from .rollout import RolloutEvaluator as RolloutEvaluator
from .rollout import RolloutResult as RolloutResult
from .rollout import StepObserver as StepObserver
from .rollout import TrajectoryDataset as TrajectoryDataset
from .rollout import TrajectoryRecorder as TrajectoryRecorder
from .rollout import Transitions as Transitions
from .rollout import Workers as Workers
from .rollout import load_trajectories as load_trajectories
from .rollout import play_episodes as play_episodes
from .rollout import write_episodes as write_episodes
from .rollout import write_rollout as write_rollout
from .statistics import ActionEvents as ActionEvents
from .statistics import BaseEnvEvents as BaseEnvEvents
from .statistics import ConsoleWriter as ConsoleWriter
from .statistics import EpisodeBatch as EpisodeBatch
from .statistics import EpisodeEvents as EpisodeEvents
from .statistics import EpisodeStatistics as EpisodeStatistics
from .statistics import EpisodeTracker as EpisodeTracker
from .statistics import EpochStatistics as EpochStatistics
from .statistics import EventCall as EventCall
from .statistics import EventLog as EventLog
from .statistics import EventRecord as EventRecord
from .statistics import EventService as EventService
from .statistics import EventStats as EventStats
from .statistics import JsonLinesWriter as JsonLinesWriter
from .statistics import KpiCalculator as KpiCalculator
from .statistics import LogStatsAggregator as LogStatsAggregator
from .statistics import LogStatsKey as LogStatsKey
from .statistics import LogStatsLevel as LogStatsLevel
from .statistics import LogStatsWriter as LogStatsWriter
from .statistics import ObservationEvents as ObservationEvents
from .statistics import Plot as Plot
from .statistics import Pubsub as Pubsub
from .statistics import RewardEvents as RewardEvents
from .statistics import Subscriber as Subscriber
from .statistics import TensorboardWriter as TensorboardWriter
from .statistics import TrackerWriter as TrackerWriter
from .statistics import ValueSample as ValueSample
from .statistics import WriterGroup as WriterGroup
from .statistics import define_episode_stats as define_episode_stats
from .statistics import define_epoch_stats as define_epoch_stats
from .statistics import define_plot as define_plot
from .statistics import define_stats_grouping as define_stats_grouping
from .statistics import define_step_stats as define_step_stats
from .statistics import distribution_of as distribution_of
from .statistics import event_tags as event_tags
from .statistics import events_of as events_of
from .statistics import statistic_name as statistic_name
from .statistics import step_statistics as step_statistics
from .statistics import summarise_episodes as summarise_episodes
from .trainers import A2C as A2C
from .trainers import BC as BC
from .trainers import ES as ES
from .trainers import IMPALA as IMPALA
from .trainers import PPO as PPO
from .trainers import SAC as SAC
from .trainers import A2CAlgorithmConfig as A2CAlgorithmConfig
from .trainers import AlgorithmConfig as AlgorithmConfig
from .trainers import BCAlgorithmConfig as BCAlgorithmConfig
from .trainers import EpochListener as EpochListener
from .trainers import EpochReport as EpochReport
from .trainers import ESAlgorithmConfig as ESAlgorithmConfig
from .trainers import ImpalaAlgorithmConfig as ImpalaAlgorithmConfig
from .trainers import PPOAlgorithmConfig as PPOAlgorithmConfig
from .trainers import SACAlgorithmConfig as SACAlgorithmConfig
from .trainers import Schedule as Schedule
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
    "SAC",
    "A2CAlgorithmConfig",
    "ActingPolicy",
    "ActionConversionInterface",
    "ActionEvents",
    "ActionHead",
    "ActionMaskWrapper",
    "ActionMaskingBlock",
    "ActionWrapper",
    "ActorCritic",
    "ActorHost",
    "ActorID",
    "ActorPlan",
    "ActorPool",
    "Adam",
    "AlgorithmConfig",
    "ArrayForward",
    "ArtifactError",
    "BCAlgorithmConfig",
    "BaseEnvEvents",
    "Bernoulli",
    "BernoulliHead",
    "Beta",
    "BetaHead",
    "Block",
    "Categorical",
    "CategoricalHead",
    "ClippedGaussian",
    "Collector",
    "ConcatModelBuilder",
    "ConcatenationBlock",
    "ConsoleWriter",
    "CoreEnv",
    "CoreMazeEnv",
    "CorrelationBlock",
    "CustomModelComposer",
    "DemonstrationReplay",
    "DenseBlock",
    "DensePlan",
    "DiagonalGaussian",
    "DiagonalGaussianHead",
    "DictActionWrapper",
    "DictDistribution",
    "DictObservationWrapper",
    "DiscretizeActionsWrapper",
    "DistributionMapper",
    "DummyCartPolePolicy",
    "ESAlgorithmConfig",
    "EnvError",
    "EnvironmentContext",
    "EpisodeBatch",
    "EpisodeEvents",
    "EpisodeStatistics",
    "EpisodeTracker",
    "Episodes",
    "EpochListener",
    "EpochReport",
    "EpochStatistics",
    "EvaluationConfig",
    "EventCall",
    "EventLog",
    "EventRecord",
    "EventRecorder",
    "EventService",
    "EventStats",
    "ExportGifWrapper",
    "Factory",
    "FlattenBlock",
    "FlattenConcatPolicyNet",
    "FlattenConcatSharedEmbeddingPolicyNet",
    "FlattenConcatSharedEmbeddingStateValueNet",
    "FlattenConcatStateActionValueNet",
    "FlattenConcatStateValueNet",
    "FlattenDenseBlock",
    "FunctionalBlock",
    "GRUBlock",
    "GRULastStepBlock",
    "GRUStateBlock",
    "GlobalAveragePoolingBlock",
    "GymMazeEnv",
    "HeuristicLunarLanderPolicy",
    "ImpalaAlgorithmConfig",
    "InferenceBlock",
    "InferenceGraph",
    "InvalidSpecificationError",
    "JobFailure",
    "JoblibLauncher",
    "JointPass",
    "JsonLinesWriter",
    "KpiCalculator",
    "LSTMBlock",
    "LSTMLastStepBlock",
    "LSTMStateBlock",
    "LinearOutputBlock",
    "LocalWorkers",
    "LogStatsAggregator",
    "LogStatsKey",
    "LogStatsLevel",
    "LogStatsWrapper",
    "LogStatsWriter",
    "MaskedGlobalPoolingBlock",
    "MazeEnv",
    "MazeEnvMonitoringWrapper",
    "MazeError",
    "MultiCategorical",
    "MultiCategoricalHead",
    "MultiHeadAttentionBlock",
    "MultiIndexSlicingBlock",
    "NativeCartPoleVectorEnv",
    "NoDictActionWrapper",
    "NoDictObservationWrapper",
    "NoDictSpacesWrapper",
    "NoSnapshotError",
    "ObservationClippingWrapper",
    "ObservationConversionInterface",
    "ObservationEvents",
    "ObservationNormalizationWrapper",
    "ObservationStackWrapper",
    "ObservationWrapper",
    "PPOAlgorithmConfig",
    "Plot",
    "PopulationPolicy",
    "PreProcessingWrapper",
    "PreProcessor",
    "ProbabilisticPolicyComposer",
    "ProcessVectorEnv",
    "ProcessWorkers",
    "Pubsub",
    "RandomPolicy",
    "RandomResetWrapper",
    "RepeatToMatchBlock",
    "ReplayBuffer",
    "ReplayMark",
    "ReplayReport",
    "ReturnNormalizationRewardWrapper",
    "RewardAggregatorInterface",
    "RewardClippingWrapper",
    "RewardEvents",
    "RewardScalingWrapper",
    "RewardWrapper",
    "Rollout",
    "RolloutConfig",
    "RolloutEvaluator",
    "RolloutResult",
    "RolloutRunnerConfig",
    "RunConfig",
    "RunContext",
    "RunContextError",
    "RunnerConfig",
    "SACAlgorithmConfig",
    "Schedule",
    "Search",
    "SearchResult",
    "SeedingConfig",
    "SelfAttentionConvBlock",
    "SelfAttentionSeqBlock",
    "SerialLauncher",
    "SharedStateCriticComposer",
    "SimpleStatsLoggingSetup",
    "SliceBlock",
    "SplitActionsWrapper",
    "SquashedGaussian",
    "SquashedGaussianHead",
    "StateActionCriticComposer",
    "StateBlock",
    "StateCriticComposer",
    "StatefulVectorEnv",
    "StatefulWrapper",
    "StepNetworks",
    "StepObserver",
    "StepSkipWrapper",
    "StepStateActionCriticComposer",
    "StepStateCriticComposer",
    "StridedConvolutionBlock",
    "StridedConvolutionDenseBlock",
    "Subscriber",
    "SyncVectorEnv",
    "TemplateModelComposer",
    "TemplateNet",
    "TensorboardWriter",
    "TimeLimitWrapper",
    "TorchModelBlock",
    "TorchPolicy",
    "TorchStateActionCritic",
    "TorchStateCritic",
    "TrackerWriter",
    "TrackingConfig",
    "TrackingError",
    "Trainer",
    "TrainerParts",
    "TrainingError",
    "TrainingSummary",
    "TrajectoryDataset",
    "TrajectoryRecorder",
    "TrajectoryRecordingWrapper",
    "Transitions",
    "VGGConvolutionBlock",
    "VGGConvolutionDenseBlock",
    "VGGConvolutionGAPBlock",
    "ValueSample",
    "VectorEnv",
    "VectorStep",
    "Workers",
    "WrappedVectorEnv",
    "Wrapper",
    "WriterGroup",
    "as_gymnasium",
    "compile_numpy",
    "define_episode_stats",
    "define_epoch_stats",
    "define_plot",
    "define_stats_grouping",
    "define_step_stats",
    "distribution_of",
    "estimate_statistics",
    "event_tags",
    "events_of",
    "load_trajectories",
    "make_gym_maze_env",
    "make_vector_env",
    "mask_keys",
    "model_figures",
    "model_summary",
    "play_episodes",
    "replay",
    "run_rollout",
    "space_from_json",
    "space_to_json",
    "statistic_name",
    "step_statistics",
    "summarise_episodes",
    "to_dict_space",
    "tune",
    "write_episodes",
    "write_minari",
    "write_rollout",
]
