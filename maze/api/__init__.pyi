from . import run_context as run_context
from . import specs as specs
from .run_context import RunContext as RunContext

__all__ = ["RunContext", "run_context", "specs"]
