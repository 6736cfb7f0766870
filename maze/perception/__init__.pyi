__all__ = [
    "ActionMaskingBlock",
    "Block",
    "ConcatModelBuilder",
    "ConcatenationBlock",
    "CorrelationBlock",
    "CustomModelComposer",
    "DenseBlock",
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
    "InferenceBlock",
    "InferenceGraph",
    "LSTMBlock",
    "LSTMLastStepBlock",
    "LSTMStateBlock",
    "LinearOutputBlock",
    "MaskedGlobalPoolingBlock",
    "MultiHeadAttentionBlock",
    "MultiIndexSlicingBlock",
    "ProbabilisticPolicyComposer",
    "RepeatToMatchBlock",
    "SelfAttentionConvBlock",
    "SelfAttentionSeqBlock",
    "SharedStateCriticComposer",
    "SliceBlock",
    "StateActionCriticComposer",
    "StateBlock",
    "StateCriticComposer",
    "StepStateActionCriticComposer",
    "StepStateCriticComposer",
    "StridedConvolutionBlock",
    "StridedConvolutionDenseBlock",
    "TemplateModelComposer",
    "TemplateNet",
    "TorchModelBlock",
    "VGGConvolutionBlock",
    "VGGConvolutionDenseBlock",
    "VGGConvolutionGAPBlock",
    "model_figures",
    "model_summary",
]

from .blocks.attention import MultiHeadAttentionBlock as MultiHeadAttentionBlock
from .blocks.attention import SelfAttentionConvBlock as SelfAttentionConvBlock
from .blocks.attention import SelfAttentionSeqBlock as SelfAttentionSeqBlock
from .blocks.base import Block as Block
from .blocks.convolution import StridedConvolutionBlock as StridedConvolutionBlock
from .blocks.convolution import VGGConvolutionBlock as VGGConvolutionBlock
from .blocks.dense import DenseBlock as DenseBlock
from .blocks.dense import FlattenBlock as FlattenBlock
from .blocks.dense import FlattenDenseBlock as FlattenDenseBlock
from .blocks.dense import LinearOutputBlock as LinearOutputBlock
from .blocks.general import ActionMaskingBlock as ActionMaskingBlock
from .blocks.general import ConcatenationBlock as ConcatenationBlock
from .blocks.general import CorrelationBlock as CorrelationBlock
from .blocks.general import FunctionalBlock as FunctionalBlock
from .blocks.general import MultiIndexSlicingBlock as MultiIndexSlicingBlock
from .blocks.general import RepeatToMatchBlock as RepeatToMatchBlock
from .blocks.general import SliceBlock as SliceBlock
from .blocks.general import TorchModelBlock as TorchModelBlock
from .blocks.inference import InferenceBlock as InferenceBlock
from .blocks.inference_graph import InferenceGraph as InferenceGraph
from .blocks.joint import StridedConvolutionDenseBlock as StridedConvolutionDenseBlock
from .blocks.joint import VGGConvolutionDenseBlock as VGGConvolutionDenseBlock
from .blocks.joint import VGGConvolutionGAPBlock as VGGConvolutionGAPBlock
from .blocks.pooling import GlobalAveragePoolingBlock as GlobalAveragePoolingBlock
from .blocks.pooling import MaskedGlobalPoolingBlock as MaskedGlobalPoolingBlock
from .blocks.recurrent import GRUBlock as GRUBlock
from .blocks.recurrent import GRULastStepBlock as GRULastStepBlock
from .blocks.recurrent import LSTMBlock as LSTMBlock
from .blocks.recurrent import LSTMLastStepBlock as LSTMLastStepBlock
from .blocks.stateful import GRUStateBlock as GRUStateBlock
from .blocks.stateful import LSTMStateBlock as LSTMStateBlock
from .blocks.stateful import StateBlock as StateBlock
from .builders import ConcatModelBuilder as ConcatModelBuilder
from .models.built_in.flatten_concat import FlattenConcatPolicyNet as FlattenConcatPolicyNet
from .models.built_in.flatten_concat import FlattenConcatStateActionValueNet as FlattenConcatStateActionValueNet
from .models.built_in.flatten_concat import FlattenConcatStateValueNet as FlattenConcatStateValueNet
from .models.built_in.flatten_concat_shared_embedding import (
    FlattenConcatSharedEmbeddingPolicyNet as FlattenConcatSharedEmbeddingPolicyNet,
)
from .models.built_in.flatten_concat_shared_embedding import (
    FlattenConcatSharedEmbeddingStateValueNet as FlattenConcatSharedEmbeddingStateValueNet,
)
from .models.composers import CustomModelComposer as CustomModelComposer
from .models.composers import TemplateModelComposer as TemplateModelComposer
from .models.critics import SharedStateCriticComposer as SharedStateCriticComposer
from .models.critics import StateCriticComposer as StateCriticComposer
from .models.critics import StepStateCriticComposer as StepStateCriticComposer
from .models.policies import ProbabilisticPolicyComposer as ProbabilisticPolicyComposer
from .models.state_action_critics import StateActionCriticComposer as StateActionCriticComposer
from .models.state_action_critics import StepStateActionCriticComposer as StepStateActionCriticComposer
from .summary import model_figures as model_figures
from .summary import model_summary as model_summary
from .template_net import TemplateNet as TemplateNet
