"""Every stage depends, in dvc.yaml, on the code that decides its results, and on no other."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.integration.project import REPOSITORY, SILENT, Project

pytestmark = pytest.mark.slow

STAGES = ("compose", "train", "rollout", "evaluate", "report")

CHANGES_NO_RESULT = {
    "maze/errors.py": "words of errors: a stage that raises one has no result",
    "maze/api/component_remedies.py": "tells objects apart for their refusal; params.yaml gives values and no objects",
    "maze/types.py": "names of types for annotations",
    "maze/tracking/*": "tells MLflow what happened and writes nothing but the record",
    "maze/api/pipeline.py": "names the run in MLflow",
    "maze/api/leaving.py": "ends a stage whose DVC is gone: a stage that was interrupted has no result",
    "maze/api/slices.py": "keeps a second process from the same slice, which then has no result",
    "maze/api/signals.py": "a stage that was interrupted has no result",
    "maze/api/record/*.py": "writes the record; params.yaml gives values and no objects",
    "maze/api/continuation.py": "a stage goes on from nothing: it neither reads nor writes checkpoints",
    "maze/api/statistics_writers.py": "writes statistics besides, for people; no output of a stage is among them",
    "maze/state_files.py": "a stage goes on from nothing: it neither reads nor writes checkpoints",
    "maze/processes/*": "loaded with runner=local alone; carries steps, with the results of one process, bit for bit",
    "maze/launchers.py": "starts the jobs of multi-runs, of which a stage is none",
    "maze/api/multirun/*.py": "multi-runs, of which a stage is none",
    "maze/conf/*": "the folder conf/ itself, of which the package is a link",
}
"""Imported by stages that do not depend on it, and why an edit of it cannot make their results stale."""

CHANGES_NO_RESULT_AFTER_COMPOSE = {
    "maze/api/arguments.py": "what users write was read by compose",
    "maze/api/checks.py": "what users write was checked by compose",
    "maze/api/components.py": "what users write was read by compose",
    "maze/api/literals.py": "what users write was checked by compose",
    "maze/api/model_checks.py": "what users write was checked by compose",
    "maze/api/model_needs.py": "what users write was checked by compose",
    "maze/api/network_checks.py": "what users write was checked by compose",
    "maze/api/target_checks.py": "what users write was checked by compose",
    "maze/api/quiet.py": "what is shown on the screen",
    "maze/api/specs.py": "what users write was read by compose; the stages call its check of seeds alone",
    "maze/config/*": "build/config.yaml holds every value, and DVC compares them; reading them back changes none",
    "stages/settings.py": "names of files, which dvc.yaml states as well: a stage that misses its outputs fails",
}
"""The same for all stages but the first."""

CHANGES_NO_RESULT_OF = {
    "compose": {
        "maze/env/*": "says whether there is such an environment: a value is refused or taken as it is",
        "maze/statistics/*": "what environments tell when they run, which compose does not",
    },
    "train": {
        "maze/report/*": "progress bar and figures for MLflow",
    },
    "rollout": {
        "maze/api/session.py": "writes the record",
        "maze/report/*": "figures for MLflow",
        "maze/trainers/*": "fields of the algorithm, of which acting uses the device alone",
    },
    "evaluate": {
        "maze/api/session.py": "writes the record",
        "maze/report/*": "figures for MLflow",
        "maze/trainers/*": "fields of the algorithm, of which the section evaluation replaces what is used here",
    },
    "report": {
        "maze/env/*": "reads spaces for the model in MLflow",
        "maze/distributions/*": "what users write was checked by compose",
        "maze/perception/*": "what users write was checked by compose",
        "maze/statistics/*": "names of numbers in MLflow",
        "maze/trainers/*": "fields of the algorithm, which are read and not used",
    },
}
"""The same for single stages."""

HEAVY = {
    "IPython",
    "cloudpickle",
    "dvc",
    "fastapi",
    "flask",
    "gym",
    "gymnasium",
    "h5py",
    "hydra",
    "joblib",
    "matplotlib",
    "minari",
    "mlflow",
    "numpy",
    "omegaconf",
    "pandas",
    "pyarrow",
    "pydantic",
    "rich",
    "safetensors",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "stable_baselines3",
    "tensorboard",
    "torch",
    "tqdm",
}
"""Packages whose import takes long enough to notice, as a stage of seconds does."""

_EVERYWHERE = "gymnasium numpy omegaconf pydantic"
_ACTING = f"{_EVERYWHERE} safetensors torch tqdm"
_TABLES = "cloudpickle pyarrow"  # Arrow brings the other along
USED = {
    "compose": f"{_EVERYWHERE} hydra",
    "train": f"{_ACTING} rich",
    "rollout": f"{_ACTING} {_TABLES}",
    "evaluate": f"{_ACTING} {_TABLES}",
    "report": f"{_EVERYWHERE} {_TABLES} matplotlib",
}
"""The heavy packages that each stage loads, with tracking off; MLflow is imported by a process of its own."""

IMPORTED = """
import atexit, json, runpy, sys
from pathlib import Path
here, report, name = Path.cwd(), Path(sys.argv[1]), sys.argv[2]
def write():
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    paths = [Path(file) for file in files if file and Path(file).is_relative_to(here)]
    own = sorted(path.relative_to(here).as_posix() for path in paths)
    report.write_text(json.dumps({"own": own, "packages": sorted({name.partition(".")[0] for name in sys.modules})}))
