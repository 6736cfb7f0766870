"""After training: comparing, promoting, serving and rebuilding, with every command of the guide, on a real pipeline."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.project import REPOSITORY, Outcome, Project
from tests.integration.tracked import TrackedRun, agents, tracked_runs

pytestmark = pytest.mark.slow

ACT = """
import sys, json, numpy as np
from maze import RunContext
rc = RunContext.load("models:/cartpole@champion")
raw = {"observation": np.array(json.loads(sys.argv[1]), np.float32)}
print(rc.compute_action(rc.transform_observation(raw), deterministic=True)["action"].tolist())
"""

GUIDE = (REPOSITORY / "docs" / "after_training.md").read_text(encoding="utf-8")


@dataclass
class Worked:
    """A project in which the guide was followed from its beginning to its end.

    Attributes:
        project: the repository.
        outcomes: outcome of each command of the guide.
        before: runs in MLflow before it was lost.
        after: runs in MLflow after it was rebuilt.
    """

    project: Project
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    before: list[TrackedRun] = field(default_factory=list)
    after: list[TrackedRun] = field(default_factory=list)


def commands(section: str) -> list[str]:
    """Return the commands below a heading of the guide."""
    text = GUIDE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return [line for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


def words(command: str) -> list[str]:
    """Return what starts a command with the project's own code, which need not be the one that is installed."""
    program, *arguments = shlex.split(command)
    if program == "dvc":
        return [sys.executable, "-m", "dvc", *arguments]
    assert program == "maze-run"
    return [sys.executable, "-c", "import sys; from maze.cli import main; sys.exit(main(sys.argv[1:]))", *arguments]


def maze_run(project: Project, *arguments: str) -> Outcome:
    return project.run(*words(shlex.join(["maze-run", *arguments])))


def follow(worked: Worked, section: str) -> None:
    for command in commands(section):
        worked.outcomes[command] = worked.project.run(*words(command))


@pytest.fixture(scope="module")
def worked(make_project: Callable[..., Project]) -> Worked:
    project = make_project(
        seeds=[0, 1], set={"evaluation": {"n_episodes": 6}, "tracking": {"registered_model": "auto"}}
    )
    project.repro()
    project.commit()
    worked = Worked(project)
    follow(worked, "Compare")
    follow(worked, "Promote")
    return worked


@pytest.fixture(scope="module")
def rebuilt(worked: Worked) -> Worked:
    """The same project after its tracking store was lost and rebuilt; the database is deleted, with everything else."""
    worked.before = tracked_runs(worked.project)
    shutil.rmtree(worked.project.root / ".maze")
    follow(worked, "Rebuild")
    worked.after = tracked_runs(worked.project)
    return worked


def test_every_command_of_the_guide_works(worked: Worked) -> None:
    assert len(worked.outcomes) == 6
    for command, outcome in worked.outcomes.items():
        assert outcome.status == 0, f"{command}: {outcome.text}"


def test_revisions_are_compared_without_touching_the_working_tree(worked: Worked) -> None:
    content = worked.outcomes["maze-run compare main with-ppo --json"].json()
    main, ppo = content["experiments"]
    references = worked.project.git("for-each-ref", "--format=%(refname)", "refs/exps").split()
    (experiment,) = [name for name in references if name.endswith("/with-ppo")]
    for entry, revision in ((main, "main"), (ppo, experiment)):
        report = json.loads(worked.project.git("show", f"{revision}:out/report/metrics.json"))
        assert entry["mean"] == pytest.approx(report["mean_return"])
        assert entry["iqm"] == pytest.approx(report["iqm_return"])
        assert (entry["interval"]["low"], entry["interval"]["high"]) == (report["iqm_low"], report["iqm_high"])
        assert (entry["n_agents"], entry["n_episodes"]) == (2, 12)
        assert entry["mean_length"] is not None  # the episodes came from DVC's cache
    assert content["differing"]["algorithm._target_"][1].endswith("PPOAlgorithmConfig")
    assert content["notes"] == []


def test_the_comparison_is_written(worked: Worked) -> None:
    assert worked.project.files("comparison") == {f"comparison/comparison.{suffix}" for suffix in ("json", "md", "png")}


def test_mlflow_and_git_tell_the_same(worked: Worked) -> None:
    (parent,) = [
        run
        for run in tracked_runs(worked.project)
        if run.tags["maze.kind"] == "pipeline" and run.tags.get("dvc.exp.name") == "with-ppo"
    ]
    outcome = maze_run(worked.project, "compare", "with-ppo", parent.id[:9], "--json")
    first, second = outcome.json()["experiments"]
    for name in ("mean", "iqm", "interval", "n_episodes", "mean_length"):
        assert first[name] == second[name], name
    assert outcome.json()["differing"] == {}
    assert parent.name == "with-ppo: ppo CartPole-v1"


def test_unknown_names_are_told_with_the_nearest(worked: Worked) -> None:
    outcome = maze_run(worked.project, "compare", "main", "with-pppo")
    assert outcome.status == 2
    assert "did you mean 'with-ppo'?" in outcome.stderr
    nothing = maze_run(worked.project, "compare", "main", "main~1")
    assert nothing.status == 2
    assert "main~1" in nothing.stderr


