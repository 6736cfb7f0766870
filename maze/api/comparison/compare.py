"""From names of experiments to their comparison."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from maze import report
from maze.api.comparison.directories import is_readable, read_directory, read_missing, read_pipeline
from maze.api.comparison.evaluation import evaluate_agent
from maze.api.comparison.naming import numbered, split
from maze.api.comparison.tracked import TrackedResults, read_tracked
from maze.api.repository.outputs import OutputReader
from maze.api.repository.revisions import Repository, Revision
from maze.errors import ArtifactError, suggest

__all__ = ["ExperimentComparison", "compare_experiments"]

_MOST_NAMES = 5
"""How many of all that could be compared a message lists."""

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_OUTPUTS = Path("outputs")


@dataclass(frozen=True, kw_only=True)
class ExperimentComparison:
    """What :func:`compare_experiments` found.

    Attributes:
        experiments: what was read.
        comparison: numbers, probabilities and differing values.
    """

    experiments: tuple[report.Measured, ...]
    comparison: report.Comparison

    def save(self, directory: Path) -> list[Path]:
        """Write ``comparison.json``, ``comparison.md`` and ``comparison.png`` and return their paths."""
        from maze.artifacts import write_json, write_text  # noqa: PLC0415

        paths = [directory / f"comparison.{suffix}" for suffix in ("json", "md", "png")]
        write_json(paths[0], self.comparison.as_mapping())
        write_text(paths[1], report.comparison_markdown(self.comparison))
        report.save_figure(report.comparison_figure(self.experiments, self.comparison), paths[2])
        return paths


def compare_experiments(
    names: Sequence[str | Path],
    *,
    n_episodes: int | None = None,
    confidence: float = 0.95,
    allow_code: bool = False,
) -> ExperimentComparison:
    """Compare trained experiments with the first one, wherever each of them is kept.

    Args:
        names: directories of runs, of several runs, of multi-runs or of projects; experiments of DVC, branches, tags or
            commits; run ids, beginnings of them or names of runs in MLflow, or ``models:/name/version``. Runs under one
            name that differ in more than their seeds are compared with each other, each named by what was varied.
        n_episodes: evaluate all agents anew in so many episodes, the same ones for all; None takes what was recorded.
        confidence: of all intervals.
        allow_code: agents that are evaluated may name code outside of maze.

    Raises:
        ArtifactError: a name means nothing, several things, or something without results.
    """
    if n_episodes is not None and n_episodes < 1:
        raise ArtifactError(f"--episodes: {n_episodes} is not accepted; accepted is a whole number >= 1.")
    with ExitStack() as stack:
        experiments = numbered(list(_read([str(name) for name in names], stack, with_agents=n_episodes is not None)))
        if n_episodes is not None:
            experiments = [_evaluate(one, n_episodes, allow_code=allow_code) for one in experiments]
    for agent in (agent for one in experiments for agent in one.agents):
        if math.isnan(agent.mean_return):
            raise ArtifactError(
                f"{agent.name}: was never evaluated, neither in training nor after it; evaluate it with "
                "--episodes 100, or wait until its training has ended."
            )
    places = [Path(name) for name in dict.fromkeys(str(name) for name in names) if is_readable(Path(name))]
    missing = [job for place in places for job in read_missing(place)]
    comparison = report.compare(experiments, missing=missing, confidence=confidence)
    return ExperimentComparison(experiments=tuple(experiments), comparison=comparison)


def _read(names: Sequence[str], stack: ExitStack, *, with_agents: bool) -> Iterator[report.Measured]:
    """Read what names mean: directories first, then revisions, and what is left from MLflow, all at once."""
    repository = Repository.around(Path.cwd())
    revisions: dict[str, Revision] = {}
    tracked: list[str] = []
    for name in dict.fromkeys(names):
        if is_readable(Path(name)):
            continue
        revision = _revision(repository, name)
        if revision is not None:
            revisions[name] = revision
        else:
            tracked.append(name)
    known = read_tracked(tracked, stack, with_agents=with_agents) if tracked else TrackedResults()
    for name in tracked:
        if name not in known.agents:
            raise ArtifactError(_unknown(name, repository, known))
    for name in names:
        if name in known.agents:
            yield from split(known.labels[name], known.agents[name])
        elif name in revisions and repository is not None:
            yield from _read_revision(name, revisions[name], repository, stack, with_agents=with_agents)
        else:
            yield from split(name, read_directory(Path(name)))


def _revision(repository: Repository | None, name: str) -> Revision | None:
    if repository is None or _RUN_ID.fullmatch(name) or name.startswith("models:/"):
        return None
    return repository.find(name)


def _read_revision(
    name: str, revision: Revision, repository: Repository, stack: ExitStack, *, with_agents: bool
) -> list[report.Measured]:
    """Return the results of a revision; episodes and agents are there as far as DVC's cache has them."""
    target = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="maze-revision-")))

    def wanted(path: str) -> bool:
        is_table = path.startswith("out/evaluate/") and path.endswith("episodes.parquet")
        return is_table or (with_agents and "/agent" in path)

    missing = OutputReader(repository).read(revision, target, wanted)
    experiments = split(name, read_pipeline(target, label=name))
    if not any(path.endswith("episodes.parquet") for path in missing):
        return experiments
    note = "DVC's cache does not hold its episodes here, only their means are known; dvc fetch --all-commits gets them."
    return [replace(one, notes=(*one.notes, note)) for one in experiments]


def _evaluate(experiment: report.Measured, n_episodes: int, *, allow_code: bool) -> report.Measured:
    agents = tuple(evaluate_agent(agent, n_episodes, allow_code=allow_code) for agent in experiment.agents)
    return replace(experiment, agents=agents, notes=())


def _unknown(name: str, repository: Repository | None, known: TrackedResults) -> str:
    """Say that a name means nothing, with what is nearest."""
    if Path(name).is_dir():
        read_directory(Path(name))  # says what is missing there
    runs: Mapping[str, None] = dict.fromkeys(known.names)
    directories = [str(path.parent) for path in _OUTPUTS.glob("*/*/record.json")]
    names = [*(repository.names() if repository is not None else ()), *runs, *directories]
    return (
        f"{name!r} is neither a directory with results, nor an experiment of DVC, branch, tag or commit, nor a run in "
        f"MLflow; {suggest(name, names, at_most=_MOST_NAMES)}"
    )
