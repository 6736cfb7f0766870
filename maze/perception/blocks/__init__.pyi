__all__ = [
    "MASKED_LOGIT",
    "ActionMaskingBlock",
    "Block",
    "ConcatenationBlock",
    "CorrelationBlock",
    "DenseBlock",
    "FlattenBlock",
    "FlattenDenseBlock",
    "FunctionalBlock",
    "GRUBlock",
    "GRULastStepBlock",
    "GRUStateBlock",
    "GlobalAveragePoolingBlock",
    "InferenceBlock",
    "InferenceGraph",
    "Keys",
    "LSTMBlock",
    "LSTMLastStepBlock",
    "LSTMStateBlock",
    "LinearOutputBlock",
    "MaskedGlobalPoolingBlock",
    "MultiHeadAttentionBlock",
    "MultiIndexSlicingBlock",
    "NonLinearity",
    "RepeatToMatchBlock",
    "SelfAttentionConvBlock",
    "SelfAttentionSeqBlock",
    "Shape",
    "Shapes",
    "SliceBlock",
    "StateBlock",
    "StridedConvolutionBlock",
    "StridedConvolutionDenseBlock",
    "TorchModelBlock",
    "VGGConvolutionBlock",
    "VGGConvolutionDenseBlock",
    "VGGConvolutionGAPBlock",
    "as_keys",
    "as_shapes",
    "check_widths",
    "concatenate_flat",
    "dense_layers",
    "flatten_batch",
    "floating",
    "resolve_non_linearity",
    "scaled_image",
]

from .attention import MultiHeadAttentionBlock as MultiHeadAttentionBlock
from .attention import SelfAttentionConvBlock as SelfAttentionConvBlock
from .attention import SelfAttentionSeqBlock as SelfAttentionSeqBlock
from .base import Block as Block
from .base import Keys as Keys
from .base import NonLinearity as NonLinearity
from .base import Shape as Shape
from .base import Shapes as Shapes
from .base import as_keys as as_keys
from .base import as_shapes as as_shapes
from .base import concatenate_flat as concatenate_flat
from .base import flatten_batch as flatten_batch
from .base import floating as floating
from .base import resolve_non_linearity as resolve_non_linearity
from .convolution import StridedConvolutionBlock as StridedConvolutionBlock
from .convolution import VGGConvolutionBlock as VGGConvolutionBlock
from .convolution import scaled_image as scaled_image
from .dense import DenseBlock as DenseBlock
from .dense import FlattenBlock as FlattenBlock
from .dense import FlattenDenseBlock as FlattenDenseBlock
from .dense import LinearOutputBlock as LinearOutputBlock
from .dense import dense_layers as dense_layers
from .general import MASKED_LOGIT as MASKED_LOGIT
from .general import ActionMaskingBlock as ActionMaskingBlock
from .general import ConcatenationBlock as ConcatenationBlock
from .general import CorrelationBlock as CorrelationBlock
from .general import FunctionalBlock as FunctionalBlock
from .general import MultiIndexSlicingBlock as MultiIndexSlicingBlock
from .general import RepeatToMatchBlock as RepeatToMatchBlock
from .general import SliceBlock as SliceBlock
from .general import TorchModelBlock as TorchModelBlock
from .inference import InferenceBlock as InferenceBlock
from .inference_graph import InferenceGraph as InferenceGraph
from .joint import StridedConvolutionDenseBlock as StridedConvolutionDenseBlock
from .joint import VGGConvolutionDenseBlock as VGGConvolutionDenseBlock
from .joint import VGGConvolutionGAPBlock as VGGConvolutionGAPBlock
from .parameters import check_widths as check_widths
from .pooling import GlobalAveragePoolingBlock as GlobalAveragePoolingBlock
from .pooling import MaskedGlobalPoolingBlock as MaskedGlobalPoolingBlock
from .recurrent import GRUBlock as GRUBlock
from .recurrent import GRULastStepBlock as GRULastStepBlock
from .recurrent import LSTMBlock as LSTMBlock
from .recurrent import LSTMLastStepBlock as LSTMLastStepBlock
from .stateful import GRUStateBlock as GRUStateBlock
from .stateful import LSTMStateBlock as LSTMStateBlock
from .stateful import StateBlock as StateBlock