atexit.register(write)
sys.argv = sys.argv[2:]
runpy.run_module(name, run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Project:
    return make_project(set=SILENT)


@pytest.fixture(scope="module")
def loaded(project: Project) -> dict[str, dict[str, list[str]]]:
    """Return what each stage imports when it runs: the project's ``own`` files, and top-level ``packages``."""
    found = {}
    for stage in STAGES:
        listing = project.root.parent / f"{stage}.json"
        seed = ["--seed", "0"] if stage in ("train", "rollout", "evaluate") else []
        outcome = project.python("-c", IMPORTED, str(listing), f"stages.{stage}", *seed)
        assert outcome.status == 0, outcome.text
        found[stage] = json.loads(listing.read_text())
    return found


@pytest.fixture(scope="module")
def imported(loaded: dict[str, dict[str, list[str]]]) -> dict[str, list[str]]:
    """Return the project's own files that each stage imports when it runs."""
    return {stage: found["own"] for stage, found in loaded.items()}


def dependencies(project: Project, stage: str) -> list[str]:
    """Return the code that a stage names in dvc.yaml, `conf` and results of other stages left out."""
    listed = project.yaml("dvc.yaml")["stages"][stage]["deps"]
    return [name for name in listed if name.split("/")[0] in ("maze", "stages")]


def covers(dependency: str, file: str) -> bool:
    return file == dependency or file.startswith(f"{dependency}/")


def only_names(file: Path) -> bool:
    """Return whether a package's __init__.py does nothing but name what its modules hold."""
    if file.name != "__init__.py":
        return False
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr)
    return all(
        isinstance(node, allowed) and (not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant))
        for node in ast.parse(file.read_text()).body
    )


@pytest.mark.parametrize("stage", STAGES)
def test_every_imported_module_is_a_dependency_or_changes_no_result(
    stage: str, project: Project, imported: dict[str, list[str]]
) -> None:
    later = {} if stage == "compose" else CHANGES_NO_RESULT_AFTER_COMPOSE
    excused = [*CHANGES_NO_RESULT, *later, *CHANGES_NO_RESULT_OF[stage]]
    listed = dependencies(project, stage)
    missing = [
        file
        for file in imported[stage]
        if not any(covers(name, file) for name in listed)
        and not any(fnmatch(file, pattern) for pattern in excused)
        and not only_names(project.root / file)
    ]
    assert missing == [], f"name these in the deps of {stage!r} in dvc.yaml"


@pytest.mark.parametrize("stage", STAGES)
def test_every_dependency_is_imported(stage: str, project: Project, imported: dict[str, list[str]]) -> None:
    # the file that python -m runs is no entry of sys.modules
    code = [*imported[stage], f"stages/{stage}.py"]
    needless = [name for name in dependencies(project, stage) if not any(covers(name, file) for file in code)]
    assert needless == [], f"take these out of the deps of {stage!r} in dvc.yaml"


@pytest.mark.parametrize("stage", STAGES)
def test_no_excuse_is_idle(stage: str, project: Project, imported: dict[str, list[str]]) -> None:
    idle = [
        pattern
        for pattern in CHANGES_NO_RESULT_OF[stage]
        if not any(fnmatch(file, pattern) for file in imported[stage])
    ]
    assert idle == []


def test_every_listed_dependency_exists() -> None:
    project = Project(REPOSITORY, {})
    for stage in STAGES:
        for name in dependencies(project, stage):
            assert (REPOSITORY / name).exists(), f"{stage}: {name}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_loads_the_heavy_packages_that_it_uses_and_no_others(
    stage: str, loaded: dict[str, dict[str, list[str]]]
) -> None:
    found = sorted(HEAVY & set(loaded[stage]["packages"]))
    assert found == sorted(USED[stage].split()), f"{stage} loads {' '.join(found)}"