@pytest.fixture(scope="module")
def server(worked: Worked) -> Iterator[str]:
    """The address at which the champion is served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (line,) = re.findall(r"^\$ (maze-run serve .*)$", GUIDE, re.MULTILINE)
    process = worked.project.start(*words(line.replace("5001", str(port))))
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/ping", timeout=5).read()
            break
        except OSError:
            time.sleep(0.5)
    assert process.poll() is None, process.communicate()[0]
    yield address
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def post(address: str, content: str) -> tuple[int, Any]:
    """Return status and answer of a request for actions."""
    request = urllib.request.Request(
        f"{address}/invocations", content.encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_the_champion_answers_one_and_several_observations(server: str, worked: Worked) -> None:
    (single,) = re.findall(r"-d '(\{.*\})'", GUIDE)
    status, answer = post(server, single)
    assert status == 200
    (action,) = answer["predictions"]
    assert action in (0, 1)
    several = [json.loads(single)["inputs"][0], [0.0, 0.0, 0.2, 2.0], [0.0, 0.0, -0.2, -2.0]]
    status, answer = post(server, json.dumps({"inputs": several}))
    assert status == 200
    assert len(answer["predictions"]) == 3
    assert answer["predictions"][0] == action
    outcome = worked.project.python("-c", ACT, json.dumps(several))
    assert outcome.status == 0, outcome.text
    assert json.loads(outcome.stdout.splitlines()[-1]) == answer["predictions"]


@pytest.mark.parametrize(
    "inputs",
    [
        [[0.0, 0.1, 0.2]],
        [0.0, 0.1, 0.2, 0.3],
        [["a", 0.0, 0.0, 0.0]],
        [[[0.0] * 4]],
        [[None, 0.0, 0.0, 0.0]],
        [[float("nan"), 0.0, 0.0, 0.0]],
    ],
)
def test_wrong_shapes_are_refused(server: str, inputs: Any) -> None:
    status, answer = post(server, json.dumps({"inputs": inputs}))
    assert status == 400
    assert answer["message"]


def test_actions_can_be_sampled(server: str) -> None:
    content = {"inputs": [[0.0, 0.0, 0.01, 0.01]] * 200, "params": {"deterministic": False}}
    status, answer = post(server, json.dumps(content))
    assert status == 200
    assert set(answer["predictions"]) == {0, 1}


def test_everything_is_back_after_a_rebuild(rebuilt: Worked) -> None:
    outcome = rebuilt.outcomes["maze-run tracking rebuild"]
    assert outcome.status == 0, outcome.text
    assert "2 results with 4 agents are in the store" in outcome.stdout
    after = {run.tags["maze.rebuilt_from"]: run for run in rebuilt.after}
    assert {run.id for run in rebuilt.before} == set(after)
    for run in rebuilt.before:
        again = after[run.id]
        assert (again.name, again.status, again.experiment) == (run.name, run.status, run.experiment)
        assert again.params == run.params
        told = {name: series for name, series in run.history.items() if not _only_tracked(name)}
        assert {name: again.history.get(name) for name in told} == told
        for name in ("maze.key", "maze.kind", "maze.config_sha", "git.commit", "seed", "dvc.exp.name"):
            assert again.tags.get(name) == run.tags.get(name), name
        assert again.stages == run.stages
        assert {name for name in set(run.files) - set(again.files) if not name.startswith(NOT_KEPT)} == set()


NOT_KEPT = ("repro/environment.txt",)
"""What tells of the machine, and is neither in git nor in DVC."""


def _only_tracked(name: str) -> bool:
    """Say whether a metric is one that only MLflow is told: how long something took."""
    return name.startswith("system/") or name.endswith("time_epoch")


def test_policies_are_back_and_old_ids_are_still_known(rebuilt: Worked) -> None:
    old = agents(rebuilt.before, seed="1")[-1]
    load = "from maze import RunContext; import sys; rc = RunContext.load(sys.argv[1], silent=True)\n"
    load += "print(rc.config.seeding.env_base_seed, rc.evaluate(n_episodes=2).mean_return > 0)"
    for source in (old.id, "models:/auto/1", "models:/cartpole@champion", "models:/cartpole/1"):
        outcome = rebuilt.project.python("-c", load, source)
        assert outcome.status == 0, outcome.text
        assert outcome.stdout.split()[-1] == "True"
    outcome = maze_run(rebuilt.project, "compare", old.id, "main", "--json")
    assert outcome.json()["experiments"][0]["n_agents"] == 1


def test_rebuilding_again_changes_nothing(rebuilt: Worked) -> None:
    outcome = maze_run(rebuilt.project, "tracking", "rebuild")
    assert outcome.status == 0, outcome.text
    again = {run.id: run.history for run in tracked_runs(rebuilt.project)}
    assert again == {run.id: run.history for run in rebuilt.after}


def test_the_pipeline_still_finds_its_runs(rebuilt: Worked) -> None:
    n_before = len(tracked_runs(rebuilt.project))
    rebuilt.project.git("checkout", "--force", "main", "--", ".")  # from the experiment's results to those of main
    assert rebuilt.project.dvc("checkout").status == 0
    outcome = rebuilt.project.dvc("repro", "--force", "--single-item", "report")
    assert outcome.status == 0, outcome.text
    assert len(tracked_runs(rebuilt.project)) == n_before


def test_a_place_without_a_pipeline_says_so(rebuilt: Worked) -> None:
    outcome = maze_run(rebuilt.project, "tracking", "rebuilt")
    assert outcome.status == 2
    assert "rebuild" in outcome.stderr
