"""A copy of the project in a repository of its own, in which pipelines really run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

__all__ = ["REPOSITORY", "SILENT", "Outcome", "Project", "clean_environment", "copy_repository", "shims", "stop"]

REPOSITORY = Path(__file__).resolve().parents[2]
BINARIES = Path(sys.executable).parent
SILENT = {"tracking": {"mode": "off"}}
_TIMEOUT = 600
_FOREIGN = ("DVC_", "GIT_", "MAZE_", "MLFLOW_", "PYTEST_", "VIRTUAL_ENV", "PYTHON")
_RESULTS = ("dvc.lock", "out", "build")
_MAZE_RUN = "import sys; from maze.cli import main; sys.exit(main(sys.argv[1:]))"


class Outcome:
    """What a command did.

    Attributes:
        status: exit status.
        stdout: standard output.
        stderr: standard error.
    """

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.status = process.returncode
        self.stdout = process.stdout
        self.stderr = process.stderr

    @property
    def text(self) -> str:
        """Both streams, for messages of tests."""
        return f"exit status {self.status}\n{self.stdout}\n{self.stderr}"

    @property
    def ran(self) -> list[str]:
        """Names of the stages that DVC really ran, in order."""
        return re.findall(r"^Running stage '([^']+)'", self.stdout, re.MULTILINE)

    @property
    def restored(self) -> list[str]:
        """Names of the stages that DVC restored from its cache."""
        return re.findall(r"^Stage '([^']+)' is cached", self.stdout, re.MULTILINE)

    def json(self) -> Any:
        """Return standard output as JSON."""
        assert self.status == 0, self.text
        return json.loads(self.stdout)


def clean_environment(scratch: Path) -> dict[str, str]:
    """Return an environment without anything of the developer's own: no settings of git, DVC, MLflow or Python.

    Bytecode is written, as it is for every user, whatever PYTHONDONTWRITEBYTECODE says here.

    Args:
        scratch: for DVC's own caches and settings.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    people = {f"GIT_{role}_{part}": "test" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    return {
        **kept,
        **people,
        "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "DVC_SITE_CACHE_DIR": str(scratch / "site"),
        "DVC_GLOBAL_CONFIG_DIR": str(scratch / "global"),
        "DVC_SYSTEM_CONFIG_DIR": str(scratch / "system"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def copy_repository(target: Path) -> None:
    """Copy what git has or would take, symbolic links as such, without results of earlier runs."""
    listing = ["git", "-C", str(REPOSITORY), "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(listing, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source, copy = REPOSITORY / name, target / name
        if name.split("/")[0] in _RESULTS or not os.path.lexists(source):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy, follow_symlinks=False)


class Project:
    """A repository with the pipeline, and commands that run in it.

    Args:
        root: where it is.
        environment: variables of its commands.
    """

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.environment = dict(environment)

    @classmethod
    def create(cls, root: Path, scratch: Path, *, params: Mapping[str, Any]) -> Project:
        """Copy the project, change its params.yaml, and commit everything."""
        copy_repository(root)
        project = cls(root, clean_environment(scratch))
        project.write_params(**params)
        project.git("init", "--quiet", "--initial-branch=main")
        project.git("config", "user.name", "test")
        project.git("config", "user.email", "test")
        project.commit()
        return project

    def run(self, *command: str, timeout: float = _TIMEOUT, **variables: str) -> Outcome:
        """Run a command here and wait for it."""
        environment = {**self.environment, **variables}
        return Outcome(
            subprocess.run(
                command,
                cwd=self.root,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout,
                stdin=subprocess.DEVNULL,
            )
        )

    def python(self, *arguments: str, **variables: str) -> Outcome:
        """Run the tests' interpreter here."""
        return self.run(sys.executable, *arguments, **variables)

    def stage(self, name: str, *arguments: str) -> Outcome:
        """Run a stage without DVC."""
        return self.python("-m", f"stages.{name}", *arguments)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command here."""
        return subprocess.Popen(
            command, cwd=self.root, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def dvc(self, *arguments: str) -> Outcome:
        """Run DVC here."""
        return self.python("-m", "dvc", *arguments)

    def maze_run(self, *arguments: str, **variables: str) -> Outcome:
        """Run this copy's ``maze-run`` here."""
        return self.python("-c", _MAZE_RUN, *arguments, **variables)

    def clone(self, name: str) -> Project:
        """Return a fresh clone beside this repository."""
        root = self.root.parent / name
        self.git("clone", "--quiet", str(self.root), str(root))
        return Project(root, self.environment)

    def repro(self, *arguments: str) -> Outcome:
        """Run the pipeline, which must succeed."""
        outcome = self.dvc("repro", *arguments)
        assert outcome.status == 0, outcome.text
        return outcome

    def git(self, *arguments: str) -> str:
        """Run git here, which must succeed, and return what it prints."""
        outcome = self.run("git", *arguments)
        assert outcome.status == 0, outcome.text
        return outcome.stdout

    def commit(self) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "state")
        return self.git("rev-parse", "HEAD").strip()

    def params(self) -> dict[str, Any]:
        """Return the content of params.yaml."""
        content: dict[str, Any] = YAML(typ="safe", pure=True).load(self.root / "params.yaml")
        return content

    def write_params(self, **changes: Any) -> None:
        """Replace keys of params.yaml."""
        (self.root / "params.yaml").write_text(yaml.safe_dump({**self.params(), **changes}), encoding="utf-8")

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Change a file's text, which must make a difference."""
        path = self.root / name
        before = path.read_text(encoding="utf-8")
        after = change(before)
        assert after != before, f"{name} has nothing to change"
        path.write_text(after, encoding="utf-8")

    def json(self, name: str) -> Any:
        """Return the content of a JSON file."""
        return json.loads((self.root / name).read_text(encoding="utf-8"))

    def yaml(self, name: str) -> Any:
        """Return the content of a YAML file."""
        return yaml.safe_load((self.root / name).read_text(encoding="utf-8"))

    def files(self, folder: str) -> set[str]:
        """Return the names of all files below a folder, without those that only tell git what to ignore."""
        found = (path for path in (self.root / folder).rglob("*") if path.is_file() and path.name != ".gitignore")
        return {path.relative_to(self.root).as_posix() for path in found}


def shims(directory: Path) -> str:
    """Return a PATH on which ``maze-run`` runs the code of the working directory, as an installed project would.

    Args:
        directory: where the program is written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "maze-run"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{_MAZE_RUN}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return os.pathsep.join([str(directory), str(BINARIES), os.environ["PATH"]])


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
    """Send a signal and return exit status and output."""
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    return process.returncode, output
