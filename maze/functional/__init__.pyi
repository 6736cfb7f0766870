from .batching import minibatches as minibatches
from .batching import part as part
from .evolution import antithetic_gradient as antithetic_gradient
from .evolution import centered_ranks as centered_ranks
from .losses import approximate_kl as approximate_kl
from .losses import clipped_surrogate_gradient as clipped_surrogate_gradient
from .losses import clipped_surrogate_loss as clipped_surrogate_loss
from .losses import policy_gradient_loss as policy_gradient_loss
from .losses import value_gradient as value_gradient
from .losses import value_loss as value_loss
from .returns import explained_variance as explained_variance
from .returns import gae as gae
from .returns import normalize as normalize
from .returns import vtrace as vtrace
from .soft_actor_critic import one_step_target as one_step_target
from .soft_actor_critic import soft_value as soft_value
from .soft_actor_critic import soft_value_of_discrete as soft_value_of_discrete
from .soft_actor_critic import squared_error_of_critics as squared_error_of_critics
from .soft_actor_critic import temperature_gradient as temperature_gradient

__all__ = [
    "antithetic_gradient",
    "approximate_kl",
    "centered_ranks",
    "clipped_surrogate_gradient",
    "clipped_surrogate_loss",
    "explained_variance",
    "gae",
    "minibatches",
    "normalize",
    "one_step_target",
    "part",
    "policy_gradient_loss",
    "soft_value",
    "soft_value_of_discrete",
    "squared_error_of_critics",
    "temperature_gradient",
    "value_gradient",
    "value_loss",
    "vtrace",
]
