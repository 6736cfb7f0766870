__all__ = [
    "AgentModel",
    "DvcFacts",
    "FanOutTracker",
    "GitFacts",
    "JsonLinesTracker",
    "Lineage",
    "LoggedDataset",
    "MlflowTracker",
    "NullTracker",
    "RestoredStage",
    "RunDescription",
    "RunStatus",
    "StoreContents",
    "StoreLocation",
    "Tracker",
    "code_digest",
    "collect_lineage",
    "download_agent",
    "download_run",
    "dvc_facts",
    "environment_lock",
    "find_project_root",
    "flush_spool",
    "git_bytes",
    "git_facts",
    "git_output",
    "installed_version",
    "open_tracker",
    "origin_of",
    "project_store",
    "public_version",
    "resolve_store",
    "stage_key",
    "versions",
]

from .builds import installed_version as installed_version
from .builds import public_version as public_version
from .contents import StoreContents as StoreContents
from .description import AgentModel as AgentModel
from .description import LoggedDataset as LoggedDataset
from .description import RestoredStage as RestoredStage
from .description import RunDescription as RunDescription
from .description import RunStatus as RunStatus
from .download import download_agent as download_agent
from .download import download_run as download_run
from .download import origin_of as origin_of
from .flush import flush_spool as flush_spool
from .git import git_bytes as git_bytes
from .git import git_output as git_output
from .lineage import DvcFacts as DvcFacts
from .lineage import GitFacts as GitFacts
from .lineage import Lineage as Lineage
from .lineage import code_digest as code_digest
from .lineage import collect_lineage as collect_lineage
from .lineage import dvc_facts as dvc_facts
from .lineage import environment_lock as environment_lock
from .lineage import git_facts as git_facts
from .lineage import stage_key as stage_key
from .lineage import versions as versions
from .mlflow_tracker import MlflowTracker as MlflowTracker
from .mlflow_tracker import open_tracker as open_tracker
from .store import StoreLocation as StoreLocation
from .store import find_project_root as find_project_root
from .store import project_store as project_store
from .store import resolve_store as resolve_store
from .tracker import FanOutTracker as FanOutTracker
from .tracker import JsonLinesTracker as JsonLinesTracker
from .tracker import NullTracker as NullTracker
from .tracker import Tracker as Tracker
