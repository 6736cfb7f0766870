"""Running the steps of a workflow of GitHub's here: the commands as they are written, in the shell that GitHub uses."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.integration.project import Outcome, Project

__all__ = ["WorkflowRun", "run_job"]

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class WorkflowRun:
    """What a job did.

    Attributes:
        outcomes: of every step that ran, by its name.
        actions: actions of others, which are not run here.
        summary: what the page of the run shows.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    actions: list[str] = field(default_factory=list)
    summary: str = ""

    @property
    def failed(self) -> list[str]:
        """Names of the steps that failed."""
        return [name for name, outcome in self.outcomes.items() if outcome.status != 0]

    @property
    def text(self) -> str:
        """What the steps printed, for messages of tests."""
        return "\n".join(f"--- {name}\n{outcome.text}" for name, outcome in self.outcomes.items())


def run_job(
    project: Project, workflow: str, job: str, *, context: Mapping[str, str], without: Collection[str] = ()
) -> WorkflowRun:
    """Run the steps of one job in a project, as GitHub would: after a failure only those that always run.

    Args:
        project: a clone of its own.
        workflow: path of the file.
        job: name of the job.
        context: value of every expression ``${{ ... }}`` that the steps use.
        without: names of steps that are done already, such as the installation of the environment.
    """
    content: dict[str, Any] = yaml.safe_load((project.root / workflow).read_text(encoding="utf-8"))
    body = content["jobs"][job]
    scratch = project.root.parent / f"{project.root.name}-{job}-runner"
    scratch.mkdir()
    files = {name: scratch / name.lower() for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV")}
    for path in files.values():
        path.touch()
    assert content["defaults"]["run"]["shell"] == "bash"
    variables = {
        **{name: _filled(value, context) for name, value in {**content.get("env", {}), **body.get("env", {})}.items()},
        **{name: str(path) for name, path in files.items()},
        "CI": "true",
        "GITHUB_ACTIONS": "true",
    }
    done = WorkflowRun()
    for step in body["steps"]:
        if "uses" in step:
            done.actions.append(step["uses"])
            continue
        condition = step.get("if", "success()")
        assert condition in ("success()", "always()"), condition
        if step["name"] in without or (done.failed and condition != "always()"):
            continue
        script = scratch / "step.sh"
        script.write_text(_filled(step["run"], context), encoding="utf-8")
        own = {name: _filled(value, context) for name, value in step.get("env", {}).items()}
        shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", str(script))
        done.outcomes[step["name"]] = project.run(*shell, **variables, **own, **_added(files["GITHUB_ENV"]))
    done.summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
    return done


def _filled(text: Any, context: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: context[found[1]], str(text))


def _added(path: Path) -> dict[str, str]:
    """Return the variables that earlier steps have set for later ones."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith(os.sep))
