__all__ = [
    "Block",
    "ConcatModelBuilder",
    "ConcatenationBlock",
    "CustomModelComposer",
    "DenseBlock",
    "FlattenBlock",
    "FlattenConcatPolicyNet",
    "FlattenConcatStateValueNet",
    "LinearOutputBlock",
    "ProbabilisticPolicyComposer",
    "StateCriticComposer",
    "TemplateModelComposer",
    "TemplateNet",
]

from .blocks import Block as Block
from .blocks import ConcatenationBlock as ConcatenationBlock
from .blocks import DenseBlock as DenseBlock
from .blocks import FlattenBlock as FlattenBlock
from .blocks import LinearOutputBlock as LinearOutputBlock
from .builders import ConcatModelBuilder as ConcatModelBuilder
from .builders import TemplateNet as TemplateNet
from .models.built_in.flatten_concat import FlattenConcatPolicyNet as FlattenConcatPolicyNet
from .models.built_in.flatten_concat import FlattenConcatStateValueNet as FlattenConcatStateValueNet
from .models.composers import CustomModelComposer as CustomModelComposer
from .models.composers import TemplateModelComposer as TemplateModelComposer
from .models.critics import StateCriticComposer as StateCriticComposer
from .models.policies import ProbabilisticPolicyComposer as ProbabilisticPolicyComposer
