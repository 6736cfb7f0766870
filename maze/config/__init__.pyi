from . import canonical as canonical
from .compose import config_directory as config_directory
from .compose import group_options as group_options
from .compose import groups as groups
from .compose import option_with_target as option_with_target
from .describe import class_to_target as class_to_target
from .describe import with_objects as with_objects
from .factory import Factory as Factory
from .installed import installed_modules as installed_modules
from .installed import package_directory as package_directory
from .overrides import apply_values as apply_values
from .schema import EvaluationConfig as EvaluationConfig
from .schema import RolloutConfig as RolloutConfig
from .schema import RunConfig as RunConfig
from .schema import RunnerConfig as RunnerConfig
from .schema import SeedingConfig as SeedingConfig
from .schema import TrackingConfig as TrackingConfig
from .targets import allow_modules as allow_modules
from .targets import resolve_target as resolve_target
from .validation import validate_fields as validate_fields

__all__ = [
    "EvaluationConfig",
    "Factory",
    "RolloutConfig",
    "RunConfig",
    "RunnerConfig",
    "SeedingConfig",
    "TrackingConfig",
    "allow_modules",
    "apply_values",
    "canonical",
    "class_to_target",
    "config_directory",
    "group_options",
    "groups",
    "installed_modules",
    "option_with_target",
    "package_directory",
    "resolve_target",
    "validate_fields",
    "with_objects",
]
