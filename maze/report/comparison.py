"""Several experiments side by side: numbers with intervals, who is likely better, and what differs between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from maze.errors import ArtifactError
from maze.report.improvement import Improvement, probability_of_improvement
from maze.report.intervals import Interval, bootstrap_interval, interquartile_mean
from maze.report.measured import Measured
from maze.report.missing_jobs import MissingJob, notes_on_missing

__all__ = ["Comparison", "ComparisonRow", "compare", "compared_values", "differing_values"]

NOT_COMPARED = ("seeding.", "tracking.", "tags.", "launcher.", "choices.", "log_base_dir", "run_dir", "allowed_modules")
"""Beginnings of keys that change no result, or are told by the seeds."""

_MOST_TOLD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """The numbers of one experiment.

    Attributes:
        name: of the experiment.
        n_agents: how many seeds were trained.
        n_episodes: how many episodes they played together.
        mean: of the agents' mean returns.
        iqm: interquartile mean of the scores.
        interval: of the interquartile mean; None where scatter cannot be known.
        scores: what a score is, over which the interval is drawn: a seed's mean return, or, where there is one seed
            alone, the return of an episode.
        basis: what the numbers rest on: ``evaluation``, ``training``, or ``mixed`` where its agents differ in that.
        mean_length: of the episodes, in steps; None where it is not known.
        improvement: how likely a score of this one is above a score of the first one; None for the first one itself,
            and where environments, or what the numbers rest on, differ.
        improvement_scores: the same for this probability as ``scores`` for the interval.
    """

    name: str
    n_agents: int
    n_episodes: int
    mean: float
    iqm: float
    interval: Interval | None
    scores: Literal["seeds", "episodes"]
    basis: Literal["evaluation", "training", "mixed"]
    mean_length: float | None
    improvement: Improvement | None = None
    improvement_scores: Literal["seeds", "episodes"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What :func:`compare` found.

    Attributes:
        rows: one for each experiment, in the order given.
        differing: dotted keys of the configuration whose values differ, to the value of each experiment in words;
            None where it has no such key, several values joined by commas where its agents differ among themselves.
        notes: what readers should know about the numbers.
        missing: jobs that left no result, and so count in no row.
    """

    rows: tuple[ComparisonRow, ...]
    differing: Mapping[str, tuple[str | None, ...]]
    notes: tuple[str, ...]
    missing: tuple[MissingJob, ...] = ()

    def as_mapping(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "experiments": [asdict(row) | _plain_intervals(row) for row in self.rows],
            "differing": {key: list(values) for key, values in self.differing.items()},
            "notes": list(self.notes),
            "missing": [asdict(job) for job in self.missing],
        }


def compare(
    experiments: Sequence[Measured], *, missing: Sequence[MissingJob] = (), confidence: float = 0.95
) -> Comparison:
    """Compare experiments with the first one.

    Args:
        experiments: at least one.
        missing: jobs of theirs that left no result.
        confidence: of all intervals, in (0, 1).

    Raises:
        ArtifactError: there is none, or the confidence is out of range.
    """
    if not experiments:
        raise ArtifactError("There is nothing to compare; name at least one experiment, run or directory.")
    reference = experiments[0]
    rows = [_row(reference, None, confidence)]
    rows += [_row(other, reference if _is_fair(other, reference) else None, confidence) for other in experiments[1:]]
    notes = [f"{one.name}: {note}" for one in experiments for note in one.notes]
    notes += _notes_on_tasks(experiments) + _notes_on_evaluation(experiments) + _notes_on_endings(experiments)
    notes += notes_on_missing(missing)
    differing = differing_values(experiments)
    return Comparison(rows=tuple(rows), differing=differing, notes=tuple(notes), missing=tuple(missing))


def differing_values(experiments: Sequence[Measured]) -> dict[str, tuple[str | None, ...]]:
    """Return the configuration's values that are not the same in all experiments, those that all have first."""
    values = [_values(experiment) for experiment in experiments]
    keys = sorted({key for given in values for key in given if not key.startswith(NOT_COMPARED)})
    table = {key: tuple(given.get(key) for given in values) for key in keys}
    differing = {key: row for key, row in table.items() if len(set(row)) > 1}
    return dict(sorted(differing.items(), key=lambda item: (None in item[1], item[0])))


