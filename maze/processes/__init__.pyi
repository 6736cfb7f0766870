__all__ = ["SharedArrays", "WorkerGroup", "WorkerProcess", "usable_cpus"]

from .group import WorkerGroup as WorkerGroup
from .group import usable_cpus as usable_cpus
from .shared_arrays import SharedArrays as SharedArrays
from .worker_process import WorkerProcess as WorkerProcess
