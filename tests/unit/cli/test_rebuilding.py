"""What a rebuild says at its end, and its exit status."""

from __future__ import annotations

import pytest

from maze.api.promoted import RestoredModel
from maze.api.rebuild import Rebuilt
from maze.cli.rebuilding import RebuildProgress, exit_status, tell_models, tell_summary

WHOLE = Rebuilt(name="aaaaaaa", n_agents=2)
PARTIAL = Rebuilt(name="bbbbbbb", n_agents=2, missing=("out/train/0/agent", "out/report/plots"))
EXPERIMENT = Rebuilt(name="lucky-name", n_agents=1, missing=("out/train/0/agent",), is_experiment=True)
FAULTY = Rebuilt(name="ccccccc", problem="build/config.yaml: no such key")
NOTHING = Rebuilt(name="ddddddd", problem="no report", is_result=False)


def summary(capsys: pytest.CaptureFixture[str], *outcomes: Rebuilt, verbose: bool = False) -> tuple[str, list[str]]:
    tell_summary(outcomes, verbose=verbose)
    told = capsys.readouterr()
    return told.out, told.err.splitlines()


def test_results_that_are_whole_need_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert summary(capsys, WHOLE) == ("1 result with 2 agents is in the store\n", [])
    assert summary(capsys, WHOLE, WHOLE)[0] == "2 results with 4 agents are in the store\n"


def test_the_remedy_is_that_of_commits_or_experiments(capsys: pytest.CaptureFixture[str]) -> None:
    _, commits = summary(capsys, PARTIAL)
    assert commits[0].startswith("1 more with 2 agents is there in part (bbbbbbb): 2 files are neither")
    assert commits[2:4] == ["  dvc fetch --all-commits", "  maze-run tracking rebuild"]
    _, experiments = summary(capsys, EXPERIMENT, EXPERIMENT)
    assert experiments[2:4] == ["  dvc exp pull origin lucky-name lucky-name", "  maze-run tracking rebuild"]
    _, both = summary(capsys, PARTIAL, EXPERIMENT)
    assert both[2:4] == ["  dvc fetch --all-commits", "  dvc exp pull origin lucky-name"]


def test_a_reason_is_told_once_for_all_that_it_concerns(capsys: pytest.CaptureFixture[str]) -> None:
    others = [Rebuilt(name=str(number), problem=FAULTY.problem) for number in range(30)]
    _, lines = summary(capsys, FAULTY, *others, NOTHING)
    assert lines == [
        "31 are not in the store:",
        "  ccccccc, 0, 1 and 28 more: build/config.yaml: no such key",
        "1 holds no result:",
        "  ddddddd: no report",
        "maze-run tracking rebuild --verbose says it for each of them",
    ]
    assert summary(capsys, FAULTY, verbose=True)[1] == [
        "1 is not in the store:",
        "  ccccccc: build/config.yaml: no such key",
    ]


def test_progress_tells_whole_results_and_when_asked_all_others(capsys: pytest.CaptureFixture[str]) -> None:
    for verbose in (False, True):
        with RebuildProgress(verbose=verbose) as progress:
            progress.expect(3)
            for outcome in (WHOLE, PARTIAL, FAULTY):
                progress.tell(outcome)
        told = capsys.readouterr()
        assert told.out == "aaaaaaa: 2 agents\n"
        details = ["bbbbbbb: 2 agents, without", "  out/train/0/agent", "  out/report/plots"]
        faulty = ["ccccccc: not rebuilt: build/config.yaml: no such key"]
        assert told.err.splitlines() == (details + faulty if verbose else [])


@pytest.mark.parametrize(
    ("outcomes", "status", "with_allowed"),
    [
        ([], 0, 0),
        ([WHOLE], 0, 0),
        ([FAULTY, PARTIAL, WHOLE], 0, 0),  # what was thrown away long ago is nobody's concern
        ([WHOLE, PARTIAL], 1, 0),
        ([WHOLE, FAULTY], 1, 1),
        ([WHOLE, NOTHING], 0, 0),
        ([FAULTY, NOTHING], 1, 1),
    ],
)
def test_the_youngest_result_decides(outcomes: list[Rebuilt], status: int, with_allowed: int) -> None:
    assert exit_status(outcomes, [], allow_missing=False) == status
    assert exit_status(outcomes, [], allow_missing=True) == with_allowed


def test_an_alias_that_is_not_back_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    back = RestoredModel("cartpole", {"champion": "1"}, {})
    lost = RestoredModel("cartpole", {}, {"champion": "f" * 32})
    bare = RestoredModel("cartpole", {}, {"champion": "f" * 32}, frozenset({"f" * 32}))
    assert [exit_status([WHOLE], [one], allow_missing=False) for one in (back, lost, bare)] == [0, 1, 1]
    assert [exit_status([WHOLE], [one], allow_missing=True) for one in (back, lost, bare)] == [0, 1, 0]
    tell_models([back, lost, bare])
    told = capsys.readouterr()
    assert told.out == "models:/cartpole@champion is version 1\n"
    first, second = told.err.splitlines()
    assert "promote another one" in first
    assert "is not in DVC's cache here; get the files, then maze-run tracking rebuild." in second
