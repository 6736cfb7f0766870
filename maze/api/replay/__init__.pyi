from .report import ReplayReport as ReplayReport
from .run import replay as replay

__all__ = ["ReplayReport", "replay"]