def compared_values(config: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the values of a configuration that decide results, without seeds, places and what the run is called."""
    return tuple(sorted((key, value) for key, value in config.items() if not key.startswith(NOT_COMPARED)))


def _values(experiment: Measured) -> dict[str, str]:
    """Return an experiment's configuration; where its agents differ among themselves, all values of a key."""
    keys = sorted({key for agent in experiment.agents for key in agent.config})
    joined = {}
    for key in keys:
        found = dict.fromkeys(agent.config[key] for agent in experiment.agents if key in agent.config)
        joined[key] = ", ".join(found)
    return joined


def _row(experiment: Measured, reference: Measured | None, confidence: float) -> ComparisonRow:
    scores, kind = _scores(experiment)
    improvement, over = None, None
    if reference is not None:
        single = len(experiment.agents) == len(reference.agents) == 1
        by_episode = single and len(experiment.returns) > 1 and len(reference.returns) > 1
        over = "episodes" if by_episode else "seeds"
        first, second = (one.returns if by_episode else one.means for one in (experiment, reference))
        improvement = probability_of_improvement([first], [second], confidence=confidence)
    lengths = experiment.lengths
    return ComparisonRow(
        name=experiment.name,
        n_agents=len(experiment.agents),
        n_episodes=sum(agent.n_episodes for agent in experiment.agents),
        mean=float(experiment.means.mean()),
        iqm=float(interquartile_mean(scores)),
        interval=bootstrap_interval([scores], confidence=confidence),
        scores=kind,
        basis=experiment.basis,
        mean_length=float(lengths.mean()) if len(lengths) else None,
        improvement=improvement,
        improvement_scores="episodes" if over == "episodes" else ("seeds" if over else None),
    )


def _scores(experiment: Measured) -> tuple[npt.NDArray[np.float64], Literal["seeds", "episodes"]]:
    if len(experiment.agents) == 1 and len(experiment.returns) > 1:
        return experiment.returns, "episodes"
    return experiment.means, "seeds"


def _task(experiment: Measured) -> str:
    """Return the environment in words, as far as it is known."""
    values = _values(experiment)
    return ", ".join(f"{key}={value}" for key, value in values.items() if key.startswith("env."))


def _same_task(one: Measured, other: Measured) -> bool:
    first, second = _task(one), _task(other)
    return not first or not second or first == second


def _is_fair(one: Measured, other: Measured) -> bool:
    """Say whether the numbers of two experiments mean the same, so that a probability can be told."""
    return _same_task(one, other) and one.basis == other.basis != "mixed"


def _notes_on_tasks(experiments: Sequence[Measured]) -> list[str]:
    different = [one.name for one in experiments[1:] if not _same_task(one, experiments[0])]
    if not different:
        return []
    return [f"{', '.join(different)}: another environment than {experiments[0].name}; returns cannot be compared."]


def _notes_on_evaluation(experiments: Sequence[Measured]) -> list[str]:
    """Say where numbers came about in different ways."""
    notes = []
    untested = [one.name for one in experiments if one.basis == "training"]
    mixed = [one.name for one in experiments if one.basis == "mixed"]
    remedy = "--episodes 100 evaluates all alike."
    if untested:
        notes.append(
            f"{', '.join(untested)}: not evaluated; shown is the best evaluation during training, which flatters. "
            f"{remedy}"
        )
    if mixed:
        notes.append(
            f"{', '.join(mixed)}: only some of its seeds were evaluated; of the others the best evaluation during "
            f"training counts, which flatters. {remedy}"
        )
    first = experiments[0]
    unfair = [one.name for one in experiments[1:] if _same_task(one, first) and not _is_fair(one, first)]
    if unfair:
        notes.append(
            f"{', '.join(unfair)}: no P(better), since the numbers do not rest on the same as those of {first.name} "
            f"(see the column basis). {remedy}"
        )
    single = [one.name for one in experiments if len(one.agents) == 1]
    if single:
        notes.append(
            f"{', '.join(single)}: one seed; nothing is known about how results scatter from training to training."
        )
    return notes


def _notes_on_endings(experiments: Sequence[Measured]) -> list[str]:
    """Say which agents were not trained to their end."""
    notes = []
    for one in experiments:
        broken = [agent for agent in one.agents if agent.unfinished]
        if broken:
            told = ", ".join(f"{agent.name} ({agent.unfinished})" for agent in broken[:_MOST_TOLD])
            more = f", and {len(broken) - _MOST_TOLD} more" if len(broken) > _MOST_TOLD else ""
            notes.append(f"{one.name}: not trained to the end: {told}{more}; its numbers are those of what there is.")
    return notes


def _plain_intervals(row: ComparisonRow) -> dict[str, Any]:
    """Return the parts of a row that are objects as plain values."""
    plain: dict[str, Any] = {"interval": None if row.interval is None else row.interval._asdict()}
    if row.improvement is not None:
        bounds = row.improvement.interval
        plain["improvement"] = {
            "probability": row.improvement.probability,
            "interval": None if bounds is None else bounds._asdict(),
        }
    return plain
