__all__ = [
    "ActionHead",
    "Bernoulli",
    "BernoulliHead",
    "Beta",
    "BetaHead",
    "Categorical",
    "CategoricalHead",
    "ClippedGaussian",
    "DiagonalGaussian",
    "DiagonalGaussianHead",
    "DictDistribution",
    "Distribution",
    "DistributionMapper",
    "MultiCategorical",
    "MultiCategoricalHead",
    "SquashedGaussian",
    "SquashedGaussianHead",
]

from .beta import Beta as Beta
from .beta import BetaHead as BetaHead
from .clipped_gaussian import ClippedGaussian as ClippedGaussian
from .gaussian import DiagonalGaussian as DiagonalGaussian
from .gaussian import SquashedGaussian as SquashedGaussian
from .heads import ActionHead as ActionHead
from .heads import BernoulliHead as BernoulliHead
from .heads import CategoricalHead as CategoricalHead
from .heads import DiagonalGaussianHead as DiagonalGaussianHead
from .heads import MultiCategoricalHead as MultiCategoricalHead
from .heads import SquashedGaussianHead as SquashedGaussianHead
from .mapper import DistributionMapper as DistributionMapper
from .torch_dist import Bernoulli as Bernoulli
from .torch_dist import Categorical as Categorical
from .torch_dist import DictDistribution as DictDistribution
from .torch_dist import Distribution as Distribution
from .torch_dist import MultiCategorical as MultiCategorical
