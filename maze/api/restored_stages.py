"""What the stages of one seed left, from which its run in the tracking store is completed without running them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze import report
from maze.api.record.shown_files import shown_artifacts
from maze.artifacts import AgentFiles, read_csv, read_json, write_csv, write_text
from maze.env.spaces import space_from_json
from maze.statistics import event_tags
from maze.statistics.totals import EpisodeTotals
from maze.tracking import AgentModel, LoggedDataset, RestoredStage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["STAGES", "Part", "restored_stages"]

STAGES = ("train", "rollout", "evaluate")
"""Stages of the pipeline that work on one seed's agent, in their order."""

_COLUMNS = ("step", "epoch", "return")
"""Columns of a curve that are no numbers of their own."""


class Part(StrEnum):
    """What a stage leaves of which a run in the store is made, in the words of people who miss it."""

    POLICY = "policy"
    CURVE = "learning curve"
    NUMBERS = "numbers"
    EPISODES = "episodes (table, figures)"
    RECORD = "record"
    SHOWN = "what it showed (drawings, distributions, videos)"


def restored_stages(
    seed: int,
    out: Path,
    scratch: Path,
    *,
    registered: tuple[str, str],
    missing: Mapping[str, Collection[Part]] | None = None,
) -> list[RestoredStage]:
    """Return what the stages of one seed left.

    Args:
        seed: whose.
        out: where the stages have written.
        scratch: directory for tables and figures as a run shows them.
        registered: name to register the agent under, and alias; "" registers nothing.
        missing: by stage what is known not to be there, and is left out; everything else has to be.

    Raises:
        ArtifactError: something is missing that should be there.
    """
    known = missing or {}
    left = [_Left(stage, seed, out, scratch, frozenset(known.get(stage, ()))) for stage in STAGES]
    return [_train(left[0], registered), *(_played(stage) for stage in left[1:])]


@dataclass(frozen=True, slots=True)
class _Left:
    """What one stage left of one seed: where it is, and what is not there."""

    stage: str
    seed: int
    out: Path
    scratch: Path
    missing: frozenset[Part]

    @property
    def folder(self) -> Path:
        return self.out / self.stage / str(self.seed)

    @property
    def record(self) -> Path | None:
        return self.file(Part.RECORD, self.out / "record" / self.stage / f"{self.seed}.json")

    @property
    def curve(self) -> Path | None:
        return self.file(Part.CURVE, self.folder / "curve.csv")

    @property
    def numbers(self) -> Path | None:
        return self.file(Part.NUMBERS, self.folder / "metrics.json")

    @property
    def episodes(self) -> Path | None:
        return self.file(Part.EPISODES, self.folder / "episodes.parquet")

    @property
    def shown(self) -> dict[str, Path]:
        """What the stage showed and no other output holds."""
        return shown_artifacts(self.out / "copies" / self.stage / str(self.seed) / "shown")

    @property
    def words(self) -> tuple[str, ...]:
        """What is not there, in words."""
        return tuple(str(part) for part in Part if part in self.missing)

    def file(self, part: Part, path: Path) -> Path | None:
        """Return where a part is; None where it is known not to be there."""
        return None if part in self.missing else path

    def drawn(self, name: str, figure: Figure) -> dict[str, Path]:
        """Return a figure as the stage had drawn it; the store takes what its run does not have."""
        path = self.scratch / f"{self.stage}-{self.seed}" / f"{name}.png"
        report.save_figure(figure, path)
        return {f"figures/{name}.png": path}


def _train(left: _Left, registered: tuple[str, str]) -> RestoredStage:
    agent = None if Part.POLICY in left.missing else AgentFiles(left.folder / "agent").require()
    record, curve, numbers = left.record, left.curve, left.numbers
    kept = {"record.json": record, "curve.csv": curve, "metrics.json": numbers}
    files = {f"record/train/{name}": path for name, path in kept.items() if path is not None}
    told = None
    if curve is not None:
        told = left.scratch / f"train-{left.seed}.csv"
        write_csv(told, _told(read_csv(curve), {} if numbers is None else read_json(numbers)))
        drawing = report.learning_curve_figure({left.seed: report.read_curve(curve)})
        files |= left.drawn("learning_curve", drawing)
    return RestoredStage(
        name="train",
        record=record,
        curve=told,
        agent_dir=None if agent is None else agent.root,
        agent=None if agent is None else _model(agent, registered),
        datasets=() if record is None else tuple(LoggedDataset(**one) for one in read_json(record).get("datasets", ())),
        files={**files, **({} if agent is None else _objects(agent)), **left.shown},
        missing=left.words,
    )


def _model(agent: AgentFiles, registered: tuple[str, str]) -> AgentModel:
    """Return the interface of an agent, as others load and serve it."""
    spaces = read_json(agent.spaces)
    return AgentModel.from_spaces(
        space_from_json(spaces["raw_observation"]),
        space_from_json(spaces["action"]),
        registered_name=registered[0],
        alias=registered[1],
    )


def _told(curve: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a learning curve as a run in the store is told them while it trains.

    Args:
        curve: rows by the run's own names.
        summary: the numbers of the run's end.
    """
    totals = EpisodeTotals()
    numbers = [{name: row[name] for name in row if name not in _COLUMNS} for row in curve]
    rows = [
        {"step": row["step"], **told, **event_tags({**told, **totals.add(told)})}
        for row, told in zip(curve, numbers, strict=True)
    ]
    best = {f"best/{name}": summary.get(f"best_{name}") for name in ("epoch", "return")}
    if rows:
        rows[-1] |= {name: value for name, value in best.items() if value is not None}
    return rows


def _played(left: _Left) -> RestoredStage:
    """Return what a stage left that played episodes."""
    files: dict[str, Path] = {}
    if left.record is not None:
        files[f"record/{left.stage}/record.json"] = left.record
    if left.episodes is not None:
        table = left.scratch / f"{left.stage}-{left.seed}.csv"
        write_text(table, report.episodes_as_csv(left.episodes))
        files[f"tables/{left.stage}_episodes.csv"] = table
        episodes = {left.seed: report.read_episodes(left.episodes)}
        files |= left.drawn(f"{left.stage}_returns", report.return_histogram_figure(episodes))
        files |= left.drawn(f"{left.stage}_lengths", report.episode_length_figure(episodes))
    return RestoredStage(
        name=left.stage,
        record=left.record,
        metrics=left.numbers,
        prefix=f"{left.stage}/",
        files={**files, **left.shown},
        missing=left.words,
    )


def _objects(agent: AgentFiles) -> dict[str, Path]:
    """Return what was stored of live objects and modules of one's own, for people to read."""
    return {f"record/train/agent/objects/{name}": path for name, path in shown_artifacts(agent.objects).items()}
