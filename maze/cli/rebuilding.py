"""What a rebuild of the tracking store says: a line for each result that is back, and a summary of all others."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

    from maze.api.promoted import RestoredModel
    from maze.api.rebuild import Rebuilt

__all__ = ["RebuildProgress", "exit_status", "tell_models", "tell_summary"]

_MOST_NAMES = 3
_AGAIN = "maze-run tracking rebuild"


class RebuildProgress:
    """Prints each result that is wholly back, and shows on a terminal how many are done.

    Args:
        verbose: print all others as well, with what is wrong or missing.
    """

    def __init__(self, *, verbose: bool) -> None:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._verbose = verbose
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} done"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._progress.add_task("reading the history", total=None)

    def __enter__(self) -> RebuildProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def expect(self, n_results: int) -> None:
        """Say how many results there are."""
        self._progress.update(self._task, description=f"{n_results} results", total=n_results)

    def tell(self, outcome: Rebuilt) -> None:
        """Say what became of a result."""
        if outcome.is_whole:
            print(f"{outcome.name}: {_agents(outcome.n_agents)}", flush=True)
        elif self._verbose:
            print("\n  ".join(_details(outcome)), file=sys.stderr, flush=True)
        self._progress.advance(self._task)


def _details(outcome: Rebuilt) -> list[str]:
    if outcome.problem:
        return [f"{outcome.name}: not rebuilt: {outcome.problem}"]
    return [f"{outcome.name}: {_agents(outcome.n_agents)}, without", *outcome.missing]


def exit_status(outcomes: Sequence[Rebuilt], models: Sequence[RestoredModel], *, allow_missing: bool) -> int:
    """Return 1 where the youngest result or an alias is not wholly back, else 0.

    Older results do not count: their files may have been thrown away on purpose.

    Args:
        outcomes: from the oldest to the youngest.
        models: what became of the registered policies.
        allow_missing: results and policies of which nothing but files is missing do not count either.
    """
    results = [outcome for outcome in outcomes if outcome.is_result]
    is_back = not results or results[-1].is_whole or (allow_missing and not results[-1].problem)
    lost = [run for model in models for run in model.missing.values() if not _is_bare(run, model) or not allow_missing]
    return 0 if is_back and not lost else 1


def _is_bare(run: str, model: RestoredModel) -> bool:
    return run in model.without_policy


def tell_summary(outcomes: Sequence[Rebuilt], *, verbose: bool) -> None:
    """Print how many results are back, and of all others the reasons, each once, and what helps."""
    whole = [outcome for outcome in outcomes if outcome.is_whole]
    partial = [outcome for outcome in outcomes if outcome.missing]
    faulty = [outcome for outcome in outcomes if outcome.problem and outcome.is_result]
    without = [outcome for outcome in outcomes if outcome.problem and not outcome.is_result]
    print(f"{_count(whole)} in the store", flush=True)
    lines = [*_partial_lines(partial), *_problem_lines("is not", "are not", "in the store", faulty)]
    lines += _problem_lines("holds", "hold", "no result", without)
    if lines and not verbose:
        lines.append(f"{_AGAIN} --verbose says it for each of them")
    for line in lines:
        print(line, file=sys.stderr)


def _count(outcomes: Sequence[Rebuilt], word: str = "") -> str:
    n_results = len(outcomes)
    what = word or ("result" if n_results == 1 else "results")
    n_agents = sum(outcome.n_agents for outcome in outcomes)
    return f"{n_results} {what} with {_agents(n_agents)} {'is' if n_results == 1 else 'are'}"


def _agents(n_agents: int) -> str:
    return f"{n_agents} agent{'s' * (n_agents != 1)}"


def _partial_lines(outcomes: Sequence[Rebuilt]) -> list[str]:
    """Return what is missing of results that are in the store in part, and the commands that get it."""
    if not outcomes:
        return []
    experiments = [outcome.name for outcome in outcomes if outcome.is_experiment]
    n_files = sum(len(outcome.missing) for outcome in outcomes)
    lines = [
        f"{_count(outcomes, 'more')} there in part ({_names(outcomes)}): {n_files} files are neither in git nor in "
        "DVC's cache here. The tag maze.missing says what each run lacks.",
        "To complete them in place, as far as somebody has pushed their files:",
    ]
    if len(experiments) < len(outcomes):
        lines.append("  dvc fetch --all-commits")
    if experiments:
        lines.append(f"  dvc exp pull origin {' '.join(experiments)}")
    lines.append(f"  {_AGAIN}")
    lines.append("What no remote holds can only be made again: check the commit out, then dvc repro.")
    return lines


def _problem_lines(one: str, several: str, title: str, outcomes: Sequence[Rebuilt]) -> list[str]:
    """Return each reason once, with how often it was met and where."""
    if not outcomes:
        return []
    by_reason: dict[str, list[Rebuilt]] = defaultdict(list)
    for outcome in outcomes:
        by_reason[outcome.problem].append(outcome)
    told = [f"  {_names(those)}: {reason}" for reason, those in by_reason.items()]
    return [f"{len(outcomes)} {one if len(outcomes) == 1 else several} {title}:", *told]


def _names(outcomes: Sequence[Rebuilt]) -> str:
    shown = [outcome.name for outcome in outcomes[:_MOST_NAMES]]
    more = len(outcomes) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def tell_models(models: Sequence[RestoredModel]) -> None:
    """Print which aliases are back, and why others are not."""
    for model in models:
        for alias, version in model.aliases.items():
            print(f"models:/{model.name}@{alias} is version {version}")
        for alias, run_id in model.missing.items():
            print(f"models:/{model.name}@{alias}: not given back, {_reason(run_id, model)}", file=sys.stderr)


def _reason(run_id: str, model: RestoredModel) -> str:
    if _is_bare(run_id, model):
        return f"the policy of its run {run_id} is not in DVC's cache here; get the files, then {_AGAIN}."
    return (
        f"its run {run_id} is not in the store: it is no result that git and DVC hold here; promote another one, or "
        "take the run from whoever has it."
    )
